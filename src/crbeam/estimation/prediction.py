"""The paths of a link that a state implies, with their derivatives."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
from jaxtyping import Complex, Float

from crbeam.errors import InvalidInput
from crbeam.estimation.link_model import LinkModel, wrapped, wrapped_rad
from crbeam.estimation.observations import PathParameters, local_parameters
from crbeam.estimation.path_likelihood import Score, path_score
from crbeam.information import ParameterLayout
from crbeam.information.state import state_jacobian, state_layout
from crbeam.propagation import Paths
from crbeam.propagation.jacobians import doppler_gradients
from crbeam.propagation.paths import Motion
from crbeam.scenario import SPEED_OF_LIGHT_MPS

#: Two objects nearer to each other than this have no direction.
LEAST_DISTANCE_M = 1e-6
#: Positions farther away than this are no estimates.
MOST_DISTANCE_M = 1e7

#: What echoes alone tell of the user's velocity: the rate at which its distance from the station grows.
RANGE_RATE = "user_range_rate"

State = Mapping[str, Float[np.ndarray, "..."]]


def link_state_layout(model: LinkModel) -> ParameterLayout:
    """State parameters that a link depends on, without its gains."""
    layout = state_layout(model.name, model.names, model.n_paths)
    return layout.select([name for name in layout if "/" not in name])


def joint_state_layout(models: Sequence[LinkModel]) -> ParameterLayout:
    """State parameters that links determine together, without gains; of a velocity echoes alone tell the range rate."""
    layout = reduce(ParameterLayout.union, map(link_state_layout, models))
    if any(not model.is_monostatic for model in models):
        return layout
    velocities = {model.names.velocity for model in models}
    sizes = dict(zip(layout.names, layout.sizes, strict=True))
    return ParameterLayout.of(
        {RANGE_RATE if name in velocities else name: 1 if name in velocities else size for name, size in sizes.items()}
    )


def user_names(model: LinkModel) -> tuple[str, str, str]:
    """Names of the position, orientation and clock bias of the user who receives a link."""
    names = model.names
    if names.receiver is None or names.orientation is None or names.clock is None:
        raise InvalidInput(f"Link `{model.name}` must lead to the user, with unknown orientation and clock bias.")
    return names.receiver, names.orientation, names.clock


def as_vector(layout: ParameterLayout, state: State) -> Float[np.ndarray, " parameter"]:
    """Components of a state in the order of a layout."""
    return np.concatenate([np.atleast_1d(state[name]) for name in layout])


def as_state(layout: ParameterLayout, vector: Float[np.ndarray, " parameter"]) -> dict[str, np.ndarray]:
    """A state from its components."""
    return {name: vector[layout[name]].copy() for name in layout}


def paths_of_state(model: LinkModel, state: State) -> Paths | None:
    """Paths of a link for given positions, orientation and clock bias; None if two of its points coincide.

    Gains are zero: they are no part of a state.
    """
    names = model.names
    receiver_m = model.station_m if names.receiver is None else state[names.receiver]
    rest_m = [receiver_m if name is None else state[name] for name in names.vertices]
    objects_m = np.stack([np.asarray(each, dtype=float) for each in rest_m])
    out_m, back_m = objects_m - model.station_m, objects_m - receiver_m
    first_m, second_m = np.hypot(*out_m.T), np.hypot(*back_m.T)
    is_direct = np.array([name is None for name in names.vertices])
    if not _are_distances(np.where(is_direct, first_m, np.minimum(first_m, second_m)), first_m + second_m):
        return None
    back_m[is_direct] = model.station_m - receiver_m
    clock_bias_s = 0.0 if names.clock is None else float(np.squeeze(state[names.clock]))
    return Paths(
        link=model.name,
        transmitter_m=model.station_m,
        receiver_m=np.asarray(receiver_m, dtype=float),
        vertex_m=np.where(is_direct[:, None], np.nan, objects_m),
        vertex_names=names.vertices,
        departure_rad=np.arctan2(out_m[:, 1], out_m[:, 0]),
        arrival_rad=np.arctan2(back_m[:, 1], back_m[:, 0]),
        delay_s=(first_m + second_m) / SPEED_OF_LIGHT_MPS + clock_bias_s,
        gain=np.zeros(model.n_paths, dtype=complex),
        motion=_motion(model, state),
    )


def _motion(model: LinkModel, state: State) -> Motion | None:
    """How the user moves in a state, by its velocity or, if echoes alone are known, by its range rate."""
    if not model.moving or model.names.velocity is None or model.wavelength_m is None:
        return None
    mover = model.names.vertices[model.moving[0]] if model.is_monostatic else None
    if model.names.velocity in state:
        return Motion(np.asarray(state[model.names.velocity], dtype=float), model.wavelength_m, mover)
    assert mover is not None
    away_m = state[mover] - model.station_m
    return Motion(np.squeeze(state[RANGE_RATE]) * away_m / np.hypot(*away_m), model.wavelength_m, mover)


def with_velocity(
    model: LinkModel, state: State, doppler_hz: Float[np.ndarray, " path"]
) -> dict[str, Float[np.ndarray, "..."]]:
    """A state of positions with the velocity that fits the Doppler shifts of all paths to the user best."""
    name = model.names.velocity
    if name is None:
        return dict(state)
    resting = {**state, name: np.zeros(2)}
    paths = paths_of_state(model, resting)
    if paths is None:
        return resting
    return {**state, name: np.linalg.lstsq(doppler_gradients(paths).mover, doppler_hz, rcond=None)[0]}


def _are_distances(least_m: Float[np.ndarray, " path"], most_m: Float[np.ndarray, " path"]) -> bool:
    return bool(np.all(least_m > LEAST_DISTANCE_M) and np.all(most_m < MOST_DISTANCE_M))


def predict(model: LinkModel, state: State) -> tuple[PathParameters, Paths] | None:
    """Local path parameters of a link for a given state, and the paths; None where they do not exist."""
    paths = paths_of_state(model, state)
    if paths is None:
        return None
    names = model.names
    orientation_rad = 0.0 if names.orientation is None else float(np.squeeze(state[names.orientation]))
    return local_parameters(model, paths, orientation_rad), paths


@dataclass(frozen=True, eq=False)
class LinkState:
    """How a link sees a state that may hold more than it depends on.

    Attributes:
        model: the link.
        layout: parameters of the whole state.
        fixed: values of parameters that are taken as known.
    """

    model: LinkModel
    layout: ParameterLayout
    fixed: State

    def predicted(
        self, vector: Float[np.ndarray, " parameter"]
    ) -> tuple[PathParameters, Float[np.ndarray, "path_parameter parameter"]] | None:
        """Path parameters for a state, and their Jacobian; None where they do not exist."""
        both = predict(self.model, {**as_state(self.layout, vector), **self.fixed})
        if both is None:
            return None
        parameters, paths = both
        whole, own = state_jacobian(paths, self.model.names)
        rows = 3 * self.model.n_paths + len(self.model.moving)
        jacobian = np.zeros((rows, self.layout.size))
        shared = [name for name in own if name in self.layout]
        jacobian[:, self.layout.indices(shared)] = whole[:rows, own.indices(shared)]
        return parameters, jacobian

    def likelihood(
        self, observation: Complex[np.ndarray, "subcarrier symbol_beam_chain"], vector: Float[np.ndarray, " parameter"]
    ) -> Score | None:
        """Score of the state by the observation itself."""
        both = self.predicted(vector)
        if both is None:
            return None
        return path_score(self.model, observation, both[0]).chained(both[1])

    def distance(
        self,
        estimate: PathParameters,
        information: Float[np.ndarray, "path_parameter path_parameter"],
        vector: Float[np.ndarray, " parameter"],
    ) -> Score | None:
        """Score of the state by path parameters that were estimated with a given accuracy (weighted least squares).

        `energy = -d^T A d` for the difference d of path parameters and half their Fisher information A.
        """
        both = self.predicted(vector)
        if both is None:
            return None
        difference = path_difference(self.model, estimate, both[0])
        pull = information @ difference
        energy = -float(difference @ pull)
        return Score(energy, pull, information, np.zeros(0, dtype=complex)).chained(both[1])


def path_difference(
    model: LinkModel, first: PathParameters, second: PathParameters
) -> Float[np.ndarray, " path_parameter"]:
    """First minus second, departure, arrival, delay, Doppler shift of those that move.

    Angles are modulo a turn, delays and Doppler shifts modulo their periods.
    """
    shift_hz = wrapped(first.doppler_hz - second.doppler_hz, model.doppler_period_hz)
    return np.concatenate(
        [
            wrapped_rad(first.departure_rad - second.departure_rad),
            wrapped_rad(first.arrival_rad - second.arrival_rad),
            wrapped(first.delay_s - second.delay_s, model.delay_period_s),
            shift_hz[list(model.moving)],
        ]
    )
