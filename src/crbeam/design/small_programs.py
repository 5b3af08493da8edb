"""Small smooth convex programs."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

#: Steps after which the method stops wherever it is.
STEPS = 60
#: Mean product of rooms and prices at which it stops, once the slope that is left shrinks no more.
ACCURACY = 1e-12
#: A step goes less far while it leaves a larger slope than this, and than this many times the present one.
STEEPEST, GROWTH = 2.0, 2.0
#: Halvings of a step.
HALVINGS = 20
#: Eigenvalues of the scaled system, relative to the largest, that count as 0.
SINGULAR = 1e-15
#: Share of the way to the boundary that a step goes.
REACH = 0.995


def convex_minimum(
    derivatives: Callable[[Float[np.ndarray, " n"]], tuple[Float[np.ndarray, " n"], Float[np.ndarray, "n n"]]],
    rows: Float[np.ndarray, "row n"],
    limits: Float[np.ndarray, " row"],
    inside: Float[np.ndarray, " n"],
) -> Float[np.ndarray, " n"]:
    """x with `A x <= b` of least f, from a point strictly inside and the first two derivatives of f.

    Interior-point steps with the predictor and corrector of Mehrotra (1992), in numbers of about 1.
    """
    x, room = inside, limits - rows @ inside
    price, last = 0.1 / room, np.inf
    slope, curvature = derivatives(x)
    for _ in range(STEPS):
        dual, primal = slope + rows.T @ price, rows @ x + room - limits
        mean, left = float(room @ price) / room.size, float(np.abs(dual).max())
        if mean <= ACCURACY and left > 0.5 * last:
            break
        last = left
        matrix = curvature + rows.T @ ((price / room)[:, None] * rows)
        inverse, target = _inverse(matrix), -room * price
        for is_last in (False, True):
            step = inverse @ (-dual - rows.T @ ((target + price * primal) / room))
            change = -primal - rows @ step
            rise = (target - price * change) / room
            lengths = np.concatenate([-change / room, -rise / price])
            length = min(1.0, (REACH if is_last else 1.0) / max(float(lengths.max()), 1e-300))
            if not is_last:
                centring = (float((room + length * change) @ (price + length * rise)) / room.size / mean) ** 3
                target = centring * mean - room * price - change * rise
        for _ in range(HALVINGS):
            slope, curvature = derivatives(x + length * step)
            if np.abs(slope + rows.T @ (price + length * rise)).max() <= max(STEEPEST, GROWTH * left):
                break
            length *= 0.5
        x, room, price = x + length * step, room + length * change, price + length * rise
    return x


def _inverse(matrix: np.ndarray) -> np.ndarray:
    """Inverse with what rounding cannot tell from 0 left out: the least x may be one of many."""
    scale = 1.0 / np.sqrt(np.maximum(np.diagonal(matrix), np.finfo(float).tiny))
    values, vectors = np.linalg.eigh(matrix * np.outer(scale, scale))
    inverse = np.where(values > SINGULAR * values[-1], 1.0 / np.where(values > 0.0, values, 1.0), 0.0)
    vectors = scale[:, None] * vectors
    return (vectors * inverse) @ vectors.T
