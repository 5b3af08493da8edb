"""What is known of a user that drives at nearly constant velocity, one period later."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from crbeam.errors import InvalidInput
from crbeam.information import Information
from crbeam.information.information import of_root
from crbeam.information.roots import Root

POSITION, VELOCITY = "user_position", "user_velocity"


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
            raise InvalidInput(
                f"The density of the acceleration must be at least 0 and finite, found {density} m^2/s^3."
            )

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

        `(M^-1 + Q)^-1 = S (1 + S^T Q S)^-1 S^T` with `M = S S^T` the information after `x = F^-1 x'`, and Q the
        covariance of w. No difference is taken, so information of many decades keeps its smallest part; S may have
        fewer columns than rows, so that this holds for singular information too, and for a density of 0.

        Raises:
            InvalidInput: position or velocity of the user is no parameter of the information.
        """
        layout = information.layout
        user = layout.indices((POSITION, VELOCITY))
        change = np.eye(layout.size)
        change[np.ix_(user, user)] = np.linalg.inv(self.transition)
        before = information.root.changed(change)
        root = before.rows.T
        blurred = np.vstack([self.noise_root.T @ root[user], np.eye(root.shape[1])])
        _, upper = np.linalg.qr(blurred)
        left = np.linalg.solve(upper.T, root.T)
        return of_root(Root(left, before.products), layout)
