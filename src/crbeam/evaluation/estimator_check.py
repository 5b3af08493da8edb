"""Whether estimators reach the bound: root-mean-square errors against root bounds over signal-to-noise ratio."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

import numpy as np
from jaxtyping import Complex, Float

from crbeam.design.beamformers import beamformers_from_covariance
from crbeam.errors import InvalidInput
from crbeam.estimation import Failure, LinkModel, signal_to_noise
from crbeam.estimation.position_fix import Method
from crbeam.estimation.prediction import RANGE_RATE, predict
from crbeam.evaluation.error_statistics import Interval, root_mean_square, share
from crbeam.evaluation.estimator_trials import TrialErrors, TrialSetting, run_trials
from crbeam.information import ParameterLayout
from crbeam.propagation.jacobians import doppler_shifts_hz
from crbeam.scenario import Scenario
from crbeam.systems import covariances_of_blocks, joint_links, link_maps, link_models, paths_of, true_state
from crbeam.systems.hamrouni2026 import range_rate_map

#: Above the threshold no more than this share of the trials fails, and no error exceeds this multiple of its bound.
MOST_FAILURES = 0.01
MOST_RATIO = 1.5
#: Ratios of error to bound between which an estimator counts as efficient.
EFFICIENT = (0.95, 1.10)
#: Joint confidence with which a ratio below 1 is called significant.
JOINT_CONFIDENCE = 0.99
#: Most complex numbers of one observation.
MOST_NUMBERS = 2**23
#: Signal-to-noise ratios that are checked by default, relative to the scenario's own.
DEFAULT_OFFSETS_DB = tuple(range(-20, 26, 5))


@dataclass(frozen=True, eq=False)
class Estimator:
    """How states are estimated.

    Attributes:
        method: `direct`, on the state; `two-stage`, by path parameters; or `sequential`, where several links are
            observed together: what the echoes tell first is a prior for the link to the user.
        assumed: state parameters that links to the user take as known, with their values, right or wrong; the bound
            takes none as known.
    """

    method: Method = "direct"
    assumed: Mapping[str, Float[np.ndarray, "..."]] = field(default_factory=dict)


@dataclass(frozen=True)
class TrialPlan:
    """Which trials there are.

    Attributes:
        snr_db: signal-to-noise ratios of each link, `own` for that which it has in the scenario; by default steps of
            5 dB around it.
        trials: number of trials at each.
        seed: of the noise.
        workers: processes; results do not depend on their number.
    """

    snr_db: tuple[float | Literal["own"], ...] | None = None
    trials: int = 200
    seed: int = 1
    workers: int = 1


@dataclass(frozen=True)
class QuantityCheck:
    """Error of one quantity at one signal-to-noise ratio.

    Attributes:
        rmse: root-mean-square error over all trials, failed ones included.
        root_bound: root of the trace of the bound.
        ratio: of the two, with its 95 % interval.
        jointly_at_most: upper end of the ratio's interval at a confidence that is joint over the whole check.
    """

    rmse: float
    root_bound: float
    ratio: Interval
    jointly_at_most: float


@dataclass(frozen=True, eq=False)
class SnrCheck:
    """All trials of a link at one signal-to-noise ratio.

    Attributes:
        snr_db: mean received energy per antenna and subcarrier over noise power, under isotropic transmission.
        trials: number of trials.
        failures: number of trials that failed, by reason.
        failure_rate: their share, with its 95 % interval.
        quantities: errors by quantity (`user_position_m`, ...).
    """

    snr_db: float
    trials: int
    failures: Mapping[Failure, int]
    failure_rate: Interval
    quantities: Mapping[str, QuantityCheck]

    @property
    def is_regular(self) -> bool:
        """Whether few trials fail and all errors are near their bounds."""
        few = self.failure_rate.value < MOST_FAILURES
        return few and all(each.ratio.value < MOST_RATIO for each in self.quantities.values())

    @property
    def is_efficient(self) -> bool:
        """Whether the interval of every ratio meets `EFFICIENT`."""
        low, high = EFFICIENT
        return all(each.ratio.high >= low and each.ratio.low <= high for each in self.quantities.values())


@dataclass(frozen=True, eq=False)
class LinkCheck:
    """Check of one link, or of several together (`fused`, `posterior`), by increasing signal-to-noise ratio.

    Attributes:
        link: its name.
        own_snr_db: signal-to-noise ratio of the scenario.
        points: one for each signal-to-noise ratio.
    """

    link: str
    own_snr_db: float
    points: tuple[SnrCheck, ...]

    @property
    def threshold_snr_db(self) -> float | None:
        """Lowest ratio from which fewer than 1 % of trials fail and errors are below 1.5 root bounds; None if none."""
        return _lowest_from([(point.snr_db, point.is_regular) for point in self.points])

    @property
    def efficient_snr_db(self) -> float | None:
        """Lowest ratio from which all errors are those of an efficient estimator, failures aside; None if none."""
        return _lowest_from([(point.snr_db, point.is_regular and point.is_efficient) for point in self.points])

    @property
    def below_bound(self) -> tuple[tuple[float, str], ...]:
        """Ratios and quantities, from the threshold on, whose error is significantly below the bound: a mistake."""
        threshold_db = self.threshold_snr_db
        return tuple(
            (point.snr_db, name)
            for point in self.points
            if threshold_db is not None and point.snr_db >= threshold_db
            for name, each in point.quantities.items()
            if each.jointly_at_most < 1.0
        )


def _lowest_from(points: Sequence[tuple[float, bool]]) -> float | None:
    lowest = None
    for snr_db, holds in reversed(points):
        if not holds:
            break
        lowest = snr_db
    return lowest


@dataclass(frozen=True, eq=False)
class EstimatorCheck:
    """Errors of an estimator against bounds.

    Attributes:
        method: `two-stage`, `direct` or `sequential`.
        trials: number of trials at each signal-to-noise ratio.
        seed: of the noise.
        links: by link name.
    """

    method: str
    trials: int
    seed: int
    links: Mapping[str, LinkCheck]


def check_estimator(
    scenario: Scenario,
    covariances: Complex[np.ndarray, "block tx tx"],
    *,
    plan: TrialPlan | None = None,
    links: Sequence[str] | None = None,
    estimator: Estimator | None = None,
    on_progress: Callable[[str, int, int], None] | None = None,
) -> EstimatorCheck:
    """Root-mean-square errors of the maximum-likelihood estimator against root bounds, over signal-to-noise ratio.

    Every trial draws noise, estimates from the observation alone, and names the estimated objects by the nearest true
    ones. No trial is left out of the errors. The bound is that of the scenario's information map for the same beams.

    Args:
        scenario: the world.
        covariances: the transmission; the strongest eigenbeams of each block are sent, as many as there are slots.
        plan: signal-to-noise ratios and number of trials.
        links: names of links, or of those that are observed together (`joint_links`); by default all. For several
            together the ratio is the mean over all their receive antennas, and their noise is scaled by one factor.
            Echoes alone tell the rate at which the user's distance grows; of its velocity, that is what is checked.
        estimator: how states are estimated.
        on_progress: called with the link, the number of trials done and their total.

    Raises:
        Unidentifiable: a link does not determine its state.
    """
    plan, estimator = plan or TrialPlan(), estimator or Estimator()
    settings = _settings(scenario, covariances, estimator, plan.seed)
    names = list(settings) if links is None else list(links)
    unknown = [name for name in names if name not in settings]
    if unknown or not names:
        raise InvalidInput(f"Links must be among {', '.join(settings)}, found {', '.join(unknown) or 'none'}.")
    strangers = [name for name in estimator.assumed if name not in true_state(scenario)]
    if strangers:
        raise InvalidInput(f"Assumed must be state parameters of the scenario, found {', '.join(strangers)}.")
    own_db = own_snr_db(scenario, covariances)
    grids = {name: _grid_db(plan.snr_db, own_db[name]) for name in names}
    bounds = _root_bounds(scenario, covariances, {name: settings[name].layout for name in names})
    n_tests = sum(len(grids[name]) * len(bounds[name]) for name in names)
    checks = {}
    for name in names:
        results = run_trials(
            settings[name],
            [10.0 ** ((own_db[name] - value) / 10.0) for value in grids[name]],
            [round(1e6 * (value + 1000.0)) for value in grids[name]],
            plan.trials,
            workers=plan.workers,
            on_progress=None if on_progress is None else partial(on_progress, name),
        )
        points = [
            _judged(value, result, bounds[name], own_db[name], n_tests)
            for value, result in zip(grids[name], results, strict=True)
        ]
        checks[name] = LinkCheck(name, own_db[name], tuple(points))
    return EstimatorCheck(estimator.method, plan.trials, plan.seed, checks)


def _root_bounds(
    scenario: Scenario, covariances: Complex[np.ndarray, "block tx tx"], layouts: Mapping[str, ParameterLayout]
) -> dict[str, dict[str, float]]:
    """Root bounds of the quantities of each link in the scenario's own noise, for the beams that fit into the slots."""
    sent = {block: beams @ beams.conj().T for block, beams in _beams(scenario, covariances).items()}
    maps = link_maps(scenario)
    bounds = {}
    for name, layout in layouts.items():
        known = maps[name] if RANGE_RATE not in layout else range_rate_map(scenario, maps[name])
        information = known.at(np.stack([sent[block] for block in known.blocks]))
        bounds[name] = {key: information.root_bound(names) for key, names in quantities_of(layout).items()}
    return bounds


def own_snr_db(scenario: Scenario, covariances: Complex[np.ndarray, "block tx tx"]) -> dict[str, float]:
    """Signal-to-noise ratio of each link of a scenario, and of all together, as `signal_to_noise` defines it.

    The transmission does not matter; it only completes the links' models.
    """
    truth = true_state(scenario)
    energies, antennas = {}, {}
    paths = paths_of(scenario)
    models = link_models(scenario, _beams(scenario, covariances))
    for name, model in models.items():
        both = predict(model, truth)
        if both is None:
            raise InvalidInput(f"The points of link `{name}` must not coincide.")
        power_w = scenario.power_per_subcarrier_w(scenario.links[model.name].transmitter)
        energies[name] = signal_to_noise(model, both[0], paths[model.name].gain, power_w)
        antennas[name] = len(model.receive_positions_wavelengths)
    return {
        name: float(
            10.0 * np.log10(np.average([energies[each] for each in group], weights=[antennas[each] for each in group]))
        )
        for name, group in _groups(scenario, models).items()
    }


def _groups(scenario: Scenario, models: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Links that are observed together, of those that the transmission reaches."""
    return {name: group for name, group in joint_links(scenario).items() if set(group) <= set(models)}


def _beams(scenario: Scenario, covariances: Complex[np.ndarray, "block tx tx"]) -> dict[str, np.ndarray]:
    """Beams of every block that a transmission determines."""
    slots = scenario.waveform.slots
    return {
        block: beamformers_from_covariance(covariance, slots).matrix
        for block, covariance in covariances_of_blocks(scenario, covariances).items()
    }


def _settings(
    scenario: Scenario, covariances: Complex[np.ndarray, "block tx tx"], estimator: Estimator, seed: int
) -> dict[str, TrialSetting]:
    models = link_models(scenario, _beams(scenario, covariances))
    paths, truth = paths_of(scenario), _whole_truth(scenario)
    for model in models.values():
        _require_manageable(model)
        _require_unambiguous(model, doppler_shifts_hz(paths[model.name]))
    gains = {name: paths[model.name].gain for name, model in models.items()}
    numbers = {name: index for index, name in enumerate(models)}
    return {
        name: TrialSetting(
            models=tuple(models[each] for each in group),
            streams=tuple(numbers[each] for each in group),
            gains=tuple(gains[each] for each in group),
            truth=truth,
            method=estimator.method,
            assumed=estimator.assumed,
            seed=seed,
        )
        for name, group in _groups(scenario, models).items()
    }


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


def _whole_truth(scenario: Scenario) -> dict[str, Float[np.ndarray, "..."]]:
    """True state with the range rate of a user that moves, which is what echoes alone tell of its velocity."""
    truth = true_state(scenario)
    if "user_velocity" not in truth:
        return truth
    station = next(iter(scenario.stations.values()))
    away_m = truth["user_position"] - np.array(station.position_m)
    return {**truth, RANGE_RATE: np.array([truth["user_velocity"] @ away_m / np.hypot(*away_m)])}


def _grid_db(snr_db: Sequence[float | Literal["own"]] | None, own_db: float) -> list[float]:
    """Signal-to-noise ratios of a link, in increasing order."""
    if snr_db is None:
        return [own_db + offset for offset in DEFAULT_OFFSETS_DB]
    grid = sorted({own_db if value == "own" else float(value) for value in snr_db})
    if not grid or not all(-200.0 <= value <= 300.0 for value in grid):
        raise InvalidInput("Signal-to-noise ratios must be given, each from -200 dB to 300 dB.")
    return grid


def quantities_of(layout: ParameterLayout) -> dict[str, tuple[str, ...]]:
    """State parameters of each quantity that is checked."""
    targets = layout.family("target_position")
    quantities = {
        "user_position_m": ("user_position",),
        "user_velocity_mps": ("user_velocity",),
        "user_range_rate_mps": (RANGE_RATE,),
        "user_orientation_rad": ("user_orientation",),
        "clock_bias_s": ("clock_bias",),
        "target_positions_m": targets,
        "all_positions_m": ("user_position", *targets),
    }
    return {key: names for key, names in quantities.items() if names and all(name in layout for name in names)}


def _judged(snr_db: float, result: TrialErrors, bounds: Mapping[str, float], own_db: float, n_tests: int) -> SnrCheck:
    scale = 10.0 ** ((own_db - snr_db) / 20.0)
    quantities = {}
    for key, names in quantities_of(result.layout).items():
        squared = np.sum(result.errors[:, result.layout.indices(names)] ** 2, axis=1)
        bound = bounds[key] * scale
        rmse = root_mean_square(squared)
        joint = root_mean_square(squared, confidence=1.0 - 2.0 * (1.0 - JOINT_CONFIDENCE) / n_tests)
        ratio = Interval(rmse.value / bound, rmse.low / bound, rmse.high / bound)
        quantities[key] = QuantityCheck(rmse.value, bound, ratio, joint.high / bound)
    failures = {failure: result.count(failure) for failure in Failure}
    trials = len(result.failures)
    return SnrCheck(snr_db, trials, failures, share(sum(failures.values()), trials), quantities)
