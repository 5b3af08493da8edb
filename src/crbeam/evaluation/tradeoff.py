"""Curves of what two links can know under one transmission."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from crbeam.design import Design, DesignMethod, DesignProblem
from crbeam.errors import CrbeamError
from crbeam.evaluation.bounds import Evaluation, evaluate, evaluate_many
from crbeam.evaluation.front import Front, Support, corners_below, decided, has_front, values_of
from crbeam.systems import System, World, system_of

#: Relative difference of root bounds up to which two points count as equally good. Where a front is flat, designs whose
#: objectives agree to a certified gap of 1e-6 may differ by the root of it in a bound.
PARETO_TOLERANCE = 1e-3
#: Relative difference of criteria that certified designs may have from rounding and their gaps.
SLACK = 1e-5


@dataclass(frozen=True, eq=False)
class TradeoffPoint:
    """One design of a trade-off curve.

    Attributes:
        method: name of the method.
        weight: weight of bistatic positioning; None where weights make no difference, the point being all there is.
        design: the design, or the error that stands in its place.
        evaluation: bounds of the design; None if there is none.
        links: whose bounds count: the link to the user and the one back to the station, or `fused` for both.
        losses: values of both criteria of the problem; without them, the squares of both bounds.
        front: what is proven about all transmissions that the method may choose from; None without proof.
    """

    method: str
    weight: float | None
    design: Design | CrbeamError
    evaluation: Evaluation | None
    links: tuple[str, str] = ("bistatic", "monostatic")
    losses: tuple[float, float] | None = None
    front: Front | None = None

    @property
    def positioning_m(self) -> float | None:
        """Root bound of the user by the first link; None where it does not exist."""
        return self._root_m(self.links[0], "user_position_m")

    @property
    def sensing_m(self) -> float | None:
        """Root bound of all positions by the second link; None where it does not exist."""
        return self._root_m(self.links[1], "all_positions_m", "target_position_m")

    @property
    def has_user(self) -> bool:
        """Whether the first link is one that tells of a user."""
        return self.evaluation is None or "user_position_m" in self._quantities(self.links[0])

    @property
    def bounds_m(self) -> tuple[float, float] | None:
        """`positioning_m` and `sensing_m`; None unless both exist."""
        first, second = self.positioning_m, self.sensing_m
        return None if first is None or second is None else (first, second)

    @property
    def values(self) -> tuple[float, float] | None:
        """What points are compared by: `losses`; None for a point without both bounds, or without a weight."""
        bounds = self.bounds_m
        if bounds is None or self.weight is None:
            return None
        return (bounds[0] ** 2, bounds[1] ** 2) if self.losses is None else self.losses

    def _quantities(self, link: str):
        found = None if self.evaluation is None else self.evaluation.links.get(link)
        return {} if found is None else found.quantities

    def _root_m(self, link: str, *names: str) -> float | None:
        quantities = self._quantities(link)
        value = next((quantities[name] for name in names if name in quantities), None)
        return value if isinstance(value, float) else None


def tradeoff(
    scenario: World, methods: Sequence[DesignMethod], weights: Sequence[float], *, seed: int = 0
) -> list[TradeoffPoint]:
    """Designs of each method for each weight, all weights of a method as one batch.

    A method whose problem has no two criteria to weigh gives one point, without a weight. Points know the certified
    front of the problem of their method, with as many further designs as it takes to decide which are Pareto-optimal
    (`pareto_optimal`).

    Args:
        scenario: the world; or its system, whose maps and problems are built already.
        methods: what designs.
        weights: of bistatic positioning.
        seed: of what a method draws; each weight starts from the same.

    Raises:
        CrbeamError: no method applies. One of several that does not gives a point with the error in place of a design.
    """
    system = system_of(scenario)
    points, problems, failures = [], [], []
    for method in methods:
        try:
            curve, problem = _curve(system, method, weights, seed)
        except CrbeamError as error:
            failures.append(error)
            curve, problem = [TradeoffPoint(method.name, None, error, None)], None
        points += curve
        problems += [problem] * len(curve)
    if len(failures) == len(methods):
        raise failures[0]
    return _with_fronts(points, problems)


def _curve(
    system: System, method: DesignMethod, weights: Sequence[float], seed: int
) -> tuple[list[TradeoffPoint], DesignProblem | None]:
    """Points of a method at all weights, and its problem; one point without a problem if there is nothing to weigh."""
    if not system.weighs(method):
        return [_only_point(system, method, seed)], None
    problems = system.design_problems(weights, method=method)
    first, second = (criterion.name for criterion in problems[0].criteria)
    results = method.solve_many(problems, seeds=[np.random.SeedSequence(seed) for _ in problems])
    judged = iter(evaluate_many(system, [each.covariances for each in results if isinstance(each, Design)]))
    points = []
    for weight, result in zip(weights, results, strict=True):
        is_design = isinstance(result, Design)
        evaluation = next(judged) if is_design else None
        losses = values_of(problems[0], result.covariances) if is_design else None
        points.append(TradeoffPoint(method.name, float(weight), result, evaluation, (first, second), losses))
    return points, problems[0]


def _only_point(system: System, method: DesignMethod, seed: int) -> TradeoffPoint:
    """The design of a method for which weights make no difference."""
    problem = system.design_problem(method=method)
    (result,) = method.solve_many([problem], seeds=[np.random.SeedSequence(seed)])
    link = problem.criteria[0].name
    if not isinstance(result, Design):
        return TradeoffPoint(method.name, None, result, None, (link, link))
    chosen = system.with_selected(result.selected)
    evaluation = evaluate(chosen, result.covariances, networks=result.analog)
    link = "+".join(chosen.service(result).listeners) or link
    return TradeoffPoint(method.name, None, result, evaluation, (link, link))


def _with_fronts(points: list[TradeoffPoint], problems: list[DesignProblem | None]) -> list[TradeoffPoint]:
    """The points with what is proven about all transmissions of their problems, far enough to decide on all of them."""
    kinds: dict[tuple, list[int]] = {}
    for index, (point, problem) in enumerate(zip(points, problems, strict=True)):
        if problem is not None and has_front(problem):
            constraints = frozenset(type(part) for part in problem.constraints)
            kinds.setdefault((point.links, constraints), []).append(index)
    found = list(points)
    for (links, _), members in kinds.items():
        problem = problems[members[0]]
        assert problem is not None
        known = Front(tuple(each for index in members if (each := _support(points[index])) is not None))
        values = [point.values for point in points if point.links == links]
        corners = [_corners(each) for each in values if each is not None]
        front = decided(problem, known, np.concatenate([np.zeros((0, 2)), *corners]))
        for index in members:
            found[index] = replace(points[index], front=front)
    return found


def _support(point: TradeoffPoint) -> Support | None:
    """What a point's own design says about the front of its problem."""
    if not isinstance(point.design, Design) or point.weight is None or point.losses is None:
        return None
    return Support(point.weight, point.design.lower_bound or 0.0, point.losses)


def _corners(values: tuple[float, float]) -> np.ndarray:
    return corners_below(values, tolerance=1.0 - (1.0 - PARETO_TOLERANCE) ** 2, slack=SLACK)


def pareto_optimal(points: Sequence[TradeoffPoint]) -> tuple[bool, ...]:
    """Which points no transmission dominates that the points' methods may choose from.

    Points are compared by both criteria of their problem (`TradeoffPoint.values`), which in zhang2025 are the squares
    of both bounds. A point is not marked if another one is no worse in both and better in one, or if the certified
    fronts of the points prove that some transmission is better in both. Better means by more than certified designs may
    differ: in one root bound by `PARETO_TOLERANCE`. Methods that choose among codewords only have a front of their own;
    phase shifters, whose problem is not convex, have none, so that only their computed points count. Points whose
    bounds are those of other links (`fused`) belong to another receiver: they are compared among themselves. A point
    without both bounds, or without a weight, is never marked.
    """
    marks = [False] * len(points)
    for links in {point.links for point in points}:
        group = [(index, point) for index, point in enumerate(points) if point.links == links]
        fronts = {id(point.front): point.front for _, point in group if point.front is not None}.values()
        known = [(index, values) for index, point in group if (values := point.values) is not None]
        roots = np.sqrt(np.array([values for _, values in known]).reshape(-1, 2))
        for place, (index, values) in enumerate(known):
            no_worse = np.all(roots <= roots[place], axis=1)
            better = np.any(roots < roots[place] * (1.0 - PARETO_TOLERANCE), axis=1)
            corners = _corners(values)
            is_beaten = any(bool(front.reaches(corners).any()) for front in fronts)
            marks[index] = not (np.any(no_worse & better) or is_beaten)
    return tuple(marks)
