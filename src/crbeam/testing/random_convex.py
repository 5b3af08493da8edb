"""Small random convex problems with any objective and any set of constraints, feasible by construction.

A transmission of all streams is drawn first; what users, places, antennas, budgets and bounds require is then set from
what it attains, with a margin, so that every problem is strictly feasible and requirements bind often. Numbers have the
sizes of watts, metres and seconds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Complex, Float

from crbeam.communication.sinr import UplinkChannel
from crbeam.design.constraints import AntennaPower, Codebook, Constraint, GroupPower, PowerBudget, TiedBlocks
from crbeam.design.problem import Criterion, DesignProblem, Hinge, Objective, Power, Stream, Tail, WeightedBound
from crbeam.design.service_constraints import (
    BoundLimit,
    FixedAnalog,
    Illumination,
    MinimumSinr,
    MinimumUplinkSinr,
    PowerCeiling,
)
from crbeam.errors import InvalidInput
from crbeam.information import Contribution, InformationMap, ParameterLayout, Transmission
from crbeam.testing.random_worlds import random_covariance

#: What is minimised. `limits` is a weighted bound beside a limit on another, `priced` one with a price on power.
OBJECTIVES = ("sum", "worst", "tail", "thresholds", "limits", "power", "priced")
#: What a problem may ask for beside a budget. `limit` and `price` bring to the others what `limits` and `priced` have.
ROWS = (
    *("sinr", "illumination", "ceiling", "uplink", "limit", "price", "antennas"),
    *("group", "codebook", "tie", "prior", "sizes", "network"),
)
#: Combinations, of an objective and rows, that say nothing, with the reason.
MEANINGLESS: Mapping[frozenset[str], str] = {
    frozenset({"tie", "sizes"}): "tied blocks have one size",
    frozenset({"tie", "codebook", "network"}): "tied blocks share their codebook, and no network sends its beams",
    frozenset({"limits", "limit"}): "the objective has its limit already",
    frozenset({"power", "limit"}): "limits are all that power has",
    frozenset({"priced", "price"}): "the objective has its price already",
    frozenset({"power", "price"}): "a price on power only multiplies power",
}
#: Parameters of maps, with their numbers of components; positions are requested.
LAYOUTS: tuple[Mapping[str, int], ...] = (
    {"user_position": 2, "clock": 1},
    {"target_position[0]": 1, "target_position[1]": 1, "gain": 2},
    {"user_position": 2, "clock": 1, "gain": 2},
    {"user_position": 1, "target_position[0]": 1, "target_position[1]": 1, "clock": 1},
    {"user_position": 2, "target_position[0]": 2, "gain": 2},
)
#: Noise of users and receivers.
NOISE_W = 1e-9
#: Draws of a transmission, of which the one that serves users best is taken, and of a map until it is well determined.
DRAWS = 10
#: Condition number of scaled information below which a map counts as well determined.
WELL_DETERMINED = 1e5


def why_meaningless(objective: str, rows: Sequence[str]) -> str | None:
    """Why an objective and rows do not go together; None if they do."""
    return next((reason for names, reason in MEANINGLESS.items() if names <= {objective, *rows}), None)


@dataclass(frozen=True, eq=False)
class _Scene:
    """Who sends what, and who hears.

    Attributes:
        antennas: of each block.
        groups: tied blocks together, each other block alone.
        shapes: codebooks, networks, ties.
        frames: projector of each block onto what its network can send.
        streams: what is sent.
        users: that are served; they do not yet say what ratios they need.
        places: block and transmit vector of what is lit, kept dark, or sends an echo, by the row that asks for it.
    """

    antennas: Mapping[str, int]
    groups: tuple[tuple[str, ...], ...]
    shapes: tuple[Constraint, ...]
    frames: Mapping[str, np.ndarray]
    streams: tuple[Stream, ...]
    users: tuple[MinimumSinr, ...]
    places: Mapping[str, tuple[str, np.ndarray]]


def random_convex_problem(rng: np.random.Generator, objective: str, rows: Sequence[str]) -> DesignProblem:
    """A strictly feasible problem of one or two blocks of 4 to 6 antennas, 3 to 6 parameters and 1 to 3 criteria.

    Args:
        rng: source of all randomness.
        objective: one of `OBJECTIVES`.
        rows: some of `ROWS`.

    Raises:
        InvalidInput: the combination says nothing (`MEANINGLESS`).
    """
    reason = why_meaningless(objective, rows)
    if reason is not None:
        raise InvalidInput(f"Rows must go together, but {', '.join((objective, *rows))} do not: {reason}.")
    asked, power_w = {objective, *rows}, float(10.0 ** rng.uniform(-3.0, 0.0))
    scene = _scene(rng, asked, power_w)
    draws = [_draw(rng, scene, power_w) for _ in range(DRAWS)]
    sent = max(draws, key=lambda each: min((_ratio(scene, each, user) for user in scene.users), default=1.0))
    total = Transmission.sum_of(sent.values())
    criteria, limits = _criteria(rng, asked, scene, total)
    ratios = [float(rng.uniform(0.6, 0.95)) * _ratio(scene, sent, user) for user in scene.users]
    users = [replace(user, minimum_sinr=ratio) for user, ratio in zip(scene.users, ratios, strict=True)]
    places = [_placed(rng, row, at, t, _power_at(t, total[at])) for row, (at, t) in scene.places.items()]
    constraints = (*_powers(rng, asked, scene, total), *scene.shapes, *users, *places, *limits)
    problem = DesignProblem(criteria, constraints, streams=scene.streams)
    problem = replace(problem, objective=_goal(rng, objective, max(len(problem.samples), 1)))
    if not asked & {"priced", "price"}:
        return problem
    counted = problem.counted_criteria
    size = sum(0.2 * each.weight if objective == "thresholds" else _bound(each, total) for each in counted)
    return replace(problem, power_price=float(rng.uniform(0.5, 4.0)) * size / power_w)


def _scene(rng: np.random.Generator, asked: set[str], power_w: float) -> _Scene:
    is_pair = bool(asked & {"sizes", "tie", "group"}) or {"codebook", "network"} <= asked or rng.uniform() < 0.4
    sizes = rng.choice([4, 5, 6], 2, replace=False) if "sizes" in asked else [rng.integers(4, 7)] * 2
    blocks = ("first", "second")[: 1 + is_pair]
    antennas = {block: int(size) for block, size in zip(blocks, sizes, strict=False)}
    block, other = (str(each) for each in rng.permutation([blocks[0], blocks[-1]]))
    groups = (blocks,) if "tie" in asked else tuple((each,) for each in blocks)
    shapes: list[Constraint] = [TiedBlocks(blocks)] if "tie" in asked else []
    frames = {each: np.eye(size, dtype=complex) for each, size in antennas.items()}
    if "codebook" in asked:
        words = _gaussian(rng, antennas[block], int(rng.integers(antennas[block], 2 * antennas[block] + 1)))
        shapes += [Codebook(each, words) for each in (blocks if "tie" in asked else (block,))]
    if "network" in asked:
        phases = rng.uniform(0.0, 2.0 * np.pi, (antennas[other], int(rng.integers(2, antennas[other]))))
        part = FixedAnalog(other, np.exp(1j * phases))
        shapes.append(part)
        frames |= dict.fromkeys(blocks if "tie" in asked else (other,), part.basis @ part.basis.conj().T)
    places = {}
    for row in [each for each in ("illumination", "ceiling", "uplink") if each in asked]:
        at = str(rng.choice(blocks))
        places[row] = (at, _steering(rng, antennas[at], 10.0 ** rng.uniform(-2.0, 0.0)))
    streams, users = _served(rng, asked, antennas, power_w)
    return _Scene(antennas, groups, tuple(shapes), frames, streams, users, places)


def _gaussian(rng: np.random.Generator, *shape: int) -> Complex[np.ndarray, "..."]:
    return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)) / np.sqrt(2.0)


def _steering(rng: np.random.Generator, size: int, modulus: float) -> Complex[np.ndarray, " antenna"]:
    return modulus * np.exp(1j * np.pi * np.sin(rng.uniform(-1.2, 1.2)) * np.arange(size))


def _served(
    rng: np.random.Generator, asked: set[str], antennas: Mapping[str, int], power_w: float
) -> tuple[tuple[Stream, ...], tuple[MinimumSinr, ...]]:
    """Streams, and up to three users who hear them well above the noise; some know the pilot, some have no pilot."""
    blocks = tuple(antennas)
    if "sinr" not in asked:
        return (Stream("pilot", blocks),), ()
    streams, users, is_alone = [], [], rng.uniform() < 0.15
    for number in range(int(rng.integers(1, 4))):
        own = blocks if "tie" in asked or is_alone or rng.uniform() < 0.6 else (str(rng.choice(blocks)),)
        heard = [block for block in blocks if block in own or rng.uniform() < 0.7]
        root = np.sqrt(10.0 ** rng.uniform(1.5, 2.5) * NOISE_W / power_w)
        channels = {block: root / np.sqrt(antennas[block]) * _gaussian(rng, antennas[block]) for block in heard}
        cancels = ("pilot",) if not is_alone and rng.uniform() < 0.3 else ()
        streams.append(Stream(f"to user {number}", own, f"user {number}"))
        users.append(MinimumSinr(f"user {number}", channels, 1.0, NOISE_W, cancels))
    if not is_alone:
        streams.append(Stream("pilot", blocks))
        streams += [Stream("sensing", blocks)] if rng.uniform() < 0.25 else []
    return tuple(streams), tuple(users)


def _draw(rng: np.random.Generator, scene: _Scene, power_w: float) -> dict[str, Transmission]:
    """Random covariances of all streams that keep to networks, codebooks and ties."""
    n_others = len(scene.streams) - len(scene.users)
    share = 0.0 if not scene.users else 1.0 if not n_others else float(rng.uniform(0.3, 0.8))
    sent = {stream.name: dict(Transmission.silent(scene.antennas)) for stream in scene.streams}
    for stream in scene.streams:
        groups = [group for group in scene.groups if set(group) <= set(stream.blocks)]
        own_w = power_w * (share / len(scene.users) if stream.served_user else (1.0 - share) / n_others)
        for group, part in zip(groups, rng.dirichlet(np.full(len(groups), 3.0)), strict=True):
            matrix = _sendable(scene, group, _wanted(rng, scene, group, stream, NOISE_W / power_w))
            sent[stream.name] |= {block: own_w * part / len(group) * matrix for block in group}
    return {name: Transmission(each) for name, each in sent.items()}


def _wanted(
    rng: np.random.Generator, scene: _Scene, group: Sequence[str], stream: Stream, noise: float
) -> Complex[np.ndarray, "tx tx"]:
    """A beam that the user hears best beside what others hear; or a random covariance, away from all whom it disturbs.

    And towards a place that must be lit. Without the constraints of what can be sent, but for networks.
    """
    size, frame = scene.antennas[group[0]], scene.frames[group[0]]
    heard = {user.user: np.zeros((size, size), dtype=complex) for user in scene.users}
    for user in scene.users:
        for t in [frame @ user.channels[block] for block in group if block in user.channels]:
            heard[user.user] += np.outer(t, t.conj())
    if stream.served_user is not None:
        inverse = np.linalg.inv(sum(heard.values(), 2.0 * noise * np.eye(size)))
        return inverse @ heard[stream.served_user] @ inverse
    found = random_covariance(rng, size, rank=int(rng.integers(2, size + 1)))
    for row, (block, response) in scene.places.items():
        if block in group:
            along = np.outer(response, response.conj()) / np.linalg.norm(response) ** 2
            away = np.eye(size) - rng.uniform(0.5, 0.95) * along
            found = found + 0.5 * along if row == "illumination" else away @ found @ away
    disturbed = np.linalg.inv(np.eye(size) + sum(heard.values(), np.zeros((size, size))) / (3.0 * noise))
    return disturbed @ found @ disturbed


def _sendable(scene: _Scene, group: Sequence[str], wanted: Complex[np.ndarray, "tx tx"]) -> np.ndarray:
    """What a network or a codebook makes of a covariance, with a trace of 1."""
    found = scene.frames[group[0]] @ wanted @ scene.frames[group[0]]
    for part in scene.shapes:
        if isinstance(part, Codebook) and part.block in group:
            powers = np.real(np.einsum("il,ij,jl->l", part.unit_codewords.conj(), wanted, part.unit_codewords))
            found = (part.unit_codewords * (powers / powers.max()) ** 3) @ part.unit_codewords.conj().T
    return (found + found.conj().T) / (2.0 * np.trace(found).real)


def _ratio(scene: _Scene, sent: Mapping[str, Transmission], user: MinimumSinr) -> float:
    """SINR of a user."""
    heard_w = {
        stream.name: sum(_power_at(t, sent[stream.name][block]) for block, t in user.channels.items())
        for stream in scene.streams
    }
    (own,) = [stream.name for stream in scene.streams if stream.served_user == user.user]
    others_w = [each for name, each in heard_w.items() if name not in (own, *user.cancels)]
    return heard_w[own] / (user.noise_power_w + sum(others_w))


def _power_at(vector: Complex[np.ndarray, " tx"], covariance: Complex[np.ndarray, "tx tx"]) -> float:
    """`t^H R t`."""
    return float(np.real(vector.conj() @ covariance @ vector))


def _placed(
    rng: np.random.Generator, row: str, block: str, response: Complex[np.ndarray, " tx"], power_w: float
) -> Illumination | PowerCeiling | MinimumUplinkSinr:
    """A floor below, or a ceiling above, the power at a place; or users who bear a little more than its echo."""
    if row == "illumination":
        return Illumination(block, response, float(rng.uniform(0.6, 0.95)) * power_w)
    if row == "ceiling":
        return PowerCeiling(block, response, float(rng.uniform(1.05, 1.5)) * power_w, "a neighbour")
    size, n_users = int(rng.integers(3, 6)), int(rng.integers(1, 3))
    user_power_w = float(10.0 ** rng.uniform(-3.0, -1.0))
    channels = np.sqrt(10.0 ** rng.uniform(1.0, 2.0) * NOISE_W / user_power_w) * _gaussian(rng, size, n_users)
    uplink, echo, echo_w = UplinkChannel(channels, user_power_w, NOISE_W), _steering(rng, size, 1.0), NOISE_W / size
    names = ("caller 0", "caller 1")[:n_users]
    found = MinimumUplinkSinr(block, names, uplink, echo, response, echo_w / power_w, np.ones(n_users))
    factors = rng.uniform(1.05, 2.0, n_users).tolist()
    return replace(found, minimum_sinr=np.array([found.tolerance.sinr(f * echo_w)[k] for k, f in enumerate(factors)]))


def _powers(rng: np.random.Generator, asked: set[str], scene: _Scene, total: Transmission) -> list[Constraint]:
    """Budgets, and limits on groups and on single antennas, that a transmission keeps."""
    low, high = (1.5, 4.0) if "power" in asked else (1.3, 2.0) if "group" in asked else (1.02, 1.2)
    blocks, is_shared = tuple(scene.antennas), bool(rng.uniform() < 0.5)
    found: list[Constraint] = []
    for sharers in [blocks] if is_shared else [(block,) for block in blocks]:
        used_w = max(total.only(sharers).power_w, 1e-3 * total.power_w)
        found.append(PowerBudget(sharers, float(rng.uniform(low, high) * used_w)))
    if "group" in asked:
        members = blocks if not is_shared or rng.uniform() < 0.5 else blocks[:1]
        used_w = max(total.only(members).power_w, 1e-3 * total.power_w)
        found.append(GroupPower(members, float(rng.uniform(1.02, 1.2) * used_w)))
    if "antennas" in asked:
        for block in blocks[: int(rng.integers(1, 3))]:
            powers_w = np.real(np.diagonal(total[block])) + 1e-3 * total.power_w / len(total[block])
            limits_w = rng.uniform(1.05, 1.6, len(powers_w)) * powers_w
            limits_w[1:][rng.uniform(size=len(powers_w) - 1) < 0.3] = np.inf
            found.append(AntennaPower(block, limits_w))
    return found


def _criteria(
    rng: np.random.Generator, asked: set[str], scene: _Scene, total: Transmission
) -> tuple[tuple[Criterion, ...], list[BoundLimit]]:
    """Criteria whose bounds at a transmission are of one size, and limits above the bounds of some of them."""
    n_limited = 1 if asked & {"limits", "limit"} else int(rng.integers(1, 3)) if "power" in asked else 0
    n_free = int(rng.integers(2 if asked & {"worst", "tail"} else 1, 4 - n_limited))
    n_free = int(rng.uniform() < 0.2) if "power" in asked else n_free
    n_samples = 2 if rng.uniform() < 0.3 else 3
    criteria: list[Criterion] = []
    for number in range(n_limited + n_free):
        blocks = [block for block in scene.antennas if number == 0 or rng.uniform() < 0.7] or ["first"]
        information = _map(rng, {block: scene.antennas[block] for block in blocks}, total, has_prior="prior" in asked)
        weights = {name: float(rng.uniform(0.5, 2.0)) for name in information.layout if "position" in name}
        criterion = Criterion(information, weights, f"criterion {number}", sample=f"sample {number % n_samples}")
        if number >= n_limited:
            size = 1e-4 * float(rng.uniform(0.5, 2.0)) / _bound(criterion, total)
            is_plain = "thresholds" not in asked
            criterion = replace(criterion, weight=size) if is_plain else _with_thresholds(rng, criterion, total)
        criteria.append(criterion)
    limits = [
        BoundLimit(each.name, float(rng.uniform(1.05, 1.6)) * _bound(each, total)) for each in criteria[:n_limited]
    ]
    return tuple(criteria[place] for place in rng.permutation(len(criteria))), limits


def _map(
    rng: np.random.Generator, antennas: Mapping[str, int], total: Transmission, *, has_prior: bool
) -> InformationMap:
    """A random map that a transmission determines well; observations change fast with metres, seconds, and gains."""
    layout, slopes = ParameterLayout.of(LAYOUTS[int(rng.integers(len(LAYOUTS)))]), []
    for name, size in zip(layout, layout.sizes, strict=True):
        low, high = (8.0, 9.0) if name == "clock" else (4.0, 6.0) if name == "gain" else (1.0, 2.5)
        slopes += [10.0 ** rng.uniform(low, high)] * size
    found, scale = InformationMap(layout), np.ones(layout.size)
    for _ in range(DRAWS):
        parts = tuple(_contribution(rng, block, size, np.array(slopes)) for block, size in antennas.items())
        found = InformationMap(layout, parts, antennas=antennas)
        matrix = found.at(total).matrix
        scale = 1.0 / np.sqrt(np.diagonal(matrix))
        if np.linalg.cond(matrix * np.outer(scale, scale)) < WELL_DETERMINED:
            break
    if not has_prior:
        return found
    factor = rng.standard_normal((layout.size, int(rng.integers(1, layout.size + 1)))) / scale[:, None]
    return replace(found, constant=10.0 ** rng.uniform(-2.0, 0.3) * factor @ factor.T)


def _contribution(
    rng: np.random.Generator, block: str, size: int, slopes: Float[np.ndarray, " parameter"]
) -> Contribution:
    """Random observations of a block, complex in every part; some behind a projector."""
    n_terms, n_rx = len(slopes) + int(rng.integers(0, 3)), int(rng.integers(2, 5))
    functions = _gaussian(rng, int(rng.integers(2, n_terms + 1)), n_terms)
    gram = 200.0 * 10.0 ** rng.uniform(-11.0, -9.0) / NOISE_W * functions.conj().T @ functions
    hidden = np.linalg.qr(_gaussian(rng, n_rx, 1))[0]
    return Contribution(
        block=block,
        transmit=_gaussian(rng, size, n_terms),
        receive=_gaussian(rng, n_rx, n_terms),
        gram=0.5 * (gram + gram.conj().T),
        jacobian=rng.standard_normal((n_terms, len(slopes))) * slopes,
        projector=np.eye(n_rx) - hidden @ hidden.conj().T if rng.uniform() < 0.2 else None,
    )


def _variances(criterion: Criterion, total: Transmission) -> dict[str, float]:
    """Trace of the bound of each requested parameter."""
    information = criterion.map.at(total)
    return {name: float(np.trace(information.bound((name,)))) for name in criterion.requested}


def _bound(criterion: Criterion, total: Transmission) -> float:
    """Weighted bound at a transmission."""
    return sum(criterion.weight_of(name) * value for name, value in _variances(criterion, total).items())


def _with_thresholds(rng: np.random.Generator, criterion: Criterion, total: Transmission) -> Criterion:
    """Thresholds of each family, below or above what a transmission attains; all of them above in a few problems."""
    values, weights = _variances(criterion, total), {}
    is_met = rng.uniform() < 0.25
    for family in criterion.families:
        level = float(rng.uniform(0.4, 0.9) if is_met else 10.0 ** rng.uniform(-0.2, 2.0))
        weights |= dict.fromkeys(family, level / sum(values[name] for name in family))
    return replace(criterion, weights=weights, weight=float(rng.uniform(0.3, 2.0)), unit="1")


def _goal(rng: np.random.Generator, objective: str, n_samples: int) -> Objective:
    """The objective of a name."""
    chances = tuple(rng.dirichlet(np.full(n_samples, 3.0)).tolist()) if rng.uniform() < 0.5 else ()
    goals = {"power": Power(), "thresholds": Hinge(), "worst": Tail(), "tail": Tail(rng.uniform(0.1, 0.9), chances)}
    return goals.get(objective, WeightedBound())


def made_infeasible(problem: DesignProblem, rng: np.random.Generator) -> tuple[DesignProblem, tuple[str, ...]]:
    """The same problem with a requirement raised beyond what is possible, with a margin, and what contradicts.

    A ratio or an illumination that all the power could not reach, a limit below the bound of a transmission that has
    the whole budget in every direction, or a ceiling below a floor at the same place.

    Returns:
        The problem, and the names of the requirements that contradict each other or the budgets.
    """
    able = [part for part in problem.constraints if isinstance(part, MinimumSinr | BoundLimit | Illumination)]
    part = able[int(rng.integers(len(able)))] if able else None
    if isinstance(part, MinimumSinr):
        most_w = sum(_budget_w(problem, block) * np.linalg.norm(t) ** 2 for block, t in part.channels.items())
        ratio = float(rng.uniform(2.0, 5.0) * most_w / part.noise_power_w)
        return _replaced(problem, part, replace(part, minimum_sinr=ratio)), (f"SINR of {part.user}",)
    if isinstance(part, BoundLimit):
        (criterion,) = [each for each in problem.criteria if each.name == part.criterion]
        flood = {block: _budget_w(problem, block) * np.eye(n, dtype=complex) for block, n in problem.antennas.items()}
        limit = float(rng.uniform(0.2, 0.5)) * _bound(criterion, Transmission(flood))
        return _replaced(problem, part, replace(part, limit=limit)), (f"bound of {part.criterion}",)
    if part is not None and rng.uniform() < 0.5:
        most_w = float(rng.uniform(0.3, 0.7)) * part.least_power_w
        ceiling = PowerCeiling(part.block, part.response, most_w, "the same place")
        return problem.with_constraints(ceiling), (f"illumination of {part.place}", "ceiling at the same place")
    block = problem.blocks[0] if part is None else part.block
    response = _steering(rng, problem.antennas[block], 1.0) if part is None else part.response
    most_w = _budget_w(problem, block) * float(np.linalg.norm(response) ** 2)
    bright = Illumination(block, response, float(rng.uniform(1.5, 3.0)) * most_w)
    raised = problem.with_constraints(bright) if part is None else _replaced(problem, part, bright)
    return raised, (f"illumination of {bright.place}",)


def _replaced(problem: DesignProblem, old: Constraint, new: Constraint) -> DesignProblem:
    return replace(problem, constraints=tuple(new if part is old else part for part in problem.constraints))


def _budget_w(problem: DesignProblem, block: str) -> float:
    return next(each.power_per_subcarrier_w for each in problem.budgets if block in each.blocks)
