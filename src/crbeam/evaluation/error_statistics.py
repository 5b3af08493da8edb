"""What squared errors and failures of random trials say about their expectations."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from crbeam.errors import InvalidInput

#: Confidence of the intervals that are reported.
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Interval:
    """A measured value with the interval that holds the true one with the confidence asked for."""

    value: float
    low: float
    high: float


def root_mean_square(squared_errors: Float[np.ndarray, " trial"], *, confidence: float = CONFIDENCE) -> Interval:
    """Root of the mean of squared errors, with an interval by a scaled chi-square distribution.

    The sum of the n squared errors is taken as a multiple of a chi-square variable with `2 n m^2 / v` degrees of
    freedom, which has their mean m and variance v (Satterthwaite). For one Gaussian component these are n degrees and
    the interval is exact; failed trials make v large and the interval wide.
    """
    from scipy.stats import chi2

    count = len(squared_errors)
    if count < 2:
        raise InvalidInput(f"An interval needs at least two trials, found {count}.")
    mean, variance = float(np.mean(squared_errors)), float(np.var(squared_errors, ddof=1))
    if variance == 0.0:
        return Interval(mean**0.5, mean**0.5, mean**0.5)
    freedom = 2.0 * count * mean**2 / variance
    tail = 0.5 * (1.0 - confidence)
    low, high = freedom * mean / chi2.ppf([1.0 - tail, tail], freedom)
    return Interval(mean**0.5, float(low) ** 0.5, float(high) ** 0.5)


def share(hits: int, trials: int, *, confidence: float = CONFIDENCE) -> Interval:
    """Share of trials that hit, with Clopper and Pearson's interval."""
    from scipy.stats import beta

    tail = 0.5 * (1.0 - confidence)
    low = 0.0 if hits == 0 else float(beta.ppf(tail, hits, trials - hits + 1))
    high = 1.0 if hits == trials else float(beta.ppf(1.0 - tail, hits + 1, trials - hits))
    return Interval(hits / trials, low, high)
