"""What designs with served users, choices and phase networks must keep, from the definitions of the requirements.

Ratios, rates, costs and bounds are computed here anew, without the inequalities that methods and grading use.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np
from jaxtyping import Complex, Float
from scipy.optimize import nnls

from crbeam.design import Codebook, ConstantModulus, Criterion, Design, DesignProblem, Hinge, PowerBudget, TiedBlocks
from crbeam.design.choices import Association, ReceiverChoice, Selection
from crbeam.design.constraints import SubarrayHybrid
from crbeam.design.problem import Power
from crbeam.design.service_constraints import (
    BoundLimit,
    FixedAnalog,
    Illumination,
    MinimumRate,
    MinimumSinr,
    MinimumUplinkSinr,
)
from crbeam.information import InformationMap, Transmission
from crbeam.linalg import diagonal_scale
from crbeam.testing.design_laws import assert_decreasing, assert_feasible, largest_entry, objective_of

_Kind = TypeVar("_Kind")

#: Relative shortfall that counts as rounding; moduli and spans are compared to it, too.
SERVED = 1e-7
#: Constraints whose problems the laws of `design_laws` cover by themselves.
PLAIN = (PowerBudget, Codebook, ConstantModulus, TiedBlocks)


@dataclass(frozen=True, eq=False)
class Sent:
    """A transmission with its streams and choices, of a design or drawn at random.

    Attributes:
        covariances: of each block.
        streams: their parts, by stream.
        networks: phase networks, by port.
        selected: receivers that sense.
    """

    covariances: Transmission
    streams: Mapping[str, Transmission]
    networks: Mapping[str, Complex[np.ndarray, "antenna chain"]] = field(default_factory=dict)
    selected: tuple[str, ...] = ()


def sent_by(design: Design) -> Sent:
    """What a design transmits and chose."""
    return Sent(design.covariances, design.stream_covariances, design.analog, design.selected)


def is_plain(problem: DesignProblem) -> bool:
    """Whether a problem has bounds, power budgets and shapes of beams only."""
    return not isinstance(problem.objective, Power) and all(isinstance(part, PLAIN) for part in problem.constraints)


def part_of_kind(problem: DesignProblem, kind: type[_Kind]) -> _Kind | None:
    """The first constraint of a type."""
    return next((part for part in problem.constraints if isinstance(part, kind)), None)


def broken_requirements(problem: DesignProblem, sent: Sent) -> list[str]:
    """What a transmission must keep and does not, a few words for each; budgets, signs and ties aside."""
    hybrid = part_of_kind(problem, SubarrayHybrid)
    if hybrid is not None and hybrid.port not in sent.networks:
        return [f"no network of {hybrid.port}"]
    found = [] if is_plain(problem) else _broken_streams(problem, sent)
    for part in problem.constraints:
        if isinstance(part, MinimumSinr):
            ratio = downlink_ratio(problem, part, sent)
            found += _unless(ratio >= part.minimum_sinr * (1.0 - SERVED), f"SINR {ratio:.9g} of {part.user}")
        elif isinstance(part, MinimumRate):
            rate = rate_bps_hz(problem, part, sent)
            found += _unless(rate >= part.rate_bps_hz * (1.0 - SERVED), f"rate {rate:.9g} of {part.user}")
        elif isinstance(part, MinimumUplinkSinr):
            ratios = uplink_ratios(problem, part, sent)
            found += _unless(bool(np.all(ratios >= part.minimum_sinr * (1.0 - SERVED))), f"uplink SINR {ratios}")
        elif isinstance(part, Illumination):
            power_w = _power_w(part.response, sent.covariances[part.block])
            found += _unless(power_w >= part.least_power_w * (1.0 - SERVED), f"illumination {power_w:.9g} W")
        elif isinstance(part, Codebook):
            found += _broken_codebook(part, sent.covariances[part.block])
    return found + _broken_networks(problem, sent) + _broken_choices(problem, sent)


def _unless(holds: bool, words: str) -> list[str]:
    return [] if holds else [words]


def _power_w(vector: np.ndarray, matrix: np.ndarray) -> float:
    return float(np.real(vector.conj() @ matrix @ vector))


def _broken_streams(problem: DesignProblem, sent: Sent) -> list[str]:
    names = {stream.name for stream in problem.streams}
    if set(sent.streams) != names:
        return [f"streams {sorted(sent.streams)}, not {sorted(names)}"]
    size = largest_entry(sent.covariances)
    apart = largest_entry(Transmission.sum_of(sent.streams.values()) - sent.covariances)
    parts = [matrix for each in sent.streams.values() for matrix in each.values()]
    least = min(float(np.linalg.eigvalsh(matrix).min()) for matrix in parts)
    return [
        *_unless(apart <= SERVED * size, f"streams that differ from their sum by {apart:.2g} W"),
        *_unless(least >= -SERVED * size, f"a stream with the eigenvalue {least:.2g} W"),
    ]


def _known_streams(problem: DesignProblem, part: MinimumSinr | MinimumRate, sent: Sent) -> set[str]:
    """Streams that do not disturb a receiver: given, or known to it because it senses."""
    selection = part_of_kind(problem, Selection)
    if selection is None or part.user not in selection.names:
        return set(part.cancels)
    known = set(selection.known_streams)
    return set(part.cancels) | known if part.user in sent.selected else set(part.cancels) - known


def _own_stream(problem: DesignProblem, user: str) -> str:
    (name,) = [stream.name for stream in problem.streams if stream.served_user == user]
    return name


def downlink_ratio(problem: DesignProblem, part: MinimumSinr, sent: Sent) -> float:
    """Power of the user's own stream over noise and all that it does not know."""
    own = _own_stream(problem, part.user)
    powers_w = {
        name: sum(_power_w(vector, stack[block]) for block, vector in part.channels.items())
        for name, stack in sent.streams.items()
    }
    disturbing = set(powers_w) - _known_streams(problem, part, sent) - {own}
    return powers_w[own] / (part.noise_power_w + sum(powers_w[name] for name in disturbing))


def rate_bps_hz(problem: DesignProblem, part: MinimumRate, sent: Sent) -> float:
    """`log2 det(noise + all) - log2 det(noise + what disturbs)` at the receiver's antennas."""
    own = _own_stream(problem, part.user)
    heard = {
        name: part.channel @ stack[part.block] @ part.channel.conj().T / part.noise_power_w
        for name, stack in sent.streams.items()
    }
    disturbing = set(heard) - _known_streams(problem, part, sent) - {own}
    below = np.eye(len(part.channel)) + sum((heard[name] for name in disturbing), np.zeros_like(heard[own]))
    return float((np.linalg.slogdet(below + heard[own])[1] - np.linalg.slogdet(below)[1]) / np.log(2.0))


def uplink_ratios(problem: DesignProblem, part: MinimumUplinkSinr, sent: Sent) -> Float[np.ndarray, " user"]:
    """Ratio of each user behind its best combiner, `p g^H C^-1 g` with what else the chains hear in C."""
    hybrid = part_of_kind(problem, SubarrayHybrid)
    network = part.uplink.network
    if hybrid is not None and hybrid.side == "receive":
        network = sent.networks[hybrid.port]
    network = np.eye(len(part.echo)) if network is None else network
    echo_w = part.echo_gain * _power_w(part.response, sent.covariances[part.block])
    users, echo = network.conj().T @ part.uplink.channels, network.conj().T @ part.echo
    power_w, noise_w = part.uplink.user_power_w, part.uplink.noise_power_w
    heard = noise_w * network.conj().T @ network + echo_w * np.outer(echo, echo.conj())
    ratios = []
    for number, user in enumerate(users.T):
        others = np.delete(users, number, axis=1)
        disturbing = heard + power_w * others @ others.conj().T
        ratios.append(power_w * float(np.real(user.conj() @ np.linalg.solve(disturbing, user))))
    return np.array(ratios)


def _broken_codebook(part: Codebook, covariance: np.ndarray) -> list[str]:
    words = part.codewords / np.linalg.norm(part.codewords, axis=0)
    columns = np.stack([np.outer(word, word.conj()).ravel() for word in words.T], axis=1)
    stacked = np.concatenate([np.real(columns), np.imag(columns)])
    wanted = np.concatenate([np.real(covariance).ravel(), np.imag(covariance).ravel()])
    _, apart = nnls(stacked, wanted)
    return _unless(apart <= 1e-5 * np.linalg.norm(wanted), f"a covariance {apart:.2g} W away from the codebook")


def _broken_networks(problem: DesignProblem, sent: Sent) -> list[str]:
    found = []
    fixed, hybrid = part_of_kind(problem, FixedAnalog), part_of_kind(problem, SubarrayHybrid)
    networks = {} if fixed is None else {fixed.block: fixed.network}
    if hybrid is not None:
        network, count = sent.networks[hybrid.port], hybrid.antennas_per_chain
        wired = np.kron(np.eye(network.shape[1]), np.ones((count, 1))) / np.sqrt(count)
        fits = network.shape == wired.shape and bool(np.allclose(np.abs(network), wired, atol=SERVED))
        found += _unless(fits, f"a network of {hybrid.port} that is no phase shifters behind sub-arrays")
        if hybrid.side == "transmit":
            networks[hybrid.port] = network
    for block, network in networks.items():
        covariance = sent.covariances[block]
        apart = float(np.max(np.abs(network @ (np.linalg.pinv(network) @ covariance) - covariance)))
        found += _unless(apart <= SERVED * float(np.max(np.abs(covariance))), f"what {block} cannot send")
    return found


def _broken_choices(problem: DesignProblem, sent: Sent) -> list[str]:
    found, selection = [], part_of_kind(problem, Selection)
    if selection is not None:
        cost_m = cost_of_m(selection, sent.selected)
        found += _unless(bool(sent.selected), "no receiver that senses")
        found += _unless(cost_m <= selection.budget_m * (1.0 + SERVED), f"receivers for {cost_m:.9g} m")
    if part_of_kind(problem, Association) is not None:
        for stream in problem.streams:
            servers = sum(power_w > 0.0 for power_w in sent.streams[stream.name].powers_w.values())
            found += _unless(stream.served_user is None or servers <= 1, f"{servers} stations for {stream.name}")
    if part_of_kind(problem, ReceiverChoice) is not None or part_of_kind(problem, BoundLimit) is not None:
        found += _unless(bool(np.isfinite(least_of_roles(problem, sent))), "no role whose limits hold")
    return found


def cost_of_m(selection: Selection, members: Sequence[str]) -> float:
    """Sum of `rho d_0k + (1 - rho) mean of d_kj` over the members; 0 where their number alone is limited."""
    if selection.costs is None:
        return 0.0
    inside = [selection.names.index(name) for name in members]
    share, total_m = selection.costs.target_share, 0.0
    for place in inside:
        others = [float(selection.costs.pair_distance_m[place, other]) for other in inside if other != place]
        mean_m = sum(others) / len(others) if others else 0.0
        total_m += share * float(selection.costs.target_distance_m[place]) + (1.0 - share) * mean_m
    return total_m


def true_objective(problem: DesignProblem, sent: Sent) -> float:
    """Objective of a transmission with the choices that it made, by plain inversion; infinite if not determined."""
    if _has_roles(problem):
        return least_of_roles(problem, sent)
    if isinstance(problem.objective, Hinge):
        return objective_of(problem, sent.covariances)
    return sum(_bound(problem, criterion, sent) for criterion in problem.active_criteria)


def _has_roles(problem: DesignProblem) -> bool:
    chosen = any(isinstance(part, ReceiverChoice | BoundLimit) for part in problem.constraints)
    return chosen or isinstance(problem.objective, Power)


def least_of_roles(problem: DesignProblem, sent: Sent) -> float:
    """Power, or the sum of bounds, in the best role that a transmission can play; infinite if it can play none."""
    choice = part_of_kind(problem, ReceiverChoice)
    criteria = {criterion.name: criterion for criterion in problem.criteria}
    limits = {part.criterion: part.limit for part in problem.constraints if isinstance(part, BoundLimit)}
    roles = [((), tuple(criteria))] if choice is None else []
    roles += [] if choice is None else [(each.silent_blocks, each.criteria) for each in choice.options.values()]
    powers_w = sent.covariances.powers_w
    values = [np.inf]
    for silent, names in roles:
        if any(powers_w[block] > 0.0 for block in silent):
            continue
        bounds = {name: _bound(problem, criteria[name], sent) for name in names}
        if all(bounds[name] <= limits[name] * (1.0 + SERVED) for name in names if name in limits):
            minimised = [bound for name, bound in bounds.items() if name not in limits]
            is_power = isinstance(problem.objective, Power)
            values.append(sum(powers_w.values()) if is_power else sum(minimised))
    return float(min(values))


def _bound(problem: DesignProblem, criterion: Criterion, sent: Sent) -> float:
    """`tr(E^T I^-1 E)` over the parameters that anything is heard of; infinite if what is requested is not."""
    chosen = _as_chosen(problem, criterion.map, sent)
    matrix = chosen.at(sent.covariances).matrix
    heard = np.diagonal(matrix) > 0.0
    if np.any(criterion.selection[~heard] != 0.0):
        return np.inf
    matrix, selection = matrix[np.ix_(heard, heard)], criterion.selection[heard]
    scale = diagonal_scale(matrix)
    values, vectors = np.linalg.eigh(matrix * np.outer(scale, scale))
    parts = vectors.T @ (scale[:, None] * selection)
    is_seen = values > 1e-13 * values[-1]
    if np.linalg.norm(parts[~is_seen]) > 1e-6 * np.linalg.norm(parts):
        return np.inf
    return float(np.sum(np.abs(parts[is_seen]) ** 2 / values[is_seen][:, None]))


def _as_chosen(problem: DesignProblem, information: InformationMap, sent: Sent) -> InformationMap:
    """A map with the phase network that receivers listen through, without receivers that do not sense."""
    selection, hybrid = part_of_kind(problem, Selection), part_of_kind(problem, SubarrayHybrid)
    parts = information.contributions
    if selection is not None:
        silent = set(selection.names) - set(sent.selected)
        parts = tuple(part for part in parts if part.receiver not in silent)
    if hybrid is not None and hybrid.side == "receive":
        network = sent.networks[hybrid.port]
        projector = network @ np.linalg.pinv(network)
        projector = 0.5 * (projector + projector.conj().T)
        parts = tuple(replace(part, projector=projector) if part.receiver == hybrid.port else part for part in parts)
    return replace(information, contributions=parts)


def assert_serves(problem: DesignProblem, design: Design, witnesses: Sequence[Sent]) -> None:
    """A design keeps every requirement, its objective is true, and its bound is below it and every witness.

    Args:
        problem: what was asked.
        design: what was answered.
        witnesses: feasible transmissions; those that break a requirement are refused.
    """
    assert_feasible(problem, design.covariances)
    sent = sent_by(design)
    broken = broken_requirements(problem, sent)
    assert not broken, f"{design.method} breaks a requirement: {'; '.join(broken)}"
    objective = true_objective(problem, sent)
    assert abs(design.objective - objective) <= 1e-6 * objective, (
        f"{design.method} reports {design.objective:.9g}, but its transmission has the objective {objective:.9g}"
    )
    assert_decreasing(design.trace)
    if design.lower_bound is None:
        assert design.bound_note, "a design without a lower bound must say why"
        return
    assert design.lower_bound <= design.objective, f"{design.method} is better than its own lower bound"
    for witness in witnesses:
        assert_feasible(problem, witness.covariances)
        broken = broken_requirements(problem, witness)
        assert not broken, f"a witness must be feasible, but breaks: {'; '.join(broken)}"
        value = true_objective(problem, witness)
        assert design.lower_bound <= value * (1.0 + 1e-6), (
            f"the claimed lower bound {design.lower_bound:.9g} of {design.method} is above the value {value:.9g} of a "
            f"feasible transmission"
        )
