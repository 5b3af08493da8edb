"""Round numbers at the ticks of a logarithmic axis."""

from collections.abc import Iterable

import numpy as np

#: Numbers of a decade, from coarse to fine.
_STEPS = (
    (1.0,),
    (1.0, 2.0, 5.0),
    (1.0, 1.5, 2.0, 3.0, 5.0, 7.0),
    (1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.8, 2.0, 2.2, 2.5, 2.8, 3.0, 3.5, 4.0, 4.5, 5.0, 6.0, 7.0, 8.0, 9.0),
)
FEWEST = 3


def round_ticks(values: Iterable[float]) -> list[float]:
    """Round numbers between the least and the largest of some values, at least three of them if there can be so many.

    They are powers of ten if there are three of these, else finer steps. Values that are not positive numbers do not
    count.
    """
    known = np.array([value for value in values if np.isfinite(value) and value > 0.0])
    if not known.size:
        return []
    low, high = known.min() * (1.0 - 1e-9), known.max() * (1.0 + 1e-9)
    decades = np.arange(np.floor(np.log10(low)), np.ceil(np.log10(high)) + 1.0)
    ticks: list[float] = []
    for steps in _STEPS:
        every = [float(f"{step}e{int(decade)}") for decade in decades for step in steps]
        ticks = [tick for tick in every if low <= tick <= high]
        if len(ticks) >= FEWEST:
            break
    return ticks
