"""MUSIC on a near-field echo: places whose response is nearest to the signal subspace of what is received."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Complex, Float

from crbeam.errors import InvalidInput
from crbeam.estimation.near_field_likelihood import signature_score
from crbeam.estimation.near_field_model import EchoModel, Side
from crbeam.estimation.path_likelihood import Score

#: Most directions of the subspace of responses to all ranges in one direction.
MOST_CURVATURES = 4
#: Directions whose singular value is below this share of the largest are no part of that subspace.
LEAST_CURVATURE = 1e-3
#: Ranges, evenly spaced in their inverse, from which a subspace is found.
SUBSPACE_RANGES = 24


def signal_vector(observation: Complex[np.ndarray, "chain beam"]) -> Complex[np.ndarray, " chain"]:
    """What the receiver sees of one target: the strongest left singular vector times its singular value.

    The noise subspace of MUSIC is all that is orthogonal to it.
    """
    left, values, _ = np.linalg.svd(observation, full_matrices=False)
    return left[:, 0] * values[0]


@dataclass(frozen=True, eq=False)
class AngleSearch:
    """MUSIC over the angle alone, for a receiver that sees curved waves.

    The response to a place is known up to its range: it lies in the span D of the strongest left singular vectors of
    the responses to all ranges in that direction. The angle is where the signal vector u is nearest to what the chains
    make of this span, `B = W^H D`: the largest `|P_B u|^2`, which is the smallest generalised eigenvalue of
    `(B^H N B, B^H B)` with the projector N on the noise subspace. For plane waves D is the response itself.

    D has at most four directions, fewer than there are chains.

    Attributes:
        model: the link.

    Reference: li2024 eq. (20), eq. (44), eq. (49).

    Deviation: (48) and (49) optimise over all vectors in place of the curvatures that occur; their criterion does not
    depend on the angle at all. Confining the vector to a few directions that responses can have repairs it; the angle
    then has a floor of error at high signal-to-noise ratio, since some curvature is cut off.

    Deviation: the angle is searched, not the electrical angle of (51), whose inverse is ambiguous for antennas more
    than half a wavelength apart.
    """

    model: EchoModel

    @cached_property
    def bases(self) -> tuple[Complex[np.ndarray, "chain direction"], ...]:
        """Orthonormal basis of B for each angle of the model's grid."""
        return tuple(self.basis(float(angle_rad)) for angle_rad in self.model.grid.angle_rad)

    def basis(self, angle_rad: float) -> Complex[np.ndarray, "chain direction"]:
        """Orthonormal basis of what the chains make of responses to one direction."""
        least_m, most_m = self.model.range_m
        inverse = np.linspace(1.0 / most_m, 1.0 / least_m, SUBSPACE_RANGES)
        responses = self.model.receive_side(np.full(SUBSPACE_RANGES, angle_rad), inverse).value
        left, values, _ = np.linalg.svd(responses, full_matrices=False)
        most = min(MOST_CURVATURES, max(len(responses) - 1, 1))
        return left[:, : min(most, int(np.sum(values > LEAST_CURVATURE * values[0])))]

    def angle_rad(self, signal: Complex[np.ndarray, " chain"]) -> float:
        """Where the signal vector is nearest to the span of responses."""
        from scipy.optimize import minimize_scalar

        angles_rad = self.model.grid.angle_rad
        shares = np.array([float(np.sum(np.abs(basis.conj().T @ signal) ** 2)) for basis in self.bases])
        best = int(np.argmax(np.where(np.any(self.model.grid.is_heard, axis=1), shares, 0.0)))
        around = angles_rad[max(best - 1, 0)], angles_rad[min(best + 1, len(angles_rad) - 1)]
        found = minimize_scalar(
            lambda angle_rad: -float(np.sum(np.abs(self.basis(angle_rad).conj().T @ signal) ** 2)),
            bounds=around,
            method="bounded",
            options={"xatol": 1e-4 * (around[1] - around[0])},
        )
        return float(found.x)


def require_curvature(model: EchoModel) -> None:
    """Refuse two-dimensional MUSIC where the array that listens sees plane waves.

    Raises:
        InvalidInput: it says what to use instead.
    """
    if model.receive.wave_model == "far" or model.longer is not model.receive:
        raise InvalidInput(
            f"MUSIC over angle and range needs curved waves over the array that listens, but in link `{model.name}` "
            "these are over the array that transmits. Use the method two-stage or joint."
        )


def spectrum(model: EchoModel, signal: Complex[np.ndarray, " chain"]) -> Float[np.ndarray, "angle range"]:
    """Share of the signal vector along the response to each place of the grid, times its squared norm.

    It is 0 at places to which the combiner is deaf.

    Reference: li2024 eq. (45).
    """
    grid = model.grid
    norm = np.sum(np.abs(grid.receive) ** 2, axis=-1)
    return np.where(grid.is_heard, np.abs(grid.receive.conj() @ signal) ** 2 / np.where(grid.is_heard, norm, 1.0), 0.0)


def music_score(model: EchoModel, signal: Complex[np.ndarray, " chain"], place: Float[np.ndarray, "2"]) -> Score | None:
    """Score of a place (angle, inverse range) in MUSIC: that of a likelihood that sees the signal vector only."""
    if not model.holds(float(place[0]), float(place[1])):
        return None
    nothing = np.zeros((1, 1), dtype=complex)
    alone = Side(nothing + 1.0, nothing, nothing)
    return signature_score(signal[:, None], model.receive_side(place[:1], place[1:]), alone)
