"""Least power that serves the users of a network when nothing else is asked for, and no budget binds."""

import numpy as np
from jaxtyping import Float

from crbeam.design.convex.program import Program

#: Relative change at which the iteration ends, and the number of iterations at most.
CONVERGED, MAX_ITERATIONS = 1e-6, 400


def virtual_powers(program: Program) -> Float[np.ndarray, " row"]:
    """Powers of the virtual uplink, `l_k = min_b 1 / ((1 + 1/gamma_k) h_kb^H (1 + sum_j l_j h_jb h_jb^H)^-1 h_kb)`.

    From zero they grow towards the fixed point and are feasible multipliers at every step, so that what they add up to
    is a lower bound on the power wherever the iteration ends, all bounds being left out. Beyond all budgets they prove
    that the users cannot be served. Infinite for users whom no block may serve.

    Args:
        program: its rows are ratios of users.
    """
    rows = slice(0, program.n_rows)
    grams, rises = [], []
    for cone in program.cones:
        channels = cone.vectors @ cone.selector[:, rows]
        grams.append(channels.conj().T @ channels)
        least, _, _ = cone.own_factors
        rises.append((cone.factors - least).max(axis=0, initial=0.0) @ cone.selector[:, rows])
    factors, whole = np.array(rises), np.array(grams)
    levels, limit = program.levels[rows], -float(program.levels[program.n_rows :].sum())
    powers = np.zeros(program.n_rows)
    with np.errstate(divide="ignore"):
        for _ in range(MAX_ITERATIONS if powers.size else 0):
            disturbed = np.eye(powers.size) + whole * powers
            heard = np.real(np.diagonal(np.linalg.solve(disturbed, whole), axis1=1, axis2=2))
            raised = np.min(1.0 / np.maximum(factors * heard, 0.0), axis=0)
            change = np.max(np.abs(raised - powers) / raised, initial=0.0)
            powers = raised
            if change < CONVERGED or not levels @ powers < limit:
                break
    return powers
