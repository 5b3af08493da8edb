"""Limited memory of curvature pairs: the quasi-Newton direction in compact form.

For pairs s, y (columns of S, Y), `R = triu(S^T Y)`, `D = diag(R)` and the initial inverse `gamma`,
`H g = gamma g + S R^-T ((D + gamma Y^T Y) R^-1 S^T g - gamma Y^T g) - gamma Y R^-1 S^T g`
(Byrd, Nocedal and Schnabel 1994). A few matrix-vector products replace the two loops over pairs, and `R^-1` grows by
one column for each pair. All arrays may carry a leading batch axis; a pair that an item rejects is stored as zero.
"""

import numpy as np

#: A pair is rejected when `s^T y` is at most this fraction of `|s| |y|`.
CURVATURE_TOLERANCE = 1e-12


class CurvatureMemory:
    """Curvature pairs of a minimisation, or of a batch of independent ones.

    A work space of the engine: `add` changes it in place.
    """

    def __init__(self, batch: tuple[int, ...], size: int, capacity: int, scale: float):
        self._steps = np.zeros((*batch, capacity, size))
        self._changes = np.zeros((*batch, capacity, size))
        self._inverse = np.zeros((*batch, capacity, capacity))
        self._changes_gram = np.zeros((*batch, capacity, capacity))
        self._products = np.zeros((*batch, capacity))
        self._gamma = np.full(batch, scale)
        self._capacity, self._count = capacity, 0

    def take(self, index: np.ndarray) -> "CurvatureMemory":
        """The memories of some items of a batch."""
        taken = object.__new__(CurvatureMemory)
        for name, value in vars(self).items():
            setattr(taken, name, value[index] if isinstance(value, np.ndarray) else value)
        return taken

    def direction(self, gradient: np.ndarray) -> np.ndarray:
        """Descent direction `-H gradient`."""
        k = self._count
        gamma = self._gamma[..., None]
        if k == 0:
            return -gamma * gradient
        steps, changes = self._steps[..., :k, :], self._changes[..., :k, :]
        inverse = self._inverse[..., :k, :k]
        column = gradient[..., None]
        along = inverse @ (steps @ column)
        bent = changes @ column - self._changes_gram[..., :k, :k] @ along
        weights = self._products[..., :k, None] * along - gamma[..., None] * bent
        rows = (weights.swapaxes(-1, -2) @ inverse) @ steps
        rows -= (gamma * along[..., 0])[..., None, :] @ changes
        return -gamma * gradient - rows[..., 0, :]

    def add(self, step: np.ndarray, change: np.ndarray, accepted: np.ndarray | bool) -> None:
        """Store a pair for each item where `accepted`."""
        product = np.vecdot(step, change)
        step_norm, change_norm = np.vecdot(step, step), np.vecdot(change, change)
        kept = accepted & (product > CURVATURE_TOLERANCE * np.sqrt(step_norm * change_norm))
        if step.ndim == 1:
            if not kept:
                return
            gamma, pivot = product / change_norm, product
        else:
            step, change = np.where(kept[:, None], step, 0.0), np.where(kept[:, None], change, 0.0)
            pivot = np.where(kept, product, 1.0)
            gamma = np.where(kept, pivot / np.where(kept, change_norm, 1.0), self._gamma)
            product = np.where(kept, product, 0.0)
        if self._count == self._capacity:
            self._forget_oldest()
        k = self._count
        self._steps[..., k, :], self._changes[..., k, :] = step, change
        self._products[..., k], self._gamma = product, gamma
        column = change[..., None]
        cross = (self._changes[..., : k + 1, :] @ column)[..., 0]
        self._changes_gram[..., k, : k + 1] = cross
        self._changes_gram[..., : k + 1, k] = cross
        above = self._inverse[..., :k, :k] @ (self._steps[..., :k, :] @ column)
        self._inverse[..., :k, k] = -above[..., 0] / pivot[..., None]
        self._inverse[..., k, k] = 1.0 / pivot
        self._count = k + 1

    def forget(self, chosen: np.ndarray | bool, scale: float) -> None:
        """Drop all pairs of the chosen items and start again from `scale`."""
        keep = ~np.asarray(chosen)
        for array in (self._steps, self._changes):
            array *= keep[..., None, None]
        self._products *= keep[..., None]
        self._changes_gram *= keep[..., None, None]
        identity = np.eye(self._capacity)
        self._inverse[...] = np.where(keep[..., None, None], self._inverse, identity)
        self._gamma = np.where(keep, self._gamma, scale)

    def _forget_oldest(self) -> None:
        for array in (self._steps, self._changes):
            array[..., :-1, :] = array[..., 1:, :].copy()
        for array in (self._inverse, self._changes_gram):
            array[..., :-1, :-1] = array[..., 1:, 1:].copy()
            array[..., -1, :] = 0.0
        self._products[..., :-1] = self._products[..., 1:].copy()
        self._count -= 1
