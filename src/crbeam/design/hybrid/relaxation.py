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
without a network, which are higher than behind any: the bound is loose where a network has to be made for the users.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from jaxtyping import Complex, Float

from crbeam.design.convex.centre import centre
from crbeam.design.convex.cone import Cone
from crbeam.design.convex.dual import Dual, Point
from crbeam.design.convex.path import first_point
from crbeam.design.convex.program import Program, program_of
from crbeam.design.convex.statement import statement_of
from crbeam.design.hybrid.networks import digital_relaxation, heard_by
from crbeam.design.problem import DesignProblem
from crbeam.design.result import SubarrayEvidence
from crbeam.design.subarrays import SubarrayHybrid
from crbeam.linalg import one_blas_thread

#: Relative gap at which the search for the best bound ends, and gap of the digital dual that it starts from.
GAP, FIRST_GAP = 5e-7, 0.2
#: Squared Newton decrement at their ends.
FINE = 1e-2


def subarray_evidence(problem: DesignProblem, hybrid: SubarrayHybrid) -> SubarrayEvidence:
    """Evidence for nearly the best bound that knows the sub-arrays, for a problem with one block and one budget."""
    with one_blas_thread(), np.errstate(all="ignore"):
        program = program_of(statement_of(digital_relaxation(problem)))
        sends = hybrid.side == "transmit"
        relaxed = Dual((_sending if sends else _hearing)(program, hybrid))
        found = _solved(program, relaxed, hybrid)
        free = found.levels[program.levels.size :]
        evidence = program.evidence(found.responses, found.scales, found.levels[: program.levels.size])
        unit, (cone,) = program.unit / program.unit_w, program.cones
        if sends:
            prices = free.reshape(len(cone.streams), -1) @ _spread(len(cone.basis), hybrid).T
            return SubarrayEvidence(evidence, dict(zip(cone.streams, unit * prices, strict=True)))
        vectors = cone.basis @ _units(cone.size)
        prices = (vectors * free.reshape(-1, 1, cone.size**2)) @ vectors.conj().T
        return SubarrayEvidence(evidence, {hybrid.port: unit * prices})


def _sending(program: Program, hybrid: SubarrayHybrid) -> Program:
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


def _hearing(program: Program, hybrid: SubarrayHybrid) -> Program:
    """A cone for each sub-array, which is heard, beside those of the streams, which are sent."""
    (cone,) = program.cones
    heard = heard_by(program.statement)
    size, per_chain = cone.size, hybrid.antennas_per_chain
    n_antennas, levels, units = len(heard[0][0]), program.levels.size, _units(size)
    n_free = n_antennas * size**2
    total = np.concatenate([np.zeros((size**2, levels)), np.tile(np.eye(size**2), n_antennas)], axis=1)
    deaf = replace(cone, views=(None,) * len(cone.views))
    cones = [_priced(deaf, units, 1.0 / per_chain, total)]
    lifted, own_free = per_chain * size, per_chain * size**2
    silent = np.zeros((0, levels))
    for chain, antennas in enumerate(np.arange(n_antennas).reshape(-1, per_chain)):
        own = np.zeros((own_free, levels + n_free))
        own[:, levels + chain * own_free : levels + (chain + 1) * own_free] = np.eye(own_free)
        views = []
        for view, (receive, gram) in zip(cone.views, heard, strict=True):
            assert view is not None
            columns = (receive[antennas].conj()[:, None, :] * view.transmit[None]).reshape(lifted, -1)
            views.append(replace(view, transmit=columns, weight=gram))
        empty = Cone(
            name=f"{hybrid.port} {chain}",
            basis=np.eye(lifted, dtype=complex),
            is_line=False,
            streams=("heard",),
            vectors=np.zeros((lifted, 0), dtype=complex),
            factors=np.zeros((1, 0)),
            selector=silent,
            counts=np.zeros(levels),
            price=0.0,
            views=tuple(views),
        )
        cones.append(_priced(empty, np.kron(np.eye(per_chain), units), -1.0, own))
    return _with_free(program, cones, n_free)


def _with_free(program: Program, cones: list[Cone], n_free: int) -> Program:
    return replace(program, cones=tuple(cones), levels=np.append(program.levels, np.zeros(n_free)), n_free=n_free)


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


def _units(size: int) -> Complex[np.ndarray, "size matrix"]:
    """Vectors v whose `v v^H` are a basis of the Hermitian matrices; the first ones add up to the identity."""
    first, second = np.triu_indices(size, 1)
    unit = np.eye(size)
    pairs = [(unit[:, first] + factor * unit[:, second]) / np.sqrt(2.0) for factor in (1.0, 1j)]
    return np.concatenate([unit, *pairs], axis=1).astype(complex)


def _solved(program: Program, relaxed: Dual, hybrid: SubarrayHybrid) -> Point:
    """Nearly the best point of a relaxation, from the digital path and prices beyond all that is seen."""
    digital = Dual(program)

    def leaving(gap: float) -> Callable[[Point], float]:
        """Weight of the barrier of the relaxation that leaves a gap, relative to the value at a point."""
        return lambda point: gap * max(point.value, 0.0) / relaxed.weight

    first = 1.0 / digital.weight
    near = centre(digital, first_point(digital, first), first, leaving(FIRST_GAP), fine=FINE)
    x, tau = np.append(near.point.x, np.zeros(relaxed.program.n_free)), near.tau
    if hybrid.side == "receive":
        chains = relaxed.program.cones[1:]
        seen = np.linalg.eigvalsh(np.array([cone.adjoint(near.point.responses) for cone in chains]))[:, -1]
        prices = x[digital.size :].reshape(-1, hybrid.antennas_per_chain, program.cones[0].size ** 2)
        prices[:, :, : program.cones[0].size] = 0.1 + 1.1 * seen[:, None, None]
        tau = 1.0 / relaxed.weight
    while (start := relaxed.point(x)) is None:
        x[digital.first_level :][program.limits] *= 2.0
    return centre(relaxed, start, tau, leaving(GAP), fine=FINE).point
