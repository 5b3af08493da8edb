"""From the parameters of paths to the state of the scene."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from crbeam.information.parameters import ParameterLayout
from crbeam.propagation.jacobians import doppler_gradients, path_gradients
from crbeam.propagation.paths import Paths


@dataclass(frozen=True)
class StateNames:
    """Which state parameter each quantity of a link depends on; None if that quantity is known.

    Attributes:
        vertices: position parameter of each path's bounce point; None for the line of sight.
        receiver: position parameter of the receiver.
        orientation: orientation parameter of the receiver, added to every arrival angle.
        clock: clock bias of the receiver, added to every delay.
        orientation_sign: sign with which the orientation is added.
        velocity: velocity parameter of what moves, which shifts frequencies; None in a static scene.
    """

    vertices: tuple[str | None, ...]
    receiver: str | None = None
    orientation: str | None = None
    clock: str | None = None
    orientation_sign: int = 1
    velocity: str | None = None


def position_parameter(vertex_name: str) -> str:
    """Position parameter of an object that paths visit: `target_position[0]` of `target[0]`."""
    word, bracket, index = vertex_name.partition("[")
    return f"{word}_position{bracket}{index}"


def path_layout(link: str, n_paths: int, moving: Sequence[int] = ()) -> ParameterLayout:
    """Parameters of the paths of one link: departure, arrival (local angle), delay and complex gain of each.

    Paths that move have a Doppler shift too.
    """
    every = range(n_paths)
    words = (("departure", 1, every), ("arrival", 1, every), ("delay", 1, every), ("doppler", 1, moving))
    sizes = {f"{link}/{word}[{path}]": size for word, size, paths in (*words, ("gain", 2, every)) for path in paths}
    return ParameterLayout.of(sizes)


def state_layout(link: str, names: StateNames, n_paths: int) -> ParameterLayout:
    """State parameters that a link depends on, with its gains as nuisances of its own.

    Order: receiver position, velocity, orientation, bounce points, clock bias, gains.
    """
    sizes = {}
    if names.receiver:
        sizes[names.receiver] = 2
    if names.velocity:
        sizes[names.velocity] = 2
    if names.orientation:
        sizes[names.orientation] = 1
    sizes.update({name: 2 for name in names.vertices if name})
    if names.clock:
        sizes[names.clock] = 1
    sizes.update({f"{link}/gain[{path}]": 2 for path in range(n_paths)})
    return ParameterLayout.of(sizes)


def state_jacobian(
    paths: Paths, names: StateNames
) -> tuple[Float[np.ndarray, "path_parameter state_parameter"], ParameterLayout]:
    """Jacobian of path parameters (`path_layout`) with respect to the state (`state_layout`), and that layout.

    Reference: zhang2025 eq. (7); hamrouni2026 eqs. (8), (12).
    """
    old = path_layout(paths.link, paths.n_paths, paths.moving)
    new = state_layout(paths.link, names, paths.n_paths)
    jacobian = np.zeros((old.size, new.size))
    gradients = path_gradients(paths)
    for path in range(paths.n_paths):
        rows = old.indices(f"{paths.link}/{word}[{path}]" for word in ("departure", "arrival", "delay"))
        vertex_name = names.vertices[path]
        if vertex_name:
            jacobian[rows, new[vertex_name]] = gradients.vertex[path]
        if names.receiver:
            jacobian[rows, new[names.receiver]] += gradients.receiver[path]
        if names.orientation:
            jacobian[rows[1], new[names.orientation]] = names.orientation_sign
        if names.clock:
            jacobian[rows[2], new[names.clock]] = 1.0
        gain = f"{paths.link}/gain[{path}]"
        jacobian[old[gain], new[gain]] = np.eye(2)
    if paths.motion is not None:
        _fill_doppler(jacobian, paths, names, (old, new))
    return jacobian, new


def _fill_doppler(
    jacobian: Float[np.ndarray, "path_parameter state_parameter"],
    paths: Paths,
    names: StateNames,
    layouts: tuple[ParameterLayout, ParameterLayout],
) -> None:
    """Write the rows of the Doppler shifts into a Jacobian under construction."""
    old, new = layouts
    gradients = doppler_gradients(paths)
    for place, path in enumerate(paths.moving):
        row = old[f"{paths.link}/doppler[{path}]"]
        parts = (
            (names.velocity, gradients.mover),
            (names.vertices[path], gradients.vertex),
            (names.receiver, gradients.receiver),
        )
        for name, gradient in parts:
            if name:
                jacobian[row, new[name]] += gradient[place]
