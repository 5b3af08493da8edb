"""Small convex quadratic programs."""

import numpy as np
from jaxtyping import Float

#: Steps after which the method stops wherever it is.
STEPS = 60
#: Mean product of rooms and prices at which it stops.
ACCURACY = 1e-12
#: Eigenvalues of the scaled system, relative to the largest, that count as 0.
SINGULAR = 1e-15
#: Share of the way to the boundary that a step goes.
REACH = 0.995


def quadratic_minimum(
    quadratic: Float[np.ndarray, "n n"],
    linear: Float[np.ndarray, " n"],
    rows: Float[np.ndarray, "row n"],
    limits: Float[np.ndarray, " row"],
    inside: Float[np.ndarray, " n"],
) -> Float[np.ndarray, " n"]:
    """x of least `x . Q x / 2 + c . x` with `A x <= b`, from a point strictly inside.

    Interior-point steps with the predictor and corrector of Mehrotra (1992), in numbers of about 1.
    """
    x, room = inside, limits - rows @ inside
    price = 0.1 / room
    for _ in range(STEPS):
        dual, primal = quadratic @ x + linear + rows.T @ price, rows @ x + room - limits
        mean = float(room @ price) / room.size
        if mean <= ACCURACY:
            break
        matrix = quadratic + rows.T @ ((price / room)[:, None] * rows)
        target = -room * price
        for is_last in (False, True):
            step = _solved(matrix, -dual - rows.T @ ((target + price * primal) / room))
            change = -primal - rows @ step
            rise = (target - price * change) / room
            lengths = np.concatenate([-change / room, -rise / price])
            length = min(1.0, (REACH if is_last else 1.0) / max(float(lengths.max()), 1e-300))
            if not is_last:
                centring = (float((room + length * change) @ (price + length * rise)) / room.size / mean) ** 3
                target = centring * mean - room * price - change * rise
        x, room, price = x + length * step, room + length * change, price + length * rise
    return x


def _solved(matrix: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Solution with what rounding cannot tell from 0 left out: the least x may be one of many."""
    scale = 1.0 / np.sqrt(np.maximum(np.diagonal(matrix), np.finfo(float).tiny))
    values, vectors = np.linalg.eigh(matrix * np.outer(scale, scale))
    inverse = np.where(values > SINGULAR * values[-1], 1.0 / np.where(values > 0.0, values, 1.0), 0.0)
    return scale * (vectors @ (inverse * (vectors.T @ (scale * right))))
