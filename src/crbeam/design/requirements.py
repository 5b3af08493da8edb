"""What the service constraints of a problem require, and what more power they take than there is.

Every service constraint stands for linear inequalities on the covariances of streams, or for an analog network. Where
requirements cannot be met, messages say in dB how much more power suffices and how much does not.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import ceil, floor, isfinite, isinf, log10

import numpy as np
from jaxtyping import Complex, Float

from crbeam.communication.least_power import LeastPower, least_power
from crbeam.communication.sinr import UplinkChannel, echo_tolerance
from crbeam.design.problem import DesignProblem
from crbeam.design.service_constraints import (
    FixedAnalog,
    Illumination,
    MinimumSinr,
    MinimumUplinkSinr,
    PowerCeiling,
    Requirement,
)
from crbeam.errors import Infeasible, InvalidInput
from crbeam.information import Transmission
from crbeam.units import distinct

#: Decimals of a level in dB, and the most that small levels are given.
DECIMALS, MOST_DECIMALS = 2, 9
#: Factor on the users' power that stands for any, and bisections of its logarithm.
ANY_FACTOR, BISECTIONS = 1e12, 60


@dataclass(frozen=True)
class PowerNeed:
    """Factors on power budgets.

    Attributes:
        sufficient: with this factor everything is met; infinite if none is known.
        insufficient: with this one, or less, it certainly is not; infinite if it never is.
    """

    sufficient: float
    insufficient: float

    def words(self, power_w: float | None = None) -> str:
        """`43.99 dB more power (73.99 dBm on a subcarrier) suffices, 43.98 dB more does not`.

        Levels that suffice are rounded up, those that do not are rounded down.

        Args:
            power_w: the power that the factors are on, on one subcarrier; None if there are several.
        """
        if isinf(self.insufficient):
            return "no power suffices"
        short = level_below_db(self.insufficient)
        if not isfinite(self.sufficient):
            known = (
                f"{short} dB more certainly does not suffice" if self.insufficient > 1.0 else "no proof rules one out"
            )
            return f"no power that suffices was found; {known}"
        enough = level_above_db(self.sufficient)
        dbm = "" if power_w is None else f" ({level_above_db(1e3 * power_w * self.sufficient)} dBm on a subcarrier)"
        fails = f", {short} dB more does not" if self.insufficient > 1.0 else ""
        return f"{enough} dB more power{dbm} suffices{fails}"


def level_above_db(ratio: float) -> str:
    """A ratio in dB, rounded up."""
    return f"{ceil(round(10.0 * log10(ratio) * 10**DECIMALS, 6)) / 10**DECIMALS:.{DECIMALS}f}"


def level_below_db(ratio: float) -> str:
    """A ratio in dB, rounded down, with as many decimals as keep a positive level from 0."""
    level = 10.0 * log10(ratio)
    for decimals in range(DECIMALS, MOST_DECIMALS):
        rounded = floor(round(level * 10**decimals, 6)) / 10**decimals
        if rounded != 0.0 or level <= 0.0:
            return f"{rounded:.{decimals}f}"
    return f"{level:.1e}"


def bisected(holds: Callable[[float], bool], low: float, high: float, steps: int) -> tuple[float, float]:
    """The last number that fails and the first that holds, of what holds at `high` and from some number on."""
    for _ in range(steps):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if holds(middle) else (middle, high)
    return low, high


def user_power_words(service: MinimumUplinkSinr, uplink: UplinkChannel | None = None) -> str:
    """What more power of every user brings: how much suffices, or what they reach at any.

    Ratios grow with the power of all users, towards what their interference leaves.

    Args:
        service: the users and what they require.
        uplink: as their station hears them; by default as it is in the service.
    """
    heard = service.uplink if uplink is None else uplink

    def least(factor: float) -> float:
        louder = replace(heard, user_power_w=factor * heard.user_power_w)
        return float(np.min(echo_tolerance(louder, service.echo).without_echo / service.minimum_sinr))

    if least(ANY_FACTOR) < 1.0:
        missing = level_above_db(1.0 / least(ANY_FACTOR))
        return f"no power of the users suffices, as they disturb one another: at any the worst misses {missing} dB"
    low, high = bisected(lambda log: least(float(np.exp(log))) >= 1.0, 0.0, float(np.log(ANY_FACTOR)), BISECTIONS)
    return PowerNeed(float(np.exp(high)), float(np.exp(low))).words(heard.user_power_w)


def requirements_of(problem: DesignProblem) -> tuple[Requirement, ...]:
    """Every inequality of a problem.

    Raises:
        Infeasible: an uplink user misses its ratio even without probing.
        InvalidInput: a constraint names a block or a user that the problem does not have.
    """
    found: list[Requirement] = []
    for part in problem.constraints:
        match part:
            case MinimumSinr():
                found.append(part.requirement(stream_of(problem, part.user)))
            case Illumination() | PowerCeiling():
                found.append(part.requirement)
            case Requirement():
                found.append(part)
            case MinimumUplinkSinr():
                _require_service_without_echo(part)
                found += part.requirements
            case _:
                pass
    unknown = {piece.block for requirement in found for piece in requirement.parts} - set(problem.blocks)
    if unknown:
        raise InvalidInput(f"Requirements must name blocks of {problem.blocks}, found {', '.join(sorted(unknown))}.")
    return tuple(found)


def stream_of(problem: DesignProblem, user: str) -> str:
    """Name of the one stream that serves a user.

    Raises:
        InvalidInput: none does, or several.
    """
    serving = [stream.name for stream in problem.streams if stream.served_user == user]
    if len(serving) != 1:
        raise InvalidInput(f"Exactly one stream must serve {user}, found {', '.join(serving) or 'none'}.")
    return serving[0]


def _require_service_without_echo(part: MinimumUplinkSinr) -> None:
    worst = int(np.argmax(part.shortfalls))
    shortfall = float(part.shortfalls[worst])
    if shortfall > 1.0:
        raise Infeasible(
            f"Every user must reach its SINR, but {part.users[worst]} misses its own by {level_above_db(shortfall)} dB "
            f"even without probing. Lower the requirement by that much. As to the power of the users, "
            f"{user_power_words(part)}.",
            requirement=f"uplink SINR of {part.users[worst]}",
        )


def networks_of(problem: DesignProblem) -> dict[str, Complex[np.ndarray, "tx chain"]]:
    """Orthonormal basis of what each block with a given analog network can send."""
    return {part.block: part.basis for part in problem.constraints if isinstance(part, FixedAnalog)}


def cancelled_users(problem: DesignProblem) -> frozenset[str | None]:
    """Served users whose stream another user removes before it decodes its own."""
    removed = {name for part in problem.constraints if isinstance(part, MinimumSinr) for name in part.cancels}
    return frozenset(stream.served_user for stream in problem.streams if stream.name in removed and stream.served_user)


def require_feasible_sinr(problem: DesignProblem) -> None:
    """Refuse downlink ratios that no transmission within the power budget reaches; exact for each block by itself.

    Says nothing where users remove the streams of others.

    Raises:
        Infeasible: with the power that suffices and the one that does not, the user whose service takes most, and what
            can be reached; or that no power suffices.
    """
    networks = networks_of(problem)
    for block in () if cancelled_users(problem) else problem.blocks:
        served = [
            part for part in problem.constraints if isinstance(part, MinimumSinr) and set(part.channels) == {block}
        ]
        if not served:
            continue
        vectors = np.stack([part.channels[block] / np.sqrt(part.noise_power_w) for part in served], axis=1)
        basis = networks.get(block)
        channels = (vectors if basis is None else basis.conj().T @ vectors).conj()
        ratios = np.array([part.minimum_sinr for part in served])
        power_w = next(budget.power_per_subcarrier_w for budget in problem.budgets if block in budget.blocks)
        found = least_power(channels, ratios, 1.0, budget_w=power_w)
        if not np.isfinite(found.proven_w):
            raise _beyond_any_power(block, served, found)
        if found.proven_w > power_w:
            raise _beyond_the_power(block, served, found, power_w)


def _beyond_any_power(block: str, served: list[MinimumSinr], found: LeastPower) -> Infeasible:
    """No power serves all users of a block: one hears nothing, or they differ in too few directions."""
    first = served[found.costliest_user]
    if found.reach == 0.0:
        message = (
            f"Every user must be reached by {block}, which serves it, but {first.user} is not: its channel is zero, "
            "and no power suffices. Unblock its channel, move it, or do not serve it."
        )
        return Infeasible(message, requirement=f"{first.quantity} of {first.user}", sufficient_power=np.inf)
    message = (
        f"The users of {block} must reach their {first.quantity}, but no power suffices: the channels of "
        f"{len(served)} users differ in {found.directions} direction{'s' if found.directions > 1 else ''}, and with "
        f"any power all of them together reach {reach_words(served, found.reach)}. Lower the requirements to that, "
        "serve fewer users, or add antennas."
    )
    return Infeasible(message, requirement=f"{first.quantity} in {block}", sufficient_power=np.inf)


def _beyond_the_power(block: str, served: list[MinimumSinr], found: LeastPower, power_w: float) -> Infeasible:
    """The budget of a block does not cover the least power of its users."""
    need = PowerNeed(found.power_w / power_w, found.proven_w / power_w)
    first = served[found.costliest_user]
    return Infeasible(
        f"The users of {block} must reach their {first.quantity} within {level_below_db(1e3 * power_w)} dBm "
        f"({power_w:.4g} W) on a subcarrier, but that is too little: {need.words(power_w)}; {first.user} takes the "
        f"largest share of it. Raise the power, serve fewer users, or lower the requirements: with the power that "
        f"there is all of them together reach {reach_words(served, found.balance)}.",
        requirement=f"{first.quantity} of {first.user}",
        sufficient_power=need.sufficient,
        insufficient_power=need.insufficient,
    )


def reach_words(served: Sequence[MinimumSinr], factor: float) -> str:
    """What users reach who all have a factor of the ratio that each requires."""
    ratios = {part.minimum_sinr for part in served}
    less = f"{level_above_db(1.0 / factor)} dB less SINR than required"
    if len(ratios) > 1:
        return less
    (ratio,) = ratios
    if served[0].quantity == "rate":
        rates = [float(np.log1p(each) / np.log(2.0)) for each in (factor * ratio, ratio)]
        return "a rate of {} bit/s/Hz each, not {}".format(*distinct(*rates, digits=4))
    return f"an SINR of {level_below_db(factor * ratio)} dB each, {less}"


def shortfalls(problem: DesignProblem, streams: dict[str, Transmission]) -> Float[np.ndarray, " requirement"]:
    """By how much each inequality is missed, relative to its own scale; negative where it holds with room."""
    total = Transmission.sum_of(streams.values())
    found = []
    for requirement in requirements_of(problem):
        values = []
        for part in requirement.parts:
            covariance = (total if part.stream is None else streams[part.stream])[part.block]
            values.append(part.of(covariance))
        scale = abs(requirement.floor_w) + float(np.sum(np.abs(values)))
        found.append((requirement.floor_w - sum(values)) / scale if scale else 0.0)
    return np.array(found)
