"""The optimum of a convex problem: covariances of all streams, with evidence for their certificate."""

from collections.abc import Mapping

import numpy as np

from crbeam.design.convex.cone import Cone
from crbeam.design.convex.dual import Dual
from crbeam.design.convex.evidence import Evidence
from crbeam.design.convex.path import Path, follow_path
from crbeam.design.convex.presolve import presolved
from crbeam.design.convex.primal import Primal
from crbeam.design.convex.program import Program, program_of, span
from crbeam.design.convex.shortage import contradiction_of
from crbeam.design.convex.start import start_beside_others
from crbeam.design.convex.statement import Statement, statement_of
from crbeam.design.problem import HINGE_ROUNDING, DesignProblem, Hinge
from crbeam.design.result import Proposal
from crbeam.design.served.requirements import require_feasible_sinr
from crbeam.design.service_constraints import MinimumSinr
from crbeam.errors import SolverFailed
from crbeam.information import Transmission
from crbeam.linalg import one_blas_thread, positive_part

#: Share of the wanted gap at which the path ends; the rest is for rounding.
MARGIN = 0.5


def convex_optimum(problem: DesignProblem, *, tolerance: float) -> Proposal:
    """Transmission of least objective, up to a relative gap.

    If thresholds can all be met, that of least weighted bound among those that meet them.

    Raises:
        Infeasible: no transmission meets all requirements.
        Unidentifiable: a parameter with a positive weight is not determined by any transmission.
        SolverFailed: rounding kept the method from a transmission.
    """
    with one_blas_thread(), np.errstate(all="ignore"):
        require_feasible_sinr(problem)
        statement = statement_of(problem)
        path, program = _followed(statement, tolerance)
        reached = np.inf if path.primal is None else path.primal.objective * program.unit
        if isinstance(problem.objective, Hinge) and reached <= HINGE_ROUNDING:
            return _tied(problem, path, program, tolerance)
        return _proposal(program, path)


def _followed(statement: Statement, tolerance: float) -> tuple[Path, Program]:
    program = presolved(program_of(statement))
    has_thresholds = any(scale.kind == "threshold" for scale in statement.scales)
    rounding = MARGIN * HINGE_ROUNDING / program.unit if has_thresholds else 0.0
    dual = Dual(program)
    path = follow_path(dual, gap=MARGIN * tolerance, rounding=rounding)
    if path.primal is None and not path.is_contradictory:
        start = start_beside_others(dual, path.point)
        again = path if start is None else follow_path(dual, gap=MARGIN * tolerance, rounding=rounding, start=start)
        path = path if again.primal is None else again
    return path, program


def _tied(problem: DesignProblem, met: Path, program: Program, tolerance: float) -> Proposal:
    """The least weighted bound within thresholds; what meets them if they leave no room."""
    within, reduced = _followed(statement_of(problem, within_thresholds=True), tolerance)
    evidence = _evidence(program, met)
    if within.primal is None:
        return _proposal(program, met)
    return _proposal(reduced, within, evidence=evidence, notes={"tied": 1, "tie_break_gap": max(within.gap, 0.0)})


def _proposal(
    program: Program,
    path: Path,
    *,
    evidence: Evidence | None = None,
    notes: Mapping[str, float | int | str] | None = None,
) -> Proposal:
    if path.primal is None:
        raise contradiction_of(program) or SolverFailed(
            f"Nothing proves that the requirements contradict one another, but the solver found no transmission that "
            f"meets them in {path.steps} steps; they take nearly all of the power, if not a little more. Lower them "
            "slightly, or raise the power.",
            status="no feasible point",
        )
    streams = stream_covariances(program, path.primal)
    return Proposal(
        covariances=Transmission.sum_of(streams.values()),
        trace=tuple(program.unit * value for value in path.trace),
        iterations=path.steps,
        stream_covariances=streams,
        details={"engine": "dual barrier", **(notes or {})},
        evidence=_evidence(program, path) if evidence is None else evidence,
    )


def _evidence(program: Program, path: Path) -> Evidence:
    best = path.best
    return program.evidence(best.responses, best.scales, best.levels)


def stream_covariances(program: Program, found: Primal) -> dict[str, Transmission]:
    """Covariances of all streams in watt, those of served users of rank one where that is exact.

    The beam of a user with the covariance W and the channel t is `W t / sqrt(t^H W t)`. It delivers what W delivers to
    this user, and what is left of W goes to a stream that serves nobody: for all other users and for the information
    only the sum counts. Where that stream is there for one direction t alone, it is one beam in the same way, and what
    is left is not sent.

    Reference: li2024 eq. (39).
    """
    statement = program.statement
    problem = statement.problem
    sent = {stream.name: dict(Transmission.silent(problem.antennas)) for stream in problem.streams}
    for cone, stack in zip(program.cones, found.streams, strict=True):
        if cone.is_line:
            by_stream = {name: np.diag(np.maximum(each, 0.0)) for name, each in zip(cone.streams, stack, strict=True)}
        else:
            by_stream = dict(zip(cone.streams, positive_part(stack), strict=True))
            _make_rank_one(problem, statement, cone, by_stream)
        blocks = [block for block, name in statement.names.items() if name == cone.name]
        for name, reduced in by_stream.items():
            whole = program.unit_w * cone.basis @ reduced @ cone.basis.conj().T
            sent[name] |= dict.fromkeys(blocks, 0.5 * (whole + whole.conj().T))
    return {name: Transmission(each) for name, each in sent.items()}


def _make_rank_one(problem: DesignProblem, statement: Statement, cone: Cone, by_stream: dict[str, np.ndarray]) -> None:
    """Put the beams of served users in place of their covariances in a block, the rest in a stream for nobody."""
    rest = next((one.name for one in problem.streams if one.name in by_stream and one.served_user is None), None)
    served = {stream.served_user: stream.name for stream in problem.streams if stream.served_user}
    is_tied = sum(name == cone.name for name in statement.names.values()) > 1
    for part in problem.constraints:
        if rest is None or is_tied or not isinstance(part, MinimumSinr) or cone.name not in part.channels:
            continue
        name = served[part.user]
        if name not in by_stream:
            continue
        alone = _beam_for(by_stream[name], cone.basis.conj().T @ part.channels[cone.name])
        by_stream[rest] = by_stream[rest] + positive_part(by_stream[name] - alone)
        by_stream[name] = alone
    looks = span(np.concatenate([np.zeros((cone.size, 0)), *(view.transmit for _, view in cone.seen)], axis=1))
    if (
        rest is not None
        and not is_tied
        and looks.shape[1] == 1
        and np.all(cone.factors[cone.streams.index(rest)] <= 0.0)
    ):
        by_stream[rest] = _beam_for(by_stream[rest], looks[:, 0])


def _beam_for(covariance: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """`W t t^H W / (t^H W t)`, at most W, which delivers the same to t."""
    seen = covariance @ vector
    heard = float(np.real(vector.conj() @ seen))
    beam = seen / np.sqrt(heard) if heard > 0.0 else 0.0 * seen
    return np.outer(beam, beam.conj())
