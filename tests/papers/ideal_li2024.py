"""Designs and algorithms of li2024 with which everything is as the paper says."""

from dataclasses import replace

import numpy as np

from crbeam.papers.li2024.convergence import Convergence
from crbeam.papers.li2024.draws import (
    DIRECTIONS,
    FAR_DB,
    OTHER_PER_CHAIN,
    PER_CHAIN,
    RAISED_DB,
    SINR_DB,
    SIZES,
    Outcomes,
    Sweep,
)

CHANNELS = 5
#: Values of different channels.
SPREAD = 1.0 + 0.01 * np.arange(CHANNELS)[:, None]


def outcomes(values, range_m, *, gap=0.0, worst_sinr_db=None):
    """Designs with these range bounds, and angle bounds in proportion; users get what they need unless told."""
    bounds = SPREAD * np.asarray(range_m, dtype=float)
    ratios = np.asarray(values if worst_sinr_db is None else worst_sinr_db, dtype=float)
    return Outcomes(
        tuple(values),
        bounds**2,
        bounds**2 * (1.0 - gap),
        1e-3 * bounds,
        bounds,
        np.broadcast_to(ratios, bounds.shape).copy(),
    )


def growing(values):
    return 1.0 + 0.01 * np.asarray(values)


def sweep():
    per_chain = np.array(sorted((*OTHER_PER_CHAIN, PER_CHAIN)), dtype=float)
    hybrid = 1.02 * growing(SINR_DB)
    place = SINR_DB.index(10.0)
    return Sweep(
        outcomes(SINR_DB, growing(SINR_DB)),
        outcomes(SINR_DB, hybrid, gap=0.01),
        outcomes(RAISED_DB, 1.1 * growing(RAISED_DB), worst_sinr_db=np.asarray(RAISED_DB) - 12.0),
        outcomes(FAR_DB, 1.2 * growing(FAR_DB), worst_sinr_db=np.asarray(FAR_DB) - 15.0),
        outcomes(per_chain.tolist(), growing(SINR_DB)[place] * (1.0 + 0.005 * per_chain)),
    )


def sweeps():
    return {direction: {size: sweep() for size in SIZES} for direction in DIRECTIONS}


def with_sweep(found, direction, size, **changes):
    """The same designs with some of one direction and size replaced."""
    other = replace(found[direction][size], **changes)
    return {**found, direction: {**found[direction], size: other}}


def converged(**changes):
    ideal = Convergence(
        (2.0, 1.2, 1.01, 1.0095), (1e-1, 1e-3, 5e-5), (1.5, 1.0), (1.009, 1.0), 1.0089, 0.97, 0.99, (60.0, 2.0)
    )
    return replace(ideal, **changes)


def convergence():
    return {direction: converged() for direction in DIRECTIONS}
