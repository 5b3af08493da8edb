"""Most power on the target under rates of receivers with several antennas, by successive convex approximation."""

import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from crbeam.design.convex.evidence import Evidence
from crbeam.design.convex.solution import convex_optimum
from crbeam.design.method import OneByOne
from crbeam.design.mismatch import hermitian_root
from crbeam.design.problem import DesignProblem
from crbeam.design.rates import (
    ROOM,
    RateReceiver,
    Streams,
    beyond_the_power,
    least_excess,
    power_along,
    rate_receivers,
    require_capacity,
    start_of,
)
from crbeam.design.requirements import require_feasible_sinr
from crbeam.design.result import Proposal
from crbeam.design.service_constraints import MinimumRate, MinimumSinr
from crbeam.design.structure import only_direction, sensing_stream, why_not_lit
from crbeam.errors import SolverFailed
from crbeam.information import Transmission
from crbeam.linalg import positive_part

if TYPE_CHECKING:
    import cvxpy as cp

#: Relative size of singular values that count as rounding.
_NULL = 1e-9
#: Tolerances of the conic solver, tried in turns.
_TOLERANCES = (1e-8, 1e-6, 1e-4)
#: Halvings of the share of what a program found that is kept.
_HALVINGS = 50
#: Increase of the least excess of rates, in nats, below which the search for a transmission that meets them ends.
_STALLED = 1e-4


@dataclass(frozen=True)
class LiftedSca(OneByOne):
    """Least bound over covariances of all streams where all information comes over one direction, under rates.

    Every bound is then proportional to one over the power in that direction, which is linear. In the rate
    `ln det(noise + all) - ln det(noise + interference)` the first term is concave, the second is replaced by its
    tangent: each program lies inside the one to solve, and values never fall. The start has one beam for each receiver,
    which is the best with the filter behind which it is received; filters and beams improve in turns. Where one beam
    each is not enough, it has zero-forcing beams, and if these miss a rate, the first programs maximise the least
    excess of rates. Messages end with no more streams than antennas that hear them, without loss.

    `details` has the number of conic programs among the iterations, and why the method stopped; one that fails after
    rates are met leaves what was found before.

    The result is a local optimum. In lines of sight, where the start has zero-forcing beams, its gap is to the global
    one, which `optimum` finds at once; with scattered waves to the optimum without any rates.

    Attributes:
        max_iterations: number of conic programs after which the method stops.
        threshold: relative increase of the power below which it stops, also if there cannot be more.

    Reference: wang2024 eqs. (37), (42), (43), (44), (45).

    Deviation: the paper calls a maximum of a convex function over beams convex, and its bound (44) lacks the factor
    `1 / ln 2` of its base-2 logarithm and has the interference wrong. Covariances in place of beams make both convex.
    """

    key = "lifted-sca"
    summary = "least bound under rates of several antennas, by successive convex approximation (local optimum)"
    keeps = frozenset({MinimumRate, MinimumSinr})
    is_global = False

    max_iterations: int = 15
    threshold: float = 1e-4

    def why_not(self, problem: DesignProblem) -> str | None:
        """Needs one block whose information comes over one direction, and rates."""
        reason = why_not_lit(self.key, problem)
        if reason is None and not any(isinstance(part, MinimumRate | MinimumSinr) for part in problem.constraints):
            return f"{self.key} needs rates to approximate; without them all power goes to the target."
        return reason or super().why_not(problem)

    def design(self, problem: DesignProblem, seed: np.random.SeedSequence) -> Proposal:  # noqa: ARG002
        """Successive programs from a start that just keeps the rates."""
        require_feasible_sinr(problem)
        receivers, direction = rate_receivers(problem), only_direction(problem)
        assert direction is not None, "why_not has said so"
        require_capacity(receivers)
        start, trace = start_of(problem, receivers, direction)
        search = self._search(_Search(start, trace, len(trace)), receivers, direction)
        if least_excess(receivers, search.sent) < 0.0:
            raise beyond_the_power(
                f"All rates must be met, but {search.iterations} approximations found no transmission that meets "
                f"them; there may be one",
                "rates",
                receivers,
            )
        power_w = problem.budgets[0].power_per_subcarrier_w
        streams = {
            name: Transmission({problem.blocks[0]: power_w * part})
            for name, part in _fewest_streams(problem, receivers, search.sent).items()
        }
        return Proposal(
            covariances=Transmission.sum_of(streams.values()),
            trace=tuple(1.0 / value for value in search.trace),
            iterations=search.iterations,
            stream_covariances=streams,
            details={"conic_programs": search.iterations - len(trace), "stopped": search.stopped},
            evidence=_evidence(problem),
        )

    def _search(self, search: "_Search", receivers: list[RateReceiver], direction: np.ndarray) -> "_Search":
        """Program after program: first for the rates, if the start misses any, then for the power."""
        sent, trace, iterations = search.sent, list(search.trace), search.iterations
        for _ in range(self.max_iterations):
            least = least_excess(receivers, sent)
            if least >= 0.0 and power_along(direction, sent) * (1.0 + self.threshold) >= 1.0:
                return _Search(sent, trace or [power_along(direction, sent)], iterations, "converged")
            try:
                found = _approximated(sent, receivers, direction, least >= 0.0)
            except SolverFailed as error:
                if least < 0.0 or not trace:
                    raise
                return _Search(sent, trace, iterations, f"the conic solver failed: {error.status}")
            iterations, before, sent = iterations + 1, sent, found
            if least < 0.0:
                if least_excess(receivers, sent) < min(0.0, least + _STALLED):
                    break
                continue
            trace = trace or [power_along(direction, before)]
            trace.append(max(power_along(direction, sent), trace[-1]))
            if trace[-1] <= trace[-2] * (1.0 + self.threshold):
                return _Search(sent, trace, iterations, "converged")
        return _Search(sent, trace, iterations, "most iterations")


@dataclass(frozen=True, eq=False)
class _Search:
    """Where a search is: what is sent, powers along the direction so far, number of programs, why it stopped."""

    sent: Streams
    trace: list[float] = field(default_factory=list)
    iterations: int = 0
    stopped: str = ""


def _evidence(problem: DesignProblem) -> Evidence | None:
    """What bounds the optimum in lines of sight: the global one. Rates of several antennas have no such bound."""
    if any(isinstance(part, MinimumRate) for part in problem.constraints):
        return None
    return convex_optimum(problem, tolerance=1e-6).evidence


def _approximated(sent: Streams, receivers: list[RateReceiver], direction: np.ndarray, rates_met: bool) -> Streams:
    """Optimum of the program about a transmission: most power on the target, or most excess of the worst rate."""
    import cvxpy as cp

    size, frames = len(direction), _frames(sent, receivers)
    parts = {name: cp.Variable((size, size), hermitian=True) for name in sent}
    excess = cp.Variable()
    used = cp.real(sum(_product(frames[name].conj().T @ frames[name], part) for name, part in parts.items()))
    limits = [part >> 0 for part in parts.values()] + [used <= 1.0]
    limits += [_rate(one, sent, frames, parts) >= (ROOM if rates_met else excess) for one in receivers]
    felt = {name: frame.conj().T @ direction for name, frame in frames.items()}
    lit = sum(_product(np.outer(felt[name], felt[name].conj()), part) for name, part in parts.items())
    program = cp.Problem(cp.Maximize(lit if rates_met else excess), [*limits, excess <= 0.1])
    _solve(program)
    if any(part.value is None for part in parts.values()):
        raise SolverFailed(
            f"The conic solver must solve an approximation of the rates, but found it {program.status}. Lower the "
            f"rates or raise the power.",
            status=str(program.status),
        )
    found = {n: frames[n] @ positive_part(np.asarray(part.value)) @ frames[n].conj().T for n, part in parts.items()}
    power = sum(float(np.trace(part).real) for part in found.values())
    return _safe(sent, {name: part / max(power, 1.0) for name, part in found.items()}, receivers)


def _solve(program: "cp.Problem") -> None:
    """Solve a program, to lower tolerances if it must be: what is found is repaired."""
    import cvxpy as cp

    for tolerance in _TOLERANCES:
        limits = {name: tolerance for name in ("tol_gap_abs", "tol_gap_rel", "tol_feas")}
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # of an inaccurate solution
                program.solve(solver=cp.CLARABEL, **limits)
        except cp.SolverError:
            continue
        return
    raise SolverFailed(
        "The conic solver must solve an approximation of the rates, but stopped without a solution. Lower the rates, "
        "or leave out receivers that are much nearer than the others.",
        status="stopped",
    )


def _product(matrix: np.ndarray, part: "cp.Variable") -> "cp.Expression":
    """`tr(M Q)` of Hermitian matrices."""
    import cvxpy as cp

    return cp.real(cp.trace(matrix @ part))


def _frames(sent: Streams, receivers: list[RateReceiver]) -> dict[str, np.ndarray]:
    """S of each stream, whose covariance is `S X S^H`, such that X is of the order of 1 in every direction.

    `S = (I + sum_k H_k^H P_k^-1 H_k)^(-1/2)` with what each receiver hears, P; in its own stream nothing is noise.
    """
    frames = {}
    for name, covariance in sent.items():
        felt = np.eye(len(covariance), dtype=complex)
        for one in receivers:
            if name in one.heard:
                total, others = one.covariances(sent)
                felt += one.channel.conj().T @ np.linalg.solve(total if name == one.own else others, one.channel)
        values, vectors = np.linalg.eigh(felt)
        frames[name] = (vectors / np.sqrt(np.maximum(values, 1.0))) @ vectors.conj().T
    return frames


def _safe(sent: Streams, found: Streams, receivers: list[RateReceiver]) -> Streams:
    """What was found, mixed with so much of what was sent before that no rate is met less than it was, or is asked."""
    wanted = min(0.0, least_excess(receivers, sent))
    if least_excess(receivers, found) >= wanted:
        return found
    kept, low, high = sent, 0.0, 1.0
    for _ in range(_HALVINGS):
        share = 0.5 * (low + high)
        mixed = {name: share * found[name] + (1.0 - share) * sent[name] for name in sent}
        if least_excess(receivers, mixed) >= wanted:
            kept, low = mixed, share
        else:
            high = share
    return kept


def _rate(
    one: RateReceiver, sent: Streams, frames: dict[str, np.ndarray], parts: dict[str, "cp.Variable"]
) -> "cp.Expression":
    """Lower limit on the excess of a rate in nats, exact at `sent`; whitened there for the solver's sake."""
    import cvxpy as cp

    total, others = one.covariances(sent)
    noise = np.linalg.inv(np.linalg.cholesky(total))
    seen = {name: noise @ one.channel @ frames[name] for name in one.heard}
    whitened = noise @ noise.conj().T + sum(seen[name] @ parts[name] @ seen[name].conj().T for name in one.heard)
    whitened = 0.5 * (whitened + cp.conj(whitened.T))
    slope = np.linalg.inv(others)
    felt = {name: frames[name].conj().T @ one.channel.conj().T @ slope @ one.channel @ frames[name] for name in seen}
    disturbing = sum(_product(felt[name], parts[name]) for name in seen if name != one.own)
    tangent = disturbing + float(np.trace(slope).real) - len(total)
    gain = one.excess(sent) + one.nats
    growth = cp.log_det(whitened) if len(total) > 1 else cp.log(cp.real(whitened[0, 0]))
    return growth + gain - tangent - one.nats


def _fewest_streams(problem: DesignProblem, receivers: list[RateReceiver], sent: Streams) -> Streams:
    """Covariances of messages of no higher rank than their channel; the rest, which it does not hear, is for sensing.

    `W = Q^(1/2) P Q^(1/2)` with the projector P onto the range of `Q^(1/2) H^H`.
    """
    result, sensing = dict(sent), sensing_stream(problem)
    for one in receivers:
        root = hermitian_root(sent[one.own])
        left, sizes, _ = np.linalg.svd(root @ one.channel.conj().T, full_matrices=False)
        seen = root @ left[:, sizes > _NULL * sizes[0]]
        message = seen @ seen.conj().T
        result[sensing] = result[sensing] + positive_part(sent[one.own] - message)
        result[one.own] = message
    return result
