"""Analog networks by descent of the digital optimum over phases."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from crbeam.design.analog.smooth_descent import descend
from crbeam.design.convex.solution import convex_optimum
from crbeam.design.hybrid.networks import with_network
from crbeam.design.hybrid.value_function import ValueFunction
from crbeam.design.hybrid.views import NetworkView
from crbeam.design.result import Proposal

#: Accuracy of the value, from one stage of a descent to the next.
STAGES = (1e-2, 1e-3, 1e-4, 1e-5)
#: Relative decrease by a step below which a stage ends, as a share of its accuracy.
LEAST_DECREASE = 1e-3
#: Largest component of the gradient of the logarithm at which a stage ends.
FLAT = 1e-7


@dataclass(frozen=True, eq=False)
class NetworkDescent:
    """Where a descent over phases ended.

    Attributes:
        phases_rad: of all antennas.
        trace: least optimum behind a network so far, at the start and after each step; of the relaxed problem, in which
            requirements may be missed at a price.
        evaluations: of value and gradient.
    """

    phases_rad: Float[np.ndarray, " antenna"]
    trace: tuple[float, ...]
    evaluations: int


def descended(
    view: NetworkView, start_rad: Float[np.ndarray, " antenna"], *, digital: float, price: float, max_iterations: int
) -> NetworkDescent:
    """Descent from one start in stages of growing accuracy.

    Args:
        view: the problem as a function of the network.
        start_rad: first phases.
        digital: optimum without a network.
        price: of missing a requirement, relative to its size and to the objective at the isotropic covariance.
        max_iterations: of each stage.
    """
    phases_rad, evaluations = start_rad, 0
    trace: list[float] = []
    value = ValueFunction(view, STAGES[0], price, digital / view.program.unit)
    for accuracy in STAGES:
        count = _Counted(replace(value, accuracy=accuracy))
        found = descend(
            count, phases_rad, max_iterations=max_iterations, tolerance=FLAT, least_decrease=LEAST_DECREASE * accuracy
        )
        phases_rad, evaluations = found.point, evaluations + count.calls
        trace += [view.program.unit * float(np.exp(each)) for each in found.trace]
    return NetworkDescent(phases_rad, tuple(np.minimum.accumulate(trace).tolist()), evaluations)


class _Counted:
    """A function that counts how often it is called."""

    def __init__(self, function: ValueFunction):
        self.function, self.calls = function, 0

    def __call__(self, point: np.ndarray) -> tuple[float, np.ndarray]:
        self.calls += 1
        return self.function(point)


def finished(view: NetworkView, phases_rad: Float[np.ndarray, " antenna"], *, tolerance: float) -> Proposal:
    """The digital optimum behind a network, with the network.

    Raises:
        Infeasible: the requirements cannot be met behind it.
    """
    network = view.hybrid.network(phases_rad)
    optimum = convex_optimum(with_network(view.problem, network), tolerance=tolerance)
    return replace(optimum, networks={view.hybrid.port: network}, evidence=None)
