"""The optimum of a convex problem: covariances of all streams, with evidence for their certificate."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

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
from crbeam.design.requirements import cancelled_users, require_feasible_sinr
from crbeam.design.result import Proposal
from crbeam.design.service_constraints import MinimumSinr
from crbeam.errors import SolverFailed
from crbeam.information import Transmission
from crbeam.linalg import one_blas_thread, positive_part

#: Share of the wanted gap at which the path ends; the rest is for rounding.
MARGIN = 0.5
#: Newton steps without a transmission after which the path starts again, if rows tell where.
PATIENCE = 60
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
    return path_of(program, gap=MARGIN * tolerance, rounding=rounding), program


def path_of(
    program: Program, *, gap: float, rounding: float = 0.0, stop_above: float = np.inf, deadline: float = np.inf
) -> Path:
    """The path of a program, from a second start where the first one finds no transmission soon (see `follow_path`)."""
    dual = Dual(program)
    followed = partial(follow_path, dual, gap=gap, rounding=rounding, stop_above=stop_above, deadline=deadline)
    path = followed(patience=PATIENCE)
    if path.primal is None and not path.is_contradictory and path.value <= stop_above and path.steps >= PATIENCE:
        start = start_beside_others(dual, path.point)
        again = path if start is None else followed(start=start, patience=PATIENCE)
        path = followed() if again.primal is None else again
    return path


def _tied(problem: DesignProblem, met: Path, program: Program, tolerance: float) -> Proposal:
    """The least weighted bound within thresholds; what meets them if they leave no room."""
    within, reduced = _followed(statement_of(problem, within_thresholds=True), tolerance)
    evidence = met.evidence(program)
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
            "slightly, or raise the power."
            if program.n_rows
            else "The solver must find a transmission within the limits of power, but lost its digits after "
            f"{path.steps} steps. Bring the limits of stations and antennas closer to one another.",
            status="no feasible point",
        )
    factors = stream_factors(program, path.primal)
    return proposal_of_streams(
        factors,
        trace=tuple(program.unit * value for value in path.trace),
        iterations=path.steps,
        details={"engine": "dual barrier", **(notes or {})},
        evidence=path.evidence(program) if evidence is None else evidence,
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


def stream_factors(program: Program, found: Primal) -> dict[str, dict[str, np.ndarray]]:
    """F of each stream and block, `W = F F^H` in watt; served users have one beam where that is exact.

    The beam of a user with the covariance W and the channel t is `W t / sqrt(t^H W t)`. It delivers what W delivers to
    this user, and what is left of W goes to a stream that serves nobody: for all other users and for the information
    only the sum counts, as long as none of them removes that stream. Where the stream for nobody is there for one
    direction t alone, it is one beam in the same way, and what is left is not sent.

    Reference: li2024 eq. (39).
    """
    statement = program.statement
    problem = statement.problem
    silent = {block: np.zeros((size, 0), dtype=complex) for block, size in problem.antennas.items()}
    factors = {stream.name: dict(silent) for stream in problem.streams}
    for name in statement.blocks:
        pairs = [(cone, stack) for cone, stack in zip(program.cones, found.streams, strict=True) if cone.name == name]
        if not pairs:
            continue
        cones = [cone for cone, _ in pairs]
        by_stream: dict[str, np.ndarray] = {}
        for cone, stack in pairs:
            by_stream |= zip(cone.streams, stack, strict=True)
        blocks = [block for block, common in statement.names.items() if common == name]
        if len(blocks) == 1 and not cones[0].is_line:
            _make_rank_one(problem, cones, by_stream)
        for stream, sent in by_stream.items():
            beams = np.diag(np.sqrt(np.maximum(sent, 0.0))) if cones[0].is_line else _root(sent)
            scaled: np.ndarray = np.sqrt(program.unit_w) * (cones[0].basis @ beams)
            factors[stream] |= dict.fromkeys(blocks, scaled)
    return factors


def _root(matrix: np.ndarray) -> np.ndarray:
    """F with `F F^H` the positive part of a Hermitian matrix, without columns of rounding size."""
    values, vectors = np.linalg.eigh(matrix)
    kept = values > RANK_ROUNDING * values[-1:].max(initial=0.0)
    return vectors[:, kept] * np.sqrt(values[kept])


def _make_rank_one(problem: DesignProblem, cones: Sequence[Cone], by_stream: dict[str, np.ndarray]) -> None:
    """Put the beams of served users in place of their covariances in a block, the rest in a stream for nobody."""
    rest = next((one.name for one in problem.streams if one.name in by_stream and one.served_user is None), None)
    if rest is None:
        return
    served = {stream.served_user: stream.name for stream in problem.streams if stream.name in by_stream}
    for user in cancelled_users(problem):
        served.pop(user, None)
    for part in problem.constraints:
        if isinstance(part, MinimumSinr) and cones[0].name in part.channels and part.user in served:
            name = served[part.user]
            alone = _beam_for(by_stream[name], cones[0].basis.conj().T @ part.channels[cones[0].name])
            by_stream[rest] = by_stream[rest] + positive_part(by_stream[name] - alone)
            by_stream[name] = alone
    cone = next(each for each in cones if rest in each.streams)
    nothing = np.zeros((cone.size, 0), dtype=complex)
    looks = span(np.concatenate([nothing, *(view.transmit for _, view in cone.seen)], axis=1))
    if looks.shape[1] == 1 and np.all(cone.factors[cone.streams.index(rest)] <= 0.0):
        by_stream[rest] = _beam_for(by_stream[rest], looks[:, 0])


def _beam_for(covariance: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """`W t t^H W / (t^H W t)`, at most W, which delivers the same to t."""
    seen = covariance @ vector
    heard = float(np.real(vector.conj() @ seen))
    beam = seen / np.sqrt(heard) if heard > 0.0 else 0.0 * seen
    return np.outer(beam, beam.conj())
