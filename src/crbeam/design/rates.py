"""Receivers of several antennas that ask for rates: where to start a search from, and the power that rates take."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Complex, Float

from crbeam.communication.least_power import least_power
from crbeam.communication.mimo import capacity_bps_hz
from crbeam.design.convex.solution import convex_optimum
from crbeam.design.problem import DesignProblem
from crbeam.design.requirements import PowerNeed, bisected, stream_of
from crbeam.design.service_constraints import MinimumRate, MinimumSinr
from crbeam.design.structure import sensing_stream
from crbeam.errors import Infeasible, SolverFailed
from crbeam.units import distinct

#: Room in every rate, in nats, that makes up for the tolerance of solvers.
ROOM = 1e-6
#: How often receive filters and beams are improved in turns, and the relative increase below which they are not.
_ROUNDS, _LEAST_INCREASE = 20, 1e-6
#: How often powers of given beams are improved in turns.
_POWER_ROUNDS = 200
#: Shares of the power for sensing that are tried, largest first.
_SENSING_SHARES = (0.999, 0.99, 0.9, 0.5, 0.1, 1e-2, 1e-3, 1e-4, 1e-6)
Streams = dict[str, np.ndarray]
#: Logarithm of the largest factor on the power that is tried, and bisections.
MOST_LOG, BISECTIONS = np.log(1e30), 26
#: Relative size of a rate beyond what is possible that counts as rounding.
ROUNDING = 1e-9
#: Steps in which a factor that suffices is looked for, and halvings of the last one.
STEP_DB, MOST_STEPS, HALVINGS = 0.5, 80, 6
#: Relative room that makes up for rounding, and for the last step of the bisection.
MARGIN, LOG_STEP = 1e-9, MOST_LOG / 2**BISECTIONS


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
    return bisected(lambda power: bool(np.sum(np.log1p(power * ratios)) >= nats), 0.0, 2.0, 100)[1]


def power_for_rates(receivers: Sequence[RateReceiver]) -> PowerNeed:
    """Factors on the power with which all rates are met by one of two ways, and with which they certainly are not.

    No transmission gives any receivers together more than the capacity that they would have as one. Two meet rates:
    one beam for each receiver behind the best filter of its channel, at the least power; beams as many as antennas that
    force interference to zero, at the least powers that meet all rates.
    """
    capacity = _least(lambda factor: _fits(_scaled(receivers, factor)))
    if not np.isfinite(capacity):
        is_blocked = not all(np.any(one.channel) for one in receivers)
        return PowerNeed(np.inf, np.inf if is_blocked else float(np.exp(MOST_LOG)))
    forced = _first(capacity, lambda factor: _is_forced(_scaled(receivers, factor)))
    return PowerNeed(min(forced, _behind_filters(receivers) * (1.0 + MARGIN)), capacity * (1.0 - LOG_STEP))


def _scaled(receivers: Sequence[RateReceiver], factor: float) -> list[RateReceiver]:
    return [replace(one, channel=np.sqrt(factor) * one.channel) for one in receivers]


def _least(holds: Callable[[float], bool]) -> float:
    """Least factor of at least 1 that a growing factor must reach; infinite beyond the largest."""
    if holds(1.0):
        return 1.0
    if not holds(float(np.exp(MOST_LOG))):
        return np.inf
    return float(np.exp(bisected(lambda log: holds(float(np.exp(log))), 0.0, float(MOST_LOG), BISECTIONS)[1]))


def _first(start: float, holds: Callable[[float], bool]) -> float:
    """First of factors that grow from one on which holds, then halved towards the last that does not; or infinite.

    What holds at a factor may fail by rounding at much larger ones.
    """
    steps = start * 10.0 ** (np.arange(MOST_STEPS) * STEP_DB / 10.0)
    found = next((place for place, factor in enumerate(steps) if holds(float(factor))), None)
    if not found:
        return np.inf if found is None else float(steps[0])
    low, high = float(steps[found - 1]), float(steps[found])
    for _ in range(HALVINGS):
        middle = float(np.sqrt(low * high))
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def _groups(receivers: Sequence[RateReceiver]) -> Iterator[tuple[list[RateReceiver], float, float]]:
    """Single receivers, then the two weakest, and so on, with what they ask for and would have as one, in bit/s/Hz."""
    alone = np.array([capacity_bps_hz(one.channel) for one in receivers])
    order = np.argsort(alone - np.array([one.nats for one in receivers]) / np.log(2.0), kind="stable")
    for place in order:
        yield [receivers[place]], receivers[place].nats / np.log(2.0), float(alone[place])
    for count in range(2, len(receivers) + 1):
        group = [receivers[place] for place in order[:count]]
        together = capacity_bps_hz(np.concatenate([one.channel for one in group]))
        yield group, sum(one.nats for one in group) / np.log(2.0), together


def _fits(receivers: Sequence[RateReceiver]) -> bool:
    """Whether no group of receivers, weakest first, asks for more than its capacity."""
    return all(asked <= capacity for _, asked, capacity in _groups(receivers))


def _is_forced(receivers: Sequence[RateReceiver]) -> bool:
    try:
        return least_powers(receivers, forced_shapes(receivers), {}) is not None
    except np.linalg.LinAlgError:
        return False


def _behind_filters(receivers: Sequence[RateReceiver]) -> float:
    filters = [np.linalg.svd(one.channel)[0][:, 0] for one in receivers]
    channels = np.stack([unit.conj() @ one.channel for one, unit in zip(receivers, filters, strict=True)], axis=1)
    ratios = np.expm1(np.array([one.nats for one in receivers]) + ROOM)
    return least_power(channels, ratios, 1.0, budget_w=1.0).power_w


def require_capacity(receivers: Sequence[RateReceiver]) -> None:
    """Refuse rates that are too high even without interference; a quick test, which rates may pass that are too high.

    The sum of rates of any receivers is at most the capacity that they would have as one. Tried are the weakest one,
    the two weakest, and so on.

    Raises:
        Infeasible: with the receiver, or the receivers, that ask for too much, and the power that would do.
    """
    for one in receivers:
        if not np.any(one.channel):
            raise Infeasible(
                f"Every receiver must be reached by the station that serves it, but {one.user} is not: its channel is "
                f"zero, and no power suffices. Unblock its channel, move it, or do not serve it.",
                requirement=f"rate of {one.user}",
                sufficient_power=np.inf,
            )
    for group, asked, capacity in _groups(receivers):
        if asked <= capacity * (1.0 + ROUNDING):
            continue
        names = [one.user for one in group]
        wanted, most = distinct(asked, capacity, digits=4)
        if len(group) == 1:
            found = f"{names[0]} asks for {wanted} bit/s/Hz, and has {most} with all power and no interference"
        else:
            found = (
                f"{', '.join(names)} ask for {wanted} bit/s/Hz together, and would have {most} with all power "
                f"if they decoded together"
            )
        raise beyond_the_power(f"Every receiver must have its rate, but {found}", f"rate of {names[-1]}", receivers)


def beyond_the_power(reason: str, requirement: str, receivers: Sequence[RateReceiver]) -> Infeasible:
    """The error for a reason, with the power that would do and the power that would not."""
    need = power_for_rates(receivers)
    return Infeasible(
        f"{reason}: {need.words()}. Lower the rates or raise the power.",
        requirement=requirement,
        sufficient_power=need.sufficient,
        insufficient_power=need.insufficient,
    )
