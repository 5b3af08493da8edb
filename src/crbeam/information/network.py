"""Information about targets that stations of a network light and one station hears, as a map of their covariances."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float

from crbeam.errors import InvalidInput
from crbeam.information.information_map import Contribution, InformationMap
from crbeam.information.parameters import ParameterLayout
from crbeam.scenario.waveform import SPEED_OF_LIGHT_MPS

TARGET = "target_position[0]"


def target_name(index: int) -> str:
    """Name of the position of a target among the parameters."""
    return f"target_position[{index}]"


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


@dataclass(frozen=True, eq=False)
class TargetEchoes:
    """The ways over one target to a station that listens.

    Attributes:
        receiver: the target as that station sees it.
        transmitters: the target as each transmitting station sees it; the same stations for all targets.
        gains: of the way from each of them over the target to the receiver.
    """

    receiver: StationView
    transmitters: Sequence[StationView]
    gains: Complex[np.ndarray, " transmitter"]


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
    return echoes_information([TargetEchoes(receiver, transmitters, gains)], snapshots)


def echoes_information(targets: Sequence[TargetEchoes], snapshots: Snapshots) -> InformationMap:
    """Information of one station about the positions of several targets, whose echoes it hears on top of each other.

    As `network_information` for each of them; what two echoes of one signal have in common is taken into account, as
    for signals so narrow in band that delays do not tell them apart.

    Unknown: the position of every target, and a complex gain for each target and transmitting station.

    Raises:
        InvalidInput: there is no target, or a bandwidth with more than one: then what echoes have in common depends on
            the shape of the spectrum, not on its rms bandwidth alone.
    """
    if not targets or (len(targets) > 1 and snapshots.rms_bandwidth_hz is not None):
        raise InvalidInput(
            f"There must be a target, and only one if delays count (rms_bandwidth), found {len(targets)} targets."
        )
    receiver, stations = targets[0].receiver.name, targets[0].transmitters
    gains = range(len(targets) * len(stations))
    positions = {target_name(index): 2 for index in range(len(targets))}
    layout = ParameterLayout.of({**positions, **{f"{receiver}/gain[{index}]": 2 for index in gains}})
    parts = tuple(_contribution(targets, place, snapshots, layout) for place in range(len(stations)))
    return InformationMap(layout, parts)


def _contribution(
    targets: Sequence[TargetEchoes], place: int, snapshots: Snapshots, layout: ParameterLayout
) -> Contribution:
    """Echoes of one station, over all targets; with a bandwidth the derivative in time is a term of its own."""
    transmit, receive, factors, jacobians = [], [], [], []
    for index, target in enumerate(targets):
        station, heard, gain = target.transmitters[place], target.receiver, complex(target.gains[place])
        transmit += [station.slope, station.response, station.response, station.response]
        receive += [heard.response, heard.slope, heard.response, heard.response]
        factors += [gain, gain, 1.0, 1.0j]
        jacobian = np.zeros((4, layout.size))
        jacobian[0, layout[target_name(index)]] = station.bearing_gradient
        jacobian[1, layout[target_name(index)]] = heard.bearing_gradient
        unknown = f"{heard.name}/gain[{index * len(target.transmitters) + place}]"
        jacobian[[2, 3], layout.indices([unknown])] = 1.0
        jacobians.append(jacobian)
    gram = np.outer(np.conj(factors), factors)
    if snapshots.rms_bandwidth_hz is not None:
        (target,) = targets
        station, gain = target.transmitters[place], complex(target.gains[place])
        transmit, receive = [*transmit, station.response], [*receive, target.receiver.response]
        delay = np.zeros((1, layout.size))
        delay[0, layout[TARGET]] = (target.receiver.away + station.away) / SPEED_OF_LIGHT_MPS
        jacobians.append(delay)
        gram = np.pad(gram, (0, 1))
        gram[-1, -1] = abs(2.0 * np.pi * snapshots.rms_bandwidth_hz * gain) ** 2
    return Contribution(
        block=targets[0].transmitters[place].name,
        receiver=targets[0].receiver.name,
        transmit=np.stack(transmit, axis=1),
        receive=np.stack(receive, axis=1),
        gram=2.0 * snapshots.count / snapshots.noise_power_w * gram,
        jacobian=np.concatenate(jacobians),
    )
