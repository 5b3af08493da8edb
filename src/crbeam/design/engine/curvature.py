"""Limited memory of curvature pairs: the quasi-Newton direction in compact form.

For pairs s, y (columns of S, Y), `R = triu(S^T Y)`, `D = diag(R)` and the initial inverse `gamma`,
`H g = gamma g + S R^-T ((D + gamma Y^T Y) R^-1 S^T g - gamma Y^T g) - gamma Y R^-1 S^T g`
(Byrd, Nocedal and Schnabel 1994). A few matrix-vector products replace the two loops over pairs, and `R^-1` grows by
one column for each pair; products with the newest y are differences of those with g. All arrays may carry a leading
batch axis; a pair that an item rejects is stored as zero.
"""

import numpy as np

#: A pair is rejected when `s^T y` is at most this fraction of `|s| |y|`.
CURVATURE_TOLERANCE = 1e-12


class CurvatureMemory:
    """Curvature pairs of a minimisation, or of a batch of independent ones.

    A work space of the engine, changed in place.
    """

    def __init__(self, batch: tuple[int, ...], size: int, capacity: int, scale: float):
        self._steps = np.zeros((*batch, capacity, size))
        self._changes = np.zeros((*batch, capacity, size))
        self._inverse = np.zeros((*batch, capacity, capacity))
        self._changes_gram = np.zeros((*batch, capacity, capacity))
        self._products = np.zeros((*batch, capacity))
        self._along_steps = self._along_changes = np.zeros((*batch, 0, 1))
        self._gamma = np.full(batch, scale)
        self._capacity, self._count = capacity, 0

    def take(self, index: np.ndarray) -> "CurvatureMemory":
        """The memories of some items of a batch."""
        taken = object.__new__(CurvatureMemory)
        k = self._count
        for name, value in vars(self).items():
            setattr(taken, name, value[index] if name in ("_along_steps", "_along_changes", "_gamma") else value)
        for name in ("_steps", "_changes", "_inverse", "_changes_gram", "_products"):
            old = getattr(self, name)
            new = np.zeros((len(index), *old.shape[1:]))
            new[:, :k] = old[index, :k]
            setattr(taken, name, new)
        return taken

    def direction(self, gradient: np.ndarray) -> np.ndarray:
        """Descent direction `-H gradient`."""
        self._look_along(gradient)
        return self._turned(gradient)

    def turn(
        self, step: np.ndarray, change: np.ndarray, gradient: np.ndarray, accepted: np.ndarray | bool
    ) -> np.ndarray:
        """Store a pair for each item where `accepted`; the descent direction at the gradient that it led to.

        The gradient before, `gradient - change`, must be that of the last `direction` or `turn`, where the memory was
        not empty; items without `accepted` have kept theirs.
        """
        product, change_norm = np.vecdot(step, change), np.vecdot(change, change)
        kept = accepted & (product > CURVATURE_TOLERANCE * np.sqrt(np.vecdot(step, step) * change_norm))
        is_batch = step.ndim > 1
        if not (is_batch or kept):
            return self.direction(gradient)
        if self._count == self._capacity:
            self._forget_oldest()
        if is_batch:
            step, change = np.where(kept[:, None], step, 0.0), np.where(kept[:, None], change, 0.0)
        k = self._count
        self._steps[..., k, :], self._changes[..., k, :] = step, change
        self._count = k + 1
        before = self._along_steps, self._along_changes
        self._look_along(gradient)
        column, cross = self._along_steps[..., :k, :] - before[0], self._along_changes[..., :k, :] - before[1]
        pivot = product
        if is_batch:
            column, cross = np.where(kept[:, None, None], column, 0.0), np.where(kept[:, None, None], cross, 0.0)
            pivot = np.where(kept, product, 1.0)
            product, change_norm = np.where(kept, product, 0.0), np.where(kept, change_norm, 0.0)
            self._gamma = np.where(kept, product / np.where(kept, change_norm, 1.0), self._gamma)
        else:
            self._gamma = product / change_norm
        self._changes_gram[..., k, :k] = self._changes_gram[..., :k, k] = cross[..., 0]
        self._changes_gram[..., k, k], self._products[..., k] = change_norm, product
        self._inverse[..., :k, k] = (self._inverse[..., :k, :k] @ column)[..., 0] / -pivot[..., None]
        self._inverse[..., k, k] = 1.0 / pivot
        return self._turned(gradient)

    def _look_along(self, gradient: np.ndarray) -> None:
        """`S^T g` and `Y^T g`: their differences are the products with a change of the gradient."""
        k, column = self._count, gradient[..., None]
        self._along_steps = self._steps[..., :k, :] @ column
        self._along_changes = self._changes[..., :k, :] @ column

    def _turned(self, gradient: np.ndarray) -> np.ndarray:
        """`-H gradient` for the gradient that was looked along."""
        k = self._count
        gamma = self._gamma[..., None]
        if k == 0:
            return -gamma * gradient
        inverse = self._inverse[..., :k, :k]
        along = inverse @ self._along_steps
        bent = self._along_changes - self._changes_gram[..., :k, :k] @ along
        weights = self._products[..., :k, None] * along - gamma[..., None] * bent
        rows = (weights.swapaxes(-1, -2) @ inverse) @ self._steps[..., :k, :]
        rows -= (gamma * along[..., 0])[..., None, :] @ self._changes[..., :k, :]
        return -gamma * gradient - rows[..., 0, :]

    def forget(self, chosen: np.ndarray | bool, scale: float) -> None:
        """Drop all pairs of the chosen items and start again from `scale`."""
        keep = ~np.asarray(chosen)
        for array in (self._steps, self._changes):
            array *= keep[..., None, None]
        self._products *= keep[..., None]
        self._along_steps = self._along_steps * keep[..., None, None]
        self._along_changes = self._along_changes * keep[..., None, None]
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
        self._along_steps, self._along_changes = self._along_steps[..., 1:, :], self._along_changes[..., 1:, :]
        self._count -= 1
