"""Measuring what the claims of zhang2025 are judged on."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import product
from time import process_time

import numpy as np

from crbeam.design import Design, DesignProblem
from crbeam.design.analog.mismatch import MismatchSettings, analog_mismatch, pattern_errors
from crbeam.design.engine.reduction import reduce_problems
from crbeam.design.guides import guides_of
from crbeam.design.methods import method_named
from crbeam.errors import CrbeamError
from crbeam.evaluation import TradeoffPoint
from crbeam.papers.claims import NotMeasured
from crbeam.papers.runs import PaperRun
from crbeam.papers.zhang2025.curves import N_TARGETS, curve, scenario_with, weights_for
from crbeam.papers.zhang2025.draws import (
    DRAWS,
    SCENES,
    SEED,
    START_WEIGHTS,
    analog_decreases,
    drawn,
    drawn_curves,
)
from crbeam.papers.zhang2025.measurements import (
    AMPLITUDES,
    ANALOG,
    BEAMPATTERN_METHODS,
    FAMILIES,
    PHASES,
    READINGS,
    ROOT_DRAWS,
    ROOT_NAMES,
    STARTS,
    TIMED_TARGETS,
    Curve,
    Effort,
    Front,
    Key,
    Measurements,
    StateInformation,
)
from crbeam.scenario import Scenario
from crbeam.systems import design_problem, design_problems, isotropic_transmission, link_map
from crbeam.systems.zhang2025 import Zhang2025

DIGITAL = ("fdb-wcrb", "fdb-wcm", "fdb-wbf", "cpa-wcrb", "cpa-wcm", "cpa-wbf", "fusion")
ENDS = (1.0, 0.0)
#: Weights of a Pareto front, which the schemes reach beyond the weights of their curves.
FRONT_WEIGHTS = tuple(
    float(weight)
    for weight in np.concatenate(
        [np.geomspace(1e-5, 5e-3, 6), np.linspace(0.01, 0.99, 50), 1.0 - np.geomspace(5e-3, 1e-5, 6)]
    )
)
ANTENNAS = (16, 32, 64, 128)
TIMED_RUNS = 9
#: Outer iterations after which a start of the alternating algorithm is at its end, three times those of the paper, and
#: quasi-Newton steps on the phases in each: few, so that outer iterations count.
OUTER_ITERATIONS, PHASE_STEPS = 18, 20
#: Eigenvalues of the scaled information below this share of the largest are rounding.
RANK_TOLERANCE = 1e-10


def gather(run: PaperRun) -> Measurements:
    """All numbers that the claims are judged on; studies come first, as they say how long they will take."""
    run.report("claims: random path phases, square roots, starts, scenes")
    draws, scenes = _draws(run), drawn(run, SCENES)
    run.report("claims: trade-off curves")
    curves = _curves(full=run.full)
    fronts = {
        (reading, k, family): _attempt(partial(_front, scenario_with(k, overrides), f"{family}-wcrb"))
        for reading, overrides in READINGS.items()
        for k in N_TARGETS
        for family in FAMILIES
    }
    run.report("claims: designs at weights 0 and 1")
    ends = _ends()
    run.report("claims: convergence, codewords, identifiability, times")
    return Measurements(
        curves,
        fronts,
        ends,
        draws,
        SEED,
        _attempt(partial(_descents, 10 if run.full else 4)),
        _attempt(_pattern_errors),
        {n_targets: _state_information(n_targets) for n_targets in (0, 1, 2)},
        _efforts(),
        _attempt(partial(analog_decreases, scenes)),
    )


def _attempt(measure: Callable):
    """What a measurement gives, or why it does not."""
    try:
        return measure()
    except (CrbeamError, NotMeasured) as error:
        return str(error)


def curve_numbers(scenario: Scenario, points: Sequence[TradeoffPoint]) -> Curve:
    """A curve as plain numbers; raises `NotMeasured` if a design or its lower bound is missing."""
    directions = Zhang2025(scenario).transmit_directions()
    designs = []
    for point in points:
        if not isinstance(point.design, Design) or point.design.lower_bound is None:
            reason = point.design.bound_note if isinstance(point.design, Design) else str(point.design)
            raise NotMeasured(f"{point.method} failed at weight {point.weight:g}: {reason}")
        designs.append(point.design)
    return Curve(
        tuple(point.weight for point in points if point.weight is not None),
        tuple(design.objective for design in designs),
        tuple(design.lower_bound for design in designs if design.lower_bound is not None),
        tuple(point.positioning_m for point in points),
        tuple(point.sensing_m for point in points),
        tuple(_directed_power_w(design, directions) for design in designs),
    )


def _directed_power_w(design: Design, directions: np.ndarray) -> tuple[float, ...]:
    (covariance,) = design.covariances.values()
    power_w = np.einsum("np,nm,mp->p", directions.conj(), covariance, directions).real
    return tuple(float(value) for value in power_w)


def _measured(key: Key, weights: tuple[float, ...]) -> Curve | str:
    reading, n_targets, method = key
    overrides = READINGS[reading]
    return _attempt(
        lambda: curve_numbers(scenario_with(n_targets, overrides), curve(n_targets, method, weights, overrides))
    )


def _curves(*, full: bool) -> dict[Key, Curve | str]:
    methods = tuple(dict.fromkeys((*DIGITAL, *ROOT_NAMES.values())))
    keys = [(reading, k, method) for reading in READINGS for k in N_TARGETS for method in methods]
    keys += [(reading, 3, method) for reading in AMPLITUDES for method in ANALOG]
    return {key: _measured(key, weights_for(key[2], full=full)) for key in keys}


def _front(scenario: Scenario, method_name: str) -> Front:
    method = method_named(method_name)
    designs = method.solve_many(design_problems(scenario, FRONT_WEIGHTS, method=method))
    bounds = [design.lower_bound for design in designs if isinstance(design, Design) and design.lower_bound is not None]
    if len(bounds) < len(FRONT_WEIGHTS):
        raise NotMeasured(f"{method_name} failed at {len(FRONT_WEIGHTS) - len(bounds)} weights of the front.")
    return Front(FRONT_WEIGHTS, tuple(bounds))


def _ends() -> dict[Key, Curve | str]:
    keys = [(reading, k, "fdb-wcrb") for reading in READINGS for k in N_TARGETS]
    keys += [(reading, 3, method) for reading in READINGS for method in BEAMPATTERN_METHODS[1:]]
    return {key: _measured(key, ENDS) for key in keys}


def _draws(run: PaperRun) -> dict[Key, tuple[Curve, ...] | str]:
    """Curves of all random draws but those of scenes."""
    draws: dict[Key, tuple[Curve, ...] | str] = {}
    for kind in (PHASES, ROOT_DRAWS, STARTS):
        results, of_kind = drawn(run, kind), DRAWS[kind]
        for n_targets, method in product(of_kind.n_targets, of_kind.methods):
            draws[kind, n_targets, method] = _attempt(partial(drawn_curves, results, n_targets, method))
    return draws


def _descents(n_starts: int) -> dict[float, tuple[tuple[float, ...], ...]]:
    """Mismatch along outer iterations, run far beyond the usual stopping rule, for each weight and start."""
    problems = design_problems(scenario_with(3), START_WEIGHTS, method=method_named("analog-fdb"))
    settings = MismatchSettings(n_starts, threshold=0.0, max_iterations=OUTER_ITERATIONS, phase_iterations=PHASE_STEPS)
    traces = {}
    for weight, problem, guides in zip(START_WEIGHTS, problems, guides_of(problems), strict=True):
        if isinstance(guides, CrbeamError):
            raise guides
        traces[weight] = analog_mismatch(problem, guides, seed=np.random.SeedSequence(SEED), settings=settings).traces
    return traces


def _pattern_errors() -> tuple[float, ...]:
    """Relative pattern error of the analog imitation of the derivative of each response."""
    scenario = scenario_with(3)
    words, beams = Zhang2025(scenario).codebook().codewords, Zhang2025(scenario).analog_codebook().codewords
    if beams is None or beams.shape != words.shape:
        raise NotMeasured("An object at end-fire has no derivative codeword.")
    derivatives = words.shape[1] // 2
    errors = pattern_errors(beams[:, derivatives:], words[:, derivatives:], Zhang2025(scenario).pattern_sweep())
    return tuple(float(error) for error in errors)


def _state_information(n_targets: int) -> StateInformation:
    scenario = scenario_with(n_targets)
    information = link_map(scenario, "bistatic").at(isotropic_transmission(scenario))
    scale = 1.0 / np.sqrt(np.diagonal(information.matrix))
    eigenvalues = np.linalg.eigvalsh(information.matrix * np.outer(scale, scale))
    rank = int(np.sum(eigenvalues > RANK_TOLERANCE * eigenvalues[-1]))
    return StateInformation(information.layout.size, rank, information.is_identifiable(["user_position"]))


def _efforts() -> dict[int, Effort]:
    """Times are taken in turn, so that what else the machine does meets all arrays alike."""
    method, seed = method_named("fdb-wcrb"), np.random.SeedSequence(SEED)
    overrides = {count: f"stations.bs.transmit_array.elements={count}" for count in ANTENNAS}
    problems = {count: design_problem(scenario_with(TIMED_TARGETS, (text,))) for count, text in overrides.items()}
    searches: dict[int, list[float]] = {count: [] for count in ANTENNAS}
    designs: dict[int, list[float]] = {count: [] for count in ANTENNAS}
    for _ in range(TIMED_RUNS):
        for count, problem in problems.items():
            searches[count].append(_seconds(lambda problem=problem: method.propose(problem, start=None, seed=seed)))
            designs[count].append(_seconds(lambda problem=problem: method.solve(problem)))
    return {
        count: Effort(_reduced_size(problem), min(searches[count]), min(designs[count]))
        for count, problem in problems.items()
    }


def _reduced_size(problem: DesignProblem) -> int:
    (reduced,) = reduce_problems([problem])
    if isinstance(reduced, CrbeamError):
        raise reduced
    return max(block.size for block in reduced.shape.blocks)


def _seconds(work: Callable[[], object]) -> float:
    start = process_time()
    work()
    return process_time() - start
