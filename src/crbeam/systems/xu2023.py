"""A network of stations, some of which listen for targets while the others serve users, at least power or error.

Every station is a block. A link, from all others to one station, stands for what that station would hear if it listened
and was silent; which of them does, and who serves whom, is part of the design. Where several listen together, each set
of them has a name such as `bs1+bs2`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import reduce
from itertools import combinations
from operator import add

import numpy as np
from jaxtyping import Complex, Float

from crbeam.design import Criterion, Design, DesignProblem, PowerBudget, Stream
from crbeam.design.choices import Association, Listening, ReceiverChoice
from crbeam.design.problem import Power, WeightedBound
from crbeam.design.search.grading import role_of, serving_blocks
from crbeam.design.service_constraints import BoundLimit, MinimumSinr
from crbeam.errors import InvalidInput
from crbeam.estimation.link_model import LinkModel
from crbeam.information import InformationMap, Transmission
from crbeam.information.network import Snapshots, StationView, TargetEchoes, echoes_information, target_name
from crbeam.propagation import Paths
from crbeam.propagation.path_loss import LogDistanceLoss
from crbeam.propagation.responses import steering_response
from crbeam.scenario import Network, Scenario, UniformLinearArray
from crbeam.systems.bandwidth_limits import delays_left_out
from crbeam.systems.built_once import built_once
from crbeam.systems.service import Service
from crbeam.systems.system import System

SENSING_STREAM = "sensing"
NO_ESTIMATORS = (
    "No estimators are offered for the system xu2023, whose links have many transmitters; `crbeam bound` and `crbeam "
    "design` show bounds."
)
#: Share of the power of all stations, or of a user's stream, that a solver leaves over and that counts as none.
NEGLIGIBLE = 1e-5
#: Purposes of the random streams of a seed.
_CHANNEL_DRAWS, _ECHO_DRAWS = 3, 4


def network_of(scenario: Scenario) -> Network:
    """Users, losses and requirements."""
    assert scenario.network is not None
    return scenario.network


def station_view(scenario: Scenario, name: str, *, target: int = 0, listens: bool = False) -> StationView:
    """A target as a station sees it, with its transmit array, or the one that listens.

    Responses are transmit vectors: a user or target with the response a to plane waves receives `t^H x`, `t = a`.
    """
    station = scenario.stations[name]
    array: UniformLinearArray = station.receive_array if listens else station.transmit_array
    offset_m = np.subtract(scenario.targets.positions_m[target], station.position_m)
    angle_rad = np.arctan2(offset_m[1], offset_m[0]) - station.orientation_rad
    response, slope = steering_response(array.positions_wavelengths, np.array([angle_rad]))
    return StationView(name, response[:, 0], slope[:, 0], offset_m)


def echo_gains(scenario: Scenario, receiver: str, *, target: int = 0) -> dict[str, complex]:
    """Gain of the way from every other station over a target to the one that listens.

    Its squared modulus is `1 / (loss d_s^n d_r^n)`; its phase, of which nothing depends, comes from the seed.

    Reference: xu2023 section IV.
    """
    network = network_of(scenario)
    names = list(scenario.stations)
    leg = LogDistanceLoss(1.0, network.echo_loss_exponent)
    target_m = scenario.targets.positions_m[target]
    distances_m = np.array([np.hypot(*np.subtract(target_m, scenario.stations[name].position_m)) for name in names])
    reach = dict(zip(names, leg.amplitude(distances_m).tolist(), strict=True))
    found = {}
    for name in names:
        if name != receiver:
            pair = (names.index(receiver), names.index(name), *([target] if target else []))
            generator = _generator(scenario, _ECHO_DRAWS, *pair)
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


class Xu2023(System):
    """The system of xu2023 with what is built of a scenario."""

    has_weights = False

    def default_method(self) -> str:
        """The search over who listens and who serves whom."""
        return "exact"

    def limit_cautions(self) -> list[str]:
        """What delays would tell of a lone target, if they are left out."""
        network, waveform = network_of(self.scenario), self.scenario.waveform
        if network.rms_bandwidth_hz is not None or self.scenario.targets.count != 1:
            return []
        flat_hz = float(waveform.bandwidth_hz / np.sqrt(12.0))
        return delays_left_out(self.scenario, self.link_maps(), self._maps(flat_hz), flat_hz)

    @built_once
    def station_view(self, name: str, target: int, *, listens: bool = False) -> StationView:
        """A target as a station sees it: see `station_view` of this module."""
        return station_view(self.scenario, name, target=target, listens=listens)

    @built_once
    def echo_gains(self, receiver: str, target: int) -> dict[str, complex]:
        """Gain of the way from every other station over a target to the one that listens."""
        return echo_gains(self.scenario, receiver, target=target)

    @built_once
    def link_maps(self) -> dict[str, InformationMap]:
        """What each station that may listen would hear of the targets, all others transmitting, by link.

        Where several listen together, also what each set of them would hear, the others transmitting.
        """
        return self._maps(network_of(self.scenario).rms_bandwidth_hz)

    def _maps(self, rms_bandwidth_hz: float | None) -> dict[str, InformationMap]:
        """The `link_maps` for a given bandwidth of delays; without any they tell nothing."""
        alone = {name: (link.receiver,) for name, link in self.scenario.links.items()}
        sets = {**alone, **self.listening_sets()}
        return {name: self._heard(stations, rms_bandwidth_hz) for name, stations in sets.items()}

    @built_once
    def listening_sets(self) -> dict[str, tuple[str, ...]]:
        """Stations of each set that may listen, by its name; those nearest to the targets first."""

        def distance_m(link: str) -> float:
            receiver, targets = self.scenario.links[link].receiver, range(len(self.scenario.targets.positions_m))
            return sum(self.station_view(receiver, target).distance_m for target in targets)

        sets = combinations(sorted(self.scenario.links, key=distance_m), network_of(self.scenario).listeners)
        ordered = sorted(sets, key=lambda links: sum(map(distance_m, links)))
        return {"+".join(links): tuple(self.scenario.links[link].receiver for link in links) for links in ordered}

    def _heard(self, receivers: Sequence[str], rms_bandwidth_hz: float | None) -> InformationMap:
        """What stations hear together, all others transmitting."""
        waveform, targets = self.scenario.waveform, range(len(self.scenario.targets.positions_m))
        count = waveform.symbols_per_slot * waveform.subcarriers
        snapshots = Snapshots(count, self.scenario.noise_power_w, rms_bandwidth_hz)
        others = [name for name in self.scenario.stations if name not in receivers]
        maps = []
        for receiver in receivers:
            echoes = []
            for target in targets:
                gains = self.echo_gains(receiver, target)
                views = [self.station_view(name, target) for name in others]
                heard = self.station_view(receiver, target, listens=True)
                echoes.append(TargetEchoes(heard, views, np.array([gains[name] for name in others])))
            maps.append(echoes_information(echoes, snapshots))
        return reduce(add, maps)

    def _problem(self, weight: float | None, judged_by: str) -> DesignProblem:
        """Least power at which every user has its ratio and each target its accuracy, over all roles and associations.

        Or, if no accuracy is asked for, the best that the powers allow: least sum of the bounds of all targets'
        positions.

        Args:
            weight: must be None: there is nothing to weigh.
            judged_by: `links`.

        Reference: xu2023 eq. (8), eq. (9).
        """
        if weight is not None or judged_by != "links":
            raise InvalidInput("The system xu2023 minimises power or error under requirements: it has no weights.")
        network, (blocks,) = network_of(self.scenario), self.block_sets()
        sets, maps = self.listening_sets(), self.link_maps()
        bounded = {name: self._criteria(name, replace(maps[name], antennas=self.antennas_of(blocks))) for name in sets}
        limits = [limit for each in bounded.values() for _, limit in each if limit is not None]
        return DesignProblem(
            criteria=tuple(criterion for each in bounded.values() for criterion, _ in each),
            constraints=(
                *self.power_budgets(),
                *self.antenna_limits(),
                *self._users(),
                *limits,
                ReceiverChoice(
                    {
                        name: Listening(stations, tuple(criterion.name for criterion, _ in bounded[name]))
                        for name, stations in sets.items()
                    }
                ),
                Association(),
            ),
            objective=Power() if limits else WeightedBound(),
            streams=(*(Stream(f"to {name}", blocks, name) for name in network.names), Stream(SENSING_STREAM, blocks)),
            directions={block: self.station_view(block, 0).response[:, None] for block in blocks},
        )

    def _criteria(self, name: str, information: InformationMap) -> list[tuple[Criterion, BoundLimit | None]]:
        """What a set of stations hears of the targets: each with its limit, or all together to be minimised."""
        network, targets = network_of(self.scenario), range(len(self.scenario.targets.positions_m))
        found: list[tuple[Criterion, BoundLimit | None]] = []
        for target in targets:
            error_m = network.error_of_target_m(target)
            if error_m is None:
                return [(Criterion(information, {target_name(each): 1.0 for each in targets}, name, unit="m^2"), None)]
            own = name if len(targets) == 1 else f"{name}/target[{target}]"
            criterion = Criterion(information, {target_name(target): 1.0}, own, unit="m^2")
            found.append((criterion, BoundLimit(own, error_m**2)))
        return found

    @built_once
    def _users(self) -> tuple[MinimumSinr, ...]:
        """What every served user requires."""
        (blocks,), network = self.block_sets(), network_of(self.scenario)
        found = []
        for index, name in enumerate(network.names):
            channels = {block: user_channel(self.scenario, block, index) for block in blocks}
            if network.minimum_rate is None:
                found.append(MinimumSinr(name, channels, network.sinr, network.user_noise_w))
            else:
                found.append(MinimumSinr.for_rate(name, channels, network.minimum_rate, network.user_noise_w))
        return tuple(found)

    @built_once
    def served_sinr(self, design: Design) -> dict[str, float]:
        """Ratio that each user gets from a design, of every stream of every station.

        Reference: xu2023 eq. (5).
        """
        found = {}
        for user in self._users():
            wanted = _received_w(user, design.stream_covariances[f"to {user.user}"])
            received = _received_w(user, design.covariances)
            found[user.user] = wanted / (received - wanted + user.noise_power_w)
        return found

    @built_once
    def roles(self, design: Design) -> tuple[tuple[str, ...], dict[str, tuple[str, ...]]]:
        """The stations that listen in a design, and the stations that serve each user."""
        problem = self.design_problem()
        role = role_of(problem, design.covariances)
        return role.silent, serving_blocks(problem, design.stream_covariances, share=NEGLIGIBLE)

    def service(self, design: Design | None = None) -> Service:
        """Places of the users; under a design, the stations that serve them, those that listen, and idle ones."""
        network = network_of(self.scenario)
        places_m = dict(zip(network.names, network.user_positions_m, strict=True))
        if design is None:
            return Service(places_m)
        listeners, served = self.roles(design)
        least_w = NEGLIGIBLE * design.power_w
        silent = [name for name, power_w in design.covariances.powers_w.items() if power_w <= least_w]
        return Service(places_m, served, listeners, tuple(name for name in silent if name not in listeners))

    def design_cautions(self, design: Design) -> list[str]:
        """Who listens and who serves whom, which the bounds do not tell."""
        listeners, served = self.roles(design)
        pairs = ", ".join(f"{user} by {' and '.join(stations)}" for user, stations in served.items())
        who = (
            f"Station {listeners[0]} listens and is"
            if len(listeners) == 1
            else f"Stations {', '.join(listeners)} listen, all"
        )
        return [
            f"{who} silent. Bounds of the other links hold if those stations listened without hearing themselves. "
            f"Served: {pairs or 'nobody'}."
        ]

    def power_budgets(self) -> tuple[PowerBudget, ...]:
        """The most that each station may send, or all together, in every symbol."""
        total_w = network_of(self.scenario).total_power_w
        if total_w is not None:
            return (PowerBudget(tuple(self.scenario.stations), total_w / self.scenario.waveform.subcarriers),)
        return tuple(
            PowerBudget((name,), self.scenario.power_per_subcarrier_w(name)) for name in self.scenario.stations
        )

    def block_sets(self) -> tuple[tuple[str, ...], ...]:
        """One block for each station."""
        return (tuple(self.scenario.stations),)

    def true_state(self) -> dict[str, Float[np.ndarray, "..."]]:
        """True positions of the targets."""
        places_m = enumerate(self.scenario.targets.positions_m)
        return {target_name(index): np.array(place_m, dtype=float) for index, place_m in places_m}

    def paths(self) -> dict[str, Paths]:
        """Not offered: a link has many transmitters."""
        raise InvalidInput("The system xu2023 has no paths of single links: every link has many transmitters.")

    def link_models(self, beams: Mapping[str, Complex[np.ndarray, "tx beam"]]) -> dict[str, LinkModel]:
        """Not offered: see `paths`."""
        del beams
        raise InvalidInput(NO_ESTIMATORS)

    def for_estimates(self, illumination: float | None = None) -> System:
        """Not offered: see `paths`."""
        del illumination
        raise InvalidInput(NO_ESTIMATORS)


def _received_w(user: MinimumSinr, sent: Transmission) -> float:
    powers_w = [
        float(np.real(user.channels[block].conj() @ covariance @ user.channels[block]))
        for block, covariance in sent.items()
    ]
    return sum(powers_w)
