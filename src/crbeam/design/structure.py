"""What problems are made of: tied blocks, information over one direction, problems that differ in numbers only.

*Ties*: blocks whose covariances are equal see one covariance X, and are solved as one block. A budget that n of them
share leaves each at most its n-th part, so the power of X is the least of these over the budgets.

*One direction*: where all information comes over one transmit direction t, every weighted bound is proportional to one
over the power `t^H R t` in it, which is linear in the covariance: the most power there gives the least of all bounds.

*Structures*: problems that differ in numbers only are stacked, with what their information maps are made of side by
side.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Complex, Float

from crbeam.design.constraints import Codebook, ConstantModulus, Constraint, PowerBudget, TiedBlocks
from crbeam.design.problem import Criterion, DesignProblem, WeightedBound
from crbeam.design.service_constraints import MinimumRate, MinimumSinr
from crbeam.information import InformationMap, Transmission
from crbeam.information.transmission import Covariances, require_blocks
from crbeam.linalg import side_by_side, span

#: Bytes of transmit vectors or covariances, and number of problems, that are worked on together.
CHUNK_BYTES = 16_000_000
CHUNK_ITEMS = 256


def merged_problem(problem: DesignProblem) -> DesignProblem:
    """The problem in which the blocks of each tie are one, named as the first of them; itself without ties."""
    if not problem.ties:
        return problem
    names = _new_names(problem)
    streams = tuple(
        replace(stream, blocks=tuple(dict.fromkeys(names[block] for block in stream.blocks)))
        for stream in problem.streams
    )
    kept = [part for part in problem.constraints if _stays(part, names)]
    return replace(
        problem,
        criteria=tuple(replace(criterion, map=_renamed(criterion.map, names)) for criterion in problem.criteria),
        constraints=(*kept, *(_shared_budget(problem, tie) for tie in problem.ties)),
        streams=streams,
        directions={block: beams for block, beams in problem.directions.items() if names[block] == block},
        guides=tuple(merged(problem, guide) for guide in problem.guides),
    )


def without_ties(problem: DesignProblem) -> DesignProblem:
    """The problem in which every block has a covariance of its own; no design of it is worse than the best tied one."""
    return replace(problem, constraints=tuple(part for part in problem.constraints if not isinstance(part, TiedBlocks)))


def merged(problem: DesignProblem, covariances: Covariances) -> Transmission:
    """Transmission of the merged problem from that of a problem, of whose tied blocks the first in order counts."""
    require_blocks(problem.antennas, covariances)
    found: dict[str, np.ndarray] = {}
    for block, name in _new_names(problem).items():
        found.setdefault(name, covariances[block])
    return Transmission(found)


def expanded(problem: DesignProblem, covariances: Covariances) -> Transmission:
    """Transmission of a problem from that of its merged problem."""
    return Transmission({block: covariances[name] for block, name in _new_names(problem).items()})


def expanded_factors(
    problem: DesignProblem, factors: Mapping[str, np.ndarray] | None
) -> Mapping[str, np.ndarray] | None:
    """Beamformers of every block of a problem from those of its merged problem."""
    if factors is None:
        return None
    return {block: factors[name] for block, name in _new_names(problem).items()}


def _new_names(problem: DesignProblem) -> dict[str, str]:
    """Name in the merged problem of every block."""
    tied = {block: tie.blocks[0] for tie in problem.ties for block in tie.blocks}
    return {block: tied.get(block, block) for block in problem.blocks}


def _renamed(information: InformationMap, names: dict[str, str]) -> InformationMap:
    return information.renamed_blocks({block: names[block] for block in information.blocks})


def _stays(part: Constraint, names: dict[str, str]) -> bool:
    """Whether a constraint holds unchanged in the merged problem."""
    tied = [old for old, new in names.items() if list(names.values()).count(new) > 1]
    match part:
        case TiedBlocks():
            return False
        case PowerBudget():
            return part.blocks[0] not in tied
        case Codebook() | ConstantModulus():
            return names[part.block] == part.block
        case _:
            return True


def _shared_budget(problem: DesignProblem, tie: TiedBlocks) -> PowerBudget:
    """The power that every one of the tied blocks can have."""
    parts = [
        budget.power_per_subcarrier_w / len(budget.blocks)
        for budget in problem.budgets
        if set(budget.blocks) <= set(tie.blocks)
    ]
    return PowerBudget((tie.blocks[0],), min(parts))


def only_direction(problem: DesignProblem) -> Complex[np.ndarray, " tx"] | None:
    """Unit vector of the one direction over which all information comes; None if there are more, or a prior."""
    maps = [criterion.map for criterion in problem.active_criteria]
    if len(problem.blocks) != 1 or any(np.any(each.constant) for each in maps):
        return None
    columns = np.concatenate([part.transmit for each in maps for part in each.contributions], axis=1)
    directions = span(columns)
    return directions[:, 0] if directions.shape[1] == 1 else None


def sensing_stream(problem: DesignProblem) -> str:
    """Name of the first stream that serves nobody."""
    return next(stream.name for stream in problem.streams if stream.served_user is None)


def why_not_lit(key: str, problem: DesignProblem) -> str | None:
    """Why a method for one direction and one stream that serves nobody does not apply; None if it does."""
    if not isinstance(problem.objective, WeightedBound) or len(problem.blocks) != 1:
        return f"{key} minimises weighted bounds of one block only."
    if any(isinstance(part, Codebook | ConstantModulus | TiedBlocks) for part in problem.constraints):
        return f"{key} cannot keep codebooks, constant moduli or tied blocks."
    if only_direction(problem) is None:
        return f"{key} needs a problem whose information all comes over one transmit direction, without a prior."
    unserved = [stream.name for stream in problem.streams if stream.served_user is None]
    if len(unserved) != 1:
        return f"{key} needs exactly one stream that serves nobody."
    cancelled = {
        name for part in problem.constraints if isinstance(part, MinimumSinr | MinimumRate) for name in part.cancels
    }
    if cancelled - set(unserved):
        return f"{key} needs users that know no stream but the one that serves nobody."
    return None


@dataclass(frozen=True, eq=False)
class Observation:
    """One contribution to the map of one criterion, of each item.

    Attributes:
        criterion: its number.
        block: number of the active block that it sees.
        columns: transmit vector of each term, by its number, ascending.
        weight: `O o (Z^H Q Z)`.
        jacobian: J.
    """

    criterion: int
    block: int
    columns: tuple[int, ...]
    weight: Complex[np.ndarray, "item term term"]
    jacobian: Float[np.ndarray, "item term parameter"]


@dataclass(frozen=True, eq=False)
class Structure:
    """Problems that differ in numbers only.

    Attributes:
        problems: in their order.
        columns: distinct transmit vectors of each active block (one that some information sees).
        observations: of all criteria, in their order.
        constants: I0 of each criterion.
        active_blocks: place in a problem of each active block.
        active_budgets: place in a problem of each budget of these blocks.
        budgets: number among these of the budget of each active block.
        powers_w: power of each active budget, watt per subcarrier summed over slots.
    """

    problems: tuple[DesignProblem, ...]
    columns: tuple[Complex[np.ndarray, "item _ _"], ...]
    observations: tuple[Observation, ...]
    constants: tuple[Float[np.ndarray, "item _ _"], ...]
    active_blocks: tuple[int, ...]
    active_budgets: tuple[int, ...]
    budgets: tuple[int, ...]
    powers_w: Float[np.ndarray, "item budget"]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the active blocks."""
        return tuple(self.problems[0].blocks[place] for place in self.active_blocks)

    def words(self, block: str) -> Complex[np.ndarray, "item tx word"] | None:
        """Unit codewords of a block; None without a codebook."""
        if block not in self.problems[0].codebooks:
            return None
        return side_by_side([problem.codebooks[block].unit_codewords for problem in self.problems])

    def criteria(self, number: int) -> list[Criterion]:
        """One criterion of each item."""
        return [problem.active_criteria[number] for problem in self.problems]


@dataclass(frozen=True, eq=False)
class _Looks:
    """Transmit vectors of one problem: bytes of the distinct ones of each block, and which of them each term has."""

    vectors: dict[str, dict[bytes, int]]
    columns: tuple[tuple[int, ...], ...]

    def matrix(self, block: str) -> Complex[np.ndarray, "tx column"]:
        """The distinct vectors of a block."""
        keys = self.vectors[block]
        return np.frombuffer(b"".join(keys), dtype=complex).reshape(len(keys), -1).T


def structures(problems: Sequence[DesignProblem]) -> Iterator[tuple[list[int], Structure]]:
    """The structures that occur among problems, with the indices of those that have them."""
    looks = [_looks(problem) for problem in problems]
    groups: dict[tuple, list[int]] = {}
    for index, (problem, look) in enumerate(zip(problems, looks, strict=True)):
        groups.setdefault(_signature(problem, look), []).append(index)
    for members in groups.values():
        first = problems[members[0]]
        largest = max(first.antennas.values())
        width = max(sum(len(columns) for columns in looks[members[0]].columns), largest)
        size = int(np.clip(CHUNK_BYTES // (16 * largest * max(width, 1)), 1, CHUNK_ITEMS))
        for start in range(0, len(members), size):
            chunk = members[start : start + size]
            yield chunk, _structure([problems[index] for index in chunk], [looks[index] for index in chunk])


def _looks(problem: DesignProblem) -> _Looks:
    vectors: dict[str, dict[bytes, int]] = {block: {} for block in problem.blocks}
    columns = []
    for criterion in problem.active_criteria:
        for part, keys in zip(criterion.map.contributions, criterion.map.transmit_keys, strict=True):
            known = vectors[part.block]
            columns.append(tuple(known.setdefault(key, len(known)) for key in keys))
    return _Looks({block: known for block, known in vectors.items() if known}, tuple(columns))


def _signature(problem: DesignProblem, looks: _Looks) -> tuple:
    """Everything but the numbers of a problem."""
    maps = []
    for criterion in problem.active_criteria:
        layout = criterion.map.layout
        parts = tuple(part.block for part in criterion.map.contributions)
        maps.append((layout.names, layout.sizes, criterion.requested, parts, bool(criterion.map.constant.any())))
    words = tuple((block, codebook.codewords.shape[1]) for block, codebook in problem.codebooks.items())
    budgets = tuple(budget.blocks for budget in problem.budgets)
    return tuple(problem.antennas.items()), budgets, words, tuple(maps), looks.columns, type(problem.objective)


def _structure(problems: list[DesignProblem], looks: list[_Looks]) -> Structure:
    first = problems[0]
    owner = {name: place for place, budget in enumerate(first.budgets) for name in budget.blocks}
    names = tuple(looks[0].vectors)
    budgets = sorted({owner[name] for name in names})
    powers = [[problem.budgets[place].power_per_subcarrier_w for place in budgets] for problem in problems]
    parts = [
        [part for criterion in problem.active_criteria for part in criterion.map.contributions] for problem in problems
    ]
    owners = [number for number, each in enumerate(first.active_criteria) for _ in each.map.contributions]
    observations = []
    for same, criterion, columns in zip(zip(*parts, strict=True), owners, looks[0].columns, strict=True):
        order = np.argsort(columns, kind="stable")
        observations.append(
            Observation(
                criterion,
                names.index(same[0].block),
                tuple(np.asarray(columns)[order].tolist()),
                side_by_side([part.weight for part in same])[:, order[:, None], order],
                side_by_side([part.jacobian for part in same])[:, order],
            )
        )
    return Structure(
        tuple(problems),
        tuple(side_by_side([look.matrix(name) for look in looks]) for name in names),
        tuple(observations),
        tuple(
            side_by_side([problem.active_criteria[number].map.constant for problem in problems])
            for number in range(len(first.active_criteria))
        ),
        tuple(first.blocks.index(name) for name in names),
        tuple(budgets),
        tuple(budgets.index(owner[name]) for name in names),
        np.array(powers),
    )
