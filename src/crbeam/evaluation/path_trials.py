"""Trials over paths of plane waves: what they have in common for every link, and the bounds of what they estimate."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from jaxtyping import Float

from crbeam.design.beamformers import beamformers_from_covariance
from crbeam.errors import InvalidInput
from crbeam.estimation import LinkModel, signal_to_noise
from crbeam.estimation.position_fix import Method
from crbeam.estimation.prediction import RANGE_RATE, State, predict
from crbeam.evaluation.estimator_trials import Subjects, TrialSetting, quantities_of
from crbeam.information import ParameterLayout
from crbeam.information.transmission import Covariances
from crbeam.propagation.jacobians import doppler_shifts_hz
from crbeam.systems import System, World, system_of
from crbeam.systems.hamrouni2026 import range_rate_map

#: Most complex numbers of one observation.
MOST_NUMBERS = 2**23


def path_subjects(
    scenario: World,
    covariances: Covariances,
    *,
    method: Method,
    assumed: State,
    seed: int,
) -> Subjects:
    """Links whose paths are plane waves, alone and together.

    Args:
        scenario: the world, or its system.
        covariances: the transmission.
        method: how states are estimated.
        assumed: state parameters that links to the user take as known.
        seed: of the noise.
    """
    system = system_of(scenario)
    settings = _settings(system, covariances, method, assumed, seed)
    strangers = [name for name in assumed if name not in system.true_state()]
    if strangers:
        raise InvalidInput(f"Assumed must be state parameters of the scenario, found {', '.join(strangers)}.")
    return Subjects(
        method,
        settings,
        path_snr_db(system, covariances),
        lambda names: _root_bounds(system, covariances, {name: settings[name].layout for name in names}),
    )


def _root_bounds(
    system: System, covariances: Covariances, layouts: Mapping[str, ParameterLayout]
) -> dict[str, dict[str, float]]:
    """Root bounds of the quantities of each link in the scenario's own noise, for the beams that fit into the slots."""
    sent = {block: beams @ beams.conj().T for block, beams in _beams(system, covariances).items()}
    maps = system.link_maps()
    bounds = {}
    for name, layout in layouts.items():
        known = maps[name] if RANGE_RATE not in layout else range_rate_map(system.scenario, maps[name])
        information = known.at(sent)
        bounds[name] = {key: information.root_bound(names) for key, names in quantities_of(layout).items()}
    return bounds


def path_snr_db(scenario: World, covariances: Covariances) -> dict[str, float]:
    """Signal-to-noise ratio of each link of a scenario, and of all together, as `signal_to_noise` defines it.

    The transmission does not matter; it only completes the links' models.
    """
    system = system_of(scenario)
    truth, paths = system.true_state(), system.paths()
    energies, antennas = {}, {}
    models = system.link_models(_beams(system, covariances))
    for name, model in models.items():
        both = predict(model, truth)
        if both is None:
            raise InvalidInput(f"The points of link `{name}` must not coincide.")
        power_w = system.scenario.power_per_subcarrier_w(system.scenario.links[model.name].transmitter)
        energies[name] = signal_to_noise(model, both[0], paths[model.name].gain, power_w)
        antennas[name] = len(model.receive_positions_wavelengths)
    return {
        name: float(
            10.0 * np.log10(np.average([energies[each] for each in group], weights=[antennas[each] for each in group]))
        )
        for name, group in _groups(system, models).items()
    }


def _groups(system: System, models: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Links that are observed together, of those that the transmission reaches."""
    return {name: group for name, group in system.joint_links().items() if set(group) <= set(models)}


def _beams(system: System, covariances: Covariances) -> dict[str, np.ndarray]:
    """Beams of every block that a transmission determines."""
    slots = system.scenario.waveform.slots
    return {
        block: beamformers_from_covariance(covariance, slots).matrix
        for block, covariance in system.completed(covariances).items()
    }


def _settings(
    system: System, covariances: Covariances, method: Method, assumed: State, seed: int
) -> dict[str, TrialSetting]:
    models = system.link_models(_beams(system, covariances))
    paths, truth = system.paths(), _whole_truth(system)
    for model in models.values():
        _require_manageable(model)
        _require_unambiguous(model, doppler_shifts_hz(paths[model.name]))
    groups = _groups(system, models)
    if method == "sequential":
        groups = {name: group for name, group in groups.items() if _has_prior([models[each] for each in group])}
    gains = {name: paths[model.name].gain for name, model in models.items()}
    numbers = {name: index for index, name in enumerate(models)}
    return {
        name: TrialSetting(
            models=tuple(models[each] for each in group),
            streams=tuple(numbers[each] for each in group),
            gains=tuple(gains[each] for each in group),
            truth=truth,
            method=method,
            assumed=assumed,
            seed=seed,
        )
        for name, group in groups.items()
    }


def _has_prior(models: Sequence[LinkModel]) -> bool:
    """Whether echoes are among the observations, as a prior for a link to the user among them."""
    return {model.is_monostatic for model in models} == {True, False}


def _require_manageable(model: LinkModel) -> None:
    """Refuse observations that do not fit into memory many times over."""
    count = len(model.frequency_hz) * model.n_symbols * model.beams.shape[1] * model.n_chains
    if count > MOST_NUMBERS:
        raise InvalidInput(
            f"An observation must have at most {MOST_NUMBERS} numbers, but one of link `{model.name}` has {count}: "
            f"{len(model.frequency_hz)} subcarriers, {model.n_symbols} symbols, {model.beams.shape[1]} beams, "
            f"{model.n_chains} receive chains. Set waveform.subcarriers, slots or symbols_per_slot lower; a longer "
            "waveform.cyclic_prefix keeps the duration."
        )


def _require_unambiguous(model: LinkModel, shifts_hz: Float[np.ndarray, " path"]) -> None:
    """Refuse Doppler shifts that symbols are too rare to tell from smaller ones."""
    largest_hz = float(np.max(np.abs(shifts_hz)))
    if largest_hz >= 0.5 * model.doppler_period_hz:
        raise InvalidInput(
            f"Doppler shifts must be less than half the symbol rate of {model.doppler_period_hz:.6g} Hz, but in link "
            f"`{model.name}` one is {largest_hz:.6g} Hz; set waveform.cyclic_prefix shorter."
        )


def _whole_truth(system: System) -> dict[str, Float[np.ndarray, "..."]]:
    """True state with the range rate of a user that moves, which is what echoes alone tell of its velocity."""
    truth = system.true_state()
    if "user_velocity" not in truth:
        return truth
    station = next(iter(system.scenario.stations.values()))
    away_m = truth["user_position"] - np.array(station.position_m)
    return {**truth, RANGE_RATE: np.array([truth["user_velocity"] @ away_m / np.hypot(*away_m)])}
