"""Running methods, and grading what they propose by the problem alone: feasibility, objective, lower bound, status."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float

from crbeam.design.beamformers import (
    Beamformers,
    Eigenbeams,
    codeword_beams,
    eigenbeams_of,
    powers_of_beams_w,
    strongest_beams,
)
from crbeam.design.certificate import objective_at
from crbeam.design.constraints import AntennaPower, GroupPower, has_constant_modulus
from crbeam.design.hybrid.grading import grounded, proven_bound, with_parts
from crbeam.design.hybrid.networks import hybrid_of
from crbeam.design.method import CertifiedMethod, DesignMethod
from crbeam.design.problem import HINGE_ROUNDING, DesignProblem, Hinge
from crbeam.design.proofs import OPTIMAL_GAP, Proof, bound_proofs
from crbeam.design.result import Design, Proposal, Status
from crbeam.design.search.boxes import has_choices
from crbeam.design.search.grading import objective_of, problem_as_proposed, proven_lower_bound, with_selection
from crbeam.design.sequences import BeamSequence, best_sequence, by_slot_of_interval, slots_of
from crbeam.design.service_check import require_service
from crbeam.errors import CrbeamError, InvalidInput, SolverFailed, Unidentifiable
from crbeam.information import Transmission
from crbeam.information.transmission import require_blocks
from crbeam.linalg import one_blas_thread
from crbeam.units import distinct

#: Relative excess over a power budget that counts as rounding.
POWER_TOLERANCE = 1e-9
#: Relative difference of tied covariances that counts as rounding.
TIE_TOLERANCE = 1e-9


def solve_one(
    method: DesignMethod,
    problem: DesignProblem,
    *,
    start: Transmission | None = None,
    seed: np.random.SeedSequence | None = None,
) -> Design:
    """Design of one problem by one method, graded."""
    reason = method.why_not(problem)
    if reason is not None:
        raise InvalidInput(reason)
    _require_starts([problem], [start])
    with one_blas_thread():
        begin = time.perf_counter()
        proposal = method.propose(problem, start=start, seed=seed or np.random.SeedSequence(0))
        seconds = time.perf_counter() - begin
        if isinstance(proposal, CrbeamError):
            raise proposal
        return grade(method, problem, proposal, seconds=seconds)


def solve_batch(
    method: DesignMethod,
    problems: Sequence[DesignProblem],
    *,
    starts: Sequence[Transmission | None] | None = None,
    seeds: Sequence[np.random.SeedSequence] | None = None,
) -> list[Design | CrbeamError]:
    """Designs of independent problems by one method, each graded on its own."""
    starts = [None] * len(problems) if starts is None else starts
    seeds = [np.random.SeedSequence(0) for _ in problems] if seeds is None else seeds
    if not len(problems) == len(starts) == len(seeds):
        raise InvalidInput(
            f"There must be one start and one seed for each problem, found {len(problems)} problems, "
            f"{len(starts)} starts and {len(seeds)} seeds."
        )
    _require_starts(problems, starts)
    reasons = [method.why_not(problem) for problem in problems]
    able = [index for index, reason in enumerate(reasons) if reason is None]
    possible = [problems[index] for index in able]
    results: list[Design | CrbeamError] = [InvalidInput(reason or "") for reason in reasons]
    if not able:
        return results
    with one_blas_thread():
        begin = time.perf_counter()
        proposals = method.propose_many(
            possible, starts=[starts[index] for index in able], seeds=[seeds[index] for index in able]
        )
        seconds = (time.perf_counter() - begin) / len(able)
        graded = grade_many(method, possible, proposals, seconds=seconds)
    for index, result in zip(able, graded, strict=True):
        results[index] = result
    return results


def _require_starts(problems: Sequence[DesignProblem], starts: Sequence[Transmission | None]) -> None:
    """Refuse starts that are no transmissions of their problems."""
    for problem, start in zip(problems, starts, strict=True):
        if start is not None:
            require_blocks(problem.antennas, start)


def grade(method: DesignMethod, problem: DesignProblem, proposal: Proposal, *, seconds: float) -> Design:
    """Design from a proposal: feasibility, objective and lower bound recomputed from the problem.

    Raises:
        SolverFailed: the proposal breaks a constraint.
        Unidentifiable: it leaves a parameter with a positive weight undetermined.
    """
    result = grade_many(method, [problem], [proposal], seconds=seconds)[0]
    if isinstance(result, CrbeamError):
        raise result
    return result


def grade_many(
    method: DesignMethod,
    problems: Sequence[DesignProblem],
    proposals: Sequence[Proposal | CrbeamError],
    *,
    seconds: float,
) -> list[Design | CrbeamError]:
    """Designs from proposals for independent problems, each graded on its own, with errors in their place."""
    results: dict[int, Design | CrbeamError] = {}
    spectra: dict[int, _Spectrum] = {}
    given, problems, proposals = problems, *_grounded(method, problems, proposals)
    for index, proven in zip(range(len(problems)), _spectra(method, problems, proposals), strict=True):
        if isinstance(proven, CrbeamError):
            results[index] = proven
        else:
            spectra[index] = proven
    originals, chosen = ([each[index] for index in spectra] for each in (given, problems))
    proofs = _proofs(method, originals, chosen, list(spectra.values()))
    name = method.name
    for (index, spectrum), proof in zip(spectra.items(), proofs, strict=True):
        if isinstance(proof, CrbeamError):
            results[index] = proof
        else:
            allowed = _allowed(method, problems[index], proof.objective)
            is_optimal = bool(proof.objective - proof.lower_bound <= allowed)
            design = _design(name, problems[index], spectrum, proof, is_optimal=is_optimal, seconds=seconds)
            design = with_parts(given[index], spectrum.proposal, design)
            results[index] = with_selection(given[index], spectrum.proposal, design)
    return [results[index] for index in range(len(problems))]


def _allowed(method: DesignMethod, problem: DesignProblem, objective: float) -> float:
    """Distance from its lower bound up to which an objective counts as optimal; a method that looks for optima says."""
    gap = method.tolerance if isinstance(method, CertifiedMethod) and method.is_global else OPTIMAL_GAP
    return max(gap * objective, HINGE_ROUNDING if isinstance(problem.objective, Hinge) else 0.0)


def _grounded(
    method: DesignMethod, problems: Sequence[DesignProblem], proposals: Sequence[Proposal | CrbeamError]
) -> tuple[list[DesignProblem], list[Proposal | CrbeamError]]:
    """Problems with what their proposals chose (networks, receivers), and the proposals that chose possible ones."""
    chosen, kept = list(problems), list(proposals)
    for index, (problem, proposal) in enumerate(zip(problems, proposals, strict=True)):
        if isinstance(proposal, CrbeamError):
            continue
        try:
            chosen[index] = grounded(method, problem_as_proposed(method, problem, proposal), proposal)
        except CrbeamError as error:
            kept[index] = error
    return chosen, kept


def _proofs(
    method: DesignMethod, given: list[DesignProblem], problems: list[DesignProblem], spectra: list["_Spectrum"]
) -> list[Proof | CrbeamError]:
    """Objectives and lower bounds of problems of all kinds, given with and without what proposals chose."""
    chosen = {
        index for index, each in enumerate(given) if has_choices(each) and spectra[index].proposal.evidence is None
    }
    hybrid = {index for index, each in enumerate(given) if hybrid_of(each)} - chosen
    rest = [index for index in range(len(problems)) if index not in chosen | hybrid]
    found = dict(
        zip(
            rest,
            bound_proofs(
                method, [problems[i] for i in rest], [(spectra[i].covariances, spectra[i].proposal) for i in rest]
            ),
            strict=True,
        )
    )
    for index in chosen:
        found[index] = _proof(objective_of, proven_lower_bound, given[index], problems[index], spectra[index])
    for index in hybrid:
        found[index] = _proof(objective_at, proven_bound, given[index], problems[index], spectra[index])
    return [found[index] for index in range(len(problems))]


def _proof(
    value: Callable[[DesignProblem, Transmission], float],
    proven: Callable[[DesignProblem, Proposal], tuple[float, str]],
    given: DesignProblem,
    problem: DesignProblem,
    spectrum: "_Spectrum",
) -> Proof | CrbeamError:
    """Objective with what was chosen, and a bound for all choices."""
    try:
        objective = value(problem, spectrum.covariances)
        bound, note = proven(given, spectrum.proposal)
    except CrbeamError as error:
        return error
    return Proof(objective, min(bound, objective), note, None)


@dataclass(frozen=True, eq=False)
class _Spectrum:
    """Covariances of a proposal, powers and unit vectors of the eigenbeams of each block, or what is sent instead.

    Attributes:
        proposal: the proposal itself.
        covariances: of each block.
        eigenbeams: powers and unit vectors of each block.
        word_powers_w: powers of the codewords of blocks that have a codebook.
        analog_beams: the beams of blocks with a constant modulus.
    """

    proposal: Proposal
    covariances: Transmission
    eigenbeams: dict[str, tuple[np.ndarray, np.ndarray]]
    word_powers_w: dict[str, np.ndarray]
    analog_beams: dict[str, np.ndarray]

    def beamformers(self, problem: DesignProblem) -> dict[str, Beamformers]:
        """Beams of each block that fit into the slots of the problem, or into those of the block."""
        result, slots = {}, slots_of(problem)
        for block, (powers_w, vectors) in self.eigenbeams.items():
            most = slots[block].most_beams if block in slots else problem.n_slots
            if block in self.analog_beams:
                result[block] = _first_beams(self.analog_beams[block], most)
            elif block in self.word_powers_w:
                words = problem.codebooks[block].unit_codewords
                result[block] = codeword_beams(self.word_powers_w[block], words, most)
            else:
                result[block] = strongest_beams(powers_w, vectors, most)
        return result


def _first_beams(beams: Complex[np.ndarray, "tx beam"], n_slots: int | None) -> Beamformers:
    """Beams that are sent as they are; the first of them if there are more than slots."""
    if n_slots is None or beams.shape[1] <= n_slots:
        return Beamformers(beams, is_exact=True)
    norms = np.linalg.norm(beams, axis=0)
    return strongest_beams(norms**2, beams / norms, n_slots)


def _spectra(
    method: DesignMethod, problems: Sequence[DesignProblem], proposals: Sequence[Proposal | CrbeamError]
) -> list[_Spectrum | CrbeamError]:
    """Spectra of proposals that keep every constraint; those of one shape are taken together."""
    results: dict[int, _Spectrum | CrbeamError] = {}
    groups: dict[tuple, list[tuple[int, Proposal]]] = {}
    for index, (problem, proposal) in enumerate(zip(problems, proposals, strict=True)):
        if isinstance(proposal, CrbeamError):
            results[index] = proposal
        elif _shapes(proposal.covariances) != {block: (size, size) for block, size in problem.antennas.items()} or (
            proposal.factors is not None
            and {block: len(factor) for block, factor in proposal.factors.items()} != problem.antennas
        ):
            results[index] = _invalid(method, problem, proposal)
        else:
            sizes = () if proposal.factors is None else tuple(_shapes(proposal.factors).items())
            groups.setdefault((tuple(problem.antennas.items()), sizes), []).append((index, proposal))
    for members in groups.values():
        beams = eigenbeams_of([proposal for _, proposal in members])
        for place, (index, proposal) in enumerate(members):
            try:
                results[index] = _feasible(method, problems[index], proposal, beams, place)
            except CrbeamError as error:
                results[index] = error
    return [results[index] for index in range(len(problems))]


def _shapes(matrices: Mapping[str, np.ndarray]) -> dict[str, tuple[int, ...]]:
    return {block: matrix.shape for block, matrix in matrices.items()}


def _feasible(
    method: DesignMethod, problem: DesignProblem, proposal: Proposal, beams: dict[str, Eigenbeams], place: int
) -> _Spectrum:
    """Spectrum of a proposal that keeps every constraint."""
    if not all(each.is_finite[place] for each in beams.values()):
        raise _invalid(method, problem, proposal)
    covariances = Transmission({block: beams[block].covariances[place] for block in problem.blocks})
    _require_budgets(method, problem, {block: float(each.used_w[place]) for block, each in beams.items()}, proposal)
    if not all(each.is_sound[place] for each in beams.values()):
        raise _unsound(method, max(float(each.errors_w[place]) for each in beams.values()), proposal)
    word_powers_w = {
        block: _word_powers_w(method, covariances[block], codebook.unit_codewords, proposal)
        for block, codebook in problem.codebooks.items()
    }
    _require_antennas(method, problem, covariances, proposal)
    _require_ties(method, problem, covariances, proposal)
    require_service(method, problem, proposal)
    analog_beams = {block: _analog_beams(method, problem, block, proposal) for block in problem.analog_blocks}
    eigenbeams = {block: (beams[block].powers_w[place], beams[block].vectors[place]) for block in problem.blocks}
    return _Spectrum(proposal, covariances, eigenbeams, word_powers_w, analog_beams)


def _design(
    name: str, problem: DesignProblem, spectrum: _Spectrum, proof: Proof, *, is_optimal: bool, seconds: float
) -> Design:
    proposal = spectrum.proposal
    beamformers = spectrum.beamformers(problem)
    loss, sequence = _sent(problem, beamformers, proof.objective)
    details = {} if sequence is None else {"sequence": sequence.kind}
    status = Status.OPTIMAL if is_optimal else Status.TIME_LIMIT if proposal.hit_time_limit else Status.FEASIBLE
    sent = proposal.stream_covariances or {problem.streams[0].name: spectrum.covariances}
    streams = {name: each.only(problem.blocks) for name, each in sent.items()}
    return Design(
        method=name,
        covariances=spectrum.covariances,
        stream_covariances=streams,
        beamformers=beamformers,
        beamforming_loss=loss,
        status=status,
        objective=proof.objective,
        lower_bound=proof.lower_bound,
        bound_note=proof.note,
        trace=proposal.trace,
        iterations=proposal.iterations,
        seconds=seconds,
        details={**proposal.details, **proof.details, **details},
        slot_beams=by_slot_of_interval(problem, sequence),
        time_shares=dict(problem.time_shares),
        objective_unit=problem.objective_unit,
    )


def _sent(
    problem: DesignProblem, beamformers: Mapping[str, Beamformers], objective: float
) -> tuple[float | None, BeamSequence | None]:
    """Relative increase of the objective with one beam a slot, and the sequence of beams where their order counts."""
    is_exact = all(beams.is_exact for beams in beamformers.values())
    if not slots_of(problem):
        return (0.0 if is_exact else _loss(objective, _value(problem, beamformers))), None
    sequence = best_sequence(problem, beamformers)
    if is_exact and all(beams.matrix.shape[1] <= 1 for beams in beamformers.values()):
        return 0.0, sequence
    return _loss(objective, None if sequence is None else sequence.objective), sequence


def _value(problem: DesignProblem, beamformers: Mapping[str, Beamformers]) -> float | None:
    """Objective of beams in any order; None if they do not determine it."""
    try:
        return objective_at(problem, {block: beams.covariance for block, beams in beamformers.items()})
    except Unidentifiable:
        return None


def _loss(objective: float, value: float | None) -> float | None:
    """Relative increase of an objective to a value; None if there is no value, or if it rises from 0."""
    if value is None:
        return None
    if objective == 0.0:
        return 0.0 if value == 0.0 else None
    return value / objective - 1.0


def _refused(method: DesignMethod, wanted: str, status: str, proposal: Proposal) -> SolverFailed:
    return SolverFailed(f"{method.key} must {wanted}", status=status, trace=proposal.trace)


def _invalid(method: DesignMethod, problem: DesignProblem, proposal: Proposal) -> SolverFailed:
    expected = {block: (size, size) for block, size in problem.antennas.items()}
    found = _shapes(proposal.covariances)
    shapes = "entries that are not finite" if found == expected else f"shapes {found}"
    wanted = f"propose finite covariances of shapes {expected}, found {shapes}."
    return _refused(method, wanted, "invalid proposal", proposal)


def _require_budgets(
    method: DesignMethod, problem: DesignProblem, used_w: Mapping[str, float], proposal: Proposal
) -> None:
    for budget in (*problem.budgets, *(part for part in problem.constraints if isinstance(part, GroupPower))):
        weights = budget.weights if isinstance(budget, GroupPower) and budget.weights else (1.0,) * len(budget.blocks)
        used = sum(weight * used_w[block] for weight, block in zip(weights, budget.blocks, strict=True))
        if used > budget.power_per_subcarrier_w * (1.0 + POWER_TOLERANCE):
            allowed, found = distinct(budget.power_per_subcarrier_w, used)
            wanted = f"keep to {allowed} W in {', '.join(budget.blocks)}, but proposed {found} W."
            raise _refused(method, wanted, "budget exceeded", proposal)


def _require_antennas(
    method: DesignMethod, problem: DesignProblem, covariances: Transmission, proposal: Proposal
) -> None:
    for part in problem.constraints:
        if not isinstance(part, AntennaPower):
            continue
        used_w = np.real(np.diagonal(covariances[part.block]))
        worst = int(np.argmax(used_w / part.powers_w))
        if used_w[worst] > part.powers_w[worst] * (1.0 + POWER_TOLERANCE):
            allowed, found = distinct(float(part.powers_w[worst]), float(used_w[worst]))
            wanted = f"keep to {allowed} W on antenna {worst} of {part.block}, but proposed {found} W."
            raise _refused(method, wanted, "budget exceeded", proposal)


def _require_ties(method: DesignMethod, problem: DesignProblem, covariances: Transmission, proposal: Proposal) -> None:
    for tie in problem.ties:
        first, *others = [covariances[block] for block in tie.blocks]
        apart_w = max(float(np.max(np.abs(other - first))) for other in others)
        if apart_w > TIE_TOLERANCE * float(np.max(np.abs(first))):
            wanted = f"propose one covariance for {', '.join(tie.blocks)}, but they differ by {apart_w:.2g} W."
            raise _refused(method, wanted, "ties broken", proposal)


def _unsound(method: DesignMethod, error_w: float, proposal: Proposal) -> SolverFailed:
    """A covariance has a negative eigenvalue, or factors are of something else than the covariance."""
    if proposal.factors is None:
        wanted = f"propose positive-semidefinite covariances, but one has the negative eigenvalue {-error_w:.2g} W."
        return _refused(method, wanted, "not positive semidefinite", proposal)
    wanted = f"propose factors F with F F^H = R, but a covariance differs by {error_w:.2g} W."
    return _refused(method, wanted, "wrong factors", proposal)


def _analog_beams(
    method: DesignMethod, problem: DesignProblem, block: str, proposal: Proposal
) -> Complex[np.ndarray, "tx beam"]:
    """Beams of a block, strongest first, if their entries have one modulus and there is a slot for each."""
    none = np.zeros((problem.antennas[block], 0), dtype=complex)
    factor = none if proposal.factors is None else proposal.factors[block]
    powers_w = np.sum(np.abs(factor) ** 2, axis=0)
    order = np.argsort(-powers_w, kind="stable")
    beams = factor[:, order[powers_w[order] > 0.0]]
    slots = problem.n_slots or beams.shape[1]
    is_silent = proposal.factors is not None and not beams.size
    if not (is_silent or (has_constant_modulus(beams) and beams.shape[1] <= slots)):
        wanted = (
            f"propose the beams of {block} as factors whose entries have one modulus each, in at most {slots} slots, "
            f"but proposed {beams.shape[1]} beams, or beams of varying modulus."
        )
        raise _refused(method, wanted, "no constant modulus", proposal)
    return beams


def _word_powers_w(
    method: DesignMethod,
    covariance: Complex[np.ndarray, "tx tx"],
    codewords: Complex[np.ndarray, "tx word"],
    proposal: Proposal,
) -> Float[np.ndarray, " word"]:
    """Power of each codeword; a covariance that is no nonnegative combination of their projectors is refused."""
    powers_w, distance = powers_of_beams_w(codewords, covariance)
    if distance > 1e-6:
        far = f"its covariance is {distance:.2g} (relative) away from every power allocation."
        raise _refused(method, f"send codewords only, but {far}", "outside the codebook", proposal)
    return powers_w
