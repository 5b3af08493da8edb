"""Grading what methods propose, by the problem alone: feasibility, objective, lower bound, status."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float

from crbeam.design.beamformers import Beamformers, codeword_beams, strongest_beams
from crbeam.design.certificate import objective_at
from crbeam.design.certified_method import CertifiedMethod
from crbeam.design.constraints import has_constant_modulus
from crbeam.design.eigenbeams import Eigenbeams, eigenbeams_of
from crbeam.design.hybrid.grading import grounded, proven_bound, with_parts
from crbeam.design.hybrid.networks import hybrid_of
from crbeam.design.method import DesignMethod
from crbeam.design.network.choices import is_network
from crbeam.design.network.grading import objective_of, proven_lower_bound, role_of
from crbeam.design.powers import powers_of_beams_w
from crbeam.design.problem import HINGE_ROUNDING, DesignProblem, Hinge
from crbeam.design.proofs import OPTIMAL_GAP, Proof, bound_proofs
from crbeam.design.result import Design, Proposal, Status
from crbeam.design.selection.choice import selection_of
from crbeam.design.selection.grading import proven_for_all_sets, with_members, with_selection
from crbeam.design.served.service_check import require_service
from crbeam.errors import CrbeamError, SolverFailed, Unidentifiable
from crbeam.units import distinct

#: Relative excess over a power budget that counts as rounding.
POWER_TOLERANCE = 1e-9
#: Relative difference of tied covariances that counts as rounding.
TIE_TOLERANCE = 1e-9


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
            is_optimal = proof.objective - proof.lower_bound <= _allowed(method, problems[index], proof.objective)
            design = _design(name, problems[index], spectrum, proof, is_optimal=is_optimal, seconds=seconds)
            design = with_parts(given[index], spectrum.proposal, design)
            results[index] = with_selection(given[index], spectrum.proposal, design)
    return [results[index] for index in range(len(problems))]


def _optimal_gap(method: DesignMethod) -> float:
    """Certified gap up to which designs of a method count as optimal; only one that looks for optima may choose it."""
    return method.tolerance if isinstance(method, CertifiedMethod) and method.is_global else OPTIMAL_GAP


def _allowed(method: DesignMethod, problem: DesignProblem, objective: float) -> float:
    """Distance from its lower bound up to which an objective counts as optimal."""
    rounding = HINGE_ROUNDING if isinstance(problem.objective, Hinge) else 0.0
    return max(_optimal_gap(method) * objective, rounding)


def _grounded(
    method: DesignMethod, problems: Sequence[DesignProblem], proposals: Sequence[Proposal | CrbeamError]
) -> tuple[list[DesignProblem], list[Proposal | CrbeamError]]:
    """Problems with what their proposals chose (networks, receivers), and the proposals that chose possible ones."""
    chosen, kept = list(problems), list(proposals)
    for index, (problem, proposal) in enumerate(zip(problems, proposals, strict=True)):
        if isinstance(proposal, CrbeamError):
            continue
        try:
            chosen[index] = grounded(method, with_members(method, problem, proposal), proposal)
        except CrbeamError as error:
            kept[index] = error
    return chosen, kept


def _proofs(
    method: DesignMethod, given: list[DesignProblem], problems: list[DesignProblem], spectra: list["_Spectrum"]
) -> list[Proof | CrbeamError]:
    """Objectives and lower bounds of problems of all kinds, given with and without what proposals chose."""
    networks = {index for index, problem in enumerate(problems) if is_network(problem)}
    open_choices = {index for index, problem in enumerate(given) if hybrid_of(problem) or selection_of(problem)}
    choices = open_choices - networks
    rest = [index for index in range(len(problems)) if index not in networks | choices]
    found = dict(
        zip(
            rest,
            bound_proofs(
                method, [problems[i] for i in rest], [(spectra[i].covariances, spectra[i].proposal) for i in rest]
            ),
            strict=True,
        )
    )
    for index in networks:
        found[index] = _network_proof(problems[index], spectra[index])
    for index in choices:
        found[index] = _choice_proof(given[index], problems[index], spectra[index])
    return [found[index] for index in range(len(problems))]


def _network_proof(problem: DesignProblem, spectrum: "_Spectrum") -> Proof | CrbeamError:
    """Objective of a transmission in the role that it plays, and the least that any has over all choices."""
    try:
        objective = objective_of(role_of(problem, spectrum.covariances), problem, spectrum.covariances)
        bound, note = proven_lower_bound(problem, spectrum.proposal)
    except CrbeamError as error:
        return error
    return Proof(objective, min(bound, objective), note, None)


def _choice_proof(given: DesignProblem, problem: DesignProblem, spectrum: "_Spectrum") -> Proof | CrbeamError:
    """Objective with the chosen network or receivers, and a bound for all choices."""
    try:
        objective = objective_at(problem, spectrum.covariances)
        proven = proven_bound if selection_of(given) is None else proven_for_all_sets
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
    covariances: Complex[np.ndarray, "block tx tx"]
    eigenbeams: list[tuple[np.ndarray, np.ndarray]]
    word_powers_w: dict[str, np.ndarray]
    analog_beams: dict[str, np.ndarray]

    def beamformers(self, problem: DesignProblem) -> tuple[Beamformers, ...]:
        """Beams of each block that fit into the slots of the problem."""
        result = []
        for block, (powers_w, vectors) in zip(problem.blocks, self.eigenbeams, strict=True):
            if block in self.analog_beams:
                result.append(Beamformers(self.analog_beams[block], is_exact=True))
            elif block in self.word_powers_w:
                words = problem.codebooks[block].unit_codewords
                result.append(codeword_beams(self.word_powers_w[block], words, problem.n_slots))
            else:
                result.append(strongest_beams(powers_w, vectors, problem.n_slots))
        return tuple(result)


def _spectra(
    method: DesignMethod, problems: Sequence[DesignProblem], proposals: Sequence[Proposal | CrbeamError]
) -> list[_Spectrum | CrbeamError]:
    """Spectra of proposals that keep every constraint; those of one shape are taken together."""
    results: dict[int, _Spectrum | CrbeamError] = {}
    groups: dict[tuple, list[tuple[int, Proposal]]] = {}
    for index, (problem, proposal) in enumerate(zip(problems, proposals, strict=True)):
        if isinstance(proposal, CrbeamError):
            results[index] = proposal
        elif proposal.covariances.shape != (len(problem.blocks), problem.n_tx, problem.n_tx):
            results[index] = _invalid(method, problem, proposal)
        else:
            sizes = None if proposal.factors is None else tuple(factor.shape for factor in proposal.factors)
            groups.setdefault((proposal.covariances.shape, sizes), []).append((index, proposal))
    for members in groups.values():
        beams = eigenbeams_of([proposal for _, proposal in members])
        for place, (index, proposal) in enumerate(members):
            try:
                results[index] = _feasible(method, problems[index], proposal, beams, place)
            except CrbeamError as error:
                results[index] = error
    return [results[index] for index in range(len(problems))]


def _feasible(
    method: DesignMethod, problem: DesignProblem, proposal: Proposal, beams: Eigenbeams, place: int
) -> _Spectrum:
    """Spectrum of a proposal that keeps every constraint."""
    if not beams.is_finite[place]:
        raise _invalid(method, problem, proposal)
    covariances = beams.covariances[place]
    _require_budgets(method, problem, beams.used_w[place].tolist(), proposal)
    if not beams.is_sound[place]:
        raise _unsound(method, float(beams.errors_w[place].max()), proposal)
    word_powers_w = {
        block: _word_powers_w(method, covariances[problem.blocks.index(block)], codebook.unit_codewords, proposal)
        for block, codebook in problem.codebooks.items()
    }
    _require_ties(method, problem, covariances, proposal)
    require_service(method, problem, proposal)
    analog_beams = {block: _analog_beams(method, problem, block, proposal) for block in problem.analog_blocks}
    eigenbeams = [(powers_w[place], vectors[place]) for powers_w, vectors in beams.beams]
    return _Spectrum(proposal, covariances, eigenbeams, word_powers_w, analog_beams)


def _design(
    name: str, problem: DesignProblem, spectrum: _Spectrum, proof: Proof, *, is_optimal: bool, seconds: float
) -> Design:
    proposal = spectrum.proposal
    beamformers = spectrum.beamformers(problem)
    status = Status.OPTIMAL if is_optimal else Status.TIME_LIMIT if proposal.hit_time_limit else Status.FEASIBLE
    streams = proposal.stream_covariances or {problem.streams[0].name: spectrum.covariances}
    return Design(
        method=name,
        blocks=problem.blocks,
        covariances=spectrum.covariances,
        stream_covariances=streams,
        beamformers=beamformers,
        beamforming_loss=_beamforming_loss(problem, beamformers, proof.objective),
        status=status,
        objective=proof.objective,
        lower_bound=proof.lower_bound,
        bound_note=proof.note,
        trace=proposal.trace,
        iterations=proposal.iterations,
        seconds=seconds,
        details={**proposal.details, **proof.details},
    )


def _beamforming_loss(problem: DesignProblem, beamformers: tuple[Beamformers, ...], objective: float) -> float | None:
    """Relative increase of the objective with the beams that fit into the slots.

    None if they do not determine it, or if it rises from 0.
    """
    if all(beams.is_exact for beams in beamformers):
        return 0.0
    try:
        value = objective_at(problem, np.stack([beams.covariance for beams in beamformers]))
    except Unidentifiable:
        return None
    if objective == 0.0:
        return 0.0 if value == 0.0 else None
    return value / objective - 1.0


def _invalid(method: DesignMethod, problem: DesignProblem, proposal: Proposal) -> SolverFailed:
    expected = (len(problem.blocks), problem.n_tx, problem.n_tx)
    return SolverFailed(
        f"{method.key} must propose finite covariances of shape {expected}, found shape {proposal.covariances.shape}.",
        status="invalid proposal",
        trace=proposal.trace,
    )


def _require_budgets(method: DesignMethod, problem: DesignProblem, used_w: list[float], proposal: Proposal) -> None:
    for budget in problem.budgets:
        used = sum(used_w[problem.blocks.index(block)] for block in budget.blocks)
        if used > budget.power_per_subcarrier_w * (1.0 + POWER_TOLERANCE):
            allowed, found = distinct(budget.power_per_subcarrier_w, used)
            raise SolverFailed(
                f"{method.key} must keep to {allowed} W in {', '.join(budget.blocks)}, but proposed {found} W.",
                status="budget exceeded",
                trace=proposal.trace,
            )


def _require_ties(method: DesignMethod, problem: DesignProblem, covariances: np.ndarray, proposal: Proposal) -> None:
    for tie in problem.ties:
        first, *others = [covariances[problem.blocks.index(block)] for block in tie.blocks]
        apart_w = max(float(np.max(np.abs(other - first))) for other in others)
        if apart_w > TIE_TOLERANCE * float(np.max(np.abs(first))):
            raise SolverFailed(
                f"{method.key} must propose one covariance for {', '.join(tie.blocks)}, but they differ by "
                f"{apart_w:.2g} W.",
                status="ties broken",
                trace=proposal.trace,
            )


def _unsound(method: DesignMethod, error_w: float, proposal: Proposal) -> SolverFailed:
    """A covariance has a negative eigenvalue, or factors are of something else than the covariance."""
    if proposal.factors is None:
        message = f"positive-semidefinite covariances, but one has the negative eigenvalue {-error_w:.2g} W"
        status = "not positive semidefinite"
    else:
        message = f"factors F with F F^H = R, but a covariance differs by {error_w:.2g} W"
        status = "wrong factors"
    return SolverFailed(f"{method.key} must propose {message}.", status=status, trace=proposal.trace)


def _analog_beams(
    method: DesignMethod, problem: DesignProblem, block: str, proposal: Proposal
) -> Complex[np.ndarray, "tx beam"]:
    """Beams of a block, strongest first, if their entries have one modulus and there is a slot for each."""
    none = np.zeros((problem.n_tx, 0), dtype=complex)
    factor = none if proposal.factors is None else proposal.factors[problem.blocks.index(block)]
    powers_w = np.sum(np.abs(factor) ** 2, axis=0)
    order = np.argsort(-powers_w, kind="stable")
    beams = factor[:, order[powers_w[order] > 0.0]]
    slots = problem.n_slots or beams.shape[1]
    is_silent = proposal.factors is not None and not beams.size
    if not (is_silent or (has_constant_modulus(beams) and beams.shape[1] <= slots)):
        raise SolverFailed(
            f"{method.key} must propose the beams of {block} as factors whose entries have one modulus each, in at "
            f"most {slots} slots, but proposed {beams.shape[1]} beams, or beams of varying modulus.",
            status="no constant modulus",
            trace=proposal.trace,
        )
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
        raise SolverFailed(
            f"{method.key} must send codewords only, but its covariance is {distance:.2g} (relative) away from "
            f"every power allocation.",
            status="outside the codebook",
            trace=proposal.trace,
        )
    return powers_w
