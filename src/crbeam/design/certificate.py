"""Values of transmissions, and proof of how far a design is from the best one.

For any matrices Y_t and any feasible R', convexity gives for every s > 0
`f(R') >= 2 s a - s^2 (g0 + sum_b <G_b, R'_b>)` with `a = sum_t tr(E_t^T Y_t)`, `g0 = sum_t tr(Y_t^T I0_t Y_t)` and
`G_b` the adjoint of the maps at `Y_t Y_t^T`. Maximising over s and over the budgets,

    f* >= a^2 / (g0 + sum_g P_g max_{b in g} max(0, lambda_max(G_b))),

where a codebook replaces `lambda_max(G)` by `max_l u_l^H G u_l` over its unit codewords. It is tight at the optimum
with `Y_t = I_t^-1 E_t`. Nothing about the solver enters. Tied blocks are one block.

*Thresholds*: with the loss `h(b) = max(0, sqrt(b) - 1)^2` of a root bound above its threshold, for every b >= 0

    h(b) = max over 0 <= s < 1 of  s b - s / (1 - s),     attained at  s = h'(b) = max(0, 1 - 1 / sqrt(b)).

So for fixed s the loss is a weighted bound less a constant, and any lower bound of that is one of the loss. Code works
with `beta = W b`, the part of a family in the weighted bound, and its level `W`: `W h(beta / W)`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from crbeam.design.convex.certificate import powers_along
from crbeam.design.problem import Criterion, DesignProblem, Hinge, Objective, Power, Tail, WeightedBound
from crbeam.design.structure import Structure, merged, merged_problem, structures
from crbeam.errors import CrbeamError
from crbeam.information import Information
from crbeam.information.transmission import Covariances
from crbeam.linalg import hermitian_part, inverse_factors, side_by_side


@dataclass(frozen=True, eq=False)
class HingeTerms:
    """`W h(beta / W)` of each family, maybe with a batch axis in front.

    Attributes:
        values: the loss of each family.
        slopes: its derivative by beta, `s = 1 - 1 / sqrt(b)` above the threshold and 0 below.
        offsets: `W s / (1 - s)`, what is taken off the weighted bound `s beta`.
    """

    values: np.ndarray
    slopes: np.ndarray
    offsets: np.ndarray


def hinge_terms(weighted_bounds: np.ndarray, levels: np.ndarray) -> HingeTerms:
    """The loss of each family from its weighted bound `beta` and its level."""
    squared = weighted_bounds / levels
    root = np.sqrt(np.maximum(squared, 1.0))
    excess = np.where(squared > 1.0, (squared - 1.0) / (root + 1.0), 0.0)
    return HingeTerms(levels * excess**2, excess / root, levels * excess)


@dataclass(frozen=True, eq=False)
class Families:
    """The families of parameters of a problem whose bounds have thresholds.

    Attributes:
        of_direction: for each active criterion the family of each column of its selection, numbered through.
        levels: weight W of each family.
    """

    of_direction: tuple[np.ndarray, ...]
    levels: np.ndarray

    def sums(self, of_columns: list[np.ndarray]) -> np.ndarray:
        """Sum over the columns of each family, `[..., family]`, from one `[..., column]` for each criterion."""
        columns, family = np.concatenate(of_columns, axis=-1), np.concatenate(self.of_direction)
        return np.stack([columns[..., family == place].sum(axis=-1) for place in range(self.levels.size)], axis=-1)


def families_of(problem: DesignProblem) -> Families | None:
    """Families of a problem with thresholds; None if it has none."""
    if not isinstance(problem.objective, Hinge):
        return None
    of_direction, levels = [], []
    for criterion in problem.counted_criteria:
        of_direction.append(len(levels) + criterion.family_of_direction)
        levels += criterion.family_levels.tolist()
    return Families(tuple(of_direction), np.array(levels))


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
    results: dict[int, Certificate | CrbeamError] = {}
    for members, structure in structures([merged_problem(problem) for problem in problems]):
        results.update(zip(members, _certify_group(structure, [sent[index] for index in members]), strict=True))
    return [results[index] for index in range(len(problems))]


def _certify_group(structure: Structure, sent: Sequence[Covariances]) -> list[Certificate | CrbeamError]:
    """Certificates of problems of one structure."""
    problems, failures = structure.problems, dict[int, CrbeamError]()
    objective, trace_loss, gain, offset, power = (np.zeros(len(problems)) for _ in range(5))
    grams = [
        _adjoint(columns) @ side_by_side([each[name] for each in sent]) @ columns
        for name, columns in zip(structure.names, structure.columns, strict=True)
    ]
    inners = [np.zeros_like(gram) for gram in grams]
    for number, prior in enumerate(structure.constants):
        criteria, matrices = structure.criteria(number), prior
        observations = [part for part in structure.observations if part.criterion == number]
        for part in observations:
            seen = grams[part.block][:, np.asarray(part.columns)[:, None], part.columns]
            matrices = matrices + _adjoint(part.jacobian) @ np.real(part.weight * seen.conj()) @ part.jacobian
        values, selections, responses = _solved(criteria, hermitian_part(matrices), sent, failures)
        scores = _scores(problems[0].objective, criteria, values)
        responses = responses * np.sqrt(scores.slopes)[:, None, :]
        objective += scores.values
        trace_loss += values.sum(axis=1)
        offset += scores.offsets
        gain += np.sum(selections * np.sqrt(scores.slopes)[:, None, :] * responses, axis=(1, 2))
        power += np.sum(responses * (prior @ responses), axis=(1, 2))
        for part in observations:
            slopes = part.jacobian @ responses
            membership = np.eye(inners[part.block].shape[-1])[list(part.columns)]
            inners[part.block] += membership.T @ ((slopes @ _adjoint(slopes)) * part.weight) @ membership
    steepest = [
        powers_along(columns, inner, structure.words(name)).max(axis=1)
        for name, columns, inner in zip(structure.names, structure.columns, inners, strict=True)
    ]
    for budget, powers_w in enumerate(structure.powers_w.T):
        own = [each for each, other in zip(steepest, structure.budgets, strict=True) if other == budget]
        power += powers_w * np.maximum(np.max(own, axis=0), 0.0)
    bounds = np.clip(gain**2 / np.maximum(power, np.finfo(float).tiny) - offset, 0.0, objective)
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


def _solved(
    criteria: list[Criterion], matrices: np.ndarray, sent: Sequence[Covariances], failures: dict[int, CrbeamError]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`e^T I^-1 e` of the columns of E, E and `I^-1 E` of each item; those close to singular are solved with care."""
    selections = side_by_side([criterion.selection for criterion in criteria])
    values, responses = np.zeros((len(criteria), selections.shape[2])), np.zeros(selections.shape)
    is_safe = np.zeros(len(criteria), dtype=bool)
    found = inverse_factors(matrices, criteria[0].map.layout.scales(np.diagonal(matrices, axis1=1, axis2=2)))
    if found is not None:
        factors, is_safe = found
        roots = factors @ selections
        values, responses = np.sum(roots**2, axis=1), factors.swapaxes(1, 2) @ roots
    for item in np.flatnonzero(~is_safe).tolist():
        information = criteria[item].map.at(sent[item])
        try:
            values[item] = _parts(criteria[item], information)
        except CrbeamError as error:
            failures[item] = error
            values[item], responses[item] = 0.0, 0.0
        else:
            responses[item] = information.inverse_response(selections[item])
    return values, selections, responses
