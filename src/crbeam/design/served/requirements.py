"""The linear inequalities and analog networks that a problem's service constraints stand for."""

import numpy as np
from jaxtyping import Complex, Float

from crbeam.communication.least_power import least_power
from crbeam.design.problem import DesignProblem
from crbeam.design.service_constraints import (
    FixedAnalog,
    Illumination,
    MinimumSinr,
    MinimumUplinkSinr,
    Requirement,
)
from crbeam.errors import Infeasible, InvalidInput
from crbeam.information import Transmission


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
            case Illumination():
                found.append(part.requirement)
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
            f"Every user must reach its SINR, but {part.users[worst]} misses its own by "
            f"{10.0 * np.log10(shortfall):.2f} dB even without probing. Lower the requirement by that much.",
            requirement=f"uplink SINR of {part.users[worst]}",
        )


def networks_of(problem: DesignProblem) -> dict[str, Complex[np.ndarray, "tx chain"]]:
    """Orthonormal basis of what each block with a given analog network can send."""
    return {part.block: part.basis for part in problem.constraints if isinstance(part, FixedAnalog)}


def require_feasible_sinr(problem: DesignProblem) -> None:
    """Refuse downlink ratios that no transmission within the power budget reaches; exact for each block by itself.

    Raises:
        Infeasible: with the user whose service takes most, and the common factor by which the ratios are too high.
    """
    networks = networks_of(problem)
    for block in problem.blocks:
        served = [
            part for part in problem.constraints if isinstance(part, MinimumSinr) and set(part.channels) == {block}
        ]
        if not served:
            continue
        vectors = np.stack([part.channels[block] / np.sqrt(part.noise_power_w) for part in served], axis=1)
        basis = networks.get(block)
        channels = (vectors if basis is None else basis.conj().T @ vectors).conj()
        ratios = np.array([part.minimum_sinr for part in served])
        _require_room(channels, ratios, block)
        power_w = next(budget.power_per_subcarrier_w for budget in problem.budgets if block in budget.blocks)
        found = least_power(channels, ratios, 1.0, budget_w=power_w)
        if not np.isfinite(found.power_w):
            user = served[found.costliest_user].user
            raise Infeasible(
                f"The users of {block} must reach their SINR within {power_w:.4g} W, but all of them together fall "
                f"short by {-10.0 * np.log10(found.balance):.2f} dB; {user} takes the largest share of the power. "
                f"Lower the requirements by that much, raise the power or serve fewer users.",
                requirement=f"SINR of {user}",
            )


def _require_room(channels: Complex[np.ndarray, "tx user"], ratios: Float[np.ndarray, " user"], block: str) -> None:
    """Refuse ratios that no power reaches: the sum of `gamma / (1 + gamma)` must be below the rank of the channels.

    In the virtual uplink of `least_power`, `gamma_k / (1 + gamma_k) = l_k h_k^H (I + sum_i l_i h_i h_i^H)^-1 h_k`; the
    sum over k is below the rank.

    Raises:
        Infeasible: with both numbers.
    """
    needed, dimensions = float(np.sum(ratios / (1.0 + ratios))), int(np.linalg.matrix_rank(channels))
    if needed >= dimensions:
        raise Infeasible(
            f"The users of {block} must reach their SINR, but no power suffices: the sum of SINR / (1 + SINR) over the "
            f"users is {needed:.6g} and must be below {dimensions}, the number of directions in which they differ. "
            f"Lower the requirements, serve fewer users or add antennas.",
            requirement=f"SINR in {block}",
        )


def shortfalls(problem: DesignProblem, streams: dict[str, Transmission]) -> Float[np.ndarray, " requirement"]:
    """By how much each inequality is missed, relative to its own scale; negative where it holds with room."""
    total = Transmission.sum_of(streams.values())
    found = []
    for requirement in requirements_of(problem):
        values = []
        for part in requirement.parts:
            covariance = (total if part.stream is None else streams[part.stream])[part.block]
            values.append(part.factor * float(np.real(part.vector.conj() @ covariance @ part.vector)))
        scale = abs(requirement.floor_w) + float(np.sum(np.abs(values)))
        found.append((requirement.floor_w - sum(values)) / scale if scale else 0.0)
    return np.array(found)
