"""Receivers of several antennas that ask for rates, and transmissions to start a search for the best from."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Complex, Float

from crbeam.design.convex.solution import convex_optimum
from crbeam.design.one_direction import sensing_stream
from crbeam.design.problem import DesignProblem
from crbeam.design.rate_constraints import MinimumRate
from crbeam.design.served.requirements import stream_of
from crbeam.design.service_constraints import MinimumSinr
from crbeam.errors import Infeasible, SolverFailed

#: Room in every rate, in nats, that makes up for the tolerance of solvers.
ROOM = 1e-6
#: How often receive filters and beams are improved in turns, and the relative increase below which they are not.
_ROUNDS, _LEAST_INCREASE = 20, 1e-6
#: How often powers of given beams are improved in turns.
_POWER_ROUNDS = 200
#: Shares of the power for sensing that are tried, largest first.
_SENSING_SHARES = (0.999, 0.99, 0.9, 0.5, 0.1, 1e-2, 1e-3, 1e-4, 1e-6)

Streams = dict[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class RateReceiver:
    """A receiver in units of its noise and of the power budget.

    Attributes:
        user: its name.
        own: the stream that serves it.
        heard: all streams that it does not remove.
        cancels: those that it does.
        channel: it receives `H x` beside noise of power 1.
        nats: what it asks for.
    """

    user: str
    own: str
    heard: tuple[str, ...]
    cancels: tuple[str, ...]
    channel: Complex[np.ndarray, "rx tx"]
    nats: float

    def covariances(self, sent: Streams) -> tuple[np.ndarray, np.ndarray]:
        """Of all that it hears with noise, and of interference and noise alone."""
        others = np.eye(len(self.channel)) + sum(
            self.channel @ sent[name] @ self.channel.conj().T for name in self.heard if name != self.own
        )
        return others + self.channel @ sent[self.own] @ self.channel.conj().T, others

    def gains(self, sent: Streams) -> Float[np.ndarray, " stream"]:
        """Ratios of signal to interference and noise of its own streams, which rotations keep apart; at least 0."""
        _, others = self.covariances(sent)
        white = np.linalg.solve(np.linalg.cholesky(others), self.channel)
        return np.maximum(np.linalg.eigvalsh(white @ sent[self.own] @ white.conj().T), 0.0)

    def excess(self, sent: Streams) -> float:
        """Rate beyond what is required, in nats."""
        return float(np.sum(np.log1p(self.gains(sent)))) - self.nats

    def filter(self, sent: Streams) -> Complex[np.ndarray, " rx"]:
        """Unit filter with the largest ratio of its signal to interference and noise."""
        root = np.linalg.cholesky(self.covariances(sent)[1])
        white = np.linalg.solve(root, self.channel)
        strongest = np.linalg.eigh(white @ sent[self.own] @ white.conj().T)[1][:, -1]
        found = np.linalg.solve(root.conj().T, strongest)
        return found / np.linalg.norm(found)


def least_excess(receivers: Sequence[RateReceiver], sent: Streams) -> float:
    """Rate beyond what is required of the worst receiver, in nats."""
    return min(one.excess(sent) for one in receivers)


def power_along(direction: Complex[np.ndarray, " tx"], sent: Streams) -> float:
    """Share of the power budget in a direction."""
    return float(np.real(direction.conj() @ sum(sent.values()) @ direction))


def rate_receivers(problem: DesignProblem) -> list[RateReceiver]:
    """All receivers of a problem; a ratio behind one beam is the rate of one antenna."""
    power_w = problem.budgets[0].power_per_subcarrier_w
    parts = [part for part in problem.constraints if isinstance(part, MinimumRate | MinimumSinr)]
    return [_receiver(problem, part, power_w) for part in parts]


def _receiver(problem: DesignProblem, part: MinimumRate | MinimumSinr, power_w: float) -> RateReceiver:
    heard = tuple(stream.name for stream in problem.streams if stream.name not in part.cancels)
    scale = np.sqrt(power_w / part.noise_power_w)
    if isinstance(part, MinimumRate):
        channel, nats = part.channel, part.rate_bps_hz * np.log(2.0)
    else:
        channel, nats = part.channels[problem.blocks[0]].conj()[None], float(np.log1p(part.minimum_sinr))
    return RateReceiver(part.user, stream_of(problem, part.user), heard, part.cancels, scale * channel, nats)


def start_of(
    problem: DesignProblem, receivers: Sequence[RateReceiver], direction: Complex[np.ndarray, " tx"]
) -> tuple[Streams, list[float]]:
    """A transmission to start from, and powers along the direction on the way to it.

    One beam for every receiver behind a filter makes rates ratios, for which the best beams are found at once; then
    filters are the best for these beams, and so on. Where one beam each is not enough, zero-forcing beams, as many as
    antennas, with the least powers that meet all rates. Where there are none, some rates are missed.

    With one antenna each the first would be the global optimum; a search that starts there would tell nothing. It then
    starts from the second.
    """
    has_filters = any(len(one.channel) > 1 for one in receivers)
    sent, trace = _filtered(problem, receivers, direction) if has_filters else (None, [])
    return (_zero_forcing(problem, receivers, direction), []) if sent is None else (sent, trace)


def _filtered(
    problem: DesignProblem, receivers: Sequence[RateReceiver], direction: np.ndarray
) -> tuple[Streams | None, list[float]]:
    power_w = problem.budgets[0].power_per_subcarrier_w
    filters = [np.linalg.svd(one.channel)[0][:, 0] for one in receivers]
    sent: Streams | None = None
    trace: list[float] = []
    for _ in range(_ROUNDS):
        try:
            streams = convex_optimum(_behind(problem, receivers, filters), tolerance=1e-6).stream_covariances
        except (Infeasible, SolverFailed):
            break  # one beam for each does not do, or what was found before stays
        found = {name: next(iter(sent.values())) / power_w for name, sent in (streams or {}).items()}
        if least_excess(receivers, found) < 0.0 or power_along(direction, found) <= max(trace, default=0.0):
            break
        sent, trace = found, [*trace, power_along(direction, found)]
        if len(trace) > 1 and trace[-1] <= trace[-2] * (1.0 + _LEAST_INCREASE):
            break
        filters = [one.filter(found) for one in receivers]
    return sent, trace


def _behind(problem: DesignProblem, receivers: Sequence[RateReceiver], filters: list[np.ndarray]) -> DesignProblem:
    """The problem of ratios behind given filters."""
    power_w, block = problem.budgets[0].power_per_subcarrier_w, problem.blocks[0]
    rest = [part for part in problem.constraints if not isinstance(part, MinimumRate | MinimumSinr)]
    ratios = [
        MinimumSinr(
            one.user, {block: one.channel.conj().T @ unit}, float(np.expm1(one.nats + ROOM)), power_w, one.cancels
        )
        for one, unit in zip(receivers, filters, strict=True)
    ]
    return replace(problem, constraints=(*rest, *ratios))


def _zero_forcing(problem: DesignProblem, receivers: Sequence[RateReceiver], direction: np.ndarray) -> Streams:
    """Regularised zero-forcing: least powers for the rates beside the largest share for sensing; else equal powers."""
    sensing, shapes, eye = sensing_stream(problem), forced_shapes(receivers), np.eye(len(direction))
    disturbed = [one.channel.conj().T @ one.channel for one in receivers if sensing in one.heard]
    lit = np.linalg.solve(eye + sum(disturbed, np.zeros_like(eye)), direction)
    shapes[sensing] = np.outer(lit, lit.conj()) / np.linalg.norm(lit) ** 2
    for share in _SENSING_SHARES:
        powers = least_powers(receivers, shapes, {sensing: share})
        if powers is not None:
            rest = 1.0 - sum(powers.values())
            sent = {name: powers[name] * shape for name, shape in shapes.items()}
            more = {**sent, sensing: (share + rest) * shapes[sensing]}
            return more if least_excess(receivers, more) >= 0.0 else sent
    even = 0.99 / len(receivers)
    return {name: (0.01 if name == sensing else even) * shape for name, shape in shapes.items()}


def forced_shapes(receivers: Sequence[RateReceiver]) -> Streams:
    """Covariance of unit power of the stream of each receiver, in beams that others hardly hear."""
    grams = [one.channel.conj().T @ one.channel for one in receivers]
    shapes: Streams = {}
    for one, gram in zip(receivers, grams, strict=True):
        others = np.eye(len(gram)) + sum(grams) - gram
        beams = np.linalg.qr(np.linalg.solve(others, one.channel.conj().T))[0]
        shapes[one.own] = beams @ beams.conj().T / beams.shape[1]
    return shapes


def least_powers(
    receivers: Sequence[RateReceiver], shapes: Streams, fixed: dict[str, float]
) -> dict[str, float] | None:
    """Powers with which each receiver has just its rate beside the others; None if they exceed the budget.

    From none, each takes what it needs beside what the others have: powers rise to the least ones, if there are any.
    """
    powers = {name: fixed.get(name, 0.0) for name in shapes}
    for _ in range(_POWER_ROUNDS):
        before = sum(powers.values())
        for one in receivers:
            sent = {name: powers[name] * shape for name, shape in shapes.items()}
            ratios = one.gains({**sent, one.own: shapes[one.own]})
            powers[one.own] = _power_for(ratios, one.nats + ROOM)
        total = sum(powers.values())
        if total > 1.0:
            return None
        if total - before <= 1e-9 * total:
            break
    sent = {name: powers[name] * shape for name, shape in shapes.items()}
    return powers if least_excess(receivers, sent) >= 0.0 else None


def _power_for(ratios: Float[np.ndarray, " stream"], nats: float) -> float:
    """Least p with `sum ln(1 + p ratio) >= nats`; 2 if it is larger."""
    low, high = 0.0, 2.0
    for _ in range(100):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if np.sum(np.log1p(middle * ratios)) >= nats else (middle, high)
    return high
