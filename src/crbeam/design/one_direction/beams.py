"""Transmissions from the dual of the most power in one direction: one beam a stream, and their powers."""

import numpy as np
from jaxtyping import Complex, Float

from crbeam.design.one_direction.dual import LitProgram

#: Rounding of a covariance at what a user hears, relative to the power there, against which ratios keep room.
ROUNDING = 4e-15


def beam_powers(
    program: LitProgram, beams: Complex[np.ndarray, "tx beam"], enough: float
) -> Float[np.ndarray, " beam"] | None:
    """Powers of given beams of unit length that put most power on the direction; None if they cannot serve all users.

    First every ratio is met exactly, and what is left goes to the sensing beam, the last one. Where that falls short of
    `enough`, some ratio is better exceeded, and a linear program decides.
    """
    gains = np.abs(program.channels.conj().T @ beams) ** 2
    floors = 1.0 + ROUNDING * np.sum(np.abs(program.channels) ** 2, axis=0)
    lit = np.abs(program.direction.conj() @ beams) ** 2
    exact = _exact(program, gains, floors)
    if exact is not None and lit @ exact >= enough:
        return exact
    free = _best(program, gains, floors, lit, exact)
    return exact if free is None or (exact is not None and lit @ free <= lit @ exact) else free


def _disturbance(program: LitProgram, gains: np.ndarray) -> Float[np.ndarray, "user beam"]:
    """What each watt of a beam adds to `noise + interference - signal / gamma` of each user."""
    users = np.arange(len(program.ratios))
    disturbance = gains.copy()
    disturbance[:, -1] *= program.hears
    disturbance[users, users] = -gains[users, users] / program.ratios
    return disturbance


def _exact(program: LitProgram, gains: np.ndarray, floors: np.ndarray) -> Float[np.ndarray, " beam"] | None:
    """Powers that meet every ratio exactly and use the whole budget; None if there are none."""
    disturbance = _disturbance(program, gains)
    own = -np.diagonal(disturbance[:, :-1])
    right = np.stack([floors, disturbance[:, -1]], axis=1) / own[:, None]
    try:
        found = np.linalg.solve(-disturbance[:, :-1] / own[:, None], right)
    except np.linalg.LinAlgError:
        return None
    if np.any(found < 0.0) or found[:, 0].sum() > 1.0:
        return None
    sensing = (1.0 - found[:, 0].sum()) / (1.0 + found[:, 1].sum())
    return np.append(found[:, 0] + sensing * found[:, 1], sensing)


def _best(
    program: LitProgram, gains: np.ndarray, floors: np.ndarray, lit: np.ndarray, exact: np.ndarray | None
) -> Float[np.ndarray, " beam"] | None:
    """Powers of most power in the direction, by a linear program in units of what is needed; None if it fails."""
    from scipy.optimize import linprog

    disturbance = _disturbance(program, gains)
    needed = np.append(floors * program.ratios / np.diagonal(gains), 1.0)
    units = np.clip(needed if exact is None else np.maximum(exact, needed), 1e-300, 1.0)
    rows = disturbance * units
    scale = np.maximum(np.abs(rows).max(axis=1), floors)
    result = linprog(
        -lit * units,
        A_ub=np.vstack([rows / scale[:, None], units]),
        b_ub=np.append(-floors / scale, 1.0),
        bounds=(0.0, None),
        method="highs",
        options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
    )
    if result.x is None:
        return None
    powers = np.maximum(result.x, 0.0) * units
    powers = powers / max(1.0, float(powers.sum()))
    return powers if np.all(disturbance @ powers + floors <= 1e-9 * floors) else None
