"""Information about a target that stations of a network light and one station hears, as a map of their covariances."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float

from crbeam.information.information_map import Contribution, InformationMap
from crbeam.information.parameters import ParameterLayout
from crbeam.scenario.waveform import SPEED_OF_LIGHT_MPS

TARGET = "target_position[0]"


@dataclass(frozen=True, eq=False)
class StationView:
    """A target as one station sees it.

    Attributes:
        name: of the station, and of the block that it transmits.
        response: response a of its array towards the target.
        slope: derivative of the response by the direction of the target.
        offset_m: from the station to the target, in global axes.
    """

    name: str
    response: Complex[np.ndarray, " antenna"]
    slope: Complex[np.ndarray, " antenna"]
    offset_m: Float[np.ndarray, "2"]

    @property
    def distance_m(self) -> float:
        """Distance of the target."""
        return float(np.hypot(*self.offset_m))

    @property
    def bearing_gradient(self) -> Float[np.ndarray, "2"]:
        """Derivative of the direction by the position of the target, `(-sin, cos) / d`, in rad/m."""
        return np.array([-self.offset_m[1], self.offset_m[0]]) / self.distance_m**2

    @property
    def away(self) -> Float[np.ndarray, "2"]:
        """Unit vector from the station to the target."""
        return self.offset_m / self.distance_m


@dataclass(frozen=True)
class Snapshots:
    """What the listening station records.

    Attributes:
        count: number of snapshots L.
        noise_power_w: of one antenna.
        rms_bandwidth_hz: of the signals, about a spectrum without mean; a flat band B has `B / sqrt(12)`. None leaves
            out what delays tell.
    """

    count: int
    noise_power_w: float
    rms_bandwidth_hz: float | None = None


def network_information(
    receiver: StationView,
    transmitters: Sequence[StationView],
    gains: Complex[np.ndarray, " transmitter"],
    snapshots: Snapshots,
) -> InformationMap:
    """Information about the position of a target, one block for each transmitting station.

    Station r hears `sum_s g_s a_r t_s^H x_s(t - tau_s)` with `t_s` the response of station s, used as a transmit
    vector. Signals of different stations are uncorrelated, also at the delays in question, so every station adds what
    it tells. With `q = t^H X t`, `p = dt^H X dt - |t^H X dt|^2 / q`, gradients `b` of the directions, and
    `k_s = 2 L |g_s|^2 / noise`, the equivalent information of the position is

        sum_s k_s (v q_s b_r b_r^T + |a_r|^2 p_s b_s b_s^T [+ (2 pi B / c)^2 |a_r|^2 q_s (u_r + u_s)(u_r + u_s)^T])

    where v is what is left of `|da_r|^2` orthogonal to `a_r`, B the rms bandwidth, and u the directions.

    Unknown: the position of the target and one complex gain for each transmitting station. Assumed known: places,
    orientations, what is transmitted, noise power.

    Args:
        receiver: the station that listens.
        transmitters: the stations that light the target.
        gains: of the way from each of them over the target to the receiver.
        snapshots: how many there are, and in what noise.

    Reference: xu2023 eq. (6), eq. (7), eq. (29)-(39).

    Deviation: the paper differentiates the delayed signal as `-(d tau / dp) x`, without a derivative in time. That
    term has the direction of the unknown gain and tells nothing, so by default delays are left out; with a bandwidth
    their information is that of the derivative in time.
    """
    layout = ParameterLayout.of({TARGET: 2, **{f"{receiver.name}/gain[{i}]": 2 for i in range(len(transmitters))}})
    parts = tuple(
        _contribution(receiver, station, complex(gain), snapshots, layout, index)
        for index, (station, gain) in enumerate(zip(transmitters, gains, strict=True))
    )
    return InformationMap(layout, parts)


def _contribution(
    receiver: StationView,
    station: StationView,
    gain: complex,
    snapshots: Snapshots,
    layout: ParameterLayout,
    index: int,
) -> Contribution:
    """Terms: departure, arrival, real and imaginary part of the gain, and the delay if there is a bandwidth."""
    transmit = [station.slope, station.response, station.response, station.response]
    receive = [receiver.response, receiver.slope, receiver.response, receiver.response]
    factors = np.array([gain, gain, 1.0, 1.0j])
    jacobian = np.zeros((5, layout.size))
    jacobian[0, layout[TARGET]] = station.bearing_gradient
    jacobian[1, layout[TARGET]] = receiver.bearing_gradient
    jacobian[[2, 3], layout.indices([f"{receiver.name}/gain[{index}]"])] = 1.0
    jacobian[4, layout[TARGET]] = (receiver.away + station.away) / SPEED_OF_LIGHT_MPS
    gram = np.zeros((5, 5), dtype=complex)
    gram[:4, :4] = np.outer(factors.conj(), factors)
    if snapshots.rms_bandwidth_hz is None:
        gram, jacobian = gram[:4, :4], jacobian[:4]
    else:
        gram[4, 4] = abs(2.0 * np.pi * snapshots.rms_bandwidth_hz * gain) ** 2
        transmit, receive = [*transmit, station.response], [*receive, receiver.response]
    return Contribution(
        block=station.name,
        receiver=receiver.name,
        transmit=np.stack(transmit, axis=1),
        receive=np.stack(receive, axis=1),
        gram=2.0 * snapshots.count / snapshots.noise_power_w * gram,
        jacobian=jacobian,
    )
