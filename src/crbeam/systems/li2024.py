"""A near-field target located by two arrays at one place, which serve users besides.

The main array is large, so that waves over it are curved and show the range of the target beside its angle, at one
frequency and without measuring a delay. In the downlink it sends to users and target, and the assisting array hears the
echo; in the uplink the assisting array lights the target, and the main array hears the echo beside its users.

Whoever transmits on the link is the one block. Which array serves users is `served_users.station`; if it transmits on
the link this is the downlink.
"""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Complex, Float

from crbeam.communication import UplinkChannel
from crbeam.design import Constraint, Criterion, Design, DesignProblem, PowerBudget, Stream
from crbeam.design.service_constraints import FixedAnalog, Illumination, MinimumSinr, MinimumUplinkSinr
from crbeam.design.subarrays import SubarrayHybrid
from crbeam.errors import InvalidInput, InvalidScenario
from crbeam.estimation.link_model import LinkModel
from crbeam.information import InformationMap
from crbeam.information.near_field import Echo, echo_information, position_information
from crbeam.propagation import Paths
from crbeam.propagation.near_field import WaveModel
from crbeam.scenario import Scenario
from crbeam.systems.double_array import (
    DoubleArray,
    double_array,
    sensing_of,
    served_channels,
    served_users,
    serving_station,
    wave_model,
)
from crbeam.systems.double_array_identifiability import require_identifiable
from crbeam.systems.double_array_limits import limit_cautions
from crbeam.systems.far_field_baseline import true_sinr
from crbeam.systems.service import Service
from crbeam.units import ratio_to_db

LINKS, FUSED = "links", "fused"
DEFAULT_METHOD = "digital"
#: There are no weights of bistatic positioning.
HAS_WEIGHTS = False
#: Illumination of the target, relative to one beam at full power, below which estimators lose it.
DARK = 0.01
#: Relative shortfall of a user's ratio that is rounding.
SERVED = 1e-6
#: Least illumination of the target, as a share, in designs that estimators are checked with; and the most there may be.
ESTIMATION_FLOOR, MOST_ILLUMINATION = 0.1, 0.999
TARGET, SENSING_STREAM = "target[0]", "sensing"


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
        sensing_of(scenario).unknown_gain,
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
        user_model: of the waves between array and users, `far` for the baseline; by default what the scenario says
            that designs are made for.
        network: analog network F between the antennas and the chains of the array that serves users, in either
            direction; None is one chain for each antenna.

    Raises:
        Unidentifiable: no transmission determines what counts.

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
    arrays, sensing = double_array(scenario), sensing_of(scenario)
    angle_weight = arrays.range_m**2 if sensing.angle_weight is None else sensing.angle_weight
    weights = {"target_angle[0]": angle_weight, "target_range[0]": sensing.range_weight}
    service, streams = _service(scenario, arrays, user_model, network)
    sends = serving_station(scenario) == arrays.transmitter
    analog = () if network is None or not sends else (FixedAnalog(arrays.transmitter, network),)
    information = polar_map(scenario, network=None if sends else network)
    if network is None:
        require_identifiable(scenario, information, [name for name, weight in weights.items() if weight > 0.0])
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
    assumed: WaveModel | None = "far" if users.assumed_waves == "far" else None
    channels = served_channels(scenario, model=user_model or assumed)
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
    share = sensing_of(scenario).illumination
    if share == 0.0:
        return ()
    response = arrays.transmit.value[:, 0].conj()
    most_w = scenario.power_per_subcarrier_w(arrays.transmitter) * float(np.sum(np.abs(response) ** 2))
    return (Illumination(arrays.transmitter, response, share * most_w, is_share=True),)


def illumination_share(scenario: Scenario, covariance: Complex[np.ndarray, "tx tx"]) -> float:
    """Power that a transmission sends towards the target, as a share of what full power in one beam at it would give.

    Near 0 the target is in a null: an estimator that has to search sees no echo, although the bound may be small.
    """
    arrays = double_array(scenario)
    response = arrays.transmit.value[:, 0].conj()
    most_w = scenario.power_per_subcarrier_w(arrays.transmitter) * float(np.sum(np.abs(response) ** 2))
    return float(np.real(response.conj() @ covariance @ response)) / most_w


def served_sinr(scenario: Scenario, design: Design) -> dict[str, float]:
    """Ratio that each served user truly gets; in the uplink with the best combiners for the channels of the design."""
    users = scenario.served_users
    if users is None or not users.names:
        return {}
    heard_through = {} if users.station in design.blocks else design.analog
    network = next(iter(heard_through.values()), None)
    true, believed = (
        design_problem(scenario, network=network, user_model=model)
        for model in (wave_model(scenario, users.station), None)
    )
    return dict(zip(users.names, true_sinr(true, believed, design).tolist(), strict=True))


def service(scenario: Scenario, _: Design | None) -> Service:
    """Places of the served users, all of them served by one array, whatever the design."""
    users = scenario.served_users
    if users is None:
        return Service()
    station = scenario.stations[users.station]
    turn = np.exp(1j * station.orientation_rad)
    found = {}
    for name, user in zip(users.names, served_users(scenario), strict=True):
        offset = turn * complex(*user.position_m)
        found[name] = (station.position_m[0] + offset.real, station.position_m[1] + offset.imag)
    return Service(found, dict.fromkeys(found, (users.station,)))


def scene_cautions(scenario: Scenario) -> list[str]:
    """A target too near for the model of its waves, and a place that looks like its own."""
    return limit_cautions(scenario)


def cautions(scenario: Scenario, design: Design) -> list[str]:
    """What to know of a design whose users get less than was assumed, or that leaves the target in the dark."""
    found, users = [], scenario.served_users
    ratios = served_sinr(scenario, design)
    if users is not None and ratios and min(ratios.values()) < users.minimum_sinr * (1.0 - SERVED):
        worst_db = float(ratio_to_db(users.minimum_sinr / min(ratios.values())))
        found.append(
            f"The design was made for plane waves from its users; on the true channels one of them misses its SINR by "
            f"{worst_db:.1f} dB. Leave out `served_users.assumed_waves` to have them served."
        )
    return [*found, *darkness_cautions(scenario, design.covariances[0])]


def darkness_cautions(scenario: Scenario, covariance: Complex[np.ndarray, "tx tx"]) -> list[str]:
    """What to know of a transmission that leaves the target in the dark."""
    share = illumination_share(scenario, covariance)
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


def with_illumination(scenario: Scenario, share: float | None = None) -> Scenario:
    """The scenario with a floor on the illumination of the target that lets estimators find it.

    Without a floor the best transmission puts a null on the target. The bound, which is local, does not mind; but the
    echo vanishes, and an estimator that has to search finds nothing.

    Args:
        scenario: the world.
        share: of what full power in one beam would give; None is the scenario's own floor, or 0.1 if it has none.

    Raises:
        InvalidInput: the share is not from 0 to 0.999.
    """
    sensing = sensing_of(scenario)
    wanted = share if share is not None else sensing.illumination or ESTIMATION_FLOOR
    if not 0.0 <= wanted <= MOST_ILLUMINATION:
        found = float(wanted)
        raise InvalidInput(f"The illumination must be a share from 0 to {MOST_ILLUMINATION:g}, found {found!r}.")
    return scenario.model_copy(update={"sensing": sensing.model_copy(update={"illumination": wanted})})


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


def constraint(scenario: Scenario, kind: type) -> Constraint:
    """A hybrid array that serves users, in either direction; requirements of the users are part of every problem.

    Reference: li2024 eq. (1), eq. (26b), eq. (53b).
    """
    if kind is SubarrayHybrid:
        arrays, users = double_array(scenario), scenario.served_users
        if users is None:
            raise InvalidInput("A hybrid array must serve users: give `served_users`, with a count of 0 if need be.")
        sends = users.station == arrays.transmitter
        port = arrays.transmitter if sends else arrays.link
        n_antennas = len((arrays.transmit if sends else arrays.receive).value)
        if n_antennas % users.antennas_per_chain:
            raise InvalidScenario(
                f"must divide the {n_antennas} antennas of station `{users.station}`, whose chains share them out; "
                f"found {users.antennas_per_chain}.",
                field="served_users.antennas_per_chain",
            )
        return SubarrayHybrid("transmit" if sends else "receive", port, users.antennas_per_chain)
    raise InvalidInput(f"The system li2024 has no {kind.__name__} constraint.")


def transmit_directions(scenario: Scenario) -> Complex[np.ndarray, "tx beam"]:
    """Beam that lights the target: the conjugate of the transmitting array's response towards it."""
    return double_array(scenario).transmit.value.conj()


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
