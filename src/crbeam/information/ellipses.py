"""Error ellipses of estimated positions."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from crbeam.errors import InvalidInput
from crbeam.linalg import is_hermitian


@dataclass(frozen=True)
class ErrorEllipse:
    """Where an estimate of a position falls with a given probability, around the true position.

    Attributes:
        semi_major_m: half of the longer axis.
        semi_minor_m: half of the shorter axis.
        angle_rad: direction of the longer axis, counter-clockwise from x, in [-pi/2, pi/2].
        probability: of an estimate inside.
    """

    semi_major_m: float
    semi_minor_m: float
    angle_rad: float
    probability: float

    def outline_m(
        self, centre_m: Float[np.ndarray, "2"], *, magnification: float = 1.0, n_points: int = 121
    ) -> Float[np.ndarray, "point 2"]:
        """Closed outline around a centre, with both axes magnified."""
        turn = np.linspace(0.0, 2.0 * np.pi, n_points)
        along, across = self.semi_major_m * np.cos(turn), self.semi_minor_m * np.sin(turn)
        cosine, sine = np.cos(self.angle_rad), np.sin(self.angle_rad)
        shape = np.stack([cosine * along - sine * across, sine * along + cosine * across], axis=1)
        return centre_m + magnification * shape


def error_ellipse(bound_m2: Float[np.ndarray, "2 2"], probability: float = 0.95) -> ErrorEllipse:
    """Ellipse that holds a Gaussian estimate with covariance C at a given probability.

    `{x : x^T C^-1 x <= q}`, where `q = -2 ln(1 - probability)` is the chi-square quantile with two degrees of freedom;
    semi-axes `sqrt(q lambda_i)` along the eigenvectors of C.

    Assumed: the estimate is unbiased, Gaussian, and attains the bound.

    Raises:
        InvalidInput: the bound is no covariance of a position, or the probability is not strictly between 0 and 1.
    """
    if not 0.0 < probability < 1.0:
        raise InvalidInput(f"The probability of an ellipse must be strictly between 0 and 1, found {probability}.")
    if bound_m2.shape != (2, 2) or not np.all(np.isfinite(bound_m2)) or not is_hermitian(bound_m2):
        raise InvalidInput(f"The bound of a position must be a finite symmetric 2 x 2 matrix, found {bound_m2}.")
    eigenvalues, vectors = np.linalg.eigh(bound_m2)
    if eigenvalues[0] < -1e-9 * eigenvalues[1]:
        raise InvalidInput(f"The bound of a position must be positive semidefinite, found eigenvalues {eigenvalues}.")
    minor, major = np.sqrt(-2.0 * np.log1p(-probability) * np.maximum(eigenvalues, 0.0))
    x, y = vectors[:, 1] if vectors[0, 1] >= 0.0 else -vectors[:, 1]
    return ErrorEllipse(float(major), float(minor), float(np.arctan2(y, x)), probability)
