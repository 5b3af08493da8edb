"""How far the engine has come with a problem: the best certified point and where the search stands."""

from dataclasses import dataclass, replace

import numpy as np

from crbeam.design.engine.factor_descent import Descent


@dataclass(frozen=True, eq=False)
class Progress:
    """Best point of a problem so far and where its descent stands; values relative to the isotropic X.

    Attributes:
        point: the best point.
        resume: where the descent stands.
        value: of the best point.
        bound: proven there.
        iterations: accepted steps.
        evaluations: of value and gradient.
        engine: what searches.
        values: of the start of the descent and after each step.
        found: best points when they were certified: steps before, value, and lower bound.
    """

    point: np.ndarray
    resume: np.ndarray
    value: float = np.inf
    bound: float = 0.0
    iterations: int = 0
    evaluations: int = 0
    engine: str = "factor descent"
    values: tuple[float, ...] = ()
    found: tuple[tuple[int, float, float], ...] = ()

    @property
    def gap(self) -> float:
        """Certified relative distance of the best point from the optimum; 0 when value and bound are both 0."""
        return 1.0 - self.bound / self.value if self.value else 0.0

    @property
    def history(self) -> tuple[list[float], list[float]]:
        """Values of descents and certified points in their order, and the bound known with each."""
        trace, bounds, start, best = [], [], 0, 0.0
        for step, value, bound in self.found:
            trace += [*self.values[start : step + 1], value]
            bounds += [best] * (len(trace) - 1 - len(bounds)) + [bound]
            start, best = step + 1, bound
        trace += self.values[start:]
        return trace, bounds + [best] * (len(trace) - len(bounds))

    def descended(self, descent: Descent) -> "Progress":
        """After a descent; nothing is certified yet."""
        return replace(
            self,
            resume=descent.point,
            iterations=self.iterations + len(descent.trace) - 1,
            evaluations=self.evaluations + descent.n_evaluations,
            values=self.values + (descent.trace[1:] if self.values else descent.trace),
        )

    def certified(
        self, point: np.ndarray, value: float, bound: float, cost: int, step: int | None = None
    ) -> "Progress":
        """After the certificate of a candidate, which replaces the best point if its gap is smaller.

        Args:
            point: the candidate.
            value: there.
            bound: proven there.
            cost: evaluations.
            step: of the descent after which it was found, if not the last.
        """
        bound, evaluations = min(bound, value), self.evaluations + cost
        if not (value > 0.0 and bound > 0.0 and 1.0 - bound / value < self.gap):
            return replace(self, evaluations=evaluations)
        found = (*self.found, (len(self.values) - 1 if step is None else step, value, bound))
        return replace(self, point=point, value=value, bound=bound, evaluations=evaluations, found=found)
