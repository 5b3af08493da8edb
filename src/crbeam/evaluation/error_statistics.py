"""What random draws say about expectations and probabilities: measured values with confidence intervals."""

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


def root_mean_square(
    squared_errors: Float[np.ndarray, " trial"], *, confidence: float = CONFIDENCE, components: int = 1
) -> Interval:
    """Root of the mean of squared errors, with an interval by a scaled chi-square distribution.

    The sum of the n squared errors is taken as a multiple of a chi-square variable with `2 n m^2 / v` degrees of
    freedom, which has their mean m and variance v (Satterthwaite). For one Gaussian component these are n degrees and
    the interval is exact; failed trials make v large and the interval wide. Few trials often show too small a variance,
    so that there are never more degrees than n times the number of components.

    Args:
        squared_errors: independent ones.
        confidence: share of intervals that contain the true value.
        components: the most Gaussian components that an error has. With 1 the interval is wide enough whatever their
            number and their variances.
    """
    from scipy.special import gammaincinv

    count = len(squared_errors)
    if count < 2:
        raise InvalidInput(f"An interval needs at least two trials, found {count}.")
    mean, variance = float(np.mean(squared_errors)), float(np.var(squared_errors, ddof=1))
    if mean == 0.0:
        return Interval(0.0, 0.0, 0.0)
    found = 2.0 * mean**2 / variance if variance > 0.0 else np.inf
    freedom = min(found, float(components)) * count
    tail = 0.5 * (1.0 - confidence)
    low, high = 0.5 * freedom * mean / gammaincinv(0.5 * freedom, [1.0 - tail, tail])
    return Interval(mean**0.5, float(low) ** 0.5, float(high) ** 0.5)


def expectation(samples: Float[np.ndarray, " draw"], *, confidence: float = CONFIDENCE) -> Interval:
    """Mean of independent draws, with Student's interval for their expectation, `m -+ t s / sqrt(n)`.

    Raises:
        InvalidInput: fewer than two draws.
    """
    count = len(samples)
    if count < 2:
        raise InvalidInput(f"An interval needs at least two draws, found {count}.")
    mean, variance = float(np.mean(samples)), float(np.var(samples, ddof=1))
    half_width = float(student_half_width(np.array(float(count)), np.array(variance), confidence))
    return Interval(mean, mean - half_width, mean + half_width)


def student_half_width(
    count: Float[np.ndarray, "*point"], variance: Float[np.ndarray, "*point"], confidence: float
) -> Float[np.ndarray, "*point"]:
    """Half the width of Student's interval about means, `t sqrt(v / n)`; infinite for fewer than two draws.

    Args:
        count: number n of draws behind each mean.
        variance: sample variance v of the draws (with `n - 1`); any number for fewer than two.
        confidence: share of intervals that contain the expectation.
    """
    from scipy.special import stdtrit

    several = np.maximum(count, 2.0)
    half_width = stdtrit(several - 1.0, 0.5 + 0.5 * confidence) * np.sqrt(variance / several)
    return np.where(count > 1.0, half_width, np.inf)


def share(hits: int, trials: int, *, confidence: float = CONFIDENCE) -> Interval:
    """Share of independent trials that hit, with Clopper and Pearson's interval for the probability.

    Raises:
        InvalidInput: no trials, or more hits than trials.
    """
    from scipy.stats import beta

    if not 0 <= hits <= trials or trials < 1:
        raise InvalidInput(f"There must be at least one trial and at most as many hits, found {hits} of {trials}.")
    tail = 0.5 * (1.0 - confidence)
    low = 0.0 if hits == 0 else float(beta.ppf(tail, hits, trials - hits + 1))
    high = 1.0 if hits == trials else float(beta.ppf(1.0 - tail, hits + 1, trials - hits))
    return Interval(hits / trials, low, high)
