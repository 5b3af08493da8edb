"""The optimum of a convex problem: covariances of all streams, with evidence for their certificate."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from crbeam.design.convex.cone import Cone
from crbeam.design.convex.dual import Dual
from crbeam.design.convex.evidence import Evidence
from crbeam.design.convex.path import Path, follow_path
from crbeam.design.convex.primal import Primal
from crbeam.design.convex.program import Program, program_of
from crbeam.design.convex.shortage import contradiction_of
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
#: Eigenvalues of covariances, relative to the largest, that count as rounding.
RANK_ROUNDING = 1e-15


def convex_optimum(problem: DesignProblem, *, tolerance: float) -> Proposal:
    """Transmission of least objective, up to a relative gap.

    If thresholds can all be met, that of least weighted bound among those that meet them.

    Raises:
        Infeasible: no transmission meets all requirements.
        Unidentifiable: a parameter with a positive weight is not determined by any transmission.
        SolverFailed: rounding kept the method from a transmission.
    """
    with one_blas_thread(), np.errstate(all="ignore"):
        statement = statement_of(problem)
        path, program = _followed(statement, tolerance)
        reached = np.inf if path.primal is None else path.primal.objective * program.unit
        if isinstance(problem.objective, Hinge) and reached <= HINGE_ROUNDING:
            return _tied(problem, path, program, tolerance)
        return _proposal(program, path)


def _followed(statement: Statement, tolerance: float) -> tuple[Path, Program]:
    program = program_of(statement)
    has_thresholds = any(scale.kind == "threshold" for scale in statement.scales)
    rounding = MARGIN * HINGE_ROUNDING / program.unit if has_thresholds else 0.0
    return follow_path(Dual(program), gap=MARGIN * tolerance, rounding=rounding), program


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
        require_feasible_sinr(program.statement.problem)
        raise contradiction_of(program) or SolverFailed(
            f"Nothing proves that the requirements contradict one another, but the solver found no transmission that "
            f"meets them in {path.steps} steps; they take nearly all of the power, if not a little more. Lower them "
            "slightly, or raise the power.",
            status="no feasible point",
        )
    factors = stream_factors(program, path.primal)
    return proposal_of_streams(
        factors,
        trace=tuple(program.unit * value for value in path.trace),
        iterations=path.steps,
        details={"engine": "dual barrier", **(notes or {})},
        evidence=_evidence(program, path) if evidence is None else evidence,
    )


def proposal_of_streams(factors: Mapping[str, Mapping[str, np.ndarray]], **rest: Any) -> Proposal:
    """A proposal of what streams send, from factors of their covariances by stream and block."""
    streams = {name: Transmission.of_factors(tuple(each), list(each.values())) for name, each in factors.items()}
    blocks = next(iter(factors.values()))
    return Proposal(
        covariances=Transmission.sum_of(streams.values()),
        factors={block: np.concatenate([each[block] for each in factors.values()], axis=1) for block in blocks},
        stream_covariances=streams,
        stream_factors=factors,
        **rest,
    )


def _evidence(program: Program, path: Path) -> Evidence:
    best = path.best
    return program.evidence(best.responses, best.scales, best.levels)


def stream_factors(program: Program, found: Primal) -> dict[str, dict[str, np.ndarray]]:
    """F of each stream and block, `W = F F^H` in watt; served users have one beam where that is exact.

    The beam of a user with the covariance W and the channel t is `W t / sqrt(t^H W t)`. It delivers what W delivers to
    this user, and what is left of W goes to a stream that serves nobody: for all other users and for the information
    only the sum counts.

    Reference: li2024 eq. (39).
    """
    statement = program.statement
    problem = statement.problem
    silent = {block: np.zeros((size, 0), dtype=complex) for block, size in problem.antennas.items()}
    factors = {stream.name: dict(silent) for stream in problem.streams}
    for cone, stack in zip(program.cones, found.streams, strict=True):
        by_stream: dict[str, np.ndarray] = dict(zip(cone.streams, stack, strict=True))
        if not cone.is_line:
            _make_rank_one(problem, statement, cone, by_stream)
        blocks = [block for block, name in statement.names.items() if name == cone.name]
        for name, sent in by_stream.items():
            beams = np.diag(np.sqrt(np.maximum(sent, 0.0))) if cone.is_line else _root(sent)
            scaled: np.ndarray = np.sqrt(program.unit_w) * (cone.basis @ beams)
            factors[name] |= dict.fromkeys(blocks, scaled)
    return factors


def _root(matrix: np.ndarray) -> np.ndarray:
    """F with `F F^H` the positive part of a Hermitian matrix, without columns of rounding size."""
    values, vectors = np.linalg.eigh(matrix)
    kept = values > RANK_ROUNDING * values[-1:].max(initial=0.0)
    return vectors[:, kept] * np.sqrt(values[kept])


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
        vector = cone.basis.conj().T @ part.channels[cone.name]
        seen = by_stream[name] @ vector
        heard = float(np.real(vector.conj() @ seen))
        beam = seen / np.sqrt(heard) if heard > 0.0 else 0.0 * seen
        alone = np.outer(beam, beam.conj())
        by_stream[rest] = by_stream[rest] + positive_part(by_stream[name] - alone)
        by_stream[name] = alone
