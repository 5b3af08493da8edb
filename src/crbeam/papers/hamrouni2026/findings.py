"""Parts of findings that several claims of hamrouni2026 share."""

import numpy as np

from crbeam.papers.claims import Sampling, Verdict
from crbeam.papers.hamrouni2026.comparisons import median


def sampled(seed: int, samples: np.ndarray, quantity: str) -> Sampling:
    """The median of random draws, of which those that are not numbers do not count, with its interval."""
    middle, known = median(samples), int(np.isfinite(samples).sum())
    return Sampling(known, seed, quantity, (middle.low, middle.high))


def unless_reproduced(reason: str) -> dict[Verdict, str]:
    """A reason for every verdict but that a claim is reproduced."""
    return {Verdict.REPRODUCED_IN_PART: reason, Verdict.NOT_REPRODUCED: reason}
