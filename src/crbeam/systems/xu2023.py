"""A network of stations, one of which listens for a target while the others serve users, at least power.

Every station is a block. A link, from all others to one station, stands for what that station would hear if it listened
and was silent; which of them does, and who serves whom, is part of the design.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from jaxtyping import Complex, Float

from crbeam.design import Constraint, Criterion, Design, DesignProblem, PowerBudget, Stream
from crbeam.design.network.grading import role_of, serving_blocks
from crbeam.design.problem import Power
from crbeam.design.service_constraints import Association, BoundLimit, MinimumSinr, OneReceiver
from crbeam.errors import InvalidInput
from crbeam.estimation.link_model import LinkModel
from crbeam.information import InformationMap
from crbeam.information.network import TARGET, Snapshots, StationView, network_information
from crbeam.propagation import Paths
from crbeam.propagation.path_loss import LogDistanceLoss
from crbeam.propagation.responses import steering_response
from crbeam.scenario import Network, Scenario, UniformLinearArray

DEFAULT_METHOD = "exact"
SENSING_STREAM = "sensing"
#: Purposes of the random streams of a seed.
_CHANNEL_DRAWS, _ECHO_DRAWS = 3, 4


def network_of(scenario: Scenario) -> Network:
    """Users, losses and requirements."""
    assert scenario.network is not None
    return scenario.network


def station_view(scenario: Scenario, name: str, *, listens: bool = False) -> StationView:
    """The target as a station sees it, with its transmit array, or the one that listens.

    Responses are transmit vectors: a user or target with the response a to plane waves receives `t^H x`, `t = a`.
    """
    station = scenario.stations[name]
    array: UniformLinearArray = station.receive_array if listens else station.transmit_array
    offset_m = np.subtract(scenario.targets.positions_m[0], station.position_m)
    angle_rad = np.arctan2(offset_m[1], offset_m[0]) - station.orientation_rad
    response, slope = steering_response(array.positions_wavelengths, np.array([angle_rad]))
    return StationView(name, response[:, 0], slope[:, 0], offset_m)


def echo_gains(scenario: Scenario, receiver: str) -> dict[str, complex]:
    """Gain of the way from every other station over the target to the one that listens.

    Its squared modulus is `1 / (loss d_s^n d_r^n)`; its phase, of which nothing depends, comes from the seed.

    Reference: xu2023 section IV.
    """
    network = network_of(scenario)
    names = list(scenario.stations)
    leg = LogDistanceLoss(1.0, network.echo_loss_exponent)
    reach = {name: float(leg.amplitude(np.array([station_view(scenario, name).distance_m]))[0]) for name in names}
    found = {}
    for name in names:
        if name != receiver:
            generator = _generator(scenario, _ECHO_DRAWS, names.index(receiver), names.index(name))
            turn = np.exp(2j * np.pi * generator.uniform())
            found[name] = complex(reach[name] * reach[receiver] / np.sqrt(network.echo_loss) * turn)
    return found


def user_channel(scenario: Scenario, station: str, user: int) -> Complex[np.ndarray, " tx"]:
    """Transmit vector h of the channel from a station to a user, who receives `h^H x`.

    `sqrt(1 / (loss d^n)) CN(0, I)`, each pair of station and user with random numbers of its own.

    Reference: xu2023 section IV.

    Deviation: the paper gives no loss at one metre; it is a required field of the scenario.
    """
    network, place = network_of(scenario), scenario.stations[station]
    distance_m = float(np.hypot(*np.subtract(network.user_positions_m[user], place.position_m)))
    generator = _generator(scenario, _CHANNEL_DRAWS, list(scenario.stations).index(station), user)
    parts = generator.standard_normal((2, place.transmit_array.elements))
    amplitude = (network.user_loss * distance_m**network.user_loss_exponent) ** -0.5
    return amplitude * (parts[0] + 1j * parts[1]) / np.sqrt(2.0)


def _generator(scenario: Scenario, *key: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(scenario.seed or 0, spawn_key=key))


def link_maps(scenario: Scenario) -> dict[str, InformationMap]:
    """What each station that may listen would hear of the target, all others transmitting, by link."""
    waveform, network = scenario.waveform, network_of(scenario)
    count = waveform.symbols_per_slot * waveform.subcarriers
    snapshots = Snapshots(count, scenario.noise_power_w, network.rms_bandwidth_hz)
    found = {}
    for name, link in scenario.links.items():
        gains = echo_gains(scenario, link.receiver)
        views = [station_view(scenario, each) for each in gains]
        receiver = station_view(scenario, link.receiver, listens=True)
        found[name] = network_information(receiver, views, np.array([*gains.values()]), snapshots)
    return found


def link_map(scenario: Scenario, link: str) -> InformationMap:
    """The one of `link_maps` with that name."""
    maps = link_maps(scenario)
    if link not in maps:
        raise InvalidInput(f"The link must be one of {', '.join(maps)}, found `{link}`.")
    return maps[link]


def design_problem(scenario: Scenario, *, weight: float | None = None, judged_by: str = "links") -> DesignProblem:
    """Least power at which every user has its ratio and the target its accuracy, over all roles and associations.

    Args:
        scenario: the world.
        weight: must be None: there is nothing to weigh.
        judged_by: `links`.

    Reference: xu2023 eq. (8), eq. (9).
    """
    if weight is not None or judged_by != "links":
        raise InvalidInput("The system xu2023 minimises power under requirements: it has no weights and one judgement.")
    network, (blocks,) = network_of(scenario), block_sets(scenario)
    names = sorted(scenario.links, key=lambda name: station_view(scenario, scenario.links[name].receiver).distance_m)
    maps = link_maps(scenario)
    return DesignProblem(
        criteria=tuple(Criterion(replace(maps[name], blocks=blocks), {TARGET: 1.0}, name) for name in names),
        constraints=(
            *power_budgets(scenario),
            *_users(scenario, blocks),
            *(BoundLimit(name, network.target_error_m**2) for name in names),
            OneReceiver({name: scenario.links[name].receiver for name in names}),
            Association(),
        ),
        objective=Power(),
        streams=(*(Stream(f"to {name}", blocks, name) for name in network.names), Stream(SENSING_STREAM, blocks)),
        directions=np.stack([station_view(scenario, block).response for block in blocks], axis=1),
    )


def _users(scenario: Scenario, blocks: tuple[str, ...]) -> tuple[MinimumSinr, ...]:
    network = network_of(scenario)
    return tuple(
        MinimumSinr(
            name,
            {block: user_channel(scenario, block, index) for block in blocks},
            network.minimum_sinr,
            network.user_noise_w,
        )
        for index, name in enumerate(network.names)
    )


def served_sinr(scenario: Scenario, design: Design) -> dict[str, float]:
    """Ratio that each user gets from a design, of every stream of every station.

    Reference: xu2023 eq. (5).
    """
    found = {}
    for user in _users(scenario, design.blocks):
        wanted = _received_w(user, design, design.stream_covariances[f"to {user.user}"])
        received = _received_w(user, design, design.covariances)
        found[user.user] = wanted / (received - wanted + user.noise_power_w)
    return found


def _received_w(user: MinimumSinr, design: Design, stack: Complex[np.ndarray, "block tx tx"]) -> float:
    powers_w = [
        float(np.real(user.channels[block].conj() @ covariance @ user.channels[block]))
        for block, covariance in zip(design.blocks, stack, strict=True)
    ]
    return sum(powers_w)


def roles(scenario: Scenario, design: Design) -> tuple[str, dict[str, tuple[str, ...]]]:
    """The station that listens in a design, and the stations that serve each user."""
    problem = design_problem(scenario)
    role = role_of(problem, design.covariances)
    return scenario.links[role.receiver].receiver, serving_blocks(problem, design.stream_covariances)


def cautions(scenario: Scenario, design: Design) -> list[str]:
    """Who listens and who serves whom, which the bounds do not tell."""
    receiver, served = roles(scenario, design)
    pairs = ", ".join(f"{user} by {' and '.join(stations)}" for user, stations in served.items())
    return [
        f"Station {receiver} listens and is silent. Bounds of the other links hold if those stations listened without "
        f"hearing themselves. Served: {pairs or 'nobody'}."
    ]


def power_budgets(scenario: Scenario) -> tuple[PowerBudget, ...]:
    """The most that each station may send, in every symbol."""
    return tuple(PowerBudget((name,), scenario.power_per_subcarrier_w(name)) for name in scenario.stations)


def block_sets(scenario: Scenario) -> tuple[tuple[str, ...], ...]:
    """One block for each station."""
    return (tuple(scenario.stations),)


def completed(_: Scenario, covariances: Mapping[str, np.ndarray]) -> dict[str, Complex[np.ndarray, "tx tx"]]:
    """The given blocks are all there are."""
    return dict(covariances)


def constraint(_: Scenario, kind: type) -> Constraint:
    """This system offers no further constraints; its own are part of every problem."""
    raise InvalidInput(f"The system xu2023 has no {kind.__name__} constraint.")


def true_state(scenario: Scenario) -> dict[str, Float[np.ndarray, "..."]]:
    """True position of the target."""
    return {TARGET: np.array(scenario.targets.positions_m[0], dtype=float)}


def paths_of(_: Scenario) -> dict[str, Paths]:
    """Not offered: a link has many transmitters."""
    raise InvalidInput("The system xu2023 has no paths of single links: every link has many transmitters.")


def link_models(_: Scenario, beams: Mapping[str, Complex[np.ndarray, "tx beam"]]) -> dict[str, LinkModel]:
    """Not offered: see `paths_of`."""
    del beams
    raise InvalidInput("The system xu2023 has no paths of single links: every link has many transmitters.")
