"""The optimum of a `Tail` under budgets, codebooks and ties: Newton steps between few weighted bounds.

The mean over the worst is `max_v v . u` over the shares `v >= 0, v_t <= cap_t, sum_t v_t <= 1` of the samples, so the
least one is the maximum of the concave `q(v) = min_R v . u(R)`, which the engine solves as a weighted bound. Whatever v
is, the lower bound of q is one of the tail, and whatever R is, `q(v) <= v . u(R)` is a cut. Steps go to the v that
maximises the least of all cuts plus the curvature of q at the last transmission, and to the transmission expected there
(see `engine.thin_factors`): once the samples that count are found, the gap is about squared by each. The engine is only
called at the start and where a step has not brought the gap down.
"""

from dataclasses import dataclass, replace

import numpy as np

from crbeam.design.certificate import tail_of
from crbeam.design.convex.certificate import certificate, priced
from crbeam.design.convex.evidence import Evidence
from crbeam.design.convex.statement import statement_of
from crbeam.design.engine import ReducedProblem, reduce_problem
from crbeam.design.engine.reduced_bound import variables
from crbeam.design.engine.solver import MARGIN, quiet, solve_from
from crbeam.design.engine.thin_factors import expansion_at, judged, moved, weighted
from crbeam.design.problem import DesignProblem, Tail
from crbeam.design.quadratic import quadratic_minimum
from crbeam.design.result import Proposal
from crbeam.design.ties import expanded, merged, merged_problem
from crbeam.information import Transmission

#: Steps after which the search gives up.
STEPS = 30
#: A step that leaves more than this share of the gap is followed by the engine.
KEPT_SHARE = 0.5
#: Largest certified gap of a weighted bound, and that relative to the gap of the tail.
ROUGH, FINER = 1e-3, 0.03
#: Least share of a sample.
LEAST_SHARE = 1e-14


@dataclass(frozen=True, eq=False)
class _State:
    """A transmission with shares, and what both prove.

    Attributes:
        point: the transmission.
        shares: v of each sample.
        bounds: u of each sample.
        value: the tail of u.
        lower_bound: no transmission has a smaller tail.
        evaluations: of the engine that led here.
    """

    point: np.ndarray
    shares: np.ndarray
    bounds: np.ndarray
    value: float
    lower_bound: float
    evaluations: int = 0

    @property
    def gap(self) -> float:
        """Relative distance of the value from the lower bound; 1 if nothing is known."""
        return 1.0 - self.lower_bound / self.value


def tail_optimum(problem: DesignProblem, *, tolerance: float, start: Transmission | None = None) -> Proposal | None:
    """Transmission of least tail up to a relative gap; None if it is not found in the steps that are allowed.

    Raises:
        Unidentifiable: a parameter with a positive weight is not determined by any transmission.
    """
    item = reduce_problem(merged_problem(problem))
    near = None if start is None else item.compress(merged(problem, start))
    with quiet():
        states = _states(item, MARGIN * tolerance, near)
    best, proof = min(states, key=_value), max(states, key=_lower_bound)
    evidence = _evidence(problem, expanded(problem, item.expand(proof.point)), proof.shares)
    value = item.scale * best.value
    if not certificate(statement_of(problem), evidence) >= (1.0 - tolerance) * value:
        return None
    return Proposal(
        covariances=expanded(problem, item.expand(best.point)),
        trace=tuple((item.scale * np.minimum.accumulate([state.value for state in states])).tolist()),
        iterations=len(states) - 1,
        details={"engine": "factor Newton", "evaluations": sum(state.evaluations for state in states)},
        evidence=evidence,
    )


def _value(state: _State) -> float:
    return state.value


def _lower_bound(state: _State) -> float:
    return state.lower_bound


def _states(item: ReducedProblem, goal: float, near: list[np.ndarray] | None) -> list[_State]:
    """All states of the search, which ends when the best value and the best lower bound are close enough."""
    problem, shape, arrays = item.problem, item.shape, item.arrays
    assert isinstance(problem.objective, Tail)
    names, caps = problem.samples, np.array(problem.largest_shares)
    groups = [
        np.full(selection.shape[1], names.index(criterion.sample))
        for criterion, selection in zip(problem.active_criteria, arrays.selections, strict=True)
    ]

    def seen(point: np.ndarray, shares: np.ndarray, evaluations: int = 0) -> _State:
        bounds, bound = judged(shape, arrays, groups, shares, point)
        value = tail_of(problem, bounds.tolist()) if np.all(bounds > 0.0) else np.inf
        return _State(point, shares, bounds, value, bound, evaluations)

    def solved(near: list[np.ndarray] | None, shares: np.ndarray, accuracy: float) -> _State:
        found = solve_from(shape, weighted(arrays, groups, shares), near, tolerance=accuracy)
        return seen(found.point, shares, found.evaluations)

    state = solved(near, np.array(problem.objective.probabilities or (1.0 / len(names),) * len(names)), ROUGH)
    states = [state]
    for _ in range(STEPS):
        best = min(states, key=_value).value
        if not np.isfinite(best) or max(states, key=_lower_bound).lower_bound >= (1.0 - goal) * best:
            break
        cuts = np.array([each.bounds for each in states if np.isfinite(each.value)])
        try:
            expansion = expansion_at(shape, arrays, groups, state.shares, state.point)
            shares = _next_shares(cuts / best, expansion.curvature / best, caps)
            trial = seen(moved(shape, expansion, shares), shares)
            states.append(trial)
            if trial.gap > max(KEPT_SHARE * state.gap, goal):
                accuracy = float(np.clip(FINER * trial.gap, goal, ROUGH))
                states.append(solved(variables(shape, trial.point), shares, accuracy))
        except np.linalg.LinAlgError:
            break
        state = min(trial, states[-1], key=lambda each: each.gap)
    return states


def _next_shares(cuts: np.ndarray, curvature: np.ndarray, caps: np.ndarray) -> np.ndarray:
    """v that maximises `min_i u_i . v - v . M v / 2` over all shares: a quadratic program in (v, least cut)."""
    n_cuts, size = cuts.shape
    is_capped = np.isfinite(caps)
    quadratic = np.zeros((size + 1, size + 1))
    quadratic[:size, :size] = curvature
    rows = np.vstack([-cuts, -np.eye(size), np.ones((1, size)), np.eye(size)[is_capped]])
    rows = np.hstack([rows, np.zeros((len(rows), 1))])
    rows[:n_cuts, size] = 1.0
    limits = np.concatenate([np.zeros(n_cuts + size), [1.0], caps[is_capped]])
    linear = np.zeros(size + 1)
    linear[size] = -1.0
    inside = 0.5 * np.minimum(1.0 / size, caps)
    found = quadratic_minimum(quadratic, linear, rows, limits, np.append(inside, (cuts @ inside).min() - 0.1))
    shares = np.clip(found[:size], LEAST_SHARE, caps)
    return shares / max(shares.sum(), 1.0)


def _evidence(problem: DesignProblem, sent: Transmission, shares: np.ndarray) -> Evidence:
    """`Z_t = s v_t I_t^-1 E_t` of a transmission and shares, with the s and the prices that prove most."""
    statement = statement_of(problem)
    responses, gain, known = [], 0.0, 0.0
    for term in statement.terms:
        assert term.scale is not None
        share = shares[term.scale]
        response = share * term.criterion.map.at(sent.only(term.criterion.map.blocks)).inverse_response(term.selection)
        gain += float(np.sum(term.selection * response))
        known += float(np.sum(response * (term.criterion.map.constant @ response))) / share
        responses.append(response)
    found = priced(statement, Evidence(tuple(responses), shares, np.zeros(0), np.zeros(len(statement.limits))))
    factor = gain / (known + float(found.prices @ np.array([limit.power_w for limit in statement.limits])))
    responses = tuple(factor * response for response in responses)
    return replace(found, responses=responses, prices=factor**2 * found.prices)
