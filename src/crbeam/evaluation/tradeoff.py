"""Curves of what two links can know under one transmission."""

from collections.abc import Sequence
from dataclasses import dataclass

from crbeam.design import Design, DesignMethod
from crbeam.errors import CrbeamError
from crbeam.evaluation.bounds import Evaluation, evaluate
from crbeam.scenario import Scenario
from crbeam.systems import design_problems


@dataclass(frozen=True, eq=False)
class TradeoffPoint:
    """One design of a trade-off curve.

    Attributes:
        method: name of the method.
        weight: weight of bistatic positioning.
        design: the design, or the error that stands in its place.
        evaluation: bounds of the design; None if there is none.
        links: names of the link to the user and of the link back to the station.
    """

    method: str
    weight: float
    design: Design | CrbeamError
    evaluation: Evaluation | None
    links: tuple[str, str] = ("bistatic", "monostatic")

    @property
    def positioning_m(self) -> float | None:
        """Root bound of the user by bistatic positioning; None where it does not exist."""
        return self._root_m(self.links[0], "user_position_m")

    @property
    def sensing_m(self) -> float | None:
        """Root bound of all positions by monostatic sensing; None where it does not exist."""
        return self._root_m(self.links[1], "all_positions_m")

    def _root_m(self, link: str, quantity: str) -> float | None:
        value = None if self.evaluation is None else self.evaluation.links[link].quantities[quantity]
        return value if isinstance(value, float) else None


def tradeoff(scenario: Scenario, methods: Sequence[DesignMethod], weights: Sequence[float]) -> list[TradeoffPoint]:
    """Designs of each method for each weight, all weights of a method as one batch."""
    points = []
    for method in methods:
        problems = design_problems(scenario, weights, method=method)
        first, second = (criterion.name for criterion in problems[0].criteria)
        for weight, result in zip(weights, method.solve_many(problems), strict=True):
            evaluation = evaluate(scenario, result.covariances) if isinstance(result, Design) else None
            points.append(TradeoffPoint(method.name, float(weight), result, evaluation, (first, second)))
    return points
