"""Whether users can be served at all, and what that takes."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float

#: Relative change of the powers at which the iterations end.
CONVERGED = 1e-13
#: Steps of the fixed point between attempts to jump to the solution.
STEPS_PER_JUMP = 10
#: Iterations of any kind after which the search ends.
MAX_ITERATIONS = 20_000
#: Gain that stands for none.
LEAST_GAIN = 1e-100
#: Relative spread of the users' fractions at which they count as balanced, and iterations that may take.
BALANCED, MAX_BALANCING = 1e-7, 1000


@dataclass(frozen=True, eq=False)
class LeastPower:
    """The least power that serves all users, or how far a budget falls short.

    Attributes:
        power_w: least total transmit power; infinite if no power suffices or the budget was given and is exceeded.
        shares: of each user in the virtual uplink that has the same least power.
        balance: largest factor on all required ratios that the budget allows, or a little less; 1 if they can be met.
    """

    power_w: float
    shares: Float[np.ndarray, " user"]
    balance: float

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
    """Least downlink power at which every user has its ratio, by the fixed point of the virtual uplink.

    `l_k = noise / ((1 + 1 / gamma_k) h_k^H (I + sum_i (l_i / noise) h_i h_i^H)^-1 h_k)`; the least power is
    `sum_k l_k`. Powers grow from zero and never beyond the fixed point, so that a sum above the budget
    proves that no transmission within it serves all users. Powers that serve all users with the combiners of the moment
    are at or above the fixed point and converge to it quadratically. Where the budget does not suffice the largest
    common factor on the ratios is found by balancing.

    Args:
        channels: a column for each user, who receives `h^T x`.
        minimum_sinr: gamma of each user.
        noise_power_w: of a user.
        budget_w: power that may not be exceeded.
    """
    scaled = channels * np.sqrt(budget_w / noise_power_w)
    gram = scaled.conj().T @ scaled
    powers = np.zeros(channels.shape[1])
    for step in range(1, MAX_ITERATIONS):
        raised = 1.0 / ((1.0 + 1.0 / minimum_sinr) * _gains(gram, powers))
        change = np.max(np.abs(raised - powers) / raised, initial=0.0)
        powers = raised
        if powers.sum() > 1.0 or change < CONVERGED:
            break
        if step % STEPS_PER_JUMP == 0 and (jumped := _fixed_point_from_above(gram, minimum_sinr, powers)) is not None:
            powers = jumped
            break
    if powers.sum() <= 1.0:
        return LeastPower(float(powers.sum()) * budget_w, _shares(powers), 1.0)
    return LeastPower(np.inf, *_balanced(gram, minimum_sinr))


def _matched(gram: np.ndarray, powers: np.ndarray) -> Complex[np.ndarray, "user user"]:
    """`H^H (I + sum_i l_i h_i h_i^H)^-1 H`, from the Gram matrix `H^H H` of the channels alone."""
    return np.linalg.solve(np.eye(len(powers)) + gram * powers, gram)


def _gains(gram: np.ndarray, powers: np.ndarray) -> Float[np.ndarray, " user"]:
    """`h_k^H (I + sum_i l_i h_i h_i^H)^-1 h_k`; next to nothing for a user without a channel."""
    return np.maximum(np.real(np.diagonal(_matched(gram, powers))), LEAST_GAIN)


def _fixed_point_from_above(gram: np.ndarray, minimum_sinr: np.ndarray, powers: np.ndarray) -> np.ndarray | None:
    """The fixed point, by powers that serve all users with given combiners, the combiners best for these, and so on.

    None if the first combiners serve all users at no power.
    """
    for _ in range(100):
        response = _matched(gram, powers)
        coupling = np.abs(response) ** 2
        noise = np.real(np.diagonal(response @ np.linalg.inv(np.eye(len(powers)) + powers[:, None] * gram)))
        system = np.diag(np.diagonal(coupling) * (1.0 + 1.0 / minimum_sinr)) - coupling
        try:
            served = np.linalg.solve(system, noise)
        except np.linalg.LinAlgError:
            return None
        if np.any(served <= 0.0) or not np.all(np.isfinite(served)):
            return None
        if np.max(np.abs(served - powers) / served) < CONVERGED:
            return served
        powers = served
    return powers


def _shares(powers: np.ndarray) -> Float[np.ndarray, " user"]:
    return powers / powers.sum() if powers.size else powers


def _balanced(gram: np.ndarray, minimum_sinr: np.ndarray) -> tuple[Float[np.ndarray, " user"], float]:
    """Shares of full power at which all users have the same fraction of their ratios, and the least fraction."""
    powers, balance = np.full(len(minimum_sinr), 1.0 / len(minimum_sinr)), 0.0
    for _ in range(MAX_BALANCING):
        gains = powers * _gains(gram, powers)
        fractions = gains / (1.0 - gains) / minimum_sinr
        balance = float(fractions.min())
        if fractions.max() - balance < BALANCED * balance:
            break
        powers = _shares(powers / fractions)
    return powers, balance
