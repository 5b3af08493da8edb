"""What a design should achieve, as pure data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from jaxtyping import Complex, Float, Int

from crbeam.design.constraints import (
    AntennaPower,
    Codebook,
    ConstantModulus,
    Constraint,
    GroupPower,
    PowerBudget,
    TiedBlocks,
)
from crbeam.design.service_constraints import BoundLimit, transmit_vectors_of
from crbeam.errors import InvalidInput
from crbeam.information.information_map import InformationMap
from crbeam.information.transmission import Transmission, joint_antennas


def _family(parameter: str) -> str:
    """Name of a parameter without its index."""
    return parameter.partition("[")[0]


@dataclass(frozen=True, eq=False)
class Criterion:
    """A Fisher information map with the parameters whose bounds count.

    Attributes:
        map: information as a function of the transmit covariances.
        weights: weight of the bound's trace of each named parameter, at least 0.
        name: what the criterion is called in reports.
        weight: of the criterion as a whole, at least 0; it multiplies the weights of the parameters.
        unit: of the weighted bound, for reports: `m^2` of positions that count with 1, `1` of ratios.
        sample: name of the case that it belongs to, where a `Tail` judges by several: criteria of one sample add up.
        family_weights: how much all parameters of a family count, at least 0, by their name without index; 1 unless
            named. They multiply the weights of the parameters, and under a `Hinge` the loss of the family, while the
            weights of the parameters say in what units its root bound is.
    """

    map: InformationMap
    weights: Mapping[str, float]
    name: str = "criterion"
    weight: float = 1.0
    unit: str = "1"
    sample: str = ""
    family_weights: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not (np.isfinite(self.weight) and self.weight >= 0.0):
            raise InvalidInput(f"The weight of criterion `{self.name}` must be at least 0, found {self.weight}.")
        for parameter, weight in self.weights.items():
            _ = self.map.layout[parameter]
            if not (np.isfinite(weight) and weight >= 0.0):
                raise InvalidInput(f"The weight of `{parameter}` must be a number of at least 0, found {weight}.")
        words = dict.fromkeys(map(_family, self.map.layout.names))
        for word, weight in self.family_weights.items():
            if word not in words:
                raise InvalidInput(f"Families with a weight must be among {', '.join(words)}, found `{word}`.")
            if not (np.isfinite(weight) and weight >= 0.0):
                raise InvalidInput(f"The weight of all `{word}` must be a number of at least 0, found {weight}.")

    @cached_property
    def requested(self) -> tuple[str, ...]:
        """Parameters with a positive weight."""
        return tuple(name for name in self.weights if self.weight_of(name) > 0.0)

    def weight_of(self, parameter: str) -> float:
        """What the bound's trace of a parameter counts in the objective."""
        return self._level_of(_family(parameter)) * self.weights[parameter]

    def _level_of(self, family: str) -> float:
        return self.weight * self.family_weights.get(family, 1.0)

    @cached_property
    def families(self) -> tuple[tuple[str, ...], ...]:
        """The requested parameters by their names without index: all of `target_position[0]`, ... are one family."""
        found: dict[str, list[str]] = {}
        for name in self.requested:
            found.setdefault(_family(name), []).append(name)
        return tuple(map(tuple, found.values()))

    @property
    def family_levels(self) -> Float[np.ndarray, " family"]:
        """`W_g` of each of `families`, the weight of the criterion times that of the family."""
        return np.array([self._level_of(_family(names[0])) for names in self.families])

    @cached_property
    def family_of_direction(self) -> Int[np.ndarray, " direction"]:
        """Place among `families` of the parameter that each column of `selection` belongs to."""
        place = {name: number for number, family in enumerate(self.families) for name in family}
        sizes = self.map.layout.select(self.requested).sizes
        return np.repeat([place[name] for name in self.requested], sizes)

    @cached_property
    def selection(self) -> Float[np.ndarray, "parameter direction"]:
        """E with `f = tr(E^T I^-1 E)`: a column `sqrt(weight) e_i` for each component of the requested parameters."""
        layout = self.map.layout
        columns = [
            (index, np.sqrt(self.weight_of(name))) for name in self.requested for index in layout.indices([name])
        ]
        matrix = np.zeros((layout.size, len(columns)))
        for column, (index, root_weight) in enumerate(columns):
            matrix[index, column] = root_weight
        return matrix


@dataclass(frozen=True)
class WeightedBound:
    """Objective `f(R) = sum_t tr(E_t^T I_t(R)^-1 E_t)`: the weighted sum of Cramér-Rao bounds of all criteria."""


@dataclass(frozen=True)
class Hinge:
    """Objective `L(R) = sum_g W_g max(0, sqrt(b_g) - 1)^2`: squared excess over thresholds of the root bounds.

    g runs over the families of parameters of all criteria (`target_position` with all its indices is one), `W_g` is the
    weight of the criterion times that of the family, and `b_g = sum_p w_p tr CRB_p` over the parameters of a family,
    with the weights `w_p` of the criterion. With `w_p = 1 / threshold^2` a root bound counts in units of its threshold;
    with `1 / (K threshold^2)` for each of K parameters of a family, the root mean square of their root bounds does. It
    is convex, and 0 once all thresholds are met: then it does not say which of the transmissions that meet them is
    best, and the `WeightedBound` of the same problem, its *trace loss*, is the natural second choice.

    Reference: hamrouni2026 eq. (20).

    Deviation: the paper leaves the loss open. A squared distance from the thresholds on both sides would punish bounds
    that are better than asked for, and is not convex.
    """


@dataclass(frozen=True)
class Tail:
    """Objective `CVaR_a(u)`: the mean of the weighted bounds u of the samples over the worst share `1 - a` of them.

    The conditional value-at-risk of Rockafellar and Uryasev (2000).

    `CVaR_a(u) = max sum_s v_s u_s` over `sum_s v_s = 1, 0 <= v_s <= p_s / (1 - a)`: with `a = 0` the mean over the
    samples, with `a = 1` the worst of them. The bound of a sample is the sum of those of its criteria.

    Attributes:
        level: a, from 0 to 1.
        probabilities: p of each sample, in the order in which the criteria name them first; equal if none are given.
    """

    level: float = 1.0
    probabilities: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        total = sum(self.probabilities)
        is_distribution = not self.probabilities or (min(self.probabilities) > 0.0 and abs(total - 1.0) <= 1e-9)
        if not (0.0 <= self.level <= 1.0 and is_distribution):
            raise InvalidInput(
                f"A tail must have a level from 0 to 1 and positive probabilities that add up to 1, found level "
                f"{self.level} and probabilities {self.probabilities}."
            )


@dataclass(frozen=True)
class Power:
    """Objective `sum_b tr R_b`: the transmit power, under limits on bounds and what served users require.

    The weights of the criteria say what their bounds are in a `BoundLimit`.

    Reference: xu2023 eq. (8).
    """


Objective = WeightedBound | Hinge | Tail | Power
#: Values of `Hinge` up to this count as rounding: root bounds that exceed their thresholds by a millionth.
HINGE_ROUNDING = 1e-12


@dataclass(frozen=True)
class Stream:
    """A part of the transmission; the covariance of a block is the sum of its streams.

    Attributes:
        name: what the stream is called in reports.
        blocks: the blocks in which it is sent.
        served_user: the communication user that decodes it, or None for a pilot or sensing stream.
    """

    name: str
    blocks: tuple[str, ...]
    served_user: str | None = None


def _same_codewords(books: Sequence[Codebook | None]) -> bool:
    first, *others = [None if book is None else book.codewords for book in books]
    return all(first is not None and other is not None and np.array_equal(first, other) for other in others)


def isotropic_covariances(
    antennas: Mapping[str, int], budgets: Sequence[PowerBudget], limits: Sequence[AntennaPower | GroupPower] = ()
) -> Transmission:
    """Identity in every block, scaled to `budget / (antennas of the block x blocks sharing it)`, or less.

    Args:
        antennas: number of antennas of each block.
        budgets: each block is in one of them.
        limits: further limits, to which blocks are scaled down where need be.
    """
    share = {block: budget.power_per_subcarrier_w / len(budget.blocks) for budget in budgets for block in budget.blocks}
    even = {block: share[block] / size * np.eye(size, dtype=complex) for block, size in antennas.items()}
    return within_limits(Transmission(even), limits)


def within_limits(sent: Transmission, limits: Sequence[AntennaPower | GroupPower]) -> Transmission:
    """A transmission with blocks scaled down to what their antennas may send, then to what groups may send together."""
    for part in limits:
        if isinstance(part, AntennaPower):
            used_w = np.real(np.diagonal(sent[part.block]))
            factor = float(np.min(part.powers_w[used_w > 0.0] / used_w[used_w > 0.0], initial=1.0))
            sent = sent.replaced({part.block: factor * sent[part.block]}) if factor < 1.0 else sent
    factors = dict.fromkeys(sent, 1.0)
    for part in limits:
        if isinstance(part, GroupPower):
            used_w = sum(part.weight_of(block) * sent.powers_w[block] for block in part.blocks)
            for block in part.blocks if used_w > part.power_per_subcarrier_w else ():
                factors[block] = min(factors[block], part.power_per_subcarrier_w / used_w)
    return sent.replaced({block: factor * sent[block] for block, factor in factors.items() if factor < 1.0})


@dataclass(frozen=True, eq=False)
class DesignProblem:
    """Choose transmit covariances that minimise an objective under constraints.

    Attributes:
        criteria: information maps and the weights of their bounds.
        constraints: every block is in exactly one `PowerBudget`.
        objective: what is minimised.
        streams: parts of the transmission; by default one pilot stream over all blocks.
        directions: beams `[tx, beam]` of each block towards the objects of the scene, for methods that steer.
        n_slots: number of slots among which beams can be shared out, if limited.
        guides: transmissions that are good for each of the criteria alone, in their order; empty if none are given.
        time_shares: share of the time in which each block is sent, where blocks are sent one after the other and each
            has the whole power while it is; blocks that are not named are sent all the time. Reports of power need it,
            budgets do not.
        power_price: what a watt of `sum_b tr R_b` adds to the objective, in its unit.
    """

    criteria: tuple[Criterion, ...]
    constraints: tuple[Constraint, ...]
    objective: Objective = WeightedBound()
    streams: tuple[Stream, ...] = ()
    directions: Mapping[str, Complex[np.ndarray, "_ _"]] = field(default_factory=dict)
    n_slots: int | None = None
    guides: tuple[Transmission, ...] = ()
    time_shares: Mapping[str, float] = field(default_factory=dict)
    power_price: float = 0.0

    def __post_init__(self) -> None:
        if not self.active_criteria:
            raise InvalidInput("At least one parameter of one criterion must have a positive weight, but none has.")
        if not self.blocks:
            raise InvalidInput("There must be a block to design, but no criterion depends on what is transmitted.")
        budgeted = [block for budget in self.budgets for block in budget.blocks]
        if sorted(budgeted) != sorted(self.blocks):
            raise InvalidInput(
                f"Every block must be in exactly one power budget: blocks are {', '.join(self.blocks)}, "
                f"budgets name {', '.join(budgeted) or 'none'}."
            )
        restricted = [part.block for part in self.constraints if isinstance(part, Codebook | ConstantModulus)]
        if len(set(restricted)) != len(restricted) or not set(restricted) <= set(self.blocks):
            raise InvalidInput(
                f"Codebooks and constant moduli must restrict different blocks of {self.blocks}, found {restricted}."
            )
        self._require_sizes()
        self._require_objective()
        self._require_ties()
        self._require_guides()
        if not self.streams:
            object.__setattr__(self, "streams", (Stream("pilot", self.blocks),))

    def _require_sizes(self) -> None:
        """Beams have as many entries as their block has antennas."""
        beams = [(f"Directions of block `{block}`", block, each) for block, each in self.directions.items()]
        for part in (*self.codebooks.values(), *self.analog_blocks.values()):
            if part.codewords is not None:
                beams.append((f"Codewords of block `{part.block}`", part.block, part.codewords))
        for part in self.constraints:
            if isinstance(part, AntennaPower):
                beams.append((f"Limits on antennas of block `{part.block}`", part.block, part.powers_w[:, None]))
            elif isinstance(part, GroupPower) and not set(part.blocks) <= set(self.blocks):
                raise InvalidInput(f"Groups must be of blocks among {self.blocks}, found {part.blocks}.")
            seen = [each for each in transmit_vectors_of(part) if each[1] in self.antennas]
            beams += [(f"{what} from block `{block}`", block, each) for what, block, each in seen]
        for subject, block, columns in beams:
            size = self.antennas.get(block)
            if columns.shape[0] != size:
                there = "there is no such block" if size is None else f"the block has {size}"
                raise InvalidInput(f"{subject} must have an entry for each antenna, found {len(columns)}; {there}.")

    def _require_objective(self) -> None:
        """Prices are no rewards, probabilities belong to samples, and limits to criteria that exist."""
        if not (np.isfinite(self.power_price) and self.power_price >= 0.0):
            raise InvalidInput(f"The price of power must be at least 0, found {self.power_price}.")
        if self.power_price and isinstance(self.objective, Power):
            raise InvalidInput("Power must have no price where it is the objective itself: leave out `power_price`.")
        if isinstance(self.objective, Tail) and self.objective.probabilities:
            n_samples = len(self.samples)
            if len(self.objective.probabilities) != n_samples:
                raise InvalidInput(
                    f"There must be a probability for each of the {n_samples} samples, found "
                    f"{len(self.objective.probabilities)}."
                )
        unknown = set(self.bound_limits) - {criterion.name for criterion in self.active_criteria}
        if unknown:
            raise InvalidInput(f"Limits must be on bounds of criteria, found {', '.join(sorted(unknown))}.")

    def _require_ties(self) -> None:
        """Tied blocks exist, are tied once, are of one size, share power with each other only, and have one codebook.

        Or none.
        """
        tied = [block for tie in self.ties for block in tie.blocks]
        if len(set(tied)) < len(tied) or not set(tied) <= set(self.blocks):
            raise InvalidInput(f"Tied blocks must be among {self.blocks}, each in one tie, found {tied}.")
        for tie in self.ties:
            sizes = {self.antennas[block] for block in tie.blocks}
            if len(sizes) > 1:
                raise InvalidInput(f"Tied blocks must have the same antennas, but {tie.blocks} have {sorted(sizes)}.")
            mixed = [
                budget for budget in self.budgets if 0 < len(set(budget.blocks) & set(tie.blocks)) < len(budget.blocks)
            ]
            if mixed:
                raise InvalidInput(
                    f"Tied blocks must share their power with each other only, but {tie.blocks} share it with others "
                    f"of {mixed[0].blocks}."
                )
            for stream in self.streams:
                if 0 < len(set(stream.blocks) & set(tie.blocks)) < len(tie.blocks):
                    raise InvalidInput(
                        f"A stream must be sent in all of the tied blocks {tie.blocks} or in none, but {stream.name} "
                        f"is sent in {', '.join(stream.blocks)} only."
                    )
            books = [self.codebooks.get(block) for block in tie.blocks]
            if any(book is not None for book in books) and not _same_codewords(books):
                raise InvalidInput(f"Tied blocks must have the same codewords, but those of {tie.blocks} differ.")

    def _require_guides(self) -> None:
        found = [dict(guide.antennas) for guide in self.guides]
        if found and found != [self.antennas] * len(self.criteria):
            raise InvalidInput(
                f"There must be a guide for each of the {len(self.criteria)} criteria, with the antennas of its blocks "
                f"{self.antennas}, found {', '.join(map(str, found))}."
            )

    @cached_property
    def active_criteria(self) -> tuple[Criterion, ...]:
        """Criteria with a positive weight; a weight of exactly 0 leaves its criterion out of the objective."""
        return tuple(criterion for criterion in self.criteria if criterion.requested)

    @property
    def bound_limits(self) -> dict[str, float]:
        """The limit on the bound of each criterion that has one, by its name; the smallest of several."""
        limits: dict[str, float] = {}
        for part in self.constraints:
            if isinstance(part, BoundLimit):
                limits[part.criterion] = min(part.limit, limits.get(part.criterion, part.limit))
        return limits

    @cached_property
    def counted_criteria(self) -> tuple[Criterion, ...]:
        """Criteria whose bounds are minimised: none of power, else the active ones without a limit."""
        if isinstance(self.objective, Power):
            return ()
        return tuple(criterion for criterion in self.active_criteria if criterion.name not in self.bound_limits)

    @cached_property
    def samples(self) -> tuple[str, ...]:
        """Names of the samples that a `Tail` judges by, in the order in which criteria name them first."""
        return tuple(dict.fromkeys(criterion.sample for criterion in self.counted_criteria))

    @property
    def largest_shares(self) -> tuple[float, ...]:
        """`p_s / (1 - a)` of each sample of a `Tail`, the most that it can count; infinite for the worst case."""
        if not isinstance(self.objective, Tail):
            return ()
        chances = self.objective.probabilities or (1.0 / len(self.samples),) * len(self.samples)
        rest = 1.0 - self.objective.level
        return tuple(chance / rest if chance < rest else np.inf for chance in chances)

    @property
    def objective_unit(self) -> str:
        """Unit of the objective: W of power, 1 of a loss beyond thresholds, else that of the criteria that count."""
        if isinstance(self.objective, Power):
            return "W"
        if isinstance(self.objective, Hinge):
            return "1"
        return " + ".join(dict.fromkeys(criterion.unit for criterion in self.active_criteria))

    @cached_property
    def antennas(self) -> dict[str, int]:
        """Number of transmit antennas of each block, by its name."""
        return joint_antennas([criterion.map.antennas for criterion in self.criteria])

    @cached_property
    def blocks(self) -> tuple[str, ...]:
        """Names of the transmit covariances to choose."""
        return tuple(self.antennas)

    @property
    def budgets(self) -> tuple[PowerBudget, ...]:
        """The power budgets, in the order of the constraints."""
        return tuple(constraint for constraint in self.constraints if isinstance(constraint, PowerBudget))

    @property
    def codebooks(self) -> dict[str, Codebook]:
        """The codebook of each block that has one."""
        return {part.block: part for part in self.constraints if isinstance(part, Codebook)}

    @property
    def analog_blocks(self) -> dict[str, ConstantModulus]:
        """The constant-modulus constraint of each block that has one."""
        return {part.block: part for part in self.constraints if isinstance(part, ConstantModulus)}

    @property
    def ties(self) -> tuple[TiedBlocks, ...]:
        """The constraints that tie blocks together."""
        return tuple(part for part in self.constraints if isinstance(part, TiedBlocks))

    @property
    def power_limits(self) -> tuple[AntennaPower | GroupPower, ...]:
        """The limits of power beside the budgets, of single antennas and of groups of blocks."""
        return tuple(part for part in self.constraints if isinstance(part, AntennaPower | GroupPower))

    def isotropic(self) -> Transmission:
        """Identity in every block, scaled to use each budget equally in its blocks, fully or as far as limits allow."""
        return isotropic_covariances(self.antennas, self.budgets, self.power_limits)

    def even(self) -> Transmission:
        """Isotropic in blocks without a codebook, equal powers of the unit codewords in the others.

        At full power, or as much of it as limits allow.
        """
        isotropic = isotropic_covariances(self.antennas, self.budgets)
        even = {}
        for block, codebook in self.codebooks.items():
            words = codebook.unit_codewords
            even[block] = isotropic.powers_w[block] / words.shape[1] * words @ words.conj().T
        return within_limits(isotropic.replaced(even), self.power_limits)

    def with_criterion_weights(self, *weights: float) -> "DesignProblem":
        """Same problem with other weights of its criteria, in their order."""
        pairs = zip(self.criteria, weights, strict=True)
        return replace(self, criteria=tuple(replace(criterion, weight=weight) for criterion, weight in pairs))

    def with_constraints(self, *constraints: Constraint) -> "DesignProblem":
        """Same problem with further constraints."""
        return replace(self, constraints=self.constraints + constraints)
