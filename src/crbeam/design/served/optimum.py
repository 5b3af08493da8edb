"""The optimum of a problem with service requirements: covariances of all streams, with evidence for the bound."""

from dataclasses import dataclass

import numpy as np

from crbeam.design.problem import DesignProblem
from crbeam.design.result import DualEvidence, Proposal
from crbeam.design.served.barrier import CentralPoint, DualPoint, follow_path, information_at
from crbeam.design.served.reduction import ServedProblem, reduce_served
from crbeam.design.served.requirements import require_feasible_sinr
from crbeam.design.served.shortage import power_need, require_within_power
from crbeam.design.service_constraints import MinimumSinr
from crbeam.errors import SolverFailed
from crbeam.information import Transmission
from crbeam.linalg import positive_part

#: Share of the wanted gap that the barrier may leave; the rest is for rounding and repairs.
BARRIER_SHARE = 0.2
#: Relative room that a repaired transmission keeps in every inequality.
ROOM = 1e-12


@dataclass(frozen=True, eq=False)
class _Feasible:
    """Reduced stream covariances of each block with the value of every inequality and the power of every budget."""

    covariances: tuple[np.ndarray, ...]
    excess: np.ndarray
    used: np.ndarray


def served_optimum(problem: DesignProblem, *, tolerance: float) -> Proposal:
    """Transmission of least weighted bound that meets every requirement, up to a relative gap.

    Raises:
        Infeasible: no transmission within the budgets meets the requirements.
        Unidentifiable: a parameter with a positive weight is not determined by any covariance.
        SolverFailed: rounding kept the method from a feasible point although the requirements can be met.
    """
    require_feasible_sinr(problem)
    reduced = reduce_served(problem)
    path = follow_path(reduced, gap=BARRIER_SHARE * tolerance)
    best = _repaired(reduced, path.points)
    require_within_power(reduced, path.last.multipliers, is_suspect=best is None)
    trace = _objectives(reduced, path.points)
    if best is None:
        raise SolverFailed(
            f"The requirements can be met, but rounding kept the solver from a transmission that meets them "
            f"after {path.steps} steps; they take nearly all of the power. Lower them slightly, or raise the power: "
            f"{power_need(reduced)[0].words()}.",
            status="no feasible point",
            trace=trace,
        )
    streams = _stream_covariances(reduced, best)
    return Proposal(
        covariances=Transmission.sum_of(streams.values()),
        trace=trace,
        iterations=path.steps,
        stream_covariances=streams,
        dual=evidence_of(reduced, path.points[-1].dual),
    )


def _objectives(reduced: ServedProblem, points: tuple[CentralPoint, ...]) -> tuple[float, ...]:
    """Least objective so far at each point of the path."""
    values = []
    for point in points:
        totals = [stack.sum(axis=0) for stack in point.covariances]
        roots = [
            part.selection * np.linalg.solve(information_at(part, totals), part.selection) for part in reduced.criteria
        ]
        values.append(reduced.scale * sum(float(np.sum(root)) for root in roots))
    return tuple(np.minimum.accumulate(values).tolist())


def evidence_of(reduced: ServedProblem, point: DualPoint) -> DualEvidence:
    """Responses and multipliers in the units of the problem."""
    root = np.sqrt(reduced.scale)
    responses = [
        root * criterion.transform @ response
        for criterion, response in zip(reduced.criteria, point.responses, strict=True)
    ]
    return DualEvidence(tuple(responses), reduced.scale * point.multipliers / reduced.row_scales)


def _measured(reduced: ServedProblem, covariances: tuple[np.ndarray, ...]) -> _Feasible:
    excess, used = -reduced.floors, np.zeros(reduced.n_budgets)
    for block, stack in zip(reduced.blocks, covariances, strict=True):
        excess = excess + np.real(np.einsum("sjab,sba->j", block.rows, stack))
        used[block.budget] += float(np.trace(stack, axis1=1, axis2=2).real.sum())
    return _Feasible(covariances, excess, used)


def _repaired(reduced: ServedProblem, path: tuple[CentralPoint, ...]) -> _Feasible | None:
    """The last point of the path, mixed with just so much of an earlier one that everything holds."""
    points = [
        _measured(reduced, tuple(positive_part(stack) if stack.size else stack for stack in point.covariances))
        for point in path
    ]
    if not points:
        return None
    room = ROOM * (np.abs(reduced.floors) + 1.0)
    last = points[-1]
    if np.all(last.excess >= room) and np.all(last.used <= 1.0):
        return last
    for anchor in reversed(points[:-1]):
        if np.all(anchor.excess > room) and np.all(anchor.used < 1.0):
            return _mixed(reduced, last, anchor, room)
    return None


def _mixed(reduced: ServedProblem, point: _Feasible, anchor: _Feasible, room: np.ndarray) -> _Feasible:
    missing = np.concatenate([room - point.excess, point.used - 1.0])
    spare = np.concatenate([anchor.excess - room, 1.0 - anchor.used])
    share = float(np.max(np.where(missing > 0.0, missing / (np.maximum(missing, 0.0) + spare), 0.0)))
    share = min(1.0, share * (1.0 + 1e-9) + 1e-15)
    stacks = zip(point.covariances, anchor.covariances, strict=True)
    return _measured(reduced, tuple((1.0 - share) * last + share * first for last, first in stacks))


def _stream_covariances(reduced: ServedProblem, found: _Feasible) -> dict[str, Transmission]:
    """Covariances of all streams in watt, those of served users of rank one where that is exact.

    The beam of a user with the covariance W and the channel t is `W t / sqrt(t^H W t)`. It delivers what W delivers to
    this user, and what is left of W goes to a stream that serves nobody: for all other users and for the information
    only the sum counts.

    Reference: li2024 eq. (39).
    """
    problem = reduced.problem
    result = {stream.name: dict(Transmission.silent(problem.antennas)) for stream in problem.streams}
    served = {stream.served_user: stream.name for stream in problem.streams if stream.served_user}
    for sender, block, stack in zip(problem.blocks, reduced.blocks, found.covariances, strict=True):
        by_stream = dict(zip(block.streams, stack, strict=True))
        rest = next((one.name for one in problem.streams if one.name in by_stream and one.served_user is None), None)
        for part in problem.constraints:
            if not isinstance(part, MinimumSinr) or set(part.channels) != {sender} or rest is None:
                continue
            name = served[part.user]
            vector = block.basis.conj().T @ part.channels[sender]
            beam = by_stream[name] @ vector / np.sqrt(np.real(vector.conj() @ by_stream[name] @ vector))
            sent = np.outer(beam, beam.conj())
            by_stream[rest] = by_stream[rest] + positive_part(by_stream[name] - sent)
            by_stream[name] = sent
        for name, covariance in by_stream.items():
            whole = block.power_w * block.basis @ covariance @ block.basis.conj().T
            result[name][sender] = 0.5 * (whole + whole.conj().T)
    return {name: Transmission(sent) for name, sent in result.items()}
