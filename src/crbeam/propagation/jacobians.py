"""Derivatives of departure, arrival and delay of paths with respect to the points that they visit."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from crbeam.propagation.paths import Paths
from crbeam.scenario import SPEED_OF_LIGHT_MPS


@dataclass(frozen=True, eq=False)
class PathGradients:
    """Gradients of (departure, arrival, delay) of each path with respect to positions.

    Angles in rad/m, delays in s/m.

    Attributes:
        transmitter: with respect to the transmitter.
        vertex: with respect to the bounce point; zero for the line of sight.
        receiver: with respect to the receiver.
    """

    transmitter: Float[np.ndarray, "path 3 2"]
    vertex: Float[np.ndarray, "path 3 2"]
    receiver: Float[np.ndarray, "path 3 2"]


def path_gradients(paths: Paths) -> PathGradients:
    """How the paths of a link change as the transmitter, a bounce point or the receiver moves.

    The azimuth g of a displacement of length r has the gradient `(-sin g, cos g) / r`, its length `(cos g, sin g)`.

    Reference: zhang2025 eq. (7).
    """
    rows = [_rows(paths, path) for path in range(paths.n_paths)]
    return PathGradients(*(np.stack(part) for part in zip(*rows, strict=True)))


def _unit_and_normal(vector_m: Float[np.ndarray, "2"]) -> tuple[Float[np.ndarray, "2"], Float[np.ndarray, "2"]]:
    """Unit vector u of a displacement and the gradient of its azimuth, `(-u_y, u_x) / length`."""
    length = float(np.hypot(*vector_m))
    unit = vector_m / length
    return unit, np.array([-unit[1], unit[0]]) / length


def _rows(
    paths: Paths, path: int
) -> tuple[Float[np.ndarray, "3 2"], Float[np.ndarray, "3 2"], Float[np.ndarray, "3 2"]]:
    zero = np.zeros(2)
    if paths.vertex_names[path] is None:
        unit, normal = _unit_and_normal(paths.receiver_m - paths.transmitter_m)
        receiver = np.stack([normal, normal, unit / SPEED_OF_LIGHT_MPS])
        return -receiver, np.zeros((3, 2)), receiver
    out, out_normal = _unit_and_normal(paths.vertex_m[path] - paths.transmitter_m)
    back, back_normal = _unit_and_normal(paths.vertex_m[path] - paths.receiver_m)
    transmitter = np.stack([-out_normal, zero, -out / SPEED_OF_LIGHT_MPS])
    receiver = np.stack([zero, -back_normal, -back / SPEED_OF_LIGHT_MPS])
    return transmitter, -(transmitter + receiver), receiver
