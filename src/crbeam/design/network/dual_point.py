"""Points of the Lagrangian dual of a network's program."""

from dataclasses import dataclass

import numpy as np

from crbeam.design.network.program import NetworkProgram


@dataclass(frozen=True, eq=False)
class Unknowns:
    """Where the unknowns of a point are: users, budgets, then for each bound the entries of Z and its nu.

    Attributes:
        users: their multipliers.
        budgets: their prices.
        entries: of Z of each bound; empty slices for bounds that take no part.
        scales: place of nu of each bound; None where it is 1, as for minimised bounds.
        size: number of unknowns.
    """

    users: slice
    budgets: slice
    entries: tuple[slice, ...]
    scales: tuple[int | None, ...]
    size: int


def unknowns_of(program: NetworkProgram) -> Unknowns:
    """Places of all unknowns of a program's dual."""
    users = len(program.factors)
    place = users + len(program.budgets)
    entries: list[slice] = []
    scales: list[int | None] = []
    for bound, counts in zip(program.bounds, program.counted, strict=True):
        size = bound.selection.size if counts else 0
        entries.append(slice(place, place + size))
        place += size
        scales.append(place if counts and bound.is_limited else None)
        place += counts and bound.is_limited
    return Unknowns(slice(0, users), slice(users, users + len(program.budgets)), tuple(entries), tuple(scales), place)


@dataclass(frozen=True, eq=False)
class DualPoint:
    """A point of the dual: mu of each user, prices, Z of each bound, and its nu."""

    multipliers: np.ndarray
    prices: np.ndarray
    responses: tuple[np.ndarray, ...]
    scales: np.ndarray

    def moved(self, step: np.ndarray, unknowns: Unknowns) -> "DualPoint":
        """The point after a step in all unknowns."""
        responses = tuple(
            each + step[entries].reshape(each.shape) if entries.start < entries.stop else each
            for each, entries in zip(self.responses, unknowns.entries, strict=True)
        )
        rises = [0.0 if place is None else float(step[place]) for place in unknowns.scales]
        multipliers, prices = self.multipliers + step[unknowns.users], self.prices + step[unknowns.budgets]
        return DualPoint(multipliers, prices, responses, self.scales + np.array(rises))

    @property
    def directions(self) -> tuple[np.ndarray, ...]:
        """`Z / sqrt(nu)` of each bound."""
        return tuple(each / np.sqrt(scale) for each, scale in zip(self.responses, self.scales, strict=True))


def dual_value(program: NetworkProgram, point: DualPoint) -> float:
    """D in units of the objective."""
    value = float(point.multipliers.sum()) - price_of_budgets(program, point)
    for bound, counts, response, scale in zip(
        program.bounds, program.counted, point.responses, point.scales, strict=True
    ):
        if counts:
            curved = float(np.sum(response * (bound.constant @ response))) / scale
            value += 2.0 * float(np.sum(bound.selection * response)) - curved - (scale if bound.is_limited else 0.0)
    return value


def price_of_budgets(program: NetworkProgram, point: DualPoint) -> float:
    """`P . lam`, or half its square where only the budgets count: then the maximum is `t^2 / 2`."""
    price = float(program.spared_budgets @ point.prices)
    return 0.5 * price**2 if program.decides else price
