"""From the observation of one link to positions, orientation and clock bias."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Complex, Float

from crbeam.errors import InvalidInput
from crbeam.estimation.link_model import LinkModel
from crbeam.estimation.path_estimates import PathEstimates, estimate_paths, refine_paths
from crbeam.estimation.prediction import RANGE_RATE, LinkState, State, as_state, as_vector, link_state_layout
from crbeam.estimation.scoring import Maximum, maximise
from crbeam.estimation.triangulation import BistaticStart, triangulate
from crbeam.information import ParameterLayout
from crbeam.scenario import SPEED_OF_LIGHT_MPS

#: Loss of log-likelihood up to which another maximum is kept, and difference below which two are one.
MOST_DEFICIT = 20.0
LEAST_DIFFERENCE = 1e-3

Method = Literal["two-stage", "direct", "sequential"]
Observation = Complex[np.ndarray, "subcarrier symbol_beam_chain"]


@dataclass(frozen=True, eq=False)
class StateEstimate:
    """What an observation says about the scene.

    Attributes:
        state: estimate of each state parameter.
        has_converged: whether the search that gave the state ended in a maximum; of two stages, both.
    """

    state: dict[str, np.ndarray]
    has_converged: bool


def estimate_link(
    model: LinkModel,
    observation: Observation,
    *,
    method: Method = "direct",
    assumed: Mapping[str, Float[np.ndarray, "..."]] | None = None,
) -> StateEstimate:
    """State of the scene by one link.

    `two-stage`: maximum-likelihood estimates of the path parameters, then the state nearest to them in the metric of
    their Fisher information (gains eliminated, at the estimate). `direct`: the state that maximises the likelihood of
    the observation itself, started from there. Both attain the bound at high signal-to-noise ratio. `sequential` is
    `direct` for one link.

    Echoes to the station determine objects up to their order and up to the side of the array's line: the first is by
    increasing delay, the second side 1; `crbeam.estimation.matching` matches both.

    Args:
        model: the link.
        observation: in units of the noise.
        method: how the state is found.
        assumed: state parameters that are taken as known, with their values, right or wrong; echoes alone take none.

    Raises:
        InvalidInput: there is only one subcarrier, so that delays leave no trace.
    """
    return estimates_of_link(model, observation, method=method, assumed=assumed)[0][0]


def estimates_of_link(
    model: LinkModel, observation: Observation, *, method: Method, assumed: State | None = None
) -> tuple[list[StateEstimate], PathEstimates]:
    """`estimate_link` and other maxima of nearly the same likelihood, best first; and the paths that they rest on."""
    if len(model.frequency_hz) < 2:
        raise InvalidInput(f"Positions need delays, and delays at least two subcarriers; link `{model.name}` has one.")
    estimates = estimate_paths(model, observation)
    if model.is_monostatic:
        return [_monostatic(model, estimates)], estimates
    return _bistatic(model, observation, estimates, method, assumed or {}), estimates


def _monostatic(model: LinkModel, estimates: PathEstimates) -> StateEstimate:
    """Position of each echo by its direction and delay, and range rate of the user by its Doppler shift.

    There are as many unknowns as path parameters, so all methods give this.
    """
    parameters = estimates.parameters
    angle_rad = parameters.departure_rad + model.station_orientation_rad
    distance_m = 0.5 * SPEED_OF_LIGHT_MPS * parameters.delay_s
    position_m = model.station_m + distance_m[:, None] * np.stack([np.cos(angle_rad), np.sin(angle_rad)], axis=1)
    names = [name for name in model.names.vertices if name is not None]
    state = dict(zip(names, position_m, strict=True))
    if model.moving and model.wavelength_m is not None:
        state[RANGE_RATE] = -0.5 * model.wavelength_m * parameters.doppler_hz[list(model.moving)]
    return StateEstimate(state, estimates.has_converged)


def _bistatic(
    model: LinkModel, observation: Observation, estimates: PathEstimates, method: Method, assumed: State
) -> list[StateEstimate]:
    layout = link_state_layout(model)
    free = layout.select([name for name in layout if name not in assumed])
    view = LinkState(model, free, assumed)
    starts = triangulate(model, estimates)
    if not starts:
        return [StateEstimate(_nowhere(model, layout, estimates, assumed), False)]
    found = [_fix(view, observation, estimates, start, method) for start in starts]
    reached = [each for each in found if each is not None]
    if not reached:
        return [StateEstimate({**starts[0].state, **assumed}, False)]
    return [StateEstimate({**as_state(free, each.point), **assumed}, each.has_converged) for each in _distinct(reached)]


def _distinct(maxima: list[Maximum]) -> list[Maximum]:
    """Maxima of different likelihood, best first, down to those that are not worth to be kept."""
    ordered = sorted(maxima, key=lambda each: -each.score.energy)
    kept = ordered[:1]
    for each in ordered[1:]:
        is_near = each.score.energy >= ordered[0].score.energy - MOST_DEFICIT
        if is_near and kept[-1].score.energy - each.score.energy > LEAST_DIFFERENCE:
            kept.append(each)
    return kept


def _fix(
    view: LinkState, observation: Observation, estimates: PathEstimates, start: BistaticStart, method: Method
) -> Maximum | None:
    """Best state near a start, with its likelihood as score."""
    first = as_vector(view.layout, start.state)
    if method != "two-stage":
        return maximise(lambda x: view.likelihood(observation, x), first)
    paths = refine_paths(view.model, observation, start.paths, estimates.lobes, folded=False)
    nearest = maximise(lambda x: view.distance(paths.parameters, paths.information, x), first)
    if nearest is None:
        return None
    score = view.likelihood(observation, nearest.point)
    converged = nearest.has_converged and paths.has_converged
    return None if score is None else Maximum(nearest.point, score, converged, nearest.iterations)


def _nowhere(model: LinkModel, layout: ParameterLayout, estimates: PathEstimates, assumed: State) -> dict:
    """A state that means failure: everything at the distance of the latest delay difference, straight ahead."""
    delays_s = estimates.parameters.delay_s
    distance_m = SPEED_OF_LIGHT_MPS * max(float(np.ptp(delays_s)), 1.0 / model.bandwidth_hz)
    ahead_rad = model.station_orientation_rad + model.transmit_axis_rad + 0.5 * np.pi * model.user_side
    place_m = model.station_m + distance_m * np.array([np.cos(ahead_rad), np.sin(ahead_rad)])
    sizes = dict(zip(layout.names, layout.sizes, strict=True))
    nothing = {
        name: np.zeros(size) if size == 1 or name == model.names.velocity else place_m for name, size in sizes.items()
    }
    return {**nothing, **assumed}
