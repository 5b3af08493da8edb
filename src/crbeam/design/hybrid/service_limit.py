"""The most that any network gives all uplink users, as a share of the ratios that they require.

With a share s of its ratio user k needs `A_k + (1 - s) gamma_k e_k e_k^T >= 0` (`lifted_users`, without probing), which
is linear in the blocks Q_i of `Q = F F^H` and s. All that is kept of F is `Q_i >= 0` with a diagonal of 1 / M. The dual
of the largest s up to 1 is, over real d_n and Hermitian `S_k >= 0`,

    1 - s = max  sum_k gamma_k S_k[k, k] - sum_k sum_{j != k} S_k[j, j] - sum_n d_n / M
            subject to  diag(d_n, n in i) >= V_i (sum_k S_k) V_i^H,    sum_k gamma_k S_k[k, k] <= 1.

Any point of it proves a limit by eigenvalues (`certificate.largest_share`). Where that is below 1, no network serves
all users.
"""

from dataclasses import replace

import numpy as np
from jaxtyping import Complex, Float

from crbeam.design.convex.centre import centre
from crbeam.design.convex.dual import Dual
from crbeam.design.convex.program import Program
from crbeam.design.convex.statement import Statement, statement_of
from crbeam.design.hybrid.certificate import largest_share
from crbeam.design.hybrid.lifted_program import Lifting, deaf_cone
from crbeam.design.hybrid.lifted_users import LiftedUsers, users_alone
from crbeam.design.hybrid.networks import digital_relaxation, n_antennas_of, service_of
from crbeam.design.power_need import level_below_db
from crbeam.design.problem import DesignProblem
from crbeam.design.subarrays import SubarrayHybrid
from crbeam.errors import Infeasible
from crbeam.linalg import one_blas_thread

#: Distance from the largest share at which the search ends, and squared Newton decrement there.
GAP, FINE = 1e-4, 1e-2
#: What a limit must be below 1 by, as more than rounding, to prove anything.
MARGIN = 1e-7
#: Share of all multipliers from which a user counts as one of those that contradict one another.
INVOLVED = 0.01


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
        found = centre(dual, start, 1.0 / dual.weight, lambda _: GAP / dual.weight, fine=FINE).point
    prices = np.real(lifting.prices(found.levels)).reshape(len(chains), -1)
    return prices, lifting.user_matrices(found.levels)
