"""Phases nearest to a wanted covariance under quadratic requirements, by semidefinite relaxation and random rounding.

With `F = diag(f) Phi` a product `F A F^H` is the Hadamard product of `f f^H` and `Phi A Phi^H`, linear in `f f^H`. The
relaxation drops that this has rank one; random vectors with the relaxed covariance give phases that are tried.
"""

import warnings
from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float

#: Relative shortfall of a requirement that counts as rounding.
ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class PhaseFit:
    """Minimise `|target - (f f^H) o kernel|^2` over phases f under `f^H X_k f >= c_k`.

    Attributes:
        target: what the product should be.
        kernel: `Phi A Phi^H`.
        quadratics: `X_k`, scaled to unit size.
        floors: `c_k`, scaled alike.
    """

    target: Complex[np.ndarray, "antenna antenna"]
    kernel: Complex[np.ndarray, "antenna antenna"]
    quadratics: Complex[np.ndarray, "requirement antenna antenna"]
    floors: Float[np.ndarray, " requirement"]

    def distance(self, phases_rad: Float[np.ndarray, " antenna"]) -> float:
        """Root of the objective."""
        factor = np.exp(1j * phases_rad)
        return float(np.linalg.norm(self.target - np.outer(factor, factor.conj()) * self.kernel))

    def holds(self, phases_rad: Float[np.ndarray, " antenna"]) -> bool:
        """Whether all requirements are met."""
        factor = np.exp(1j * phases_rad)
        reached = np.real(np.einsum("n,knm,m->k", factor.conj(), self.quadratics, factor))
        return bool(np.all(reached >= self.floors - ROUNDING * (1.0 + np.abs(self.floors))))


def phase_fit(target: np.ndarray, kernel: np.ndarray, requirements: list[tuple[np.ndarray, float]]) -> PhaseFit:
    """The problem with requirements `(X_k, c_k)` scaled to unit size."""
    size = len(target)
    sizes = [float(np.max(np.abs(matrix))) or 1.0 for matrix, _ in requirements]
    quadratics = [matrix / scale for (matrix, _), scale in zip(requirements, sizes, strict=True)]
    floors = [floor / scale for (_, floor), scale in zip(requirements, sizes, strict=True)]
    stacked = np.array(quadratics, dtype=complex).reshape(-1, size, size)
    return PhaseFit(target, kernel, stacked, np.array(floors, dtype=float))


def fitted_phases(
    fit: PhaseFit, current_rad: Float[np.ndarray, " antenna"], rng: np.random.Generator, *, samples: int
) -> Float[np.ndarray, " antenna"]:
    """The best of the current phases, those of the strongest direction of the relaxation, and random ones.

    Candidates that miss a requirement are left out, so that the current phases may be all there is.

    Reference: li2024 eq. (40), eq. (43), eq. (67), eq. (70).
    """
    relaxed = _relaxed(fit)
    if relaxed is None:
        return current_rad
    eigenvalues, vectors = np.linalg.eigh(relaxed)
    root = vectors * np.sqrt(np.maximum(eigenvalues, 0.0))
    draws = rng.standard_normal((samples, len(root))) + 1j * rng.standard_normal((samples, len(root)))
    candidates = np.angle(np.concatenate([vectors[:, -1:].T, draws @ root.T]))
    able = [current_rad, *(phases_rad for phases_rad in candidates if fit.holds(phases_rad))]
    return min(able, key=fit.distance)


def _relaxed(fit: PhaseFit) -> np.ndarray | None:
    """Solution of the semidefinite relaxation; None if the conic solver fails."""
    import cvxpy as cp
    from cvxpy.error import SolverError

    scale = float(np.linalg.norm(fit.target)) or 1.0
    lifted = cp.Variable(fit.target.shape, hermitian=True)
    difference = fit.target / scale - cp.multiply(fit.kernel / scale, lifted)
    constraints = [lifted >> 0, cp.real(cp.diag(lifted)) == 1.0]
    constraints += [
        cp.real(cp.trace(matrix @ lifted)) >= floor for matrix, floor in zip(fit.quadratics, fit.floors, strict=True)
    ]
    problem = cp.Problem(
        cp.Minimize(cp.norm(cp.hstack([cp.real(difference), cp.imag(difference)]), "fro")), constraints
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            problem.solve(solver=cp.CLARABEL)
        except SolverError:
            return None
    return None if lifted.value is None else np.asarray(lifted.value)
