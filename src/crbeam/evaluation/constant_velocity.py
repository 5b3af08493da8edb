"""What is known of a user that drives at nearly constant velocity, one period later."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from crbeam.errors import InvalidInput
from crbeam.information import Information, ParameterLayout

POSITION, VELOCITY = "user_position", "user_velocity"
_NOISE = "process_noise"


@dataclass(frozen=True)
class ConstantVelocity:
    """A user whose acceleration is white noise: position and velocity after a period T are

    `p' = p + T v + w_p`, `v' = v + w_v`, with `cov(w) = q [[T^3 / 3, T^2 / 2], [T^2 / 2, T]]` along each axis.

    Attributes:
        period_s: T.
        acceleration_density_m2_per_s3: q, spectral density of the acceleration along each axis; after one second the
            standard deviation of the velocity's change is `sqrt(q)` m/s. At 0 the velocity is constant.
    """

    period_s: float
    acceleration_density_m2_per_s3: float = 1.0

    def __post_init__(self) -> None:
        if not (np.isfinite(self.period_s) and self.period_s > 0.0):
            raise InvalidInput(f"The period must be a positive time, found {self.period_s} s.")
        density = self.acceleration_density_m2_per_s3
        if not (np.isfinite(density) and density >= 0.0):
            raise InvalidInput(f"The density of the acceleration must be at least 0, found {density} m^2/s^3.")

    @property
    def transition(self) -> Float[np.ndarray, "4 4"]:
        """F with `(p', v') = F (p, v) + w`."""
        return np.kron([[1.0, self.period_s], [0.0, 1.0]], np.eye(2))

    @property
    def noise_root(self) -> Float[np.ndarray, "4 4"]:
        """G with `cov(w) = G G^T`."""
        period_s = self.period_s
        root = np.array([[period_s**1.5 / np.sqrt(3.0), 0.0], [np.sqrt(3.0 * period_s) / 2.0, np.sqrt(period_s) / 2.0]])
        return np.sqrt(self.acceleration_density_m2_per_s3) * np.kron(root, np.eye(2))

    def predicted(self, information: Information) -> Information:
        """Information about the user one period later, and about all else that it names, which stays as it is.

        With unit noise u and `x = F^-1 (x' - G u)`, the information M about `(x', u)` is the given one after that
        change of parameters plus the identity in u; u is then eliminated: `M_xx - M_xu M_uu^-1 M_ux`. As
        `M_uu >= 1`, this is exact for singular information too, and for a density of 0.

        Raises:
            InvalidInput: position or velocity of the user is no parameter of the information.
        """
        old = information.layout
        user = old.indices((POSITION, VELOCITY))
        layout = old.union(ParameterLayout.of({_NOISE: len(user)}))
        back = np.linalg.inv(self.transition)
        jacobian = np.eye(old.size, layout.size)
        jacobian[np.ix_(user, user)] = back
        jacobian[np.ix_(user, layout.indices((_NOISE,)))] = -back @ self.noise_root
        matrix = jacobian.T @ information.matrix @ jacobian
        noise = layout.indices((_NOISE,))
        matrix[noise, noise] += 1.0
        return Information(0.5 * (matrix + matrix.T), layout).equivalent(old.names)
