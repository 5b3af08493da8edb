"""Random transmissions that keep what served users, choices and phase networks require."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations

import numpy as np
from jaxtyping import Complex

from crbeam.design import DesignProblem
from crbeam.design.choices import Association, ReceiverChoice, Selection
from crbeam.design.constraints import SubarrayHybrid
from crbeam.design.problem import Power
from crbeam.design.service_constraints import FixedAnalog, Illumination, MinimumRate, MinimumSinr, MinimumUplinkSinr
from crbeam.information import Transmission
from crbeam.testing.design_laws import random_feasible
from crbeam.testing.random_worlds import random_covariance
from crbeam.testing.service_laws import Sent, broken_requirements, cost_of_m, is_plain, part_of_kind

#: Draws after which the search for a feasible transmission ends.
DRAWS = 60


def random_service(problem: DesignProblem, rng: np.random.Generator) -> Sent | None:
    """A random transmission that keeps every requirement; None if none of `DRAWS` draws did.

    Users get zero-forcing beams with a random margin, what is left of the power goes at random where users do not hear
    it, and more and more of it towards places that must be lit, or away from a target whose echo disturbs an uplink.
    Who senses, listens and serves, and the phases of networks, are drawn.
    """
    if is_plain(problem):
        whole = random_feasible(problem, rng)
        return Sent(whole, {problem.streams[0].name: whole})
    for draw in range(DRAWS):
        sent = _drawn(problem, rng, draw / DRAWS)
        if sent is not None and not broken_requirements(problem, sent):
            return _thrifty(problem, sent) if isinstance(problem.objective, Power) else sent
    return None


def _thrifty(problem: DesignProblem, sent: Sent) -> Sent:
    """The same with the least power of what serves nobody that still keeps every requirement, to 1e-3 of it."""
    (rest, *_) = [stream.name for stream in problem.streams if stream.served_user is None]

    def at(share: float) -> Sent:
        streams = {**sent.streams, rest: share * sent.streams[rest]}
        return replace(sent, covariances=Transmission.sum_of(streams.values()), streams=streams)

    low, high = np.log(1e-9), 0.0
    while high - low > 1e-3:
        middle = 0.5 * (low + high)
        low, high = (middle, high) if broken_requirements(problem, at(np.exp(middle))) else (low, middle)
    return at(float(np.exp(high)))


def _drawn(problem: DesignProblem, rng: np.random.Generator, effort: float) -> Sent | None:
    networks, selected = _networks(problem, rng), _selected(problem, rng)
    silent = _silent_blocks(problem, rng)
    bases = _bases(problem, networks)
    vectors = {block: _user_vectors(problem, block) for block in problem.blocks}
    parts = {stream.name: dict(Transmission.silent(problem.antennas)) for stream in problem.streams}
    for user in _users(problem):
        if not _serve(problem, rng, user, vectors, bases, silent, parts):
            return None
    if not _spend_the_rest(problem, rng, vectors, bases, silent, parts, effort):
        return None
    streams = {name: Transmission(sent) for name, sent in parts.items()}
    return Sent(Transmission.sum_of(streams.values()), streams, networks, selected)


def _users(problem: DesignProblem) -> list[MinimumSinr | MinimumRate]:
    return [part for part in problem.constraints if isinstance(part, MinimumSinr | MinimumRate)]


def _channel(part: MinimumSinr | MinimumRate, block: str) -> Complex[np.ndarray, "tx antenna"] | None:
    """Transmit vectors of what a user hears of a block, a column for each of its antennas."""
    if isinstance(part, MinimumRate):
        return part.channel.conj().T if part.block == block else None
    return part.channels[block][:, None] if block in part.channels else None


def _user_vectors(problem: DesignProblem, block: str) -> dict[str, Complex[np.ndarray, "tx antenna"]]:
    found = {part.user: _channel(part, block) for part in _users(problem)}
    return {user: vectors for user, vectors in found.items() if vectors is not None}


def _networks(problem: DesignProblem, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Phases that favour a mixture of the users, the target and nothing."""
    hybrid = part_of_kind(problem, SubarrayHybrid)
    if hybrid is None:
        return {}
    uplink = part_of_kind(problem, MinimumUplinkSinr)
    if hybrid.side == "transmit":
        wanted = [*_user_vectors(problem, hybrid.port).values()]
        wanted += [part.response[:, None] for part in problem.constraints if isinstance(part, Illumination)]
        wanted = wanted or [np.zeros((problem.antennas[hybrid.port], 1))]
    else:
        parts = [part for criterion in problem.criteria for part in criterion.map.contributions]
        wanted = [next(part.receive for part in parts if part.receiver == hybrid.port)[:, :1]]
        wanted += [] if uplink is None else [uplink.uplink.channels]
    columns = np.concatenate([each / np.linalg.norm(each, axis=0).clip(1e-300) for each in wanted], axis=1)
    mixture = columns @ (rng.standard_normal(columns.shape[1]) + 1j * rng.standard_normal(columns.shape[1]))
    noise = 0.1 * (rng.standard_normal(len(mixture)) + 1j * rng.standard_normal(len(mixture)))
    phases_rad = np.angle(mixture / max(float(np.abs(mixture).max()), 1e-300) + noise)
    return {hybrid.port: hybrid.network(phases_rad)}


def _selected(problem: DesignProblem, rng: np.random.Generator) -> tuple[str, ...]:
    """A random set of receivers within the budget of prices."""
    selection = part_of_kind(problem, Selection)
    if selection is None:
        return ()
    names, sizes = selection.names, range(1, len(selection.names) + 1)
    sets = [members for size in sizes for members in combinations(names, size)]
    allowed = [members for members in sets if cost_of_m(selection, members) <= selection.budget_m]
    return allowed[int(rng.integers(len(allowed)))]


def _silent_blocks(problem: DesignProblem, rng: np.random.Generator) -> tuple[str, ...]:
    choice = part_of_kind(problem, ReceiverChoice)
    if choice is None:
        return ()
    options = list(choice.options.values())
    return options[int(rng.integers(len(options)))].silent_blocks


def _bases(problem: DesignProblem, networks: Mapping[str, np.ndarray]) -> dict[str, Complex[np.ndarray, "tx chain"]]:
    """Orthonormal basis of what each block can send."""
    found = {block: np.eye(size, dtype=complex) for block, size in problem.antennas.items()}
    fixed = {part.block: part.network for part in problem.constraints if isinstance(part, FixedAnalog)}
    for port, network in (*fixed.items(), *networks.items()):
        if port in found:
            found[port] = np.linalg.qr(network)[0]
    return found


def _free_of(
    basis: Complex[np.ndarray, "tx chain"], vectors: list[Complex[np.ndarray, "tx antenna"]]
) -> Complex[np.ndarray, "tx free"]:
    """Orthonormal basis of what can be sent and is not heard by some users."""
    if not vectors:
        return basis
    heard = basis.conj().T @ np.concatenate(vectors, axis=1)
    left, sizes, _ = np.linalg.svd(heard, full_matrices=True)
    rank = int(np.count_nonzero(sizes > 1e-12 * sizes.max(initial=1e-300)))
    return basis @ left[:, rank:]


def _serve(
    problem: DesignProblem,
    rng: np.random.Generator,
    user: MinimumSinr | MinimumRate,
    vectors: Mapping[str, Mapping[str, np.ndarray]],
    bases: Mapping[str, np.ndarray],
    silent: tuple[str, ...],
    streams: dict[str, dict[str, np.ndarray]],
) -> bool:
    """Add a beam to one user that no other user hears; False if there is none."""
    (stream,) = [stream for stream in problem.streams if stream.served_user == user.user]
    able = [block for block in stream.blocks if block not in silent and user.user in vectors[block]]
    if not able:
        return False
    is_near = part_of_kind(problem, Association) is None or rng.uniform() < 0.8
    block = max(able, key=lambda each: np.linalg.norm(vectors[each][user.user])) if is_near else rng.choice(able)
    free = _free_of(bases[block], [each for name, each in vectors[block].items() if name != user.user])
    if not free.shape[1]:
        return False
    left, sizes, _ = np.linalg.svd(free.conj().T @ vectors[block][user.user], full_matrices=False)
    beam, gain = free @ left[:, 0], float(sizes[0]) ** 2
    ratio = user.minimum_sinr if isinstance(user, MinimumSinr) else 2.0**user.rate_bps_hz - 1.0
    if gain <= 0.0:
        return False
    power_w = ratio * user.noise_power_w / gain * (1.0 + rng.uniform(1e-3, 0.5))
    sent = streams[stream.name]
    sent[block] = sent[block] + power_w * np.outer(beam, beam.conj())
    return True


def _spend_the_rest(
    problem: DesignProblem,
    rng: np.random.Generator,
    vectors: Mapping[str, Mapping[str, np.ndarray]],
    bases: Mapping[str, np.ndarray],
    silent: tuple[str, ...],
    streams: dict[str, dict[str, np.ndarray]],
    effort: float,
) -> bool:
    """Add what serves nobody, with the power that is left; False if users take more than there is."""
    (rest, *_) = [stream.name for stream in problem.streams if stream.served_user is None]
    for budget in problem.budgets:
        used_w = sum(float(np.trace(sent[block]).real) for sent in streams.values() for block in budget.blocks)
        left_w = budget.power_per_subcarrier_w * (1.0 - 1e-12) - used_w
        if left_w < 0.0:
            return False
        sending = [block for block in budget.blocks if block not in silent]
        shares = rng.dirichlet(np.ones(max(len(sending), 1))) * left_w
        for share_w, block in zip(shares, sending, strict=False):
            free = _free_of(bases[block], list(vectors[block].values()))
            streams[rest][block] = streams[rest][block] + _probing(problem, rng, block, free, share_w, effort)
    return True


def _probing(
    problem: DesignProblem,
    rng: np.random.Generator,
    block: str,
    free: Complex[np.ndarray, "tx free"],
    power_w: float,
    effort: float,
) -> Complex[np.ndarray, "tx tx"]:
    """A random covariance in a space, towards a place that must be lit, away from a target that disturbs an uplink."""
    if not free.shape[1]:
        return np.zeros((len(free), len(free)), dtype=complex)
    inner = random_covariance(rng, free.shape[1])
    uplink, lit = part_of_kind(problem, MinimumUplinkSinr), part_of_kind(problem, Illumination)
    if uplink is not None and uplink.block == block:
        away = free.conj().T @ uplink.response
        away = away / np.linalg.norm(away)
        kept = np.eye(len(away)) - (1.0 - 10.0 ** (-4.0 * effort)) * np.outer(away, away.conj())
        inner = kept @ inner @ kept
        inner = inner / np.trace(inner).real
    if lit is not None and lit.block == block:
        towards = free.conj().T @ lit.response
        length = np.linalg.norm(towards)
        if length > 0.0:
            share = 0.999 * rng.uniform()
            inner = (1.0 - share) * inner + share * np.outer(towards, towards.conj()) / length**2
    covariance = power_w * free @ inner @ free.conj().T
    return 0.5 * (covariance + covariance.conj().T)
