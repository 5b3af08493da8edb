"""The waist of the library: Fisher information as an affine map of transmit covariances."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial

import numpy as np
from jaxtyping import Complex, Float, Inexact

from crbeam.errors import InvalidInput
from crbeam.information.information import Information
from crbeam.information.parameters import ParameterLayout
from crbeam.information.roots import Root, Source
from crbeam.information.transmission import Covariances, Transmission, joint_antennas, require_blocks
from crbeam.linalg import (
    ROUNDING,
    column_products,
    hermitian_part,
    is_hermitian,
    seen_gram,
    seen_root,
    semidefinite_root,
    upper_factor,
)

#: What O may differ by from the inner products of the functions that it was made from, relatively.
SAME_GRAM = 1e-9


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise InvalidInput(message)


def slot_block(block: str, number: int) -> str:
    """Name of a slot of a block."""
    return f"{block}/slot[{number}]"


def _require_known(kind: str, names: Iterable[str], known: Iterable[str]) -> None:
    unknown = sorted(set(names) - set(known))
    _require(not unknown, f"There is no {kind} {', '.join(unknown)}; there are {', '.join(known)}.")


def _conjugate(make: Callable[[], np.ndarray]) -> np.ndarray:
    return make().conj()


@dataclass(frozen=True, eq=False)
class SlotGrams:
    """The Gram matrix of a contribution, slot by slot: what its pilots tell when slots have beams of their own.

    Attributes:
        numbers: of the slots in which pilots are sent, from 0, in the order of time.
        shares: of the pilots that are sent in each; they add up to 1.
        grams: `O` over the pilots of each slot; they add up to the contribution's `gram`.
    """

    numbers: tuple[int, ...]
    shares: Float[np.ndarray, " slot"]
    grams: Complex[np.ndarray, "slot term term"]

    def __post_init__(self) -> None:
        _require(
            len(self.numbers) == len(self.shares) == len(self.grams),
            f"Slots must have a number, a share and a Gram matrix each, found {len(self.numbers)}, {len(self.shares)} "
            f"and {len(self.grams)}.",
        )


@dataclass(frozen=True, eq=False)
class Contribution:
    """Observations with noise of their own (a link, a slot, a stage), as terms.

    The derivative of the noise-free observation with respect to parameter p is `sum_i J[i, p] z_i t_i^H phi_i[m]`
    over rank-one terms i, where m runs over subcarriers and time.

    Attributes:
        block: name of the transmit covariance that these observations see.
        transmit: `t_i` as columns. Papers that write `a^T` for a transmit response have `t = conj(a)`.
        receive: `z_i` as columns.
        gram: `O[i, j] = (2 / noise_power) sum_m conj(phi_i[m]) phi_j[m]`, with the row conjugated; it carries gains
            and pilot counts.
        jacobian: `J`, real.
        projector: receive projector `Q` (of an analog combiner); None is the identity.
        gram_root: makes F with `O = F^H F`, such as the sampled functions; called only where O has too few digits for
            a bound. None where O is all that is known; left aside where it makes another O.
        slots: `gram` by slots, where something moves and the order of beams counts; None where it does not.
    """

    block: str
    transmit: Complex[np.ndarray, "tx term"]
    receive: Complex[np.ndarray, "rx term"]
    gram: Complex[np.ndarray, "term term"]
    jacobian: Float[np.ndarray, "term parameter"]
    projector: Inexact[np.ndarray, "rx rx"] | None = None
    receiver: str = "receiver"
    gram_root: Callable[[], Complex[np.ndarray, "sample term"]] | None = None
    slots: SlotGrams | None = None

    def __post_init__(self) -> None:
        n_terms = self.transmit.shape[1]
        shapes = (self.receive.shape[1], *self.gram.shape, self.jacobian.shape[0])
        _require(
            all(size == n_terms for size in shapes),
            f"`transmit`, `receive`, `gram`, `jacobian` must have one number of terms, found {n_terms}, {shapes}.",
        )
        _require(
            is_hermitian(self.gram) and bool(np.all(np.real(np.diagonal(self.gram)) >= 0.0)),
            "`gram` must be Hermitian with a nonnegative diagonal: O[i, j] = (2/noise) sum conj(phi_i) phi_j.",
        )
        n_rx = self.receive.shape[0]
        _require(
            self.projector is None or (self.projector.shape == (n_rx, n_rx) and is_hermitian(self.projector)),
            f"`projector` must be Hermitian with shape {(n_rx, n_rx)}.",
        )

    @cached_property
    def weight(self) -> Complex[np.ndarray, "term term"]:
        """`O o (Z^H Q Z)`: everything of a pair of terms but its transmit side; zero for terms that Q does not see."""
        if self.projector is None:
            return self.gram * (self.receive.conj().T @ self.receive)
        return self.gram * seen_gram(self.receive, self.projector)

    def at(self, covariance: Complex[np.ndarray, "*batch tx tx"]) -> Float[np.ndarray, "*batch parameter parameter"]:
        """`J^T Re(O o (Z^H Q Z) o conj(T^H R T)) J` for one transmit covariance R, or any Hermitian matrix."""
        return self._of(self.transmit.conj().T @ covariance @ self.transmit)

    def lit_at(self, covariance: Complex[np.ndarray, "tx tx"]) -> Float[np.ndarray, "parameter parameter"]:
        """As `at`, with nothing from terms that a covariance lights by rounding only (`linalg.seen_gram`)."""
        return self._of(seen_gram(self.transmit, covariance))

    def source_at(self, covariance: Complex[np.ndarray, "tx tx"]) -> Source:
        """`lit_at` as a source, whose root is made from those of its parts and not from the matrix."""
        return Source(partial(self._term_root, covariance), self.jacobian)

    def _term_root(self, covariance: Complex[np.ndarray, "tx tx"]) -> Root:
        """Root of the information about the factors of the terms."""
        sent = seen_root(self.transmit, covariance).conj()
        columns = column_products(self._weight_root, sent)
        columns = upper_factor(np.concatenate([np.real(columns), np.imag(columns)]))
        lengths = np.linalg.norm(columns, axis=0)
        return Root(columns, np.diag(lengths)[: 0 if self._functions is not None else None])

    @cached_property
    def _weight_root(self) -> Complex[np.ndarray, "row term"]:
        """B with `B^H B = weight`."""
        receive = self.receive if self.projector is None else seen_root(self.receive, self.projector)
        functions = self._functions
        if functions is None:
            functions = semidefinite_root(self.gram, least=ROUNDING * len(self.gram)).conj().T
        return upper_factor(column_products(functions, upper_factor(receive)))

    @cached_property
    def _functions(self) -> Complex[np.ndarray, "sample term"] | None:
        """F with `F^H F = gram`, if `gram_root` makes that."""
        if self.gram_root is None:
            return None
        functions, size = upper_factor(self.gram_root()), np.sqrt(np.real(np.diagonal(self.gram)))
        is_root = np.abs(functions.conj().T @ functions - self.gram) <= SAME_GRAM * np.outer(size, size)
        return functions if np.all(is_root) else None

    def _of(
        self, transmit_gram: Complex[np.ndarray, "*batch term term"]
    ) -> Float[np.ndarray, "*batch parameter parameter"]:
        return self.jacobian.T @ np.real(self.weight * transmit_gram.conj()) @ self.jacobian

    def by_slot(self) -> tuple["Contribution", ...]:
        """The observations of each slot, under a covariance of its own; this one if the order does not count."""
        if self.slots is None:
            return (self,)
        return tuple(
            replace(self, block=slot_block(self.block, number), gram=gram, slots=None)
            for number, gram in zip(self.slots.numbers, self.slots.grams, strict=True)
        )

    def adjoint(self, matrix: Float[np.ndarray, "parameter parameter"]) -> Complex[np.ndarray, "tx tx"]:
        """`T (J S J^T o O o (Z^H Q Z)) T^H`, so that `Re tr(adjoint(S) R) = tr(S at(R))`."""
        inner = (self.jacobian @ matrix @ self.jacobian.T) * self.weight
        return self.transmit @ inner @ self.transmit.conj().T


def _antennas(given: Mapping[str, int], contributions: Iterable[Contribution]) -> dict[str, int]:
    """Number of antennas of each block of a map: as given, or of those that are seen."""
    used = joint_antennas({part.block: part.transmit.shape[0]} for part in contributions)
    if not given:
        return used
    _require(set(used) <= set(given), f"`antennas` must name the blocks {', '.join(used)}, found {', '.join(given)}.")
    return joint_antennas([given, used])


@dataclass(frozen=True, eq=False)
class InformationMap:
    """Fisher information of named parameters as an affine function of the transmit covariances of its blocks.

    `I(R) = I0 + sum_c J_c^T Re(O_c o (Z_c^H Q_c Z_c) o conj(T_c^H R_b(c) T_c)) J_c`, with o the Hadamard product and
    `b(c)` the block of contribution c. Real, symmetric and positive semidefinite for all positive semidefinite R,
    linear in R but for the constant I0, and monotone. Blocks have antennas of their own: stations differ.

    Attributes:
        layout: names of the parameters.
        contributions: the observations.
        constant: I0, the information that is there without transmission (a prior).
        antennas: number of transmit antennas of each block, by its name; by default of the blocks that contributions
            see. Blocks that none sees may be added.
        constant_sources: what I0 is the sum of; empty where only I0 is known.
    """

    layout: ParameterLayout
    contributions: tuple[Contribution, ...] = ()
    constant: Float[np.ndarray, "parameter parameter"] = field(default_factory=lambda: np.zeros((0, 0)))
    antennas: Mapping[str, int] = field(default_factory=dict)
    constant_sources: tuple[Source, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        size = self.layout.size
        if self.constant.shape == (0, 0) and size:
            object.__setattr__(self, "constant", np.zeros((size, size)))
        _require(
            self.constant.shape == (size, size) and is_hermitian(self.constant),
            f"`constant` must be symmetric with shape {(size, size)}, but has shape {self.constant.shape}.",
        )
        for part in self.contributions:
            _require(
                part.jacobian.shape[1] == size,
                f"Each contribution must have {size} parameters as the layout, but one has {part.jacobian.shape[1]}.",
            )
        object.__setattr__(self, "antennas", _antennas(self.antennas, self.contributions))

    @cached_property
    def blocks(self) -> tuple[str, ...]:
        """Names of the transmit covariances."""
        return tuple(self.antennas)

    @cached_property
    def transmit_keys(self) -> tuple[tuple[bytes, ...], ...]:
        """The bytes of the transmit vector of each term of each contribution, the same object for equal vectors."""
        known: dict[bytes, bytes] = {}
        rows = [np.ascontiguousarray(part.transmit.T) + 0.0 for part in self.contributions]  # no negative zeros
        return tuple(tuple(known.setdefault(key, key) for key in map(np.ndarray.tobytes, each)) for each in rows)

    def at(self, covariances: Covariances) -> Information:
        """Information for transmit covariances `[tx, tx]` by block, in watt per subcarrier summed over slots.

        Paths that a covariance leaves in the dark, up to rounding, tell exactly nothing and hide nothing. Blocks of the
        transmission that the map does not have are left aside.

        Raises:
            InvalidInput: a block of the map is missing, or has another number of antennas.
        """
        require_blocks(self.antennas, covariances)
        if not self.contributions:
            return Information(hermitian_part(self.constant), self.layout, self.constant_sources)
        matrix, sources = self.constant + 0.0, self._all_constant_sources()
        for part in self.contributions:
            covariance = covariances[part.block]
            matrix = matrix + part.lit_at(covariance)
            sources = (*sources, part.source_at(covariance))
        return Information(hermitian_part(matrix), self.layout, sources)

    def _all_constant_sources(self) -> tuple[Source, ...]:
        """The parts of the constant; itself where there are none."""
        if self.constant_sources or not self.constant.any():
            return self.constant_sources
        return (Source.of_matrix(self.constant),)

    def adjoint(self, matrix: Float[np.ndarray, "parameter parameter"]) -> Transmission:
        """Adjoint of the linear part: `sum_b Re tr(adjoint(S)_b R_b) = tr(S (I(R) - I0))` for symmetric S."""
        result = dict(Transmission.silent(self.antennas))
        for part in self.contributions:
            result[part.block] = result[part.block] + part.adjoint(matrix)
        return Transmission({block: hermitian_part(each) for block, each in result.items()})

    def by_slot(self) -> "InformationMap":
        """Map with a covariance for each slot, as blocks `BLOCK/slot[l]`, where the order of beams counts.

        Each is on the scale of the block's covariance: with the same covariance in every slot the information is that
        of this map.
        """
        return replace(
            self, contributions=tuple(each for part in self.contributions for each in part.by_slot()), antennas={}
        )

    def change_parameters(
        self, jacobian: Float[np.ndarray, "parameter new_parameter"], layout: ParameterLayout
    ) -> "InformationMap":
        """Map of new parameters x given `jacobian = d(old parameters)/dx`: every I becomes `jacobian^T I jacobian`."""
        _require(
            jacobian.shape == (self.layout.size, layout.size),
            f"`jacobian` must have shape {(self.layout.size, layout.size)}, but has shape {jacobian.shape}.",
        )
        parts = tuple(replace(part, jacobian=part.jacobian @ jacobian) for part in self.contributions)
        constant = hermitian_part(jacobian.T @ self.constant @ jacobian)
        sources = tuple(source.changed(jacobian) for source in self.constant_sources)
        return InformationMap(layout, parts, constant, self.antennas, sources)

    def __add__(self, other: "InformationMap") -> "InformationMap":
        """Independent observations together.

        Blocks of one name are one covariance, parameters of one name are shared, all others are carried along.

        Raises:
            InvalidInput: a block has different numbers of antennas in both.
        """
        layout = self.layout.union(other.layout)
        mine, theirs = self._embedded(layout), other._embedded(layout)
        has_sources = bool(mine.constant_sources or theirs.constant_sources)
        return InformationMap(
            layout,
            mine.contributions + theirs.contributions,
            mine.constant + theirs.constant,
            joint_antennas([self.antennas, other.antennas]),
            mine._all_constant_sources() + theirs._all_constant_sources() if has_sources else (),
        )

    def _embedded(self, layout: ParameterLayout) -> "InformationMap":
        selection = np.zeros((self.layout.size, layout.size))
        selection[np.arange(self.layout.size), layout.indices(self.layout.names)] = 1.0
        return self.change_parameters(selection, layout)

    def renamed(self, new_names: Mapping[str, str]) -> "InformationMap":
        """Same map with some parameters renamed."""
        return replace(self, layout=self.layout.renamed(new_names))

    def renamed_blocks(self, new_names: Mapping[str, str]) -> "InformationMap":
        """Same map with some blocks renamed, for instance to give each stage a covariance of its own.

        Blocks that get one name become one block: their observations see the same covariance.
        """
        _require_known("block", new_names, self.blocks)
        parts = tuple(replace(part, block=new_names.get(part.block, part.block)) for part in self.contributions)
        antennas = joint_antennas([{new_names.get(name, name): size} for name, size in self.antennas.items()])
        return replace(self, contributions=parts, antennas=antennas)

    def known(self, names: Iterable[str]) -> "InformationMap":
        """Map of the remaining parameters when `names` are known exactly."""
        known = set(names)
        self.layout.indices(known)
        rest = self.layout.select(name for name in self.layout if name not in known)
        selection = np.zeros((self.layout.size, rest.size))
        selection[self.layout.indices(rest.names), np.arange(rest.size)] = 1.0
        return self.change_parameters(selection, rest)

    def with_fixed(self, block: str, covariance: Complex[np.ndarray, "tx tx"]) -> "InformationMap":
        """Map of the other blocks when the covariance of one is given: what it tells becomes part of the constant."""
        _require_known("block", (block,), self.blocks)
        require_blocks({block: self.antennas[block]}, {block: covariance})
        given = [part for part in self.contributions if part.block == block]
        return InformationMap(
            self.layout,
            tuple(part for part in self.contributions if part.block != block),
            hermitian_part(sum((part.lit_at(covariance) for part in given), self.constant)),
            {name: size for name, size in self.antennas.items() if name != block},
            (*self._all_constant_sources(), *(part.source_at(covariance) for part in given)),
        )

    def select_blocks(self, names: Iterable[str]) -> "InformationMap":
        """The observations of the named blocks only; the constant stays."""
        names = tuple(names)
        _require_known("block", names, self.blocks)
        parts = tuple(part for part in self.contributions if part.block in names)
        return replace(self, contributions=parts, antennas={name: self.antennas[name] for name in names})

    def with_receive(self, projectors: Mapping[str, Inexact[np.ndarray, "_ _"]]) -> "InformationMap":
        """Map in R with the receive projector Q of each named receiver fixed."""
        _require_known("receiver", projectors, {part.receiver for part in self.contributions})
        parts = tuple(
            replace(part, projector=projectors.get(part.receiver, part.projector)) for part in self.contributions
        )
        return replace(self, contributions=parts)

    def with_transmit(self, covariances: Covariances) -> "InformationMap":
        """Map in the receive projectors Q with the transmit covariances fixed.

        The map is bilinear, so this is the same type with `T' = Z, Z' = T, Q' = R, O' = conj(O)`; its blocks are
        the receivers.

        Raises:
            InvalidInput: a block of the map is missing, or has another number of antennas.
        """
        require_blocks(self.antennas, covariances)
        parts = tuple(
            Contribution(
                block=part.receiver,
                receiver=part.block,
                transmit=part.receive,
                receive=part.transmit,
                gram=part.gram.conj(),
                jacobian=part.jacobian,
                projector=covariances[part.block],
                gram_root=part.gram_root and partial(_conjugate, part.gram_root),
            )
            for part in self.contributions
        )
        return InformationMap(self.layout, parts, self.constant, constant_sources=self.constant_sources)
