"""The waist of the library: Fisher information as an affine map of transmit covariances."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from jaxtyping import Complex, Float, Inexact

from crbeam.errors import InvalidInput
from crbeam.information.information import Information
from crbeam.information.parameters import ParameterLayout
from crbeam.linalg import hermitian_part, is_hermitian, seen_gram


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise InvalidInput(message)


def slot_block(block: str, number: int) -> str:
    """Name of a slot of a block."""
    return f"{block}/slot[{number}]"


def _require_known(kind: str, names: Iterable[str], known: Iterable[str]) -> None:
    unknown = sorted(set(names) - set(known))
    _require(not unknown, f"There is no {kind} {', '.join(unknown)}; there are {', '.join(known)}.")


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
        receiver: name of what receives them; a link's name where each link has a receiver of its own.
        slots: `gram` by slots, where something moves and the order of beams counts; None where it does not.
    """

    block: str
    transmit: Complex[np.ndarray, "tx term"]
    receive: Complex[np.ndarray, "rx term"]
    gram: Complex[np.ndarray, "term term"]
    jacobian: Float[np.ndarray, "term parameter"]
    projector: Inexact[np.ndarray, "rx rx"] | None = None
    receiver: str = "receiver"
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


@dataclass(frozen=True, eq=False)
class InformationMap:
    """Fisher information of named parameters as an affine function of a stack of transmit covariances.

    `I(R) = I0 + sum_c J_c^T Re(O_c o (Z_c^H Q_c Z_c) o conj(T_c^H R_b(c) T_c)) J_c`, with o the Hadamard product and
    `b(c)` the block of contribution c. Real, symmetric and positive semidefinite for every stack of positive
    semidefinite R, linear in R but for the constant I0, and monotone.

    Attributes:
        layout: names of the parameters.
        contributions: the observations.
        blocks: names of the transmit covariances, in the order of the stack `[block, tx, tx]`.
        constant: I0, the information that is there without transmission (a prior).
    """

    layout: ParameterLayout
    contributions: tuple[Contribution, ...] = ()
    constant: Float[np.ndarray, "parameter parameter"] = field(default_factory=lambda: np.zeros((0, 0)))
    blocks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        size = self.layout.size
        if self.constant.shape == (0, 0) and size:
            object.__setattr__(self, "constant", np.zeros((size, size)))
        _require(
            self.constant.shape == (size, size) and is_hermitian(self.constant),
            f"`constant` must be symmetric with shape {(size, size)}, but has shape {self.constant.shape}.",
        )
        used = tuple(dict.fromkeys(part.block for part in self.contributions))
        if not self.blocks:
            object.__setattr__(self, "blocks", used)
        _require(set(used) <= set(self.blocks), f"`blocks` must name {used}, but are {self.blocks}.")
        for part in self.contributions:
            _require(
                part.jacobian.shape[1] == size,
                f"Each contribution must have {size} parameters as the layout, but one has {part.jacobian.shape[1]}.",
            )
        sizes = {part.transmit.shape[0] for part in self.contributions}
        _require(
            len(sizes) <= 1,
            f"All blocks of a map must have one number of transmit antennas, but there are {sorted(sizes)}.",
        )

    @property
    def n_tx(self) -> int:
        """Number of transmit antennas of every block; 0 for a constant map."""
        return self.contributions[0].transmit.shape[0] if self.contributions else 0

    def at(self, covariances: Complex[np.ndarray, "block tx tx"]) -> Information:
        """Information for a stack of transmit covariances, in watt per subcarrier summed over slots.

        Paths that a covariance leaves in the dark, up to rounding, tell exactly nothing and hide nothing.
        """
        expected = (len(self.blocks), self.n_tx, self.n_tx)
        _require(
            not self.contributions or covariances.shape == expected,
            f"`covariances` must have shape {expected} (blocks {', '.join(self.blocks)}), but has {covariances.shape}.",
        )
        matrix = self.constant + 0.0
        for part in self.contributions:
            matrix = matrix + part.lit_at(covariances[self.blocks.index(part.block)])
        return Information(hermitian_part(matrix), self.layout)

    def adjoint(self, matrix: Float[np.ndarray, "parameter parameter"]) -> Complex[np.ndarray, "block tx tx"]:
        """Adjoint of the linear part: `sum_b Re tr(adjoint(S)_b R_b) = tr(S (I(R) - I0))` for symmetric S."""
        result = np.zeros((len(self.blocks), self.n_tx, self.n_tx), dtype=complex)
        for part in self.contributions:
            result[self.blocks.index(part.block)] += part.adjoint(matrix)
        return hermitian_part(result)

    def by_slot(self) -> "InformationMap":
        """Map with a covariance for each slot, as blocks `BLOCK/slot[l]`, where the order of beams counts.

        Each is on the scale of the block's covariance: with the same covariance in every slot the information is that
        of this map.
        """
        return replace(
            self, contributions=tuple(each for part in self.contributions for each in part.by_slot()), blocks=()
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
        return InformationMap(layout, parts, hermitian_part(jacobian.T @ self.constant @ jacobian), self.blocks)

    def __add__(self, other: "InformationMap") -> "InformationMap":
        """Independent observations together.

        Blocks of one name are one covariance, parameters of one name are shared, all others are carried along.
        """
        layout = self.layout.union(other.layout)
        mine, theirs = self._embedded(layout), other._embedded(layout)
        return InformationMap(
            layout,
            mine.contributions + theirs.contributions,
            mine.constant + theirs.constant,
            tuple(dict.fromkeys(self.blocks + other.blocks)),
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
        blocks = tuple(dict.fromkeys(new_names.get(name, name) for name in self.blocks))
        return replace(self, contributions=parts, blocks=blocks)

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
        told = [part.lit_at(covariance) for part in self.contributions if part.block == block]
        return InformationMap(
            self.layout,
            tuple(part for part in self.contributions if part.block != block),
            hermitian_part(sum(told, self.constant)),
            tuple(name for name in self.blocks if name != block),
        )

    def select_blocks(self, names: Iterable[str]) -> "InformationMap":
        """The observations of the named blocks only; the constant stays."""
        names = tuple(names)
        _require_known("block", names, self.blocks)
        parts = tuple(part for part in self.contributions if part.block in names)
        return replace(self, contributions=parts, blocks=names)

    def with_receive(self, projectors: Mapping[str, Inexact[np.ndarray, "_ _"]]) -> "InformationMap":
        """Map in R with the receive projector Q of each named receiver fixed."""
        _require_known("receiver", projectors, {part.receiver for part in self.contributions})
        parts = tuple(
            replace(part, projector=projectors.get(part.receiver, part.projector)) for part in self.contributions
        )
        return replace(self, contributions=parts)

    def with_transmit(self, covariances: Complex[np.ndarray, "block tx tx"]) -> "InformationMap":
        """Map in the receive projectors Q with the transmit covariances fixed.

        The map is bilinear, so this is the same type with `T' = Z, Z' = T, Q' = R, O' = conj(O)`; its blocks are
        the receivers.
        """
        parts = tuple(
            Contribution(
                block=part.receiver,
                receiver=part.block,
                transmit=part.receive,
                receive=part.transmit,
                gram=part.gram.conj(),
                jacobian=part.jacobian,
                projector=covariances[self.blocks.index(part.block)],
            )
            for part in self.contributions
        )
        return InformationMap(self.layout, parts, self.constant)
