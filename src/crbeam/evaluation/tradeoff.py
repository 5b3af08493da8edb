"""Curves of what two links can know under one transmission."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from crbeam.design import Design, DesignMethod
from crbeam.errors import CrbeamError
from crbeam.evaluation.bounds import Evaluation, evaluate_many
from crbeam.systems import World, system_of

#: Relative difference of root bounds up to which two points count as equally good. Where a front is flat, designs whose
#: objectives agree to a certified gap of 1e-6 may differ by the root of it in a bound.
PARETO_TOLERANCE = 1e-3


@dataclass(frozen=True, eq=False)
class TradeoffPoint:
    """One design of a trade-off curve.

    Attributes:
        method: name of the method.
        weight: weight of bistatic positioning.
        design: the design, or the error that stands in its place.
        evaluation: bounds of the design; None if there is none.
        links: whose bounds count: the link to the user and the one back to the station, or `fused` for both.
    """

    method: str
    weight: float
    design: Design | CrbeamError
    evaluation: Evaluation | None
    links: tuple[str, str] = ("bistatic", "monostatic")

    @property
    def positioning_m(self) -> float | None:
        """Root bound of the user by the first link; None where it does not exist."""
        return self._root_m(self.links[0], "user_position_m")

    @property
    def sensing_m(self) -> float | None:
        """Root bound of all positions by the second link; None where it does not exist."""
        return self._root_m(self.links[1], "all_positions_m")

    @property
    def bounds_m(self) -> tuple[float, float] | None:
        """`positioning_m` and `sensing_m`; None unless both exist."""
        first, second = self.positioning_m, self.sensing_m
        return None if first is None or second is None else (first, second)

    def _root_m(self, link: str, quantity: str) -> float | None:
        value = None if self.evaluation is None else self.evaluation.links[link].quantities[quantity]
        return value if isinstance(value, float) else None


def tradeoff(
    scenario: World, methods: Sequence[DesignMethod], weights: Sequence[float], *, seed: int = 0
) -> list[TradeoffPoint]:
    """Designs of each method for each weight, all weights of a method as one batch.

    Args:
        scenario: the world, or its system.
        methods: what designs.
        weights: of bistatic positioning.
        seed: of what a method draws; each weight starts from the same.
    """
    points, system = [], system_of(scenario)
    for method in methods:
        problems = system.design_problems(weights, method=method)
        first, second = (criterion.name for criterion in problems[0].criteria)
        results = method.solve_many(problems, seeds=[np.random.SeedSequence(seed) for _ in problems])
        judged = iter(evaluate_many(system, [each.covariances for each in results if isinstance(each, Design)]))
        for weight, result in zip(weights, results, strict=True):
            evaluation = next(judged) if isinstance(result, Design) else None
            points.append(TradeoffPoint(method.name, float(weight), result, evaluation, (first, second)))
    return points


def pareto_optimal(points: Sequence[TradeoffPoint]) -> tuple[bool, ...]:
    """Which points no other point of the same links dominates.

    A point dominates another if neither of its two root bounds is larger and one is smaller by more than certified
    designs may differ (`PARETO_TOLERANCE`). Points whose bounds are those of other links (`fused`) belong to another
    receiver: they are compared among themselves. A point without both bounds is never marked.
    """
    marks = [False] * len(points)
    for links in {point.links for point in points}:
        known = [(index, point.bounds_m) for index, point in enumerate(points) if point.links == links]
        members = [(index, bounds) for index, bounds in known if bounds is not None]
        bounds_m = np.array([bounds for _, bounds in members])
        for place, (index, _) in enumerate(members):
            no_worse = np.all(bounds_m <= bounds_m[place], axis=1)
            better = np.any(bounds_m < bounds_m[place] * (1.0 - PARETO_TOLERANCE), axis=1)
            marks[index] = not np.any(no_worse & better)
    return tuple(marks)
