"""Confidence intervals of what random draws measure."""

from collections.abc import Sequence

import numpy as np

from crbeam.errors import InvalidInput

#: Share of intervals that contain the true value.
CONFIDENCE = 0.95


def mean_interval(samples: Sequence[float]) -> tuple[float, float, float]:
    """Mean of independent draws and Student's interval for the expectation, `m -+ t s / sqrt(n)`.

    Raises:
        InvalidInput: fewer than two draws.
    """
    from scipy.stats import t

    values = np.asarray(samples, dtype=float)
    if values.size < 2:
        raise InvalidInput(f"An interval needs at least two draws, found {values.size}.")
    mean = float(values.mean())
    width = float(t.ppf(0.5 + CONFIDENCE / 2.0, values.size - 1) * values.std(ddof=1) / np.sqrt(values.size))
    return mean, mean - width, mean + width


def share_interval(hits: int, draws: int) -> tuple[float, float, float]:
    """Share of draws that hit and Clopper and Pearson's interval for the probability.

    Raises:
        InvalidInput: no draws, or more hits than draws.
    """
    from scipy.stats import beta

    if not 0 <= hits <= draws or draws < 1:
        raise InvalidInput(f"There must be at least one draw and at most as many hits, found {hits} of {draws}.")
    tail = 0.5 - CONFIDENCE / 2.0
    low = 0.0 if hits == 0 else float(beta.ppf(tail, hits, draws - hits + 1))
    high = 1.0 if hits == draws else float(beta.ppf(1.0 - tail, hits + 1, draws - hits))
    return hits / draws, low, high
