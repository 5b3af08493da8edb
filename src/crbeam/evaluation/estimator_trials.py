"""Random trials of an estimator: one observation, one estimate, one error each; on several cores if asked."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field, replace
from functools import partial
from multiprocessing import get_context
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Complex, Float, Int

from crbeam.errors import CrbeamError, InvalidInput
from crbeam.estimation import (
    Failure,
    LinkModel,
    estimate_fused,
    estimate_link,
    failure_of,
    matched,
    mean_observation,
    simulate,
    state_errors,
)
from crbeam.estimation.position_fix import Method
from crbeam.estimation.prediction import RANGE_RATE, State, joint_state_layout, predict
from crbeam.information import ParameterLayout
from crbeam.linalg import one_blas_thread

#: Trials that a worker does at a time.
CHUNK = 20
_FAILURES = tuple(Failure)


#: Errors of one trial and the index of its failure, by the code of the noise and the trial's number.
Trial = Callable[[int, int], tuple[Float[np.ndarray, " parameter"], int]]


@runtime_checkable
class Setting(Protocol):
    """All that trials have in common."""

    @property
    def layout(self) -> ParameterLayout:
        """What is estimated."""
        ...

    def trial(self, noise_factor: float) -> Trial:
        """One trial in noise of so many times the power of the scenario's."""
        ...


def failure_index(failure: Failure | None) -> int:
    """Place of a failure in the list of them; -1 for none."""
    return -1 if failure is None else _FAILURES.index(failure)


@dataclass(frozen=True, eq=False)
class TrialSetting:
    """All that trials of one link, or of several together, have in common.

    Attributes:
        models: the links, in the noise of the scenario.
        streams: a number for each link, by which its noise is drawn.
        gains: true gains of the paths of each link.
        truth: the true state.
        method: how the state is estimated.
        assumed: state parameters that the estimator takes as known, right or wrong.
        seed: of all noise.
    """

    models: tuple[LinkModel, ...]
    streams: tuple[int, ...]
    gains: tuple[Complex[np.ndarray, " path"], ...]
    truth: State
    method: Method
    assumed: State
    seed: int

    @property
    def layout(self) -> ParameterLayout:
        """State parameters that the links depend on."""
        return joint_state_layout(self.models)

    def trial(self, noise_factor: float) -> Trial:
        """One trial in noise of so many times the power of the scenario's."""
        models = tuple(model.with_noise(model.noise_power_w * noise_factor) for model in self.models)
        means = [_mean(model, self.truth, gain) for model, gain in zip(models, self.gains, strict=True)]
        return partial(_trial, replace(self, models=models), means)


@dataclass(frozen=True, eq=False)
class Subjects:
    """What can be checked of a scenario.

    Attributes:
        method: how states are estimated.
        settings: what all trials have in common, by the name of the link or of the links together.
        own_snr_db: signal-to-noise ratio of the scenario, by the same names.
        root_bounds: root bounds of the quantities of some of them in the scenario's own noise, by quantity.
        snr_name: which signal-to-noise ratio it is.
        absent: why there is nothing of another name, in a sentence.
    """

    method: str
    settings: Mapping[str, Setting]
    own_snr_db: Mapping[str, float]
    root_bounds: Callable[[Sequence[str]], Mapping[str, Mapping[str, float]]]
    snr_name: str = "SNR per antenna and subcarrier"
    absent: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class TrialErrors:
    """Errors of trials.

    Attributes:
        layout: the state parameters.
        errors: estimate minus truth, in SI units.
        failures: index of each trial's failure in the list of `Failure`, -1 for none.
    """

    layout: ParameterLayout
    errors: Float[np.ndarray, "trial parameter"]
    failures: Int[np.ndarray, " trial"]

    def count(self, failure: Failure) -> int:
        """Number of trials that failed in this way."""
        return int(np.sum(self.failures == _FAILURES.index(failure)))


def quantities_of(layout: ParameterLayout) -> dict[str, tuple[str, ...]]:
    """State parameters of each quantity that is checked."""
    targets = layout.family("target_position")
    angles, ranges = layout.family("target_angle"), layout.family("target_range")
    quantities = {
        "user_position_m": ("user_position",),
        "user_velocity_mps": ("user_velocity",),
        "user_range_rate_mps": (RANGE_RATE,),
        "user_orientation_rad": ("user_orientation",),
        "clock_bias_s": ("clock_bias",),
        "target_positions_m" if "user_position" in layout else "target_position_m": targets,
        "target_velocity_mps": (*layout.family("target_velocity"), *layout.family("target_speed")),
        "target_angle_rad": angles,
        "target_range_m": ranges,
        "all_positions_m": ("user_position", *targets),
        "delay_s": layout.family("delay"),
        "doppler_hz": layout.family("doppler"),
    }
    return {key: names for key, names in quantities.items() if names and all(name in layout for name in names)}


def run_trials(
    setting: Setting,
    noise_factors: Sequence[float],
    codes: Sequence[int],
    trials: int,
    *,
    workers: int = 1,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[TrialErrors]:
    """Errors of a number of trials in each of several amounts of noise.

    The noise of a trial depends on the seed, the code, the trial's number and the link's stream only: neither on the
    other trials, nor on their order, nor on the number of workers.

    Args:
        setting: links, truth, estimator.
        noise_factors: what multiplies the noise power of all links.
        codes: a whole number for each factor, for the random streams.
        trials: number of trials for each factor.
        workers: processes; with 1 everything happens in this one.
        on_progress: called with the number of trials done and their total.
    """
    if trials < 1 or workers < 1:
        raise InvalidInput(f"There must be at least one trial and one worker, found {trials} and {workers}.")
    jobs = [
        (point, factor, code, range(begin, min(begin + CHUNK, trials)))
        for point, (factor, code) in enumerate(zip(noise_factors, codes, strict=True))
        for begin in range(0, trials, CHUNK)
    ]
    total = trials * len(noise_factors)
    layout = setting.layout
    errors = np.zeros((len(noise_factors), trials, layout.size))
    failures = np.full((len(noise_factors), trials), -1)
    done = 0
    for (point, _, _, numbers), (part_errors, part_failures) in _results(setting, jobs, workers):
        errors[point, numbers.start : numbers.stop] = part_errors
        failures[point, numbers.start : numbers.stop] = part_failures
        done += len(numbers)
        if on_progress is not None:
            on_progress(done, total)
    return [TrialErrors(layout, errors[point], failures[point]) for point in range(len(noise_factors))]


_Job = tuple[int, float, int, range]
_Result = tuple[Float[np.ndarray, "trial parameter"], Int[np.ndarray, " trial"]]


def _results(setting: Setting, jobs: list[_Job], workers: int) -> Iterator[tuple[_Job, _Result]]:
    """Jobs with their results, in any order."""
    if workers == 1:
        for job in jobs:
            yield job, _do(setting, job)
        return
    context = get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_prepare_worker, initargs=(setting,)) as pool:
        try:
            waiting = {pool.submit(_do_in_worker, job): job for job in jobs}
            for future in as_completed(waiting):
                yield waiting[future], future.result()
        except BrokenProcessPool:
            raise CrbeamError(
                "Every worker must live until its trials are done, but one has ended. Look for what kills it (memory, "
                "say), or use fewer workers."
            ) from None
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


_WORKER: dict[str, Setting] = {}


def _prepare_worker(setting: Setting) -> None:
    _WORKER["setting"] = setting


def _do_in_worker(job: _Job) -> _Result:
    return _do(_WORKER["setting"], job)


def _do(setting: Setting, job: _Job) -> _Result:
    _, factor, code, numbers = job
    with one_blas_thread():
        trial = setting.trial(factor)
        results = [trial(code, number) for number in numbers]
    return np.stack([error for error, _ in results]), np.array([failure for _, failure in results])


def _mean(model: LinkModel, truth: State, gain: Complex[np.ndarray, " path"]) -> np.ndarray:
    both = predict(model, truth)
    if both is None:
        raise InvalidInput(f"The points of link `{model.name}` must not coincide.")
    return mean_observation(model, both[0], gain)


def _trial(
    setting: TrialSetting, means: Sequence[np.ndarray], code: int, number: int
) -> tuple[Float[np.ndarray, " parameter"], int]:
    """Error and failure of one trial."""
    seeds = [np.random.SeedSequence([setting.seed, code, number], spawn_key=(stream,)) for stream in setting.streams]
    observations = [simulate(mean, np.random.default_rng(seed)) for mean, seed in zip(means, seeds, strict=True)]
    models = setting.models
    if len(models) == 1:
        estimate = estimate_link(models[0], observations[0], method=setting.method, assumed=setting.assumed)
    else:
        estimate = estimate_fused(models, observations, method=setting.method, assumed=setting.assumed)
    named = matched(models, estimate, setting.truth)
    failure = failure_of(models, named, setting.truth)
    errors = state_errors(models, named.state, setting.truth)
    vector = np.concatenate([errors[name] for name in setting.layout])
    return vector, failure_index(failure)
