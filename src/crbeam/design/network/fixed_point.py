"""Least power that serves the users of a network when nothing else is asked for, and no budget binds."""

import numpy as np

from crbeam.design.network.program import NetworkProgram

#: Relative change at which the iteration ends, and the number of iterations at most.
CONVERGED, MAX_ITERATIONS = 1e-9, 400


def virtual_powers(program: NetworkProgram, servers: tuple[tuple[str, ...], ...]) -> np.ndarray:
    """Powers of the virtual uplink, `l_k = min_b 1 / ((1 + 1/gamma_k) h_kb^H (1 + sum_j l_j h_jb h_jb^H)^-1 h_kb)`.

    From zero they grow towards the fixed point and are feasible multipliers at every step, so that their sum is a lower
    bound on the power wherever the iteration ends. A sum beyond all budgets proves that the users cannot be served.

    Args:
        program: the program, of which the limit on the bound is left out.
        servers: blocks that may serve each user.
    """
    powers = np.zeros(len(servers))
    limit = float(program.budgets.sum())
    for _ in range(MAX_ITERATIONS):
        raised = np.min([_needed(program, servers, place, powers) for place in range(len(program.blocks))], axis=0)
        change = np.max(np.abs(raised - powers) / np.maximum(raised, 1e-300), initial=0.0)
        powers = np.minimum(raised, 1e3 * limit)
        if change < CONVERGED or powers.sum() > limit:
            break
    return powers


def _needed(
    program: NetworkProgram, servers: tuple[tuple[str, ...], ...], place: int, powers: np.ndarray
) -> np.ndarray:
    """Power of each user towards one block; infinite where it may not serve."""
    block = program.blocks[place]
    disturbance = np.eye(block.channels.shape[0]) + (block.channels * powers) @ block.channels.conj().T
    gains = np.real(np.sum(block.channels.conj() * np.linalg.solve(disturbance, block.channels), axis=0))
    serves = np.array([block.name in allowed for allowed in servers], dtype=bool)
    return np.where(serves & (gains > 0.0), 1.0 / (program.factors * np.maximum(gains, 1e-300)), np.inf)
