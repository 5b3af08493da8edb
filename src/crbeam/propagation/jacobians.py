"""Derivatives of departure, arrival, delay and Doppler shift of paths with respect to points and velocities."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from crbeam.errors import InvalidInput
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


@dataclass(frozen=True, eq=False)
class DopplerGradients:
    """Gradients of the Doppler shift of each moving path.

    Attributes:
        mover: with respect to the velocity of what moves, in 1/m; the shift is `mover @ velocity_mps`.
        vertex: with respect to the bounce point, in Hz/m; zero for the line of sight.
        receiver: with respect to the receiver, in Hz/m; zero for echoes, whose receiver stands still.
    """

    mover: Float[np.ndarray, "path 2"]
    vertex: Float[np.ndarray, "path 2"]
    receiver: Float[np.ndarray, "path 2"]


def doppler_shifts_hz(paths: Paths) -> Float[np.ndarray, " path"]:
    """Doppler shift of every path, `-(1 / wavelength) d(length)/dt`; zero for paths that do not move.

    A user that moves away from the last point of a path by the speed s shifts it by `-s / wavelength`; an echo off the
    user goes both ways, `-2 s / wavelength`. The signal turns as `exp(+2j pi doppler t)`.

    Reference: hamrouni2026 section II-B.
    """
    shifts_hz = np.zeros(paths.n_paths)
    if paths.motion is not None:
        shifts_hz[list(paths.moving)] = doppler_gradients(paths).mover @ paths.motion.velocity_mps
    return shifts_hz


def doppler_gradients(paths: Paths) -> DopplerGradients:
    """How the Doppler shifts of the moving paths of a link change with positions and velocity.

    With the unit vector u of a leg of length r that ends at what moves, the leg's rate of change is `v . u`, whose
    gradients are u with respect to v and `(v - (v . u) u) / r` with respect to that end.

    Raises:
        InvalidInput: nothing moves.
    """
    if paths.motion is None:
        raise InvalidInput(f"Something must move for link `{paths.link}` to have Doppler shifts, but nothing does.")
    rows = [_doppler_rows(paths, path) for path in paths.moving]
    stacked = np.reshape(rows, (len(rows), 3, 2)) / -paths.motion.wavelength_m
    return DopplerGradients(stacked[:, 0], stacked[:, 1], stacked[:, 2])


def _doppler_rows(paths: Paths, path: int) -> tuple[Float[np.ndarray, "2"], ...]:
    """Gradients of the rate of a path's length with respect to velocity, bounce point and receiver."""
    assert paths.motion is not None
    velocity_mps = paths.motion.velocity_mps
    vertex_m, zero = paths.vertex_m[path], np.zeros(2)
    if paths.motion.mover is not None:
        out, out_rate = _leg_rate(vertex_m - paths.transmitter_m, velocity_mps)
        back, back_rate = _leg_rate(vertex_m - paths.receiver_m, velocity_mps)
        return out + back, out_rate + back_rate, zero
    if paths.vertex_names[path] is None:
        unit, rate = _leg_rate(paths.receiver_m - paths.transmitter_m, velocity_mps)
        return unit, zero, rate
    unit, rate = _leg_rate(paths.receiver_m - vertex_m, velocity_mps)
    return unit, -rate, rate


def _leg_rate(
    vector_m: Float[np.ndarray, "2"], velocity_mps: Float[np.ndarray, "2"]
) -> tuple[Float[np.ndarray, "2"], Float[np.ndarray, "2"]]:
    """Unit vector u of a leg, and the gradient of `velocity . u` with respect to the end that moves."""
    length = float(np.hypot(*vector_m))
    unit = vector_m / length
    return unit, (velocity_mps - (velocity_mps @ unit) * unit) / length
