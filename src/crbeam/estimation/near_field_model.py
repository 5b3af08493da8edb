"""What the receiver of a near-field echo knows: two arrays at one place, the beams, and where targets can be."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Complex, Float

from crbeam.errors import InvalidInput
from crbeam.propagation.near_field import (
    WaveModel,
    aperture_m,
    least_fresnel_range_m,
    near_field_response,
    rayleigh_distance_m,
)

#: Points of a grid in each resolution cell of the sine of the angle.
POINTS_PER_CELL = 4
#: Step of a grid in the inverse range: so much does it turn the phase at the far end of the array, in turns.
TURN_PER_STEP = 0.125
#: Largest range of a target, in Rayleigh distances of the longer array.
MOST_RAYLEIGH_DISTANCES = 10.0
#: Share of the largest power of combined responses below which the combiner is deaf to a place.
LEAST_HEARD = 0.03
#: Largest sine of the angle between a target and the direction that the longer array faces.
MOST_SINE = 0.9998


@dataclass(frozen=True, eq=False)
class EchoArray:
    """An array, and how distances from its antennas depend on places.

    Attributes:
        positions_m: antennas relative to the reference point, along the global axes.
        wave_model: exact distances, or their approximation.
    """

    positions_m: Float[np.ndarray, "antenna 2"]
    wave_model: WaveModel


@dataclass(frozen=True, eq=False)
class Side:
    """What one side of a link makes of points, with derivatives.

    Attributes:
        value: combined responses of the receiver, or responses of the transmitter in its beams.
        angle_slope: derivative with respect to the angle.
        inverse_slope: derivative with respect to the inverse range.
    """

    value: Complex[np.ndarray, "chain point"]
    angle_slope: Complex[np.ndarray, "chain point"]
    inverse_slope: Complex[np.ndarray, "chain point"]


@dataclass(frozen=True, eq=False)
class EchoGrid:
    """Places from which a search starts, with the receiver's and the transmitter's responses.

    Attributes:
        angle_rad: directions, in even steps of the sine of the angle from where the longer array faces.
        inverse_range_per_m: in even steps, 1/m.
        receive: combined responses.
        transmit: responses in the beams.
    """

    angle_rad: Float[np.ndarray, " angle"]
    inverse_range_per_m: Float[np.ndarray, " range"]
    receive: Complex[np.ndarray, "angle range chain"]
    transmit: Complex[np.ndarray, "angle range beam"]

    @cached_property
    def is_heard(self) -> Bool[np.ndarray, "angle range"]:
        """Where the analog combiner is not deaf; everywhere without one.

        Sub-arrays are far apart, so that their chains see grating lobes of their own, where their antennas nearly
        cancel. A search that normalises responses would take what is heard there for as good as the target.
        """
        power = np.sum(np.abs(self.receive) ** 2, axis=-1)
        return power >= LEAST_HEARD * power.max()


@dataclass(frozen=True, eq=False)
class EchoModel:
    """The echo of one target between two arrays at one place: everything but the target's place and its gain.

    The observation is `Y = strength z t^T + noise` of unit variance, z the receiver's combined response and t the
    transmitter's response in the beams, with `strength = gain sqrt(snapshots / noise power)`. It is a sufficient
    statistic: all T symbols X are known, and `X X^H = T B B^H` with the beams B, so that `X = sqrt(T) B S` with
    orthonormal rows S. What is received, times `S^H`, is this observation; the rest is noise.

    Attributes:
        name: of the link.
        wavelength_m: of the carrier.
        transmit: the array that transmits.
        receive: the array that listens.
        beams: columns B with the transmit covariance `B B^H`, in sqrt(watt).
        facing_rad: global direction that the longer array faces. The target is known to be on this side of its line.
        combiner: orthonormal basis of what an analog combiner passes on; None if every antenna has its receive chain.
    """

    name: str
    wavelength_m: float
    transmit: EchoArray
    receive: EchoArray
    beams: Complex[np.ndarray, "tx beam"]
    facing_rad: float
    combiner: Complex[np.ndarray, "rx chain"] | None = None

    def __post_init__(self) -> None:
        if self.beams.shape[0] != len(self.transmit.positions_m) or not self.beams.any():
            raise InvalidInput(
                f"`beams` must have a row for each of the {len(self.transmit.positions_m)} transmit antennas and not "
                f"be zero, found shape {self.beams.shape}."
            )
        if self.combiner is not None and len(self.combiner) != len(self.receive.positions_m):
            raise InvalidInput(
                f"`combiner` must have a row for each of the {len(self.receive.positions_m)} antennas that listen, "
                f"found {len(self.combiner)}."
            )

    @property
    def longer(self) -> EchoArray:
        """The array with the larger aperture."""
        return max((self.transmit, self.receive), key=lambda array: aperture_m(array.positions_m))

    @cached_property
    def range_m(self) -> tuple[float, float]:
        """Least and largest range of a target: from where amplitudes are even to ten Rayleigh distances.

        Both are those of the longer array; `0.62 sqrt(D^3 / wavelength)` is the least one.
        """
        positions_m = self.longer.positions_m
        least_m = least_fresnel_range_m(positions_m, self.wavelength_m)
        return least_m, MOST_RAYLEIGH_DISTANCES * rayleigh_distance_m(positions_m, self.wavelength_m)

    def holds(self, angle_rad: float, inverse_range_per_m: float) -> bool:
        """Whether a target can be there."""
        least_m, most_m = self.range_m
        ahead = np.cos(angle_rad - self.facing_rad) >= np.sqrt(1.0 - MOST_SINE**2)
        return bool(ahead and 1.0 / most_m <= inverse_range_per_m <= 1.0 / least_m)

    def receive_side(
        self, angle_rad: Float[np.ndarray, " point"], inverse_range_per_m: Float[np.ndarray, " point"]
    ) -> Side:
        """Combined responses z to points."""
        side = self._side(self.receive, angle_rad, inverse_range_per_m)
        return side if self.combiner is None else _mapped(self.combiner.conj().T, side)

    def transmit_side(
        self, angle_rad: Float[np.ndarray, " point"], inverse_range_per_m: Float[np.ndarray, " point"]
    ) -> Side:
        """Responses in the beams, `t = B^T a`."""
        return _mapped(self.beams.T, self._side(self.transmit, angle_rad, inverse_range_per_m))

    def _side(self, array: EchoArray, angle_rad: np.ndarray, inverse_range_per_m: np.ndarray) -> Side:
        response = near_field_response(
            array.positions_m,
            angle_rad,
            1.0 / inverse_range_per_m,
            wavelength_m=self.wavelength_m,
            model=array.wave_model,
        )
        return Side(response.value, response.angle_slope, -response.range_slope / inverse_range_per_m**2)

    def responses(
        self, array: EchoArray, angle_rad: Float[np.ndarray, " point"], inverse_range_per_m: Float[np.ndarray, " point"]
    ) -> Complex[np.ndarray, "antenna point"]:
        """Response of all antennas of an array to points."""
        return self._side(array, angle_rad, inverse_range_per_m).value

    def lit_w(self, angle_rad: float, inverse_range_per_m: float) -> float:
        """Power that the transmission sends towards a place, `a^H R a` for the response's conjugate a."""
        return float(np.sum(np.abs(self.transmit_side(*_point(angle_rad, inverse_range_per_m)).value) ** 2))

    @cached_property
    def grid(self) -> EchoGrid:
        """Places so dense that one of them is within the main lobe of any target."""
        least_m, most_m = self.range_m
        span_m = aperture_m(self.transmit.positions_m) + aperture_m(self.receive.positions_m)
        count = int(np.ceil(2.0 * POINTS_PER_CELL * span_m / self.wavelength_m))
        sines = np.linspace(-MOST_SINE, MOST_SINE, max(count, 3))
        step = 2.0 * TURN_PER_STEP * self.wavelength_m / aperture_m(self.longer.positions_m) ** 2
        inverse = np.linspace(1.0 / most_m, 1.0 / least_m, max(int(np.ceil((1.0 / least_m - 1.0 / most_m) / step)), 3))
        angles_rad = self.facing_rad + np.arcsin(sines)
        everywhere = np.repeat(angles_rad, len(inverse)), np.tile(inverse, len(angles_rad))
        shape = (len(angles_rad), len(inverse), -1)
        receive, transmit = self.receive_side(*everywhere).value, self.transmit_side(*everywhere).value
        return EchoGrid(angles_rad, inverse, receive.T.reshape(shape), transmit.T.reshape(shape))


def mean_echo(
    model: EchoModel, angle_rad: float, range_m: float, strength: complex
) -> Complex[np.ndarray, "chain beam"]:
    """Noise-free observation `strength z t^T` in units of the noise.

    Reference: li2024 eq. (19), eq. (21).

    Deviation: the papers' observation has a column for each symbol; this one, a sufficient statistic, for each beam.
    """
    place = _point(angle_rad, 1.0 / range_m)
    return strength * model.receive_side(*place).value @ model.transmit_side(*place).value.T


def _point(angle_rad: float, inverse_range_per_m: float) -> tuple[np.ndarray, np.ndarray]:
    return np.array([angle_rad]), np.array([inverse_range_per_m])


def _mapped(matrix: Complex[np.ndarray, "new old"], side: Side) -> Side:
    return Side(matrix @ side.value, matrix @ side.angle_slope, matrix @ side.inverse_slope)
