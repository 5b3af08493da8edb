"""Whether users can be served at all, and what that takes.

Least powers are those of the virtual uplink, in which user k sends with the power `l_k` and the station combines with
`(I + sum_i l_i h_i h_i^H)^-1 h_k`, in units of the noise. Its least sum is the least power of the downlink. From powers
that serve all users, powers that serve them with the combiners of the moment, and so on, fall to the least ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Complex, Float

#: Relative change of the powers at which the iterations end, and their number at most.
CONVERGED, MAX_ITERATIONS = 1e-13, 200
#: Relative spread of the users' fractions at which they count as balanced, and iterations that may take.
BALANCED, MAX_BALANCING = 1e-7, 1000
#: Singular value of unit channels, relative to the largest, up to which users do not differ in a direction.
SAME_DIRECTION = 1e-10
#: Powers at which users whose channels do not differ enough are balanced, over the one that gives a lone user a ratio
#: of 1, until all have what they need. The last stands for any power.
TRIED_POWERS = 10.0 ** np.arange(0, 12)
#: First share of the powers that is left off until they prove a lower bound, or added until they serve all users.
FIRST_MARGIN = 1e-12
#: Relative shortage of a ratio that counts as rounding.
SERVED = 1e-9


@dataclass(frozen=True, eq=False)
class LeastPower:
    """The least power that serves all users, with a proof, and what a budget allows.

    Attributes:
        power_w: total transmit power that serves all users, the least up to rounding; infinite if none was found.
        proven_w: no total power below this serves all users; infinite if none does at all.
        shares: of each user in the virtual uplink that has the same least power, or that balances the users.
        balance: largest factor on all required ratios that the budget allows, or a little less; 1 if they can be met.
        reach: the same at any power, where no power suffices; infinite or at least 1 where one does.
        directions: number of directions in which the channels differ.
    """

    power_w: float
    proven_w: float
    shares: Float[np.ndarray, " user"]
    balance: float
    reach: float
    directions: int

    @property
    def costliest_user(self) -> int:
        """The user with the largest share."""
        return int(np.argmax(self.shares))


def least_power(
    channels: Complex[np.ndarray, "tx user"],
    minimum_sinr: Float[np.ndarray, " user"],
    noise_power_w: float,
    *,
    budget_w: float,
) -> LeastPower:
    """Least downlink power at which every user has its ratio, whether the budget covers it or not.

    Users whose channels differ in as many directions as there are users are all served by enough power, each with a
    beam that no other hears. Others are if the ratios that they have at any power, balanced, exceed those required.

    Args:
        channels: a column for each user, who receives `h^T x`.
        minimum_sinr: gamma of each user.
        noise_power_w: of a user.
        budget_w: power for which the balance is found.
    """
    lengths = np.linalg.norm(channels, axis=0)
    gains = lengths**2 / noise_power_w
    if not gains.size:
        return LeastPower(0.0, 0.0, gains, 1.0, np.inf, 0)
    if not np.all(gains > 0.0):
        shares = np.where(gains > 0.0, 0.0, 1.0)
        return LeastPower(np.inf, np.inf, shares / shares.sum(), 0.0, 0.0, int(np.linalg.matrix_rank(channels)))
    _, unit = np.linalg.qr(channels / lengths)
    directions = int(np.sum((sizes := np.linalg.svd(unit, compute_uv=False)) > SAME_DIRECTION * sizes[0]))
    start, reach, shares = _served_somehow(unit, minimum_sinr, directions)
    budgeted = unit * np.sqrt(gains * budget_w)
    if start is None:
        _, balance = balanced([budgeted], minimum_sinr)
        # Below the ratios of all users these powers are a proof; where there is no room, nothing serves them.
        has_room = _has_room(minimum_sinr, directions)
        proven_w = float(np.sum(TRIED_POWERS[-1] * shares / gains)) if has_room and reach < 1.0 else np.inf
        return LeastPower(np.inf, proven_w, shares, min(balance, reach), reach, directions)
    powers = _fallen(unit, minimum_sinr, start)
    proven_w = float(np.sum(_proving(unit, minimum_sinr, powers) / gains))
    least_w = _sufficing(unit, minimum_sinr, powers) / gains
    shares = powers / gains / np.sum(powers / gains)
    if proven_w <= budget_w:
        return LeastPower(float(least_w.sum()), proven_w, shares, 1.0, reach, directions)
    shares, balance = balanced([budgeted], minimum_sinr)
    return LeastPower(float(least_w.sum()), proven_w, shares, balance, reach, directions)


def _has_room(minimum_sinr: np.ndarray, directions: int) -> bool:
    """Whether enough power serves users that differ in fewer directions than there are users.

    `gamma_k / (1 + gamma_k) = l_k h_k^H (I + sum_i l_i h_i h_i^H)^-1 h_k`, whose sum over all users is below the number
    of directions: the sum of `1 / (1 + gamma_k)` must exceed what that leaves.
    """
    return float(np.sum(1.0 / (1.0 + minimum_sinr))) > len(minimum_sinr) - directions


def _served_somehow(
    unit: np.ndarray, minimum_sinr: np.ndarray, directions: int
) -> tuple[np.ndarray | None, float, np.ndarray]:
    """Powers that serve all users, None if none were found; largest factor on the ratios at any power; its shares.

    Zero forcing gives user k the ratio `l_k / [G^-1]_kk`, G being the Gram matrix of the channels, where these are
    independent; the entry is the squared norm of a row of their pseudo-inverse.
    """
    if directions == unit.shape[1]:
        forced = minimum_sinr * np.sum(np.abs(np.linalg.pinv(unit, rcond=0.1 * SAME_DIRECTION)) ** 2, axis=1)
        return forced, np.inf, forced / forced.sum()
    shares, reach = np.full(unit.shape[1], 1.0 / unit.shape[1]), 0.0
    has_room = _has_room(minimum_sinr, directions)
    for power in TRIED_POWERS:
        found, balance = balanced([np.sqrt(power) * unit], minimum_sinr)
        if balance > reach:
            shares, reach = found, balance
        if has_room and balance > 1.0 + 10.0 * BALANCED:
            return power * found, reach, shares
    return None, min(reach, 1.0), shares


def _spectrum(unit: np.ndarray, powers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues and eigenvectors of `L^1/2 U^H U L^1/2`, from singular values, which keep digits of small ones."""
    _, sizes, right = np.linalg.svd(unit * np.sqrt(powers))
    values = np.zeros(len(powers))
    values[: len(sizes)] = sizes**2
    return values, right.conj().T


def _fallen(unit: np.ndarray, minimum_sinr: np.ndarray, powers: np.ndarray) -> Float[np.ndarray, " user"]:
    """The least powers, from some that serve all users: those that do with their combiners, and so on."""
    for _ in range(MAX_ITERATIONS):
        values, vectors = _spectrum(unit, powers)
        shares = np.abs(vectors) ** 2
        own = (np.sum(shares * (values / (1.0 + values)), axis=1) / powers) ** 2
        noise = np.sum(shares * (values / (1.0 + values) ** 2), axis=1) / powers
        # What combiners leave of other users: a product of different columns, so that the identity drops out.
        system = -(np.abs((vectors / (1.0 + values)) @ vectors.conj().T) ** 2) / np.outer(powers, powers)
        system[np.diag_indices_from(system)] = own / minimum_sinr
        scale = minimum_sinr / own
        try:
            served = np.linalg.solve(scale[:, None] * system, scale * noise)
        except np.linalg.LinAlgError:
            return powers
        if not np.all(np.isfinite(served)) or np.any(served <= 0.0) or served.sum() >= powers.sum():
            return powers
        is_converged = np.max(np.abs(served - powers) / served) < CONVERGED
        powers = served
        if is_converged:
            break
    return powers


def _ratios(unit: np.ndarray, powers: np.ndarray) -> Float[np.ndarray, " user"]:
    """Ratio of each user in the virtual uplink with the best combiner: `1 / [(I + L G)^-1]_kk - 1`."""
    values, vectors = _spectrum(unit, powers)
    return 1.0 / np.sum(np.abs(vectors) ** 2 / (1.0 + values), axis=1) - 1.0


def _proving(unit: np.ndarray, minimum_sinr: np.ndarray, powers: np.ndarray) -> Float[np.ndarray, " user"]:
    """Powers just below given ones at which no user has more than its ratio with any combiner.

    Their sum is a lower bound: `(1 + 1 / gamma_k) l_k h_k h_k^H <= I + sum_i l_i h_i h_i^H` makes them feasible
    multipliers of the least power.
    """
    margin = FIRST_MARGIN
    while margin < 1.0:
        lowered = powers * (1.0 - margin)
        if np.all(_ratios(unit, lowered) <= minimum_sinr):
            return lowered
        margin *= 2.0
    return np.zeros_like(powers)


def _sufficing(unit: np.ndarray, minimum_sinr: np.ndarray, powers: np.ndarray) -> Float[np.ndarray, " user"]:
    """Given powers, or some just above, at which every user has its ratio up to rounding; infinite without any."""
    margin = FIRST_MARGIN
    raised = powers
    while margin < 1.0:
        if np.all(_ratios(unit, raised) >= minimum_sinr * (1.0 - SERVED)):
            return raised
        raised = powers * (1.0 + margin)
        margin *= 2.0
    return np.full_like(powers, np.inf)


def balanced(
    arrays: Sequence[Complex[np.ndarray, "tx user"]],
    minimum_sinr: Float[np.ndarray, " user"],
    hears: Bool[np.ndarray, "array user"] | None = None,
) -> tuple[Float[np.ndarray, " user"], float]:
    """Shares of the power of the virtual uplink at which all users have one fraction of their ratios, and the fraction.

    Args:
        arrays: channels to each array, in units in which full power and noise are 1.
        minimum_sinr: of each user.
        hears: which arrays may hear which users, each of whom counts where it is heard best; by default all may.
    """
    powers, balance = np.full(len(minimum_sinr), 1.0 / len(minimum_sinr)), 0.0
    heard = np.ones((len(arrays), len(minimum_sinr)), dtype=bool) if hears is None else hears
    for _ in range(MAX_BALANCING):
        ratios = np.where(heard, [_ratios(channels, powers) for channels in arrays], 0.0).max(axis=0)
        fractions = np.maximum(ratios, 1e-300) / minimum_sinr
        balance = float(fractions.min())
        if fractions.max() - balance < BALANCED * balance:
            break
        powers = powers / np.sqrt(fractions)  # not by all of it: two users in one direction would change places
        powers = powers / powers.sum()
    return powers, balance
