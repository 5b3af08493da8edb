"""A near-field target located by two arrays at one place, which serve users besides.

The main array is large, so that waves over it are curved and show the range of the target beside its angle, at one
frequency and without measuring a delay. In the downlink it sends to users and target, and the assisting array hears the
echo; in the uplink the assisting array lights the target, and the main array hears the echo beside its users.

Whoever transmits on the link is the one block. Which array serves users is `served_users.station`; if it transmits on
the link this is the downlink.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float

from crbeam.communication import ServedUser, UplinkChannel, UserPropagation, user_channels
from crbeam.design import Constraint, Criterion, Design, DesignProblem, PowerBudget, Stream
from crbeam.design.service_constraints import FixedAnalog, Illumination, MinimumSinr, MinimumUplinkSinr
from crbeam.errors import InvalidInput
from crbeam.estimation.link_model import LinkModel
from crbeam.information import InformationMap
from crbeam.information.near_field import Echo, echo_information, position_information
from crbeam.propagation import Paths
from crbeam.propagation.near_field import NearFieldResponse, WaveModel, near_field_response
from crbeam.propagation.path_loss import LogDistanceLoss
from crbeam.scenario import Scenario, Sensing, ServedUsers, Station
from crbeam.systems.far_field_baseline import true_sinr

LINKS, FUSED = "links", "fused"
DEFAULT_METHOD = "digital"
#: Illumination of the target, relative to one beam at full power, below which estimators lose it.
DARK = 0.01
TARGET, SENSING_STREAM = "target[0]", "sensing"
#: Purposes of the random streams of a seed.
_USER_DRAWS, _GAIN_DRAWS = 1, 2


@dataclass(frozen=True, eq=False)
class DoubleArray:
    """Both arrays as the target sees them.

    Attributes:
        link: name of the link.
        transmitter: name of the station that transmits.
        receiver: name of the station that listens.
        angle_rad: global direction of the target.
        range_m: its distance.
        gain: complex gain of the echo.
        transmit: response of the transmitting array.
        receive: response of the listening array.
    """

    link: str
    transmitter: str
    receiver: str
    angle_rad: float
    range_m: float
    gain: complex
    transmit: NearFieldResponse
    receive: NearFieldResponse


def double_array(scenario: Scenario) -> DoubleArray:
    """Both arrays of a scenario, its target and the gain of the echo.

    With a sensing SNR the gain has the modulus `sqrt(snr noise / power)`; else that of the path loss both ways times
    the root of the reflection. Its phase comes from the seed.

    Reference: li2024 eq. (7), eq. (8).
    """
    ((name, link),) = scenario.links.items()
    station = scenario.stations[link.transmitter]
    offset_m = np.subtract(scenario.targets.positions_m[0], station.position_m)
    angle_rad, range_m = float(np.arctan2(offset_m[1], offset_m[0])), float(np.hypot(*offset_m))
    responses = [
        _response(scenario, scenario.stations[each], _wave_model(scenario, each), angle_rad, range_m)
        for each in (link.transmitter, link.receiver)
    ]
    gain = _echo_gain(scenario, link.transmitter, range_m)
    return DoubleArray(name, link.transmitter, link.receiver, angle_rad, range_m, gain, *responses)


def _sensing(scenario: Scenario) -> Sensing:
    assert scenario.sensing is not None
    return scenario.sensing


def _serving_station(scenario: Scenario) -> str:
    """The station that serves users; without users the one with the longer array."""
    if scenario.served_users is not None:
        return scenario.served_users.station
    lengths = {
        name: station.transmit_array.elements * station.transmit_array.spacing_wavelengths
        for name, station in scenario.stations.items()
    }
    return max(lengths, key=lengths.__getitem__)


def _wave_model(scenario: Scenario, station: str) -> WaveModel:
    sensing = _sensing(scenario)
    return sensing.serving_model if station == _serving_station(scenario) else sensing.sensing_model


def _positions_m(scenario: Scenario, station: Station) -> Float[np.ndarray, "antenna 2"]:
    return station.transmit_array.positions_wavelengths * scenario.waveform.wavelength_m


def _response(
    scenario: Scenario, station: Station, model: WaveModel, angle_rad: float, range_m: float
) -> NearFieldResponse:
    return near_field_response(
        _positions_m(scenario, station),
        np.array([angle_rad - station.orientation_rad]),
        np.array([range_m]),
        wavelength_m=scenario.waveform.wavelength_m,
        model=model,
    )


def _echo_gain(scenario: Scenario, transmitter: str, range_m: float) -> complex:
    sensing, users = _sensing(scenario), scenario.served_users
    if sensing.snr is not None:
        modulus = np.sqrt(sensing.snr * scenario.noise_power_w / scenario.power_per_subcarrier_w(transmitter))
    else:
        loss = _losses(users)[0]
        modulus = np.sqrt(sensing.reflection) * float(loss.amplitude(np.array([range_m]))[0]) ** 2
    phase = 0.0 if scenario.seed is None else _generator(scenario, _GAIN_DRAWS, 0).uniform(0.0, 2.0 * np.pi)
    return complex(modulus * np.exp(1j * phase))


def _generator(scenario: Scenario, purpose: int, item: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(scenario.seed or 0, spawn_key=(purpose, item)))


def _losses(users: ServedUsers | None) -> tuple[LogDistanceLoss, LogDistanceLoss]:
    """Losses of the line of sight and over scatterers; those of New York without users."""
    defaults = ServedUsers(station="main", count=0) if users is None else users
    return (
        LogDistanceLoss(defaults.loss, defaults.loss_exponent),
        LogDistanceLoss(defaults.scattered_loss, defaults.scattered_exponent),
    )


def served_users(scenario: Scenario) -> tuple[ServedUser, ...]:
    """The served users of a scenario in the frame of the array that serves them, with what the seed draws.

    Users and scatterers without a given place are uniform in angle over the sector and in distance over the ring; paths
    over scatterers have uniform phases. Every user has random numbers of its own, so that more users leave the first
    ones where they are.

    Reference: li2024 section V.

    Deviation: the paper does not say over which angles users are uniform; see `served_users.sector`.
    """
    users = scenario.served_users
    if users is None:
        return ()
    station = scenario.stations[users.station]
    facing_rad = 0.0 if station.transmit_array.axis == "y" else np.pi / 2.0
    return tuple(_served_user(scenario, users, station, facing_rad, index) for index in range(users.count or 0))


def _served_user(scenario: Scenario, users: ServedUsers, station: Station, facing_rad: float, index: int) -> ServedUser:
    generator = _generator(scenario, _USER_DRAWS, index)

    def drawn() -> tuple[float, float]:
        angle_rad = facing_rad + generator.uniform(-users.sector_rad, users.sector_rad)
        range_m = generator.uniform(*users.distance_m)
        return float(range_m * np.cos(angle_rad)), float(range_m * np.sin(angle_rad))

    position_m = drawn()
    if users.positions_m is not None:
        offset_m = np.subtract(users.positions_m[index], station.position_m)
        cosine, sine = np.cos(station.orientation_rad), np.sin(station.orientation_rad)
        position_m = (
            float(cosine * offset_m[0] + sine * offset_m[1]),
            float(cosine * offset_m[1] - sine * offset_m[0]),
        )
    scatterers_m = tuple(drawn() for _ in range(users.scatterers))
    phases = (0.0, *generator.uniform(0.0, 2.0 * np.pi, users.scatterers).tolist())
    return ServedUser(position_m, scatterers_m, phases)


def served_channels(scenario: Scenario, *, model: WaveModel | None = None) -> Complex[np.ndarray, "antenna user"]:
    """Channels between the serving array and its users, a column for each.

    Args:
        scenario: the world.
        model: of the waves; by default that of the serving array, `far` for the baseline (72).

    Reference: li2024 eq. (6), eq. (72).
    """
    name = _serving_station(scenario)
    losses = _losses(scenario.served_users)
    propagation = UserPropagation(scenario.waveform.wavelength_m, model or _wave_model(scenario, name), *losses)
    return user_channels(_positions_m(scenario, scenario.stations[name]), served_users(scenario), propagation)


def polar_map(scenario: Scenario, *, network: Complex[np.ndarray, "rx chain"] | None = None) -> InformationMap:
    """Information about angle, range and gain of the target.

    Args:
        scenario: the world.
        network: analog combiner of the listening array; None is one chain for each antenna.

    Reference: li2024 eq. (24).
    """
    arrays = double_array(scenario)
    basis = None if network is None else np.linalg.qr(network)[0]
    waveform = scenario.waveform
    echo = Echo(
        arrays.link,
        arrays.transmitter,
        (arrays.gain,),
        waveform.symbols_per_slot * waveform.subcarriers,
        scenario.noise_power_w,
        _sensing(scenario).unknown_gain,
    )
    projector = None if basis is None else basis @ basis.conj().T
    return echo_information(echo, transmit=arrays.transmit, receive=arrays.receive, projector=projector)


def link_maps(scenario: Scenario) -> dict[str, InformationMap]:
    """Information about the position of the target and the gain of the echo, by link."""
    arrays = double_array(scenario)
    return {arrays.link: position_information(polar_map(scenario), {TARGET: (arrays.angle_rad, arrays.range_m)})}


def link_map(scenario: Scenario, link: str) -> InformationMap:
    """The one of `link_maps` with that name."""
    maps = link_maps(scenario)
    if link not in maps:
        raise InvalidInput(f"The link must be one of {', '.join(maps)}, found `{link}`.")
    return maps[link]


def design_problem(
    scenario: Scenario,
    *,
    weight: float | None = None,
    judged_by: str = LINKS,
    user_model: WaveModel | None = None,
    network: Complex[np.ndarray, "antenna chain"] | None = None,
) -> DesignProblem:
    """Minimise the weighted bounds of the target's angle and range while every user has its SINR.

    By default the weights make the objective the squared position error bound; a floor on the illumination of the
    target is kept if the scenario has one.

    Args:
        scenario: the world.
        weight: must be None: there is nothing to weigh but angle against range, which the scenario does.
        judged_by: `links` or `fused`, the same with one link.
        user_model: of the waves between array and users, `far` for the baseline.
        network: analog network F between the antennas and the chains of the array that serves users, in either
            direction; None is one chain for each antenna.

    Reference: li2024 eq. (26), eq. (53).

    Deviation: the trace of (26) adds square radians and square metres. The weights of the scenario say how much an
    error in angle counts; 1 and 1 are those of the paper.
    """
    if weight is not None:
        raise InvalidInput(
            "The system li2024 has no weight of bistatic positioning; set `sensing.angle_weight` and "
            "`sensing.range_weight`."
        )
    if judged_by not in (LINKS, FUSED, *scenario.links):
        raise InvalidInput(f"The system li2024 does not judge designs by `{judged_by}`.")
    arrays, sensing = double_array(scenario), _sensing(scenario)
    angle_weight = arrays.range_m**2 if sensing.angle_weight is None else sensing.angle_weight
    weights = {"target_angle[0]": angle_weight, "target_range[0]": sensing.range_weight}
    service, streams = _service(scenario, arrays, user_model, network)
    sends = _serving_station(scenario) == arrays.transmitter
    analog = () if network is None or not sends else (FixedAnalog(arrays.transmitter, network),)
    information = polar_map(scenario, network=None if sends else network)
    return DesignProblem(
        criteria=(Criterion(information, weights, arrays.link),),
        constraints=(*power_budgets(scenario), *service, *_illumination(scenario, arrays), *analog),
        streams=streams,
        directions=transmit_directions(scenario),
    )


def _service(
    scenario: Scenario, arrays: DoubleArray, user_model: WaveModel | None, network: np.ndarray | None
) -> tuple[tuple[Constraint, ...], tuple[Stream, ...]]:
    """Requirements of the users, and the streams that serve them in the downlink."""
    users = scenario.served_users
    sensing_stream = Stream(SENSING_STREAM, (arrays.transmitter,))
    if users is None or not users.names:
        return (), (sensing_stream,)
    channels = served_channels(scenario, model=user_model)
    if users.station == arrays.transmitter:
        parts = tuple(
            MinimumSinr(name, {arrays.transmitter: channel.conj()}, users.minimum_sinr, scenario.noise_power_w)
            for name, channel in zip(users.names, channels.T, strict=True)
        )
        own = tuple(Stream(f"to {name}", (arrays.transmitter,), name) for name in users.names)
        return parts, (*own, sensing_stream)
    uplink = UplinkChannel(channels, users.power_w / scenario.waveform.subcarriers, scenario.noise_power_w, network)
    service = MinimumUplinkSinr(
        arrays.transmitter,
        users.names,
        uplink,
        echo=arrays.receive.value[:, 0],
        response=arrays.transmit.value[:, 0].conj(),
        echo_gain=abs(arrays.gain) ** 2,
        minimum_sinr=np.full(len(users.names), users.minimum_sinr),
    )
    return (service,), (sensing_stream,)


def _illumination(scenario: Scenario, arrays: DoubleArray) -> tuple[Illumination, ...]:
    share = _sensing(scenario).illumination
    if share == 0.0:
        return ()
    response = arrays.transmit.value[:, 0].conj()
    most_w = scenario.power_per_subcarrier_w(arrays.transmitter) * float(np.sum(np.abs(response) ** 2))
    return (Illumination(arrays.transmitter, response, share * most_w),)


def illumination_share(scenario: Scenario, covariance: Complex[np.ndarray, "tx tx"]) -> float:
    """Power that a transmission sends towards the target, as a share of what full power in one beam at it would give.

    Near 0 the target is in a null: an estimator that has to search sees no echo, although the bound may be small.
    """
    arrays = double_array(scenario)
    response = arrays.transmit.value[:, 0].conj()
    most_w = scenario.power_per_subcarrier_w(arrays.transmitter) * float(np.sum(np.abs(response) ** 2))
    return float(np.real(response.conj() @ covariance @ response)) / most_w


def served_sinr(scenario: Scenario, design: Design) -> dict[str, float]:
    """Ratio that each served user gets from a design, with the best combiners in the uplink."""
    problem = design_problem(scenario)
    users = scenario.served_users
    if users is None or not users.names:
        return {}
    return dict(zip(users.names, true_sinr(problem, problem, design).tolist(), strict=True))


def cautions(scenario: Scenario, design: Design) -> list[str]:
    """What to know of a design that leaves the target in the dark."""
    share = illumination_share(scenario, design.covariances[0])
    if share >= DARK:
        return []
    return [
        f"The target sits in a null of the transmission, with {share:.1e} of the power that one beam would bring it. "
        f"The bound holds near the true position only; an estimator that has to search sees no echo. Set "
        f"`sensing.illumination`, such as 0.1, which costs a few per cent."
    ]


def polar_targets(scenario: Scenario) -> dict[str, tuple[float, float]]:
    """Direction and distance of the target from the arrays."""
    arrays = double_array(scenario)
    return {"target_position[0]": (arrays.angle_rad, arrays.range_m)}


def power_budgets(scenario: Scenario) -> tuple[PowerBudget, ...]:
    """Power of the station that transmits on the link, in every symbol."""
    (transmitter,) = block_sets(scenario)[0]
    return (PowerBudget((transmitter,), scenario.power_per_subcarrier_w(transmitter)),)


def block_sets(scenario: Scenario) -> tuple[tuple[str, ...], ...]:
    """One block, of the station that transmits on the link."""
    ((_, link),) = scenario.links.items()
    return ((link.transmitter,),)


def completed(_: Scenario, covariances: Mapping[str, np.ndarray]) -> dict[str, Complex[np.ndarray, "tx tx"]]:
    """The given blocks are all there are."""
    return dict(covariances)


def constraint(_: Scenario, kind: type) -> Constraint:
    """This system offers no further constraints; those of its users are part of every problem."""
    raise InvalidInput(f"The system li2024 has no {kind.__name__} constraint.")


def transmit_directions(scenario: Scenario) -> Complex[np.ndarray, "tx beam"]:
    """The transmitting array's response towards the target."""
    return double_array(scenario).transmit.value


def true_state(scenario: Scenario) -> dict[str, Float[np.ndarray, "..."]]:
    """True position of the target."""
    return {"target_position[0]": np.array(scenario.targets.positions_m[0], dtype=float)}


def paths_of(_: Scenario) -> dict[str, Paths]:
    """Not offered: waves over the main array are curved, and paths of plane waves do not describe them."""
    raise InvalidInput("The system li2024 has no paths of plane waves: waves over its main array are curved.")


def link_models(_: Scenario, beams: Mapping[str, Complex[np.ndarray, "tx beam"]]) -> dict[str, LinkModel]:
    """Not offered: see `paths_of`."""
    del beams
    raise InvalidInput("The system li2024 has no paths of plane waves: waves over its main array are curved.")
