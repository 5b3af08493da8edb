"""Means over realisations with their confidence intervals."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from crbeam.evaluation.error_statistics import student_half_width


@dataclass(frozen=True)
class Means:
    """Mean of each row of samples, with Student's interval `mean -+ half_width` for its expectation.

    Attributes:
        count: number of samples that exist.
        mean: their mean; not a number where there is none.
        half_width: `t s / sqrt(n)`; infinite where fewer than two samples exist.
        median: their median; not a number where there is none.
    """

    count: Float[np.ndarray, "*point"]
    mean: Float[np.ndarray, "*point"]
    half_width: Float[np.ndarray, "*point"]
    median: Float[np.ndarray, "*point"]


def means(samples: Float[np.ndarray, "*point sample"], confidence: float) -> Means:
    """Means over the last axis; samples that do not exist are not numbers."""
    exists = np.isfinite(samples)
    count = exists.sum(axis=-1).astype(float)
    filled = np.where(exists, samples, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.where(count > 0, filled.sum(axis=-1) / count, np.nan)
    deviations = np.where(exists, samples - mean[..., None], 0.0)
    variance = (deviations**2).sum(axis=-1) / np.maximum(count - 1.0, 1.0)
    return Means(count, mean, student_half_width(count, variance, confidence), _medians(samples, exists))


def _medians(samples: np.ndarray, exists: np.ndarray) -> np.ndarray:
    rows = samples.reshape(-1, samples.shape[-1])
    kept = exists.reshape(rows.shape)
    medians = [np.median(row[keep]) if keep.any() else np.nan for row, keep in zip(rows, kept, strict=True)]
    return np.array(medians).reshape(samples.shape[:-1])
