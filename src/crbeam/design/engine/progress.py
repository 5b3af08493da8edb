"""How far the engine has come with a problem: the best certified point and where the search stands."""

from dataclasses import dataclass, replace

import numpy as np

from crbeam.design.engine.factor_descent import Descent


@dataclass(frozen=True, eq=False)
class Progress:
    """Best point of a problem so far and where its descent stands; values relative to the isotropic X."""

    point: np.ndarray
    resume: np.ndarray
    value: float = np.inf
    bound: float = 0.0
    iterations: int = 0
    evaluations: int = 0
    engine: str = "factor descent"
    trace: tuple[float, ...] = ()
    bounds: tuple[float, ...] = ()

    @property
    def gap(self) -> float:
        """Certified relative distance of the best point from the optimum; 0 when value and bound are both 0."""
        return 1.0 - self.bound / self.value if self.value else 0.0

    def descended(self, descent: Descent) -> "Progress":
        """After a descent; nothing is certified yet."""
        new = descent.trace[1:] if self.trace else descent.trace
        return replace(
            self,
            resume=descent.point,
            iterations=self.iterations + len(descent.trace) - 1,
            evaluations=self.evaluations + descent.n_evaluations,
            trace=self.trace + new,
            bounds=self.bounds + (self.bound,) * len(new),
        )

    def certified(self, point: np.ndarray, value: float, bound: float, cost: int) -> "Progress":
        """After the certificate of a candidate, which replaces the best point if its gap is smaller."""
        best = replace(self, evaluations=self.evaluations + cost)
        bound = min(bound, value)
        if not (value > 0.0 and bound > 0.0 and 1.0 - bound / value < self.gap):
            return best
        return replace(
            best,
            point=point,
            value=value,
            bound=bound,
            trace=(*self.trace, value),
            bounds=(*self.bounds, bound),
        )


class BatchProgress:
    """Best certified points of a batch during its descents, and when they were found.

    A work space of the engine; `certify` changes it in place.
    """

    def __init__(self, points: np.ndarray):
        self.point = points.copy()
        self.value, self.bound = np.full(len(points), np.inf), np.zeros(len(points))
        self.cost = np.zeros(len(points), dtype=int)
        self.found: list[list[tuple[int, float, float]]] = [[] for _ in points]

    @property
    def gap(self) -> np.ndarray:
        """Certified relative distance of each best point from the optimum."""
        return 1.0 - self.bound / self.value

    def certify(
        self, items: np.ndarray, steps: np.ndarray, candidates: tuple[np.ndarray, np.ndarray, np.ndarray]
    ) -> None:
        """Take note of candidates (points, values, lower bounds) that were found after so many steps of each item."""
        points, values, bounds = candidates
        bounds = np.minimum(bounds, values)
        is_better = (values > 0.0) & (bounds > 0.0) & (1.0 - bounds / values < self.gap[items])
        self.cost[items] += 2
        chosen = items[is_better]
        self.point[chosen], self.value[chosen], self.bound[chosen] = (
            points[is_better],
            values[is_better],
            bounds[is_better],
        )
        numbers = (each[is_better].tolist() for each in (steps, values, bounds))
        for item, step, value, bound in zip(chosen.tolist(), *numbers, strict=True):
            self.found[item].append((step, value, bound))

    def of_item(self, item: int, descent: Descent) -> Progress:
        """Progress of one item after its whole descent."""
        trace: list[float] = []
        bounds: list[float] = []
        start, best = 0, 0.0
        for step, value, bound in self.found[item]:
            trace += [*descent.trace[start : step + 1], value]
            bounds += [best] * (step + 1 - start) + [bound]
            start, best = step + 1, bound
        trace += descent.trace[start:]
        bounds += [best] * (len(descent.trace) - start)
        return Progress(
            point=self.point[item],
            resume=descent.point,
            value=float(self.value[item]),
            bound=float(self.bound[item]),
            iterations=len(descent.trace) - 1,
            evaluations=descent.n_evaluations + int(self.cost[item]),
            trace=tuple(trace),
            bounds=tuple(bounds),
        )
