"""Whether estimators reach the bound: root-mean-square errors against root bounds over signal-to-noise ratio."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

import numpy as np
from jaxtyping import Complex, Float

from crbeam.errors import InvalidInput
from crbeam.estimation import Failure
from crbeam.estimation.near_field_estimates import NearFieldMethod
from crbeam.estimation.position_fix import Method
from crbeam.evaluation.error_statistics import Interval, root_mean_square, share
from crbeam.evaluation.estimator_trials import Subjects, TrialErrors, quantities_of, run_trials
from crbeam.evaluation.multistatic_trials import (
    PulseMethod,
    multistatic_subjects,
    require_pulse_method,
    symbol_snr_db,
)
from crbeam.evaluation.near_field_trials import near_field_subjects, sensing_snr_db
from crbeam.evaluation.path_trials import path_snr_db, path_subjects
from crbeam.information.transmission import Covariances
from crbeam.systems import System, World, system_of

#: Above the threshold no more than this share of the trials fails, and no error exceeds this multiple of its bound.
MOST_FAILURES = 0.01
MOST_RATIO = 1.5
#: Ratios of error to bound between which an estimator counts as efficient.
EFFICIENT = (0.95, 1.10)
#: Joint confidence with which a ratio below 1 is called significant.
JOINT_CONFIDENCE = 0.99
#: Signal-to-noise ratios that are checked by default, relative to the scenario's own.
DEFAULT_OFFSETS_DB = tuple(range(-20, 26, 5))


@dataclass(frozen=True, eq=False)
class Estimator:
    """How states are estimated.

    Attributes:
        method: `direct`, on the state; `two-stage`, by path parameters; or `sequential`, where several links are
            observed together: what the echoes tell first is a prior for the link to the user. Of near-field echoes
            `joint`, on angle and range; `two-stage`, the angle first; or `music`. Of pulses at several receivers
        `two-stage`, delays and Doppler shifts first; or `arrival`, each receiver by itself with the direction of
        arrival known. None is the first of them that applies.
        assumed: state parameters that links to the user take as known, with their values, right or wrong; the bound
            takes none as known.
    """

    method: Method | NearFieldMethod | PulseMethod | None = None
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
        jointly_at_most: upper end of the ratio's interval at a confidence that is joint over the whole check, and wide
            enough however the error is shared out among its components.
    """

    rmse: float
    root_bound: float
    ratio: Interval
    jointly_at_most: float


@dataclass(frozen=True, eq=False)
class SnrCheck:
    """All trials of a link at one signal-to-noise ratio.

    Attributes:
        snr_db: mean received energy per antenna and subcarrier over noise power, under isotropic transmission; of a
            near-field echo the sensing SNR, of pulses that of a symbol.
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
        snr_name: which signal-to-noise ratio it is.
    """

    link: str
    own_snr_db: float
    points: tuple[SnrCheck, ...]
    snr_name: str = "SNR per antenna and subcarrier"

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
        """Ratios and quantities, from the threshold on, whose error is significantly below the bound.

        It is a mistake, or a sign that errors are too large for the bound, which is of first order, to describe them.
        """
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
        method: how states were estimated, see `Estimator`.
        trials: number of trials at each signal-to-noise ratio.
        seed: of the noise.
        links: by link name.
    """

    method: str
    trials: int
    seed: int
    links: Mapping[str, LinkCheck]


def check_estimator(
    scenario: World,
    covariances: Covariances,
    *,
    plan: TrialPlan | None = None,
    links: Sequence[str] | None = None,
    estimator: Estimator | None = None,
    on_progress: Callable[[str, int, int], None] | None = None,
    networks: Mapping[str, Complex[np.ndarray, "antenna chain"]] | None = None,
) -> EstimatorCheck:
    """Root-mean-square errors of the maximum-likelihood estimator against root bounds, over signal-to-noise ratio.

    Every trial draws noise, estimates from the observation alone, and names the estimated objects by the nearest true
    ones. No trial is left out of the errors. The bound is that of the scenario's information map for the same beams.

    Args:
        scenario: the world, or its system.
        covariances: the transmission; the strongest eigenbeams of each block are sent, as many as there are slots.
        plan: signal-to-noise ratios and number of trials.
        links: names of links, or of those that are observed together (`joint_links`); by default all, with the method
            `sequential` those that have echoes and a link to the user. For several together the ratio is the mean over
            all their receive antennas, and their noise is scaled by one factor. Echoes alone tell the rate at which
            the user's distance grows; of its velocity, that is what is checked.
        estimator: how states are estimated.
        on_progress: called with the link, the number of trials done and their total.
        networks: phase networks that receivers listen through, by the name of the receiver, as `evaluate` takes them;
            the observation is what their chains pass on. Only near-field echoes are estimated behind one.

    Raises:
        InvalidInput: there are no such links, no such estimators of them, or none behind a phase network.
        Unidentifiable: a link does not determine its state.
    """
    plan = plan or TrialPlan()
    subjects = _subjects(system_of(scenario), covariances, estimator or Estimator(), plan.seed, networks or {})
    settings, own_db = subjects.settings, subjects.own_snr_db
    names = list(settings) if links is None else list(links)
    unknown = [name for name in names if name not in settings]
    if unknown or not names:
        raise InvalidInput(_not_links(subjects, unknown))
    grids = {name: _grid_db(plan.snr_db, own_db[name]) for name in names}
    bounds = subjects.root_bounds(names)
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
        checks[name] = LinkCheck(name, own_db[name], tuple(points), subjects.snr_name)
    return EstimatorCheck(subjects.method, plan.trials, plan.seed, checks)


def _not_links(subjects: Subjects, unknown: Sequence[str]) -> str:
    """Why some names, or no names, are no links that a method estimates from."""
    known = list(subjects.settings)
    if subjects.method == "sequential":
        return (
            "The method `sequential` needs a link to the user together with echoes, whose result is its prior: links "
            f"must be among {', '.join(known) or '(none of this scenario)'}, found {', '.join(unknown) or 'none'}. "
            "For a link alone use direct or two-stage."
        )
    reasons = [f" {subjects.absent[name]}" for name in unknown if name in subjects.absent]
    return f"Links must be among {', '.join(known)}, found {', '.join(unknown) or 'none'}.{''.join(reasons)}"


def _subjects(
    system: System,
    covariances: Covariances,
    estimator: Estimator,
    seed: int,
    networks: Mapping[str, Complex[np.ndarray, "antenna chain"]],
) -> Subjects:
    """What there is to check of a scenario, near or far."""
    method, assumed = estimator.method, estimator.assumed
    behind = sorted(set(networks) - set(system.scenario.stations))
    if system.scenario.receivers is not None:
        if assumed or behind:
            raise InvalidInput("Echoes of pulses are estimated without assumed parameters and without phase networks.")
        chosen = require_pulse_method("two-stage" if method is None else method)
        return multistatic_subjects(system, covariances, method=chosen, seed=seed)
    if system.polar_targets():
        method = "joint" if method is None else method
        if method in ("direct", "sequential", "arrival") or assumed:
            found = "assumed parameters" if assumed else f"`{method}`"
            raise InvalidInput(
                f"Near-field echoes are estimated by joint, two-stage or music, without assumed "
                f"parameters; found {found}."
            )
        return near_field_subjects(system, covariances, method=method, seed=seed, networks=networks)
    method = "direct" if method is None else method
    if method in ("joint", "music", "arrival") or behind:
        found = f"the phase network of {', '.join(behind)}" if behind else f"`{method}`"
        raise InvalidInput(
            f"Paths of plane waves are estimated by direct, two-stage or sequential; found {found}, "
            "which is for other echoes."
        )
    return path_subjects(system, covariances, method=method, assumed=assumed, seed=seed)


def own_snr_db(scenario: World, covariances: Covariances) -> dict[str, float]:
    """Signal-to-noise ratio of each link of a scenario, and of all together.

    Of paths as `signal_to_noise` defines it; of a near-field echo the sensing SNR, power gain of the echo from one
    antenna to another times transmit power over noise power. Of pulses that of one symbol at an antenna. The
    transmission does not matter.
    """
    system = system_of(scenario)
    if system.scenario.receivers is not None:
        return symbol_snr_db(system)
    return sensing_snr_db(system) if system.polar_targets() else path_snr_db(system, covariances)


def _grid_db(snr_db: Sequence[float | Literal["own"]] | None, own_db: float) -> list[float]:
    """Signal-to-noise ratios of a link, in increasing order."""
    if snr_db is None:
        return [own_db + offset for offset in DEFAULT_OFFSETS_DB]
    grid = sorted({own_db if value == "own" else float(value) for value in snr_db})
    if not grid or not all(-200.0 <= value <= 300.0 for value in grid):
        raise InvalidInput("Signal-to-noise ratios must be given, each from -200 dB to 300 dB.")
    return grid


def _judged(snr_db: float, result: TrialErrors, bounds: Mapping[str, float], own_db: float, n_tests: int) -> SnrCheck:
    scale = 10.0 ** ((own_db - snr_db) / 20.0)
    quantities = {}
    for key, names in quantities_of(result.layout).items():
        errors = result.errors[:, result.layout.indices(names)]
        squared = np.sum(errors**2, axis=1)
        bound = bounds[key] * scale
        rmse = root_mean_square(squared, components=errors.shape[1])
        joint = root_mean_square(squared, confidence=1.0 - 2.0 * (1.0 - JOINT_CONFIDENCE) / n_tests)
        ratio = Interval(rmse.value / bound, rmse.low / bound, rmse.high / bound)
        quantities[key] = QuantityCheck(rmse.value, bound, ratio, joint.high / bound)
    failures = {failure: result.count(failure) for failure in Failure}
    trials = len(result.failures)
    return SnrCheck(snr_db, trials, failures, share(sum(failures.values()), trials), quantities)
