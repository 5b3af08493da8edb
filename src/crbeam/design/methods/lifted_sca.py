"""Most power on the target under rates of receivers with several antennas, by successive convex approximation."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from crbeam.design.method import DesignMethod
from crbeam.design.one_direction.optimum import most_power
from crbeam.design.one_direction.problem import only_direction, why_not_lit, with_evidence_for
from crbeam.design.problem import DesignProblem
from crbeam.design.rate_constraints import MinimumRate
from crbeam.design.result import DualEvidence, Proposal
from crbeam.design.served.requirements import require_feasible_sinr, stream_of
from crbeam.design.service_constraints import MinimumSinr
from crbeam.errors import CrbeamError, Infeasible, SolverFailed
from crbeam.linalg import positive_part

if TYPE_CHECKING:
    import cvxpy as cp

#: Room in every rate, in nats, that makes up for the tolerance of the conic solver.
_ROOM = 1e-6
#: Relative size of singular values that count as rounding.
_NULL = 1e-9


@dataclass(frozen=True, eq=False)
class _Receiver:
    """A receiver in units of its noise and of the power budget: `channel [rx, tx]`, rate in nats, what it hears."""

    own: str
    heard: tuple[str, ...]
    channel: np.ndarray
    nats: float

    def covariances(self, sent: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Of all that it hears with noise, and of interference and noise alone."""
        noise = np.eye(len(self.channel))
        total = noise + sum(self.channel @ sent[name] @ self.channel.conj().T for name in self.heard)
        return total, total - self.channel @ sent[self.own] @ self.channel.conj().T

    def excess(self, sent: dict[str, np.ndarray]) -> float:
        """Rate beyond what is required, in nats."""
        total, others = self.covariances(sent)
        return float(np.linalg.slogdet(total)[1] - np.linalg.slogdet(others)[1]) - self.nats


@dataclass(frozen=True)
class LiftedSca(DesignMethod):
    """Least bound over covariances of all streams where all information comes over one direction, under rates.

    Every bound is then proportional to one over the power in that direction, which is linear. In the rate
    `ln det(noise + all) - ln det(noise + interference)` the first term is concave, the second is replaced by its
    tangent: each program lies inside the one to solve, and values never fall. The first programs maximise the least
    excess of rates, until all are met. Messages end with no more streams than antennas that hear them, without loss.

    The result is a local optimum. In lines of sight its gap is to the global one, which `lifted-sdp` finds at once;
    with scattered waves to the optimum without any rates.

    Attributes:
        max_iterations: number of programs after which the method stops.
        threshold: relative increase of the power below which it stops.

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

    def propose_many(
        self,
        problems: Sequence[DesignProblem],
        *,
        starts: Sequence[np.ndarray | None],  # noqa: ARG002
        seeds: Sequence[np.random.SeedSequence],  # noqa: ARG002
    ) -> list[Proposal | CrbeamError]:
        """One problem after the other; the method has no use for starts."""
        results: list[Proposal | CrbeamError] = []
        for problem in problems:
            try:
                results.append(self._proposal(problem))
            except CrbeamError as error:
                results.append(error)
        return results

    def why_not(self, problem: DesignProblem) -> str | None:
        """Needs one block whose information comes over one direction, and rates."""
        reason = why_not_lit(self.key, problem)
        if reason is None and not any(isinstance(part, MinimumRate | MinimumSinr) for part in problem.constraints):
            return f"{self.key} needs rates to approximate; without them all power goes to the target."
        return reason or super().why_not(problem)

    def _proposal(self, problem: DesignProblem) -> Proposal:
        require_feasible_sinr(problem)
        power_w = problem.budgets[0].power_per_subcarrier_w
        receivers, direction = _receivers(problem, power_w), only_direction(problem)
        assert direction is not None, "why_not has said so"
        sent, trace = _start(problem, receivers, direction), []
        for _ in range(self.max_iterations):
            least = min(one.excess(sent) for one in receivers)
            try:
                sent = _approximated(sent, receivers, direction, least >= 0.0)
            except SolverFailed:
                if least < 0.0:
                    raise
                break  # what was found so far keeps all rates
            if least < 0.0:
                continue
            trace.append(max([_power_along(direction, sent), *trace[-1:]]))
            if len(trace) > 1 and trace[-1] <= trace[-2] * (1.0 + self.threshold):
                break
        if min(one.excess(sent) for one in receivers) < 0.0:
            raise Infeasible(
                f"All rates must be met, but {self.max_iterations} approximations found no transmission that meets "
                f"them; there may be one. Lower the rates or raise the power.",
                requirement="rates",
            )
        streams = {name: power_w * part[None] for name, part in _fewest_streams(problem, receivers, sent).items()}
        return Proposal(
            covariances=sum(streams.values(), np.zeros((1, problem.n_tx, problem.n_tx), dtype=complex)),
            trace=tuple(1.0 / value for value in trace),
            iterations=len(trace),
            stream_covariances=streams,
            dual=_evidence(problem, direction),
        )


def _evidence(problem: DesignProblem, direction: np.ndarray) -> DualEvidence | None:
    """What bounds the optimum in lines of sight: the global one. Rates of several antennas have no such bound."""
    if any(isinstance(part, MinimumRate) for part in problem.constraints):
        return None
    return with_evidence_for(problem, most_power(problem, direction, tolerance=1e-6), direction).dual


def _power_along(direction: np.ndarray, sent: dict[str, np.ndarray]) -> float:
    return float(np.real(direction.conj() @ sum(sent.values()) @ direction))


def _receivers(problem: DesignProblem, power_w: float) -> list[_Receiver]:
    return [
        _receiver(problem, part, power_w) for part in problem.constraints if isinstance(part, MinimumRate | MinimumSinr)
    ]


def _receiver(problem: DesignProblem, part: MinimumRate | MinimumSinr, power_w: float) -> _Receiver:
    """A receiver with its own channel, or a ratio behind one beam as the rate of one antenna."""
    heard = tuple(stream.name for stream in problem.streams if stream.name not in part.cancels)
    scale = np.sqrt(power_w / part.noise_power_w)
    if isinstance(part, MinimumRate):
        channel, nats = part.channel, part.rate_bps_hz * np.log(2.0)
    else:
        channel, nats = part.channels[problem.blocks[0]].conj()[None], float(np.log1p(part.minimum_sinr))
    return _Receiver(stream_of(problem, part.user), heard, scale * channel, nats + _ROOM)


def _start(problem: DesignProblem, receivers: list[_Receiver], direction: np.ndarray) -> dict[str, np.ndarray]:
    """Regularised zero-forcing beams of equal power, and a tenth of the power on the target."""
    heard = np.eye(problem.n_tx) + sum(one.channel.conj().T @ one.channel for one in receivers) / len(receivers)
    sent = {one.name: 0.1 * np.outer(direction, direction.conj()) for one in problem.streams if not one.served_user}
    for one in receivers:
        strongest = np.linalg.svd(one.channel)[2][0].conj()
        beam = np.linalg.solve(heard, strongest)
        beam = beam / np.linalg.norm(beam)
        sent[one.own] = 0.9 / len(receivers) * np.outer(beam, beam.conj())
    return sent


def _approximated(
    sent: dict[str, np.ndarray], receivers: list[_Receiver], direction: np.ndarray, rates_met: bool
) -> dict[str, np.ndarray]:
    """Optimum of the program about a transmission: most power on the target, or most excess of the worst rate."""
    import cvxpy as cp

    size = len(direction)
    parts = {name: cp.Variable((size, size), hermitian=True) for name in sent}
    excess = cp.Variable()
    total = sum(parts.values())
    limits = [part >> 0 for part in parts.values()] + [cp.real(cp.trace(total)) <= 1.0]
    limits += [_rate(one, sent, parts) >= (0.0 if rates_met else excess) for one in receivers]
    lit = cp.real(cp.trace(np.outer(direction, direction.conj()) @ total))
    program = cp.Problem(cp.Maximize(lit if rates_met else excess), [*limits, excess <= 0.1])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # an inaccurate solution is repaired below
            program.solve(solver=cp.CLARABEL)
    except cp.SolverError as error:
        raise SolverFailed(
            f"The conic solver must solve the approximation, but stopped: {error}", status="stopped"
        ) from None
    if any(part.value is None for part in parts.values()):
        raise SolverFailed("The conic solver must solve the approximation, but did not.", status=program.status)
    found = {name: positive_part(np.asarray(part.value)) for name, part in parts.items()}
    used = sum(float(np.trace(part).real) for part in found.values())
    return _safe(sent, {name: part / max(used, 1.0) for name, part in found.items()}, receivers)


def _safe(
    sent: dict[str, np.ndarray], found: dict[str, np.ndarray], receivers: list[_Receiver]
) -> dict[str, np.ndarray]:
    """What was found, mixed with so much of what was sent before that no rate is met less than it was, or is asked."""
    wanted = min(0.0, min(one.excess(sent) for one in receivers))
    share = 1.0
    while share > _NULL:
        mixed = {name: share * found[name] + (1.0 - share) * sent[name] for name in sent}
        if min(one.excess(mixed) for one in receivers) >= wanted:
            return mixed
        share *= 0.7 if share < 1.0 else 0.999
    return sent


def _rate(one: _Receiver, sent: dict[str, np.ndarray], parts: dict[str, "cp.Variable"]) -> "cp.Expression":
    """Lower limit on the excess of a rate in nats, exact at `sent`; whitened there for the solver's sake."""
    import cvxpy as cp

    total, others = one.covariances(sent)
    seen = np.linalg.solve(np.linalg.cholesky(total), one.channel)
    noise = np.linalg.inv(np.linalg.cholesky(total))
    heard = sum(parts[name] for name in one.heard)
    whitened = noise @ noise.conj().T + seen @ heard @ seen.conj().T
    whitened = 0.5 * (whitened + cp.conj(whitened.T))
    slope = np.linalg.inv(others)
    felt = one.channel.conj().T @ slope @ one.channel
    tangent = cp.real(cp.trace(felt @ (heard - parts[one.own]))) + float(np.trace(slope).real) - len(total)
    gain = float(np.linalg.slogdet(total)[1] - np.linalg.slogdet(others)[1])
    growth = cp.log_det(whitened) if len(total) > 1 else cp.log(cp.real(whitened[0, 0]))
    return growth + gain - tangent - one.nats


def _fewest_streams(
    problem: DesignProblem, receivers: list[_Receiver], sent: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Covariances of messages of no higher rank than their channel; the rest, which it does not hear, is for sensing.

    `W = Q^(1/2) P Q^(1/2)` with the projector P onto the range of `Q^(1/2) H^H`.
    """
    result = dict(sent)
    sensing = next(one.name for one in problem.streams if one.served_user is None)
    for one in receivers:
        values, vectors = np.linalg.eigh(sent[one.own])
        root = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.conj().T
        left, sizes, _ = np.linalg.svd(root @ one.channel.conj().T, full_matrices=False)
        seen = root @ left[:, sizes > _NULL * sizes[0]]
        message = seen @ seen.conj().T
        result[sensing] = result[sensing] + positive_part(sent[one.own] - message)
        result[one.own] = message
    return result
