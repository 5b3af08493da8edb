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
positive semidefinite where a network serves user k (`lifted_users`). Their multipliers S_k are more such prices. Beyond
`MOST_USER_UNKNOWNS`, whose systems of equations would take long, users count by their limits alone.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from jaxtyping import Float

from crbeam.design.convex.centre import centre
from crbeam.design.convex.cone import Cone
from crbeam.design.convex.dual import Dual, Point
from crbeam.design.convex.evidence import Evidence
from crbeam.design.convex.path import first_point
from crbeam.design.convex.program import Program, program_of
from crbeam.design.convex.statement import statement_of
from crbeam.design.hybrid.lifted_program import Lifting
from crbeam.design.hybrid.lifted_users import lifted_users, on_users
from crbeam.design.hybrid.networks import digital_relaxation, heard_by, service_of
from crbeam.design.problem import DesignProblem
from crbeam.design.result import SubarrayEvidence
from crbeam.design.subarrays import SubarrayHybrid
from crbeam.linalg import one_blas_thread

#: Relative gap at which the search for the best bound ends, and gap of the digital dual that it starts from.
GAP, FIRST_GAP = 2e-6, 0.2
#: Squared Newton decrement at their ends.
FINE = 1e-2
#: Weight of the barrier from which the path of a lifted receiver begins, in units of the objective over its parameter.
FIRST_LIFTED = 30.0
#: Entries of all multipliers of users up to which these are found: 6 users and probing in 2 dimensions have 1014.
MOST_USER_UNKNOWNS = 1100


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
