"""Proof of how far a design is from the best one.

For any matrices Y_t and any feasible R', convexity gives for every s > 0
`f(R') >= 2 s a - s^2 (g0 + sum_b <G_b, R'_b>)` with `a = sum_t tr(E_t^T Y_t)`, `g0 = sum_t tr(Y_t^T I0_t Y_t)` and
`G_b` the adjoint of the maps at `Y_t Y_t^T`. Maximising over s and over the budgets,

    f* >= a^2 / (g0 + sum_g P_g max_{b in g} max(0, lambda_max(G_b))),

where a codebook replaces `lambda_max(G)` by `max_l u_l^H G u_l` over its unit codewords. It is tight at the optimum
with `Y_t = I_t^-1 E_t`. Nothing about the solver enters. The loss of a `Hinge` is at least every weighted bound less a
constant (see `hinge`), so the same bound proves it. Tied blocks are one block.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Float

from crbeam.design.hinge import families_of, hinge_terms
from crbeam.design.problem import Criterion, DesignProblem, Hinge, Objective, Power, Tail, WeightedBound
from crbeam.design.ties import merged, merged_problem
from crbeam.errors import CrbeamError
from crbeam.information import Information
from crbeam.information.information import SAFE_INVERSE
from crbeam.information.transmission import Covariances
from crbeam.linalg import hermitian_part, side_by_side

#: Entries of covariances that are certified together.
CHUNK_ENTRIES = 1_000_000


@dataclass(frozen=True)
class Certificate:
    """Value of a transmission with a proven lower bound on the best value.

    Attributes:
        objective: of the transmission.
        lower_bound: no feasible transmission has a smaller objective.
        trace_loss: weighted bound of the transmission if the objective is another, or None.
    """

    objective: float
    lower_bound: float
    trace_loss: float | None = None

    @property
    def gap(self) -> float:
        """`(objective - lower_bound) / objective`, 0 when both are 0."""
        return (self.objective - self.lower_bound) / self.objective if self.objective else 0.0


def weighted_bound(problem: DesignProblem, covariances: Covariances) -> float:
    """`f(R) = sum_t tr(E_t^T I_t(R)^-1 E_t)`: the weighted bound of a transmission, whatever the problem's objective.

    Raises:
        Unidentifiable: a parameter with a positive weight is not determined.
    """
    return sum(float(part.sum()) for part in _parts_at(problem, covariances))


def objective_at(problem: DesignProblem, covariances: Covariances) -> float:
    """Objective of a transmission.

    Raises:
        Unidentifiable: a parameter with a positive weight is not determined.
    """
    price = 1.0 if isinstance(problem.objective, Power) else problem.power_price
    power_w = sum(float(np.trace(matrix).real) for matrix in covariances.values()) if price else 0.0
    return price * power_w + _objective(problem, _parts_at(problem, covariances))


def objective_from(problem: DesignProblem, informations: Sequence[Information]) -> float:
    """Objective where the counted criteria have these informations, whatever is sent; power has no price.

    Raises:
        Unidentifiable: a parameter with a positive weight is not determined.
    """
    pairs = zip(problem.counted_criteria, informations, strict=True)
    return _objective(problem, [_parts(criterion, information) for criterion, information in pairs])


def _objective(problem: DesignProblem, parts: list[np.ndarray]) -> float:
    if isinstance(problem.objective, Tail):
        sums = dict.fromkeys(problem.samples, 0.0)
        for criterion, part in zip(problem.counted_criteria, parts, strict=True):
            sums[criterion.sample] += float(part.sum())
        return tail_of(problem, list(sums.values()))
    families = families_of(problem)
    if families is None:
        return float(sum(float(part.sum()) for part in parts))
    return float(hinge_terms(families.sums(parts), families.levels).values.sum())


def tail_of(problem: DesignProblem, bounds: Sequence[float]) -> float:
    """Value of a `Tail` at the bounds of its samples, `max sum v u` over its shares v."""
    value, left = 0.0, 1.0
    caps = problem.largest_shares
    for place in np.argsort(-np.asarray(bounds)).tolist():
        share = min(left, caps[place])
        value, left = value + share * float(bounds[place]), left - share
    return value


def _parts_at(problem: DesignProblem, covariances: Covariances) -> list[np.ndarray]:
    """Parts of the weighted bound: one for each column of the selection of each counted criterion."""
    return [_parts(criterion, criterion.map.at(covariances)) for criterion in problem.counted_criteria]


def _parts(criterion: Criterion, information: Information) -> Float[np.ndarray, " direction"]:
    """`e^T I^-1 e` of each column e of E: the weighted variances of the requested components."""
    bound = information.bound(criterion.requested)
    weights = [criterion.weight_of(name) for name in criterion.requested]
    sizes = information.layout.select(criterion.requested).sizes
    return np.repeat(weights, sizes) * np.diagonal(bound)


def certify(problem: DesignProblem, covariances: Covariances) -> Certificate:
    """Objective of a transmission and the lower bound that it proves.

    Raises:
        Unidentifiable: a parameter with a positive weight is not determined.
    """
    certificate = certify_many([problem], [covariances])[0]
    if isinstance(certificate, CrbeamError):
        raise certificate
    return certificate


def certify_many(
    problems: Sequence[DesignProblem], covariances: Sequence[Covariances]
) -> list[Certificate | CrbeamError]:
    """Certificates of independent transmissions, an error in place of each that has none.

    Problems of one structure are worked on together; no item's numbers depend on the others.
    """
    sent = [merged(problem, each) for problem, each in zip(problems, covariances, strict=True)]
    problems = [merged_problem(problem) for problem in problems]
    groups: dict[tuple, list[int]] = {}
    for index, problem in enumerate(problems):
        groups.setdefault(_structure(problem), []).append(index)
    results: dict[int, Certificate | CrbeamError] = {}
    for members in groups.values():
        size = max(1, CHUNK_ENTRIES // sum(matrix.size for matrix in sent[members[0]].values()))
        for first in range(0, len(members), size):
            chunk = members[first : first + size]
            stacks = {block: side_by_side([sent[index][block] for index in chunk]) for block in sent[chunk[0]]}
            results.update(zip(chunk, _certify_group([problems[index] for index in chunk], stacks), strict=True))
    return [results[index] for index in range(len(problems))]


def _structure(problem: DesignProblem) -> tuple:
    """Everything but the numbers of a problem."""
    maps = []
    for criterion in problem.active_criteria:
        parts = [(part.block, part.transmit.shape[1]) for part in criterion.map.contributions]
        maps.append((criterion.map.layout.sizes, criterion.selection.shape, tuple(parts)))
    words = tuple((block, codebook.codewords.shape) for block, codebook in problem.codebooks.items())
    families = [tuple(criterion.family_of_direction.tolist()) for criterion in problem.active_criteria]
    budgets = tuple(budget.blocks for budget in problem.budgets)
    return tuple(problem.antennas.items()), budgets, words, tuple(maps), problem.objective, tuple(families)


@dataclass(frozen=True, eq=False)
class _Observation:
    """One contribution of each item of a group.

    Attributes:
        block: the block that it sees.
        transmit: T, `[item, tx, term]`.
        weight: `O o (Z^H Q Z)`, `[item, term, term]`.
        jacobian: J, `[item, term, parameter]`.
    """

    block: str
    transmit: np.ndarray
    weight: np.ndarray
    jacobian: np.ndarray


def _certify_group(problems: list[DesignProblem], stacks: dict[str, np.ndarray]) -> list[Certificate | CrbeamError]:
    """Certificates of problems of one structure, with the covariances `[item, tx, tx]` of each block."""
    failures: dict[int, CrbeamError] = {}
    objective, trace_loss, gain, offset, constant = (np.zeros(len(problems)) for _ in range(5))
    gradients: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {block: [] for block in stacks}
    for number in range(len(problems[0].active_criteria)):
        criteria = [problem.active_criteria[number] for problem in problems]
        observations = _observations(criteria)
        prior = side_by_side([criterion.map.constant for criterion in criteria])
        matrices = prior
        for part in observations:
            gram = _adjoint(part.transmit) @ stacks[part.block] @ part.transmit
            matrices = matrices + _adjoint(part.jacobian) @ np.real(part.weight * gram.conj()) @ part.jacobian
        informations = partial(_information, problems, number, stacks)
        values, selections, responses = _solved(criteria, hermitian_part(matrices), informations, failures)
        scores = _scores(problems[0].objective, criteria, values)
        responses = responses * np.sqrt(scores.slopes)[:, None, :]
        objective += scores.values
        trace_loss += values.sum(axis=1)
        offset += scores.offsets
        gain += np.sum(selections * np.sqrt(scores.slopes)[:, None, :] * responses, axis=(1, 2))
        constant += np.sum(responses * (prior @ responses), axis=(1, 2))
        for part in observations:
            slopes = part.jacobian @ responses
            gradients[part.block].append((part.transmit, (slopes @ _adjoint(slopes)) * part.weight))
    steepest = {block: _largest_gradients(problems, block, parts) for block, parts in gradients.items()}
    power = np.zeros(len(problems))
    for place, budget in enumerate(problems[0].budgets):
        powers_w = np.array([problem.budgets[place].power_per_subcarrier_w for problem in problems])
        power += powers_w * np.maximum(np.max([steepest[block] for block in budget.blocks], axis=0), 0.0)
    bounds = np.clip(gain**2 / np.maximum(constant + power, np.finfo(float).tiny) - offset, 0.0, objective)
    is_other = isinstance(problems[0].objective, Hinge)
    return [
        failures.get(item)
        or Certificate(float(objective[item]), float(bounds[item]), float(trace_loss[item]) if is_other else None)
        for item in range(len(problems))
    ]


@dataclass(frozen=True, eq=False)
class _Scores:
    """What one criterion adds to the objective of each item, as a weighted bound less a constant.

    Attributes:
        values: part of the objective, `[item]`.
        slopes: its derivative by the part of the weighted bound of each column of E, `[item, direction]`.
        offsets: constant that is taken off, `[item]`.
    """

    values: np.ndarray
    slopes: np.ndarray
    offsets: np.ndarray


def _scores(objective: Objective, criteria: list[Criterion], values: np.ndarray) -> _Scores:
    """Scores from the parts `[item, direction]` of the weighted bounds of one criterion."""
    if isinstance(objective, WeightedBound):
        return _Scores(values.sum(axis=1), np.ones_like(values), np.zeros(len(criteria)))
    family = criteria[0].family_of_direction
    sums = np.stack([values[:, family == place].sum(axis=1) for place in range(family.max() + 1)], axis=1)
    terms = hinge_terms(sums, np.stack([criterion.family_levels for criterion in criteria]))
    return _Scores(terms.values.sum(axis=1), terms.slopes[:, family], terms.offsets.sum(axis=1))


def _adjoint(matrices: np.ndarray) -> np.ndarray:
    return matrices.conj().swapaxes(-1, -2)


def _observations(criteria: list[Criterion]) -> list[_Observation]:
    return [
        _Observation(
            parts[0].block,
            side_by_side([part.transmit for part in parts]),
            side_by_side([part.weight for part in parts]),
            side_by_side([part.jacobian for part in parts]),
        )
        for parts in zip(*(criterion.map.contributions for criterion in criteria), strict=True)
    ]


def _information(problems: list[DesignProblem], number: int, stacks: dict[str, np.ndarray], item: int) -> Information:
    """Information of one criterion of one item."""
    return problems[item].active_criteria[number].map.at({block: stack[item] for block, stack in stacks.items()})


def _solved(
    criteria: list[Criterion],
    matrices: np.ndarray,
    informations: Callable[[int], Information],
    failures: dict[int, CrbeamError],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`e^T I^-1 e` of the columns of E, E and `I^-1 E` of each item; those close to singular are solved with care."""
    selections = side_by_side([criterion.selection for criterion in criteria])
    scale = criteria[0].map.layout.scales(np.diagonal(matrices, axis1=1, axis2=2))
    values, responses = np.zeros((len(criteria), selections.shape[2])), np.zeros(selections.shape)
    is_safe = np.zeros(len(criteria), dtype=bool)
    try:
        factors = np.linalg.inv(np.linalg.cholesky(matrices * (scale[:, :, None] * scale[:, None, :])))
    except np.linalg.LinAlgError:
        pass  # every item is solved with care
    else:
        is_safe = np.sum(factors**2, axis=(1, 2)) < SAFE_INVERSE
        factors = factors * scale[:, None, :]
        roots = factors @ selections
        values, responses = np.sum(roots**2, axis=1), factors.swapaxes(1, 2) @ roots
    for item in np.flatnonzero(~is_safe):
        information = informations(int(item))
        try:
            values[item] = _parts(criteria[item], information)
        except CrbeamError as error:
            failures[int(item)] = error
            values[item], responses[item] = 0.0, 0.0
        else:
            responses[item] = information.inverse_response(selections[item])
    return values, selections, responses


def _largest_gradients(
    problems: list[DesignProblem], block: str, parts: list[tuple[np.ndarray, np.ndarray]]
) -> Float[np.ndarray, " item"]:
    """Largest value of `<G_b, R_b>` over transmissions of unit power in one block, for each item."""
    if not parts:
        return np.zeros(len(problems))
    if block in problems[0].codebooks:
        words = side_by_side([problem.codebooks[block].unit_codewords for problem in problems])
        pieces = ((_adjoint(words) @ columns, inner) for columns, inner in parts)
        powers = sum(np.sum(np.real((frame @ inner) * frame.conj()), axis=2) for frame, inner in pieces)
        return np.max(powers, axis=1)
    transmit = np.concatenate([columns for columns, _ in parts], axis=2)
    first = _first_equal(transmit)
    result = np.zeros(len(problems))
    rest = np.arange(len(problems))
    while rest.size:
        pattern = first[rest[0]]
        is_alike = np.all(first[rest] == pattern, axis=1)
        items, rest = rest[is_alike], rest[~is_alike]
        columns = np.flatnonzero(pattern == np.arange(pattern.size))
        membership = (pattern[:, None] == columns).astype(float)
        inner, start = np.zeros((items.size, columns.size, columns.size), dtype=complex), 0
        for _, piece in parts:
            part = membership[start : start + piece.shape[1]]
            inner += part.T @ piece[items] @ part
            start += piece.shape[1]
        frame = transmit[:, :, columns][items]
        if columns.size < frame.shape[1]:
            frame = np.asarray(np.linalg.qr(frame, mode="r"))
        result[items] = np.linalg.eigvalsh(hermitian_part(frame @ inner @ _adjoint(frame)))[:, -1]
    return result


def _first_equal(vectors: np.ndarray) -> np.ndarray:
    """For each of the vectors `[item, tx, term]` of an item the first that equals it."""
    sums = vectors.sum(axis=1)
    first = np.argmax(sums[:, :, None] == sums[:, None, :], axis=2)
    is_equal = np.all(np.take_along_axis(vectors, first[:, None, :], axis=2) == vectors, axis=1)
    return np.where(is_equal, first, np.arange(sums.shape[1]))
