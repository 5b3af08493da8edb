"""Curves of what two links can know under one transmission."""

from collections.abc import Sequence
from dataclasses import dataclass

from crbeam.design import Design, DesignMethod
from crbeam.errors import CrbeamError
from crbeam.evaluation.bounds import Evaluation, evaluate
from crbeam.scenario import Scenario
from crbeam.systems import design_problem


@dataclass(frozen=True, eq=False)
class TradeoffPoint:
    """One design of a trade-off curve.

    Attributes:
        method: key of the method.
        weight: weight of bistatic positioning.
        design: the design, or the error that stands in its place.
        evaluation: bounds of the design; None if there is none.
    """

    method: str
    weight: float
    design: Design | CrbeamError
    evaluation: Evaluation | None


def tradeoff(scenario: Scenario, methods: Sequence[DesignMethod], weights: Sequence[float]) -> list[TradeoffPoint]:
    """Designs of each method for each weight, all weights of a method as one batch."""
    points = []
    for method in methods:
        problems = [design_problem(scenario, weight=weight, method=method) for weight in weights]
        for weight, result in zip(weights, method.solve_many(problems), strict=True):
            evaluation = evaluate(scenario, result.covariances) if isinstance(result, Design) else None
            points.append(TradeoffPoint(method.key, float(weight), result, evaluation))
    return points
