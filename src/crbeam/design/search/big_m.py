"""The two convex programs between which a published algorithm for networks alternates.

Who listens is b of each station (1: it transmits), who serves whom is a of each station and user, both between 0 and 1.
Products of a with a covariance are a variable of their own, `Y = a W` with `0 <= Y <= a P 1`. Concave penalties
`mu (x - x^2)` on b and a are replaced by their tangents at the last point.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Complex, Float

from crbeam.design.choices import Chosen
from crbeam.design.conic import solved
from crbeam.design.convex.program import span
from crbeam.design.convex.statement import statement_of
from crbeam.design.problem import Criterion, DesignProblem
from crbeam.design.search.boxes import receiver_choice, served_users
from crbeam.information import Transmission
from crbeam.information.information_map import InformationMap
from crbeam.linalg import hermitian_part


@dataclass(frozen=True, eq=False)
class Point:
    """A point of the alternation, in reduced coordinates and units of power.

    Attributes:
        transmits: b of each station.
        serves: a of each station and user.
        served: Y of each station and user.
        sensing: covariance R of what serves nobody, of each station.
        accuracy: J times the limit, J being a lower bound on the information of the position.
    """

    transmits: Float[np.ndarray, " station"]
    serves: Float[np.ndarray, "station user"]
    served: list[list[np.ndarray]]
    sensing: list[np.ndarray]
    accuracy: Float[np.ndarray, "direction direction"]

    @property
    def totals(self) -> list[np.ndarray]:
        """Covariance of all that each station sends."""
        return [sum(own, rest) for own, rest in zip(self.served, self.sensing, strict=True)]

    @property
    def power(self) -> float:
        """`sum tr Y + sum b tr R`."""
        own = sum(float(np.trace(each).real) for row in self.served for each in row)
        rest = [float(np.trace(each).real) for each in self.sensing]
        return own + float(self.transmits @ rest)

    @property
    def indecision(self) -> float:
        """`sum a - a^2 + sum b - b^2`: 0 if all choices are made."""
        return float(np.sum(self.serves - self.serves**2) + np.sum(self.transmits - self.transmits**2))


@dataclass(frozen=True, eq=False)
class BigM:
    """A network in a few dimensions, for both programs.

    Attributes:
        problem: as it was given.
        roles: one for each station that may listen.
        unit_w: power that counts as 1.
        bases: orthonormal, of what each station can usefully send, `[tx, size]`.
        channels: of all users, over the root of their noise, `[size, user]` for each station.
        budgets: of each station, in units of power.
    """

    problem: DesignProblem
    roles: tuple[Chosen, ...]
    unit_w: float
    bases: tuple[np.ndarray, ...]
    channels: tuple[np.ndarray, ...]
    budgets: Float[np.ndarray, " station"]

    @property
    def listening(self) -> list[int]:
        """Place among the stations of the one that listens in each role."""
        choice = receiver_choice(self.problem)
        assert choice is not None
        return [self.problem.blocks.index(choice.options[role.receiver].silent_blocks[0]) for role in self.roles]

    @cached_property
    def heard(self) -> tuple[Criterion, ...]:
        """What the one station that listens in each role has to keep small."""
        return tuple(statement_of(self.problem, role).terms[0].criterion for role in self.roles)

    @property
    def maps(self) -> tuple[InformationMap, ...]:
        """The information of these."""
        return tuple(criterion.map for criterion in self.heard)

    @property
    def factors(self) -> Float[np.ndarray, " user"]:
        """`1 + 1 / gamma`."""
        return np.array([1.0 + 1.0 / user.minimum_sinr for user in served_users(self.problem)])

    def may_serve(self, place: int, user: int) -> bool:
        """Whether a station can serve a user in some role."""
        name = served_users(self.problem)[user].user
        return any(self.problem.blocks[place] in role.servers[name] for role in self.roles)


def big_m_network(problem: DesignProblem, roles: Sequence[Chosen], unit_w: float) -> BigM:
    """Reduced network; restricting every covariance to the span of what sees it loses nothing."""
    bases, channels = [], []
    users = served_users(problem)
    maps = [term.criterion.map for role in roles for term in statement_of(problem, role).terms]
    for block in problem.blocks:
        silent = np.zeros(problem.antennas[block])
        heard = [user.channels.get(block, silent) * np.sqrt(unit_w / user.noise_power_w) for user in users]
        seen = [part.transmit for each in maps for part in each.contributions if part.block == block]
        basis = span(np.concatenate([*(each[:, None] for each in heard), *seen], axis=1))
        # What nobody sees costs power only; one dimension of it keeps the programs of a size.
        basis = basis if basis.size else np.eye(problem.antennas[block], 1, dtype=complex)
        bases.append(basis)
        channels.append(basis.conj().T @ np.stack(heard, axis=1))
    limits = {block: budget.power_per_subcarrier_w for budget in problem.budgets for block in budget.blocks}
    budgets = np.array([limits[block] for block in problem.blocks]) / unit_w
    return BigM(problem, tuple(roles), unit_w, tuple(bases), tuple(channels), budgets)


def _scales(network: BigM) -> Float[np.ndarray, " parameter"]:
    """Units of the parameters, the same for all roles, in which informations are of moderate size."""
    powers = [np.sqrt(0.1 * network.unit_w) * basis for basis in network.bases]
    even = Transmission.of_factors(network.problem.blocks, powers)
    diagonal = np.zeros(network.maps[0].layout.size)
    for each in network.maps:
        diagonal += np.diagonal(each.at(even).matrix)
    return 1.0 / np.sqrt(diagonal / len(network.roles))


def _information(network: BigM, heard: InformationMap, totals: Sequence[Any], scales: np.ndarray) -> Any:
    """Information under covariances that are matrices or conic expressions."""
    import cvxpy as cp

    found: Any = heard.constant * np.outer(scales, scales)
    for part in heard.contributions:
        place = network.problem.blocks.index(part.block)
        reduced = np.sqrt(network.unit_w) * network.bases[place].conj().T @ part.transmit
        gram: Any = reduced.conj().T @ totals[place] @ reduced
        jacobian = part.jacobian * scales
        if isinstance(gram, np.ndarray):
            found = found + jacobian.T @ np.real(part.weight * gram.conj()) @ jacobian
        else:
            found = found + jacobian.T @ cp.real(cp.multiply(part.weight, cp.conj(gram))) @ jacobian
    return 0.5 * (found + found.T)


def _padded(network: BigM, scales: np.ndarray) -> np.ndarray:
    """P with `P J P^T` where the information is: ones at the position, scaled, over the root of the limit."""
    criterion = network.heard[0]
    limit = network.problem.bound_limits[criterion.name]
    return (criterion.selection != 0.0) * scales[:, None] / np.sqrt(limit)


def _power_of(vector: np.ndarray, matrix: Any) -> Any:
    import cvxpy as cp

    return cp.real(cp.trace(hermitian_part(np.outer(vector, vector.conj())) @ matrix))


def chosen_transmitters(network: BigM, point: Point, penalty: float) -> Float[np.ndarray, " station"] | None:
    """First step: b at given covariances and association, or None if the solver finds none.

    Reference: xu2023 eq. (22).
    """
    import cvxpy as cp

    stations, scales = len(network.bases), _scales(network)
    transmits = cp.Variable(stations)
    rest = np.array([float(np.trace(each).real) for each in point.sensing])
    own = np.array([sum(float(np.trace(each).real) for each in row) for row in point.served])
    constraints: list[Any] = [
        transmits >= 0.0,
        transmits <= 1.0,
        transmits >= np.max(point.serves, axis=1, initial=0.0),
    ]
    constraints += [own + cp.multiply(rest, transmits) <= network.budgets]
    constraints += [cp.sum(1.0 - transmits[network.listening]) == 1.0]
    constraints += [transmits[place] == 1.0 for place in range(stations) if place not in network.listening]
    selection = _padded(network, scales)
    known = selection @ point.accuracy @ selection.T
    whole: Any = 0.0
    for place, heard in zip(network.listening, network.maps, strict=True):
        whole = whole + (1.0 - transmits[place]) * (_information(network, heard, point.totals, scales) - known)
    constraints += [0.5 * (whole + whole.T) >> 0]
    for user, factor in enumerate(network.factors):
        vectors = [channels[:, user] for channels in network.channels]
        scale = max(float(np.sum(np.abs(vector) ** 2)) for vector in vectors)
        wanted = 0.0
        disturbed = np.zeros(stations)
        for place, vector in enumerate(vectors):
            powers = [float(np.real(vector.conj() @ each @ vector)) for each in point.served[place]]
            wanted += factor * powers[user] - sum(powers)
            disturbed[place] = float(np.real(vector.conj() @ point.sensing[place] @ vector))
        constraints += [(wanted - disturbed @ transmits) / scale >= 1.0 / scale]
    slope = rest + penalty * (1.0 - 2.0 * point.transmits)
    task = cp.Problem(cp.Minimize((slope @ transmits) / max(1.0, penalty)), constraints)
    return np.clip(np.asarray(transmits.value), 0.0, 1.0) if solved(task) else None


@dataclass(frozen=True, eq=False)
class _Unknowns:
    """Variables of the second program; None where a station is silent or may not serve."""

    serves: Any
    served: list[list[Any]]
    sensing: list[Any]
    accuracy: Any


def chosen_covariances(
    network: BigM, transmits: np.ndarray, last: np.ndarray, penalty: float, *, is_fixed: bool = False
) -> Point | None:
    """Second step: covariances and association at given b, or None if the solver finds none.

    Args:
        network: the network.
        transmits: b.
        last: a where the penalty is linearised.
        penalty: mu, in units of power.
        is_fixed: whether a stays what it was.

    Reference: xu2023 eq. (23).
    """
    import cvxpy as cp

    unknowns = _unknowns(network, transmits, last)
    scales = _scales(network)
    totals = [
        sum((each for each in own if each is not None), rest)
        for own, rest in zip(unknowns.served, unknowns.sensing, strict=True)
    ]
    constraints = _association(network, unknowns, transmits)
    constraints += [unknowns.serves == last] if is_fixed else []
    priced = [
        sum((each for each in own if each is not None), b * rest)
        for own, rest, b in zip(unknowns.served, unknowns.sensing, transmits, strict=True)
    ]
    constraints += _service(network, unknowns, priced, transmits)
    selection = _padded(network, scales)
    whole: Any = -(selection @ unknowns.accuracy @ selection.T)
    for place, heard in zip(network.listening, network.maps, strict=True):
        if transmits[place] < 1.0:
            whole = whole + (1.0 - transmits[place]) * _information(network, heard, totals, scales)
    constraints += [0.5 * (whole + whole.T) >> 0, *_accuracy(network, unknowns)]
    power: Any = sum(cp.real(cp.trace(each)) for each in priced)
    price = penalty * cp.sum(cp.multiply(1.0 - 2.0 * last, unknowns.serves))
    task = cp.Problem(cp.Minimize((power + price) / max(1.0, penalty)), constraints)
    return _point(network, unknowns, transmits) if solved(task) else None


def _unknowns(network: BigM, transmits: np.ndarray, last: np.ndarray) -> _Unknowns:
    import cvxpy as cp

    served, sensing = [], []
    for place, basis in enumerate(network.bases):
        size = (basis.shape[1],) * 2
        is_silent = transmits[place] == 0.0
        sensing.append(np.zeros(size) if is_silent else cp.Variable(size, hermitian=True))
        served.append(
            [
                None if is_silent or not network.may_serve(place, user) else cp.Variable(size, hermitian=True)
                for user in range(last.shape[1])
            ]
        )
    directions = network.heard[0].selection.shape[1]
    return _Unknowns(cp.Variable(last.shape), served, sensing, cp.Variable((directions, directions), symmetric=True))


def _association(network: BigM, unknowns: _Unknowns, transmits: np.ndarray) -> list[Any]:
    """C1, C4, C6, C7b, C10a, C10d; W = Y meets C10b and C10c."""
    import cvxpy as cp

    found: list[Any] = [unknowns.serves >= 0.0, cp.sum(unknowns.serves, axis=0) == 1.0]
    for place, budget in enumerate(network.budgets):
        eye = np.eye(network.bases[place].shape[1])
        found.append(unknowns.serves[place] <= transmits[place])
        own = [each for each in unknowns.served[place] if each is not None]
        for user, each in enumerate(unknowns.served[place]):
            if each is None:
                found.append(unknowns.serves[place, user] == 0.0)
            else:
                found += [each >> 0, unknowns.serves[place, user] * (budget * eye) - each >> 0]
        if transmits[place] > 0.0:
            rest = transmits[place] * cp.real(cp.trace(unknowns.sensing[place]))
            found += [unknowns.sensing[place] >> 0, sum((cp.real(cp.trace(each)) for each in own), rest) <= budget]
    return found


def _service(network: BigM, unknowns: _Unknowns, totals: list[Any], transmits: np.ndarray) -> list[Any]:
    """C3."""
    import cvxpy as cp

    heard = np.stack([np.sum(np.abs(channels) ** 2, axis=0) for channels in network.channels])
    scales = heard.max(axis=0)
    received: Any = 0.0
    for place, channels in enumerate(network.channels):
        if transmits[place] > 0.0:
            scaled = channels / np.sqrt(scales)
            received = received - cp.real(cp.sum(cp.multiply(scaled.conj(), totals[place] @ scaled), axis=0))
    own = []
    for user, factor in enumerate(network.factors):
        parts = [
            _power_of(channels[:, user] * np.sqrt(factor / scales[user]), unknowns.served[place][user])
            for place, channels in enumerate(network.channels)
            if unknowns.served[place][user] is not None
        ]
        own.append(sum(parts[1:], parts[0]))
    return [received + cp.hstack(own) >= 1.0 / scales]


def _accuracy(network: BigM, unknowns: _Unknowns) -> list[Any]:
    """C2a, with the weights of the criterion."""
    import cvxpy as cp

    weights = np.diag(np.sqrt(np.sum(network.heard[0].selection ** 2, axis=0)))
    slack = cp.Variable(weights.shape, symmetric=True)
    return [cp.bmat([[slack, weights], [weights, unknowns.accuracy]]) >> 0, cp.trace(slack) <= 1.0]


def _point(network: BigM, unknowns: _Unknowns, transmits: np.ndarray) -> Point:
    import cvxpy as cp

    def value(each: Any, place: int) -> Complex[np.ndarray, "size size"]:
        size = network.bases[place].shape[1]
        found = each.value if isinstance(each, cp.Expression) else each
        return (
            np.zeros((size, size), dtype=complex) if found is None else hermitian_part(np.asarray(found, dtype=complex))
        )

    served = [[value(each, place) for each in row] for place, row in enumerate(unknowns.served)]
    sensing = [value(each, place) for place, each in enumerate(unknowns.sensing)]
    serves = np.clip(np.asarray(unknowns.serves.value), 0.0, 1.0)
    return Point(np.asarray(transmits, dtype=float), serves, served, sensing, np.asarray(unknowns.accuracy.value))
