"""Levels of powers that need not exist: what is not a number stays so."""

import numpy as np
from jaxtyping import Float

Values = Float[np.ndarray, "..."]


def level_db(ratio: Values | float) -> Values:
    """`10 log10` of a ratio."""
    return np.asarray(10.0 * np.log10(np.asarray(ratio, dtype=float)))


def level_dbm(power_w: Values | float) -> Values:
    """Power in dBm."""
    return np.asarray(level_db(power_w) + 30.0)


def db_words(value: float) -> str:
    """Decibels with two digits, without a sign at zero; `none` for what is not a number."""
    return f"{round(float(value), 2) + 0.0:.2f}" if np.isfinite(value) else "none"


def levels_words(values: Values) -> str:
    """Decibels one after the other."""
    return ", ".join(db_words(value) for value in values)
