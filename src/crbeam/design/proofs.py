"""Values of transmissions and the bounds that are proven for them, for problems without choices."""

from collections.abc import Sequence
from dataclasses import dataclass

from crbeam.design.certificate import Certificate, certify_many, objective_at, weighted_bound
from crbeam.design.convex.certificate import certificate
from crbeam.design.convex.evidence import Evidence
from crbeam.design.convex.solution import convex_optimum
from crbeam.design.convex.statement import statement_of
from crbeam.design.engine import EngineResult
from crbeam.design.method import DesignMethod
from crbeam.design.optimum import optima
from crbeam.design.problem import DesignProblem, Hinge
from crbeam.design.result import Proposal
from crbeam.design.structure import without_ties
from crbeam.errors import CrbeamError
from crbeam.information import Transmission

#: Certified gap up to which a design counts as optimal, unless its method has a tolerance of its own.
OPTIMAL_GAP = 1e-6


@dataclass(frozen=True)
class Proof:
    """Value of a transmission, the best lower bound known for its problem, and what that rests on.

    Attributes:
        objective: the value.
        lower_bound: the bound.
        note: what it rests on.
        trace_loss: the weighted bound, where the objective is another.
        tied_gap: certified gap to the best transmission with tied blocks, where the bound leaves ties out.
    """

    objective: float
    lower_bound: float
    note: str
    trace_loss: float | None
    tied_gap: float | None = None

    @property
    def details(self) -> dict[str, float]:
        """What reports say beside the bound."""
        found = {"trace_loss": self.trace_loss, "tied_gap": self.tied_gap}
        return {name: value for name, value in found.items() if value is not None}


def bound_proofs(
    method: DesignMethod,
    problems: Sequence[DesignProblem],
    transmissions: Sequence[tuple[Transmission, Proposal]],
) -> list[Proof | CrbeamError]:
    """Objectives and lower bounds: from the transmissions themselves, or from the optimum where these prove little."""
    freed = {index for index, problem in enumerate(problems) if method.is_bounded_without_ties and problem.ties}
    given = {index for index, (_, proposal) in enumerate(transmissions) if proposal.evidence is not None} - freed
    if given:
        rest = [index for index in range(len(problems)) if index not in given]
        others = bound_proofs(method, [problems[i] for i in rest], [transmissions[i] for i in rest])
        found = dict(zip(rest, others, strict=True))
        return [
            found[index] if index in found else _evident(problem, *transmissions[index])
            for index, problem in enumerate(problems)
        ]
    certificates = certify_many(problems, [covariances for covariances, _ in transmissions])
    loose = [
        index
        for index, certificate in enumerate(certificates)
        if isinstance(certificate, Certificate)
        and (index in freed or (not method.is_global and certificate.gap > OPTIMAL_GAP))
    ]
    wanted = [without_ties(problems[index]) if index in freed else problems[index] for index in loose]
    optimal = dict(zip(loose, optimal_bounds(wanted), strict=True))
    proofs: list[Proof | CrbeamError] = []
    for index, (problem, graded) in enumerate(zip(problems, certificates, strict=True)):
        if isinstance(graded, CrbeamError):
            proofs.append(graded)
            continue
        own = 0.0 if index in freed else graded.lower_bound
        bound = min(max(own, optimal.get(index, 0.0)), graded.objective)
        source = "this design" if bound == own and index not in freed else "the optimal design"
        relaxed = " without the constant modulus" if problem.analog_blocks else ""
        relaxed += " with covariances of their own for all blocks" if index in freed else ""
        subject = "the loss beyond thresholds" if isinstance(problem.objective, Hinge) else "the weighted bound"
        note = f"convexity of {subject} at {source}{relaxed}"
        tied_gap = _tied_gap(problem, graded, transmissions[index][1].evidence) if index in freed else None
        proofs.append(Proof(graded.objective, bound, note, graded.trace_loss, tied_gap))
    return proofs


def _evident(problem: DesignProblem, covariances: Transmission, proposal: Proposal) -> Proof | CrbeamError:
    """Objective of a transmission, and the bound that the evidence of its proposal proves."""
    assert proposal.evidence is not None
    try:
        objective = objective_at(problem, covariances)
        bound = certificate(statement_of(problem), proposal.evidence)
        trace_loss = weighted_bound(problem, covariances) if isinstance(problem.objective, Hinge) else None
    except CrbeamError as error:
        return error
    note = "a point of the dual: convexity of the bounds and multipliers of all requirements and limits"
    return Proof(objective, min(max(bound, 0.0), objective), note, trace_loss)


def _tied_gap(problem: DesignProblem, graded: Certificate, evidence: Evidence | None) -> float:
    """Certified gap to the best transmission with tied blocks."""
    bound = graded.lower_bound if evidence is None else certificate(statement_of(problem), evidence)
    return max(1.0 - max(bound, graded.lower_bound) / graded.objective, 0.0) if graded.objective else 0.0


def optimal_bounds(problems: list[DesignProblem]) -> list[float]:
    """Certified lower bounds on the objective of any transmission, from its optimum; constant moduli are left out."""
    limited = {index: _bound_within_limits(each) for index, each in enumerate(problems) if each.power_limits}
    rest = [index for index in range(len(problems)) if index not in limited]
    results = dict(zip(rest, optima([problems[index] for index in rest]), strict=True))
    able = {index: each for index, each in results.items() if isinstance(each, EngineResult)}
    proven = proven_bounds([problems[index] for index in able], list(able.values()))
    bounds = dict(zip(able, proven, strict=True)) | limited
    return [bounds.get(index, 0.0) for index in range(len(problems))]


def proven_bounds(problems: Sequence[DesignProblem], results: Sequence[EngineResult]) -> list[float]:
    """Lower bounds that hold in the space of all antennas: those of evidence, or what the covariances prove."""
    bounds = {place: result.lower_bound for place, result in enumerate(results) if result.evidence is not None}
    rest = [place for place in range(len(results)) if place not in bounds]
    certificates = certify_many([problems[place] for place in rest], [results[place].covariances for place in rest])
    for place, proof in zip(rest, certificates, strict=True):
        bounds[place] = proof.lower_bound if isinstance(proof, Certificate) else 0.0
    return [bounds[place] for place in range(len(results))]


def _bound_within_limits(problem: DesignProblem) -> float:
    """Certified lower bound where antennas or groups have limits, which the descent over factors does not know."""
    try:
        evidence = convex_optimum(problem, tolerance=OPTIMAL_GAP).evidence
        return 0.0 if evidence is None else max(certificate(statement_of(problem), evidence), 0.0)
    except CrbeamError:
        return 0.0
