"""Relaxations that know the sub-arrays of a hybrid array, as convex programs in more dimensions, solved.

*Transmission*: for `R_s = F W_s F^H` the diagonal is constant inside every sub-array, whatever F. All that is kept of
the network are these equations, whose multipliers x make the slack of a stream

    S_s = (lam + kappa) 1 + diag(B x_s) - G(Z) - sum_j mu_j A_js,      B an orthonormal basis of what has mean zero.

*Reception*: information is bilinear in the projector `Q = blkdiag(f_1 f_1^H, f_2 f_2^H, ...)` and R: it is linear in
`Z_i = conj(f_i f_i^H) (x) R`. All that is kept are `Z_i >= 0`, and that the blocks of Z_i on the diagonal, one for each
of the M antennas, are all R / M. The multipliers of these are Hermitian prices D_n of every receive antenna n:

    blkdiag(D_n, n in i) - K_i ((J Z)(J Z)^T o O) K_i^H >= 0  for every sub-array i,
    S_s = (lam + kappa) 1 - (1/M) sum_n D_n - sum_j mu_j A_js >= 0  for every stream s,

where column a of K_i is `conj(z_a) (x) t_a` on the antennas of i. Ratios of users enter through the limits on the echo
without a network, which are higher than behind any, and through matrices C_k, linear in the Z_i and R, which are
positive semidefinite where a network serves user k (`certificate`). Their multipliers S_k are more such prices. Beyond
`MOST_USER_UNKNOWNS`, whose systems of equations would take long, users count by their limits alone.

*Users alone*: the most that any network gives all of them is a share s of the ratios that they require. User k needs
`A_k + (1 - s) gamma_k e_k e_k^T >= 0` (`certificate`, without probing), which is linear in s and in the blocks Q_i of
`Q = F F^H`. All that is kept of F is `Q_i >= 0` with a diagonal of 1 / M. The dual of the largest s up to 1 is, over
real d_n and Hermitian `S_k >= 0`,

    1 - s = max  sum_k gamma_k S_k[k, k] - sum_k sum_{j != k} S_k[j, j] - sum_n d_n / M
            subject to  diag(d_n, n in i) >= V_i (sum_k S_k) V_i^H,    sum_k gamma_k S_k[k, k] <= 1.

Any point of it proves a limit by eigenvalues (`certificate.largest_share`). Where that is below 1, no network serves
all users.

*Cones*: beside its own levels a program has free ones, which are the coordinates of Hermitian matrices:

    D_n of every antenna n, then T = sum_k S_k, then S_k of every user k but the last.

A slack that is linear in such matrices is a cone with the vectors of `units`, whatever their signs; that `S_k >= 0` is
a cone as well, which nothing sees and whose slack is S_k. Slacks of sub-arrays depend on the users through T alone.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Complex, Float

from crbeam.design.constraints import SubarrayHybrid
from crbeam.design.convex.centre import centre
from crbeam.design.convex.cone import Cone, View
from crbeam.design.convex.dual import Dual, Point
from crbeam.design.convex.evidence import Evidence
from crbeam.design.convex.path import first_point
from crbeam.design.convex.program import Program, program_of
from crbeam.design.convex.statement import Statement, statement_of
from crbeam.design.hybrid.certificate import LiftedUsers, largest_share, lifted_users, on_users, users_alone
from crbeam.design.hybrid.networks import digital_relaxation, heard_by, n_antennas_of, service_of
from crbeam.design.problem import DesignProblem
from crbeam.design.requirements import level_below_db
from crbeam.design.result import SubarrayEvidence
from crbeam.errors import Infeasible
from crbeam.linalg import one_blas_thread

#: Relative gap at which the search for the best bound ends, and gap of the digital dual that it starts from.
GAP, FIRST_GAP = 2e-6, 0.2
#: Squared Newton decrement at the ends of all searches.
FINE = 1e-2
#: Weight of the barrier from which the path of a lifted receiver begins, in units of the objective over its parameter.
FIRST_LIFTED = 30.0
#: Entries of all multipliers of users up to which these are found: 6 users and probing in 2 dimensions have 1014.
MOST_USER_UNKNOWNS = 1100
#: Distance from the largest share at which the search ends.
SHARE_GAP = 1e-4
#: What a limit must be below 1 by, as more than rounding, to prove anything.
MARGIN = 1e-7
#: Share of all multipliers from which a user counts as one of those that contradict one another.
INVOLVED = 0.01


@dataclass(frozen=True, eq=False)
class Lifting:
    """The free levels of a program.

    Attributes:
        first: number of levels before them.
        n_antennas: of the receive array.
        antennas_per_chain: M.
        size: dimensions of R, and rows of each D_n.
        users: what users require, if there are any.
    """

    first: int
    n_antennas: int
    antennas_per_chain: int
    size: int
    users: LiftedUsers | None = None

    @property
    def _n_prices(self) -> int:
        return self.n_antennas * self.size**2

    @property
    def _n_entries(self) -> int:
        """Coordinates of a multiplier S_k."""
        return 0 if self.users is None else self.users.n_rows**2

    @property
    def n_free(self) -> int:
        """Number of the free levels."""
        return self._n_prices + (0 if self.users is None else self.users.n_users * self._n_entries)

    @property
    def _width(self) -> int:
        return self.first + self.n_free

    @property
    def own_prices(self) -> slice:
        """Levels of all D_n."""
        return slice(self.first, self.first + self._n_prices)

    def _of_users(self, place: int) -> slice:
        """Levels of T, then of S_1, S_2, ..."""
        start = self.own_prices.stop + place * self._n_entries
        return slice(start, start + self._n_entries)

    @cached_property
    def scales(self) -> Float[np.ndarray, " row"]:
        """Congruence by which all C_k are near the unit matrix at an even transmission.

        The path does not depend on it, but rounding does.
        """
        assert self.users is not None
        lifted = self.antennas_per_chain * self.size
        heard = np.sum(np.abs(self.users.columns) ** 2, axis=(0, 1)) / lifted
        sent = np.full(heard.size, 1.0 / self.size)
        sent[self.users.n_users * self.size :] = 1.0
        return 1.0 / np.sqrt(heard + sent)

    def sent(self) -> tuple[np.ndarray, np.ndarray]:
        """What all matrices count of R: vectors, and how much of each level they take."""
        selector = np.zeros((self.size**2, self._width))
        selector[:, self.own_prices] = np.tile(np.eye(self.size**2) / self.antennas_per_chain, self.n_antennas)
        if self.users is not None:
            selector += self.of_blocks(self.users.weights)
        return units(self.size), selector

    def of_blocks(self, weights: Float[np.ndarray, "user other"]) -> Float[np.ndarray, "matrix level"]:
        """Coordinates of a weighted sum of all diagonal blocks j of all S_k."""
        assert self.users is not None
        basis = self._scaled_units()
        blocks = coordinates(self.users.blocks(basis[:, :, None] * basis.conj()[:, None, :]))
        parts = [np.tensordot(own, blocks, axes=(0, 1)).T @ self._selected(user) for user, own in enumerate(weights)]
        return np.sum(parts, axis=0)

    def constants(self) -> Float[np.ndarray, " level"]:
        """What the free levels cost in any case."""
        found = np.zeros(self.n_free)
        if self.users is not None:
            echo = self._scaled_units()[:, self.users.n_users * self.size :]
            found[self._n_prices : self._n_prices + self._n_entries] = np.sum(np.abs(echo) ** 2, axis=1)
        return found

    def heard(self, port: str, views: list[tuple[View, ...]]) -> list[Cone]:
        """A cone for each sub-array, given what every term sees of it."""
        per_chain, lifted = self.antennas_per_chain, self.antennas_per_chain * self.size
        own, n_own = units(self.size), per_chain * self.size**2
        prices = np.kron(np.eye(per_chain), own)
        vectors, priced = prices, np.eye(n_own)
        if self.users is not None:
            vectors = units(lifted)
            priced = coordinates(prices.T[:, :, None] * prices.T.conj()[:, None, :]).T
        found = []
        for chain, seen in enumerate(views):
            selector = np.zeros((vectors.shape[1], self._width))
            start = self.first + chain * n_own
            selector[:, start : start + n_own] = -priced
            if self.users is not None:
                looks = (self.users.columns[chain] @ self._scaled_units().T).T
                counted = self.users.transposed(looks[:, :, None] * looks.conj()[:, None, :])
                selector[:, self._of_users(0)] = coordinates(counted).T
            cone = deaf_cone(f"{port} {chain}", vectors, np.ones(vectors.shape[1]), selector)
            found.append(replace(cone, views=seen))
        return found

    def multipliers(self, n_terms: int) -> list[Cone]:
        """A cone for each S_k, in the scale of `scales`."""
        if self.users is None:
            return []
        vectors, factors = units(self.users.n_rows), np.full(self._n_entries, -1.0)
        found = []
        for user in range(self.users.n_users):
            cone = deaf_cone(f"user {user}", vectors, factors, self._selected(user))
            found.append(replace(cone, views=(None,) * n_terms))
        return found

    def _selected(self, user: int) -> np.ndarray:
        """S_k as a combination of the levels."""
        assert self.users is not None
        selector, last = np.zeros((self._n_entries, self._width)), self.users.n_users - 1
        own = np.eye(self._n_entries)
        if user < last:
            selector[:, self._of_users(1 + user)] = own
            return selector
        selector[:, self._of_users(0)] = own
        for other in range(last):
            selector[:, self._of_users(1 + other)] = -own
        return selector

    def with_even_users(self, levels: np.ndarray, size: float) -> np.ndarray:
        """Levels with all S_k a multiple of the unit matrix, in the scale of `scales`."""
        levels = levels.copy()
        if self.users is not None:
            n_rows, n_users = self.users.n_rows, self.users.n_users
            for place in range(n_users):
                levels[self._of_users(place)][:n_rows] = size * (n_users if place == 0 else 1)
        return levels

    def prices(self, levels: np.ndarray) -> Complex[np.ndarray, "antenna size size"]:
        """D_n."""
        basis = units(self.size)
        return (basis * levels[self.own_prices].reshape(self.n_antennas, 1, -1)) @ basis.conj().T

    def user_matrices(self, levels: np.ndarray) -> Complex[np.ndarray, "user row row"]:
        """S_k."""
        assert self.users is not None
        basis = self._scaled_units().T
        chosen = np.array([self._selected(user) @ levels for user in range(self.users.n_users)])
        return (basis * chosen[:, None, :]) @ basis.conj().T

    def _scaled_units(self) -> Complex[np.ndarray, "entry row"]:
        assert self.users is not None
        return (self.scales[:, None] * units(self.users.n_rows)).T


def deaf_cone(name: str, vectors: np.ndarray, factors: np.ndarray, selector: np.ndarray) -> Cone:
    """A cone that no term sees: its slack is minus the sum of factors times levels times `v v^H`."""
    return Cone(
        name=name,
        basis=np.eye(len(vectors), dtype=complex),
        is_line=False,
        streams=(name,),
        vectors=vectors,
        factors=factors[None],
        selector=selector,
        counts=np.zeros(selector.shape[1]),
        price=0.0,
        views=(),
    )


def units(size: int) -> Complex[np.ndarray, "size matrix"]:
    """Vectors v whose `v v^H` are a basis of the Hermitian matrices; the first ones add up to the identity."""
    first, second = np.triu_indices(size, 1)
    unit = np.eye(size)
    pairs = [(unit[:, first] + factor * unit[:, second]) / np.sqrt(2.0) for factor in (1.0, 1j)]
    return np.concatenate([unit, *pairs], axis=1).astype(complex)


def coordinates(matrices: Complex[np.ndarray, "*batch size size"]) -> Float[np.ndarray, "*batch matrix"]:
    """Coordinates of Hermitian matrices in the basis of `units`."""
    first, second = np.triu_indices(matrices.shape[-1], 1)
    entries = matrices[..., first, second]
    pairs = np.concatenate([2.0 * np.real(entries), -2.0 * np.imag(entries)], axis=-1)
    diagonal = np.real(np.einsum("...aa->...a", matrices)).copy()
    for place, (row, column) in enumerate(zip([*first, *first], [*second, *second], strict=True)):
        diagonal[..., row] -= 0.5 * pairs[..., place]
        diagonal[..., column] -= 0.5 * pairs[..., place]
    return np.concatenate([diagonal, pairs], axis=-1)


def subarray_evidence(problem: DesignProblem, hybrid: SubarrayHybrid) -> SubarrayEvidence:
    """Evidence for nearly the best bound that knows the sub-arrays, for a problem with one block and one budget."""
    with one_blas_thread(), np.errstate(all="ignore"):
        program = program_of(statement_of(digital_relaxation(problem)))
        return (_sending if hybrid.side == "transmit" else _hearing)(program, hybrid)


def _sending(program: Program, hybrid: SubarrayHybrid) -> SubarrayEvidence:
    """Evidence for a transmitter."""
    relaxed = Dual(_sending_program(program, hybrid))
    found = _solved(program, relaxed, lambda _, tau: (np.zeros(relaxed.program.n_free), tau))
    (cone,) = program.cones
    free = found.levels[program.levels.size :].reshape(len(cone.streams), -1)
    prices = program.unit / program.unit_w * free @ _spread(len(cone.basis), hybrid).T
    return SubarrayEvidence(_evidence(program, found), dict(zip(cone.streams, prices, strict=True)))


def _hearing(program: Program, hybrid: SubarrayHybrid) -> SubarrayEvidence:
    """Evidence for a receiver."""
    (cone,) = program.cones
    problem, basis = program.statement.problem, np.sqrt(program.unit_w) * cone.basis
    service, n_antennas = service_of(problem, hybrid), len(heard_by(program.statement)[0][0])
    users = None if service is None else lifted_users(service, hybrid.antennas_per_chain, basis)
    if users is not None and users.n_users * users.n_rows**2 > MOST_USER_UNKNOWNS:
        users = None
    lifting = Lifting(program.levels.size, n_antennas, hybrid.antennas_per_chain, cone.size, users)
    relaxed = Dual(_hearing_program(program, hybrid, lifting))

    def beyond(near: Point, _: float) -> tuple[np.ndarray, float]:
        """Small multipliers of users, and prices beyond all that is then heard."""
        tau = FIRST_LIFTED / relaxed.weight
        levels = lifting.with_even_users(np.zeros(lifting.first + lifting.n_free), tau)
        chains = relaxed.program.cones[1 : 1 + n_antennas // hybrid.antennas_per_chain]
        seen = np.array([each.adjoint(near.responses) for each in chains])
        if users is not None:
            seen = seen + users.heard(lifting.user_matrices(levels))
        most = np.linalg.eigvalsh(seen)[:, -1]
        prices = levels[lifting.own_prices].reshape(len(chains), hybrid.antennas_per_chain, -1)
        prices[:, :, : cone.size] = max(0.1, tau) + 1.1 * most[:, None, None]
        return levels[lifting.first :], tau

    found = _solved(program, relaxed, beyond)
    # <S, C> in the coordinates of the program and in the space of all antennas are the same
    prices = program.unit / program.unit_w * (cone.basis @ lifting.prices(found.levels) @ cone.basis.conj().T)
    if users is None:
        return SubarrayEvidence(_evidence(program, found), {hybrid.port: prices})
    wide = on_users(users.n_users, cone.basis / np.sqrt(program.unit_w))
    multipliers = program.unit * (wide @ lifting.user_matrices(found.levels) @ wide.conj().T)
    return SubarrayEvidence(_evidence(program, found), {hybrid.port: prices}, multipliers)


def _evidence(program: Program, found: Point) -> Evidence:
    return program.evidence(found.responses, found.scales, found.levels[: program.levels.size])


def _sending_program(program: Program, hybrid: SubarrayHybrid) -> Program:
    """A cone of all antennas for each stream, with prices of mean zero over every sub-array."""
    (cone,) = program.cones
    n_antennas, levels = cone.basis.shape[0], program.levels.size
    spread = _spread(n_antennas, hybrid)
    n_free = len(cone.streams) * spread.shape[1]
    views = tuple(view and replace(view, transmit=cone.basis @ view.transmit) for view in cone.views)
    cones = []
    for number, stream in enumerate(cone.streams):
        start = levels + number * spread.shape[1]
        own = np.zeros((n_antennas, levels + n_free))
        own[:, start : start + spread.shape[1]] = spread
        wide = replace(
            cone,
            basis=np.eye(n_antennas, dtype=complex),
            streams=(stream,),
            vectors=cone.basis @ cone.vectors,
            factors=cone.factors[number : number + 1],
            views=views,
        )
        cones.append(_priced(wide, np.eye(n_antennas), -1.0, own))
    return _with_free(program, cones, n_free)


def _hearing_program(program: Program, hybrid: SubarrayHybrid, lifting: Lifting) -> Program:
    """A cone for each sub-array, which is heard, beside those of the streams, which are sent, and of the users."""
    (cone,) = program.cones
    heard = heard_by(program.statement)
    deaf = replace(cone, views=(None,) * len(cone.views))
    vectors, selector = lifting.sent()
    views = []
    for antennas in np.arange(lifting.n_antennas).reshape(-1, lifting.antennas_per_chain):
        own = []
        for view, (receive, gram) in zip(cone.views, heard, strict=True):
            assert view is not None
            columns = receive[antennas].conj()[:, None, :] * view.transmit[None]
            own.append(replace(view, transmit=columns.reshape(len(antennas) * cone.size, -1), weight=gram))
        views.append(tuple(own))
    cones = [
        _priced(deaf, vectors, 1.0, selector),
        *lifting.heard(hybrid.port, views),
        *lifting.multipliers(len(cone.views)),
    ]
    return _with_free(program, cones, lifting.n_free, -lifting.constants())


def _with_free(program: Program, cones: list[Cone], n_free: int, free: np.ndarray | None = None) -> Program:
    values = np.zeros(n_free) if free is None else free
    return replace(program, cones=tuple(cones), levels=np.append(program.levels, values), n_free=n_free)


def _priced(cone: Cone, vectors: np.ndarray, factor: float, selector: np.ndarray) -> Cone:
    """The cone with more vectors, that belong to free levels."""
    n_free = selector.shape[1] - cone.counts.size
    return replace(
        cone,
        vectors=np.concatenate([cone.vectors, vectors], axis=1),
        factors=np.concatenate([cone.factors, np.full((len(cone.streams), vectors.shape[1]), factor)], axis=1),
        selector=np.concatenate([np.pad(cone.selector, ((0, 0), (0, n_free))), selector]),
        counts=np.pad(cone.counts, (0, n_free)),
    )


def _spread(n_antennas: int, hybrid: SubarrayHybrid) -> Float[np.ndarray, "antenna coordinate"]:
    """Orthonormal basis of what has mean zero in every sub-array."""
    size = hybrid.antennas_per_chain
    full, _ = np.linalg.qr(np.concatenate([np.ones((size, 1)), np.eye(size)[:, :-1]], axis=1))
    return np.kron(np.eye(n_antennas // size), full[:, 1:])


def _solved(program: Program, relaxed: Dual, start_of: Callable[[Point, float], tuple[np.ndarray, float]]) -> Point:
    """Nearly the best point of a relaxation, from a point near the digital path.

    Args:
        program: without what only the relaxation has.
        relaxed: the dual of the relaxation.
        start_of: free levels, and weight of the barrier, with which to go on from such a point and its weight.
    """
    digital = Dual(program)

    def leaving(gap: float) -> Callable[[Point], float]:
        """Weight of the barrier of the relaxation that leaves a gap, relative to the value at a point."""
        return lambda point: gap * max(point.value, 0.0) / relaxed.weight

    first = 1.0 / digital.weight
    near = centre(digital, first_point(digital, first), first, leaving(FIRST_GAP), fine=FINE)
    free, tau = start_of(near.point, near.tau)
    x = np.append(near.point.x, free)
    while (start := relaxed.point(x)) is None:
        x[digital.first_level :][program.limits] *= 2.0
    return centre(relaxed, start, tau, leaving(GAP), fine=FINE).point


def require_servable(problem: DesignProblem, hybrid: SubarrayHybrid) -> None:
    """Refuse a problem whose uplink users are proven to be served behind no network.

    Raises:
        Infeasible: they are, or some user misses its ratio even with a chain for each antenna.
    """
    service = service_of(problem, hybrid)
    if service is None:
        return
    statement = statement_of(digital_relaxation(problem))
    users = users_alone(service, hybrid.antennas_per_chain)
    prices, multipliers = service_evidence(statement, users, n_antennas_of(problem, hybrid))
    share = largest_share(users, prices, multipliers)
    if share >= 1.0 - MARGIN:
        return
    weights = service.minimum_sinr * np.real(np.einsum("kkaa->k", users.blocks(multipliers)))
    involved = [name for name, weight in zip(service.users, weights / weights.sum(), strict=True) if weight > INVOLVED]
    who = f"one of {', '.join(involved)}" if len(involved) > 1 else involved[0]
    raise Infeasible(
        f"All users must reach their SINR behind sub-arrays of {hybrid.antennas_per_chain} antennas, but no network "
        f"serves them all: whatever its phases, {who} misses its own by at least {level_below_db(1.0 / share)} dB even "
        f"without probing. Lower the requirements by at least that much, take smaller sub-arrays, or raise the power "
        f"of the users.",
        requirement=f"uplink SINR of {', '.join(involved)}",
    )


def service_evidence(
    statement: Statement, users: LiftedUsers, n_antennas: int
) -> tuple[Float[np.ndarray, "chain antenna"], Complex[np.ndarray, "user row row"]]:
    """Nearly the best d and S_k."""
    lifting = Lifting(0, n_antennas, n_antennas // len(users.columns), 1, users)
    _, (counted,) = lifting.sent()
    asked = lifting.of_blocks(np.diag(users.minimum_sinr))
    budget = replace(deaf_cone("asked", np.ones((1, 1), dtype=complex), np.ones(1), asked), price=1.0)
    chains = lifting.heard("chain", [()] * len(users.columns))
    with one_blas_thread(), np.errstate(all="ignore"):
        dual = Dual(
            Program(
                statement=statement,
                cones=(*chains, *lifting.multipliers(0), budget),
                terms=(),
                scales=(),
                levels=-counted,
                n_rows=0,
                unit=1.0,
                unit_w=1.0,
                row_units=np.zeros(0),
                n_free=lifting.n_free,
            )
        )
        even = lifting.with_even_users(np.zeros(lifting.n_free), 1.0)
        levels = even * 0.5 / float(asked[0] @ even)
        most = np.linalg.eigvalsh(users.heard(lifting.user_matrices(levels)))[:, -1]
        levels[lifting.own_prices] = np.repeat(2.0 * most, lifting.antennas_per_chain)
        start = dual.point(levels)
        assert start is not None, "prices are beyond all that is heard"
        found = centre(dual, start, 1.0 / dual.weight, lambda _: SHARE_GAP / dual.weight, fine=FINE).point
    prices = np.real(lifting.prices(found.levels)).reshape(len(chains), -1)
    return prices, lifting.user_matrices(found.levels)
