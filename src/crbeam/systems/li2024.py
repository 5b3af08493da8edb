"""A near-field target located by two arrays at one place, which serve users besides.

The main array is large, so that waves over it are curved and show the range of the target beside its angle, at one
frequency and without measuring a delay. In the downlink it sends to users and target, and the assisting array hears the
echo; in the uplink the assisting array lights the target, and the main array hears the echo beside its users.

Whoever transmits on the link is the one block. Which array serves users is `served_users.station`; if it transmits on
the link this is the downlink.
"""

import numpy as np
from jaxtyping import Complex, Float

from crbeam.communication import UplinkChannel
from crbeam.design import Constraint, Criterion, Design, DesignProblem, PowerBudget, Stream
from crbeam.design.constraints import SubarrayHybrid
from crbeam.design.service_constraints import FixedAnalog, Illumination, MinimumSinr, MinimumUplinkSinr
from crbeam.errors import InvalidInput, InvalidScenario
from crbeam.estimation.near_field_model import EchoModel
from crbeam.information import InformationMap
from crbeam.information.near_field import Echo, echo_information, position_information
from crbeam.information.transmission import Covariances
from crbeam.propagation import Paths
from crbeam.propagation.near_field import WaveModel, near_field_phases
from crbeam.scenario import Scenario, Sensing
from crbeam.systems.antenna_limits import most_power_w
from crbeam.systems.bandwidth_limits import range_of_delay
from crbeam.systems.built_once import built_once
from crbeam.systems.double_array import (
    DoubleArray,
    antenna_positions_m,
    double_array,
    sensing_of,
    served_channels,
    served_users,
    serving_station,
    wave_model,
)
from crbeam.systems.double_array_identifiability import require_identifiable
from crbeam.systems.double_array_limits import limit_cautions
from crbeam.systems.far_field_baseline import delivered_sinr
from crbeam.systems.near_field_echoes import TrueEcho, echo_model, true_echo
from crbeam.systems.service import Service
from crbeam.systems.system import System
from crbeam.units import ratio_to_db

LINKS, FUSED = "links", "fused"
#: Illumination of the target, relative to one beam at full power, below which estimators lose it.
DARK = 0.01
#: Relative shortfall of a user's ratio that is rounding.
SERVED = 1e-6
#: Least illumination of the target, as a share, in designs that estimators are checked with; and the most there may be.
ESTIMATION_FLOOR, MOST_ILLUMINATION = 0.1, 0.999
TARGET, SENSING_STREAM = "target[0]", "sensing"


class Li2024(System):
    """The system of li2024 with what is built of a scenario."""

    transmit_vector = "conj(a)"
    has_weights = False

    @built_once
    def arrays(self) -> DoubleArray:
        """Both arrays, the target and the gain of the echo."""
        return double_array(self.scenario)

    @built_once
    def _digital_polar_map(self) -> InformationMap:
        """The polar map with one chain at each antenna of the listening array."""
        return self._polar_map(None)

    def polar_map(self, *, network: Complex[np.ndarray, "rx chain"] | None = None) -> InformationMap:
        """Information about angle, range and gain of the target.

        Args:
            network: analog combiner of the listening array; None is one chain for each antenna.

        Reference: li2024 eq. (24).
        """
        return self._digital_polar_map() if network is None else self._polar_map(np.linalg.qr(network)[0])

    def _polar_map(self, basis: np.ndarray | None) -> InformationMap:
        arrays = self.arrays()
        waveform = self.scenario.waveform
        echo = Echo(
            arrays.link,
            arrays.transmitter,
            (arrays.gain,),
            waveform.symbols_per_slot * waveform.subcarriers,
            self.scenario.noise_power_w,
            sensing_of(self.scenario).unknown_gain,
        )
        projector = None if basis is None else basis @ basis.conj().T
        return echo_information(echo, transmit=arrays.transmit, receive=arrays.receive, projector=projector)

    def position_map(self, *, network: Complex[np.ndarray, "rx chain"] | None = None) -> InformationMap:
        """Information about the position of the target and the gain of the echo; arguments as of `polar_map`."""
        arrays = self.arrays()
        return position_information(self.polar_map(network=network), {TARGET: (arrays.angle_rad, arrays.range_m)})

    @built_once
    def link_maps(self) -> dict[str, InformationMap]:
        """Information about the position of the target and the gain of the echo, by link."""
        return {self.arrays().link: self.position_map()}

    def _problem(self, weight: float | None, judged_by: str) -> DesignProblem:
        if weight is not None:
            raise InvalidInput(
                "The system li2024 has no weight of bistatic positioning; set `sensing.angle_weight` and "
                "`sensing.range_weight`."
            )
        if judged_by not in (LINKS, FUSED, *self.scenario.links):
            raise InvalidInput(f"The system li2024 does not judge designs by `{judged_by}`.")
        return self.problem_with()

    def problem_with(
        self,
        *,
        user_model: WaveModel | None = None,
        network: Complex[np.ndarray, "antenna chain"] | None = None,
    ) -> DesignProblem:
        """Minimise the weighted bounds of the target's angle and range while every user has its SINR.

        By default the weights make the objective the squared position error bound; a floor on the illumination of the
        target is kept if the scenario has one.

        Args:
            user_model: of the waves between array and users, `far` for the baseline; by default what the scenario says
                that designs are made for.
            network: analog network F between the antennas and the chains of the array that serves users, in either
                direction; None is one chain for each antenna.

        Reference: li2024 eq. (26), eq. (53).

        Deviation: the trace of (26) adds square radians and square metres. The weights of the scenario say how much an
        error in angle counts; 1 and 1 are those of the paper.
        """
        arrays, sensing = self.arrays(), sensing_of(self.scenario)
        angle_weight = arrays.range_m**2 if sensing.angle_weight is None else sensing.angle_weight
        weights = {"target_angle[0]": angle_weight, "target_range[0]": sensing.range_weight}
        service, streams = self._service(user_model, network)
        sends = serving_station(self.scenario) == arrays.transmitter
        analog = () if network is None or not sends else (FixedAnalog(arrays.transmitter, network),)
        information = self.polar_map(network=None if sends else network)
        if network is None:
            wanted = [name for name, weight in weights.items() if weight > 0.0]
            require_identifiable(self.scenario, information, wanted)
        return DesignProblem(
            criteria=(Criterion(information, weights, arrays.link, unit=_unit(sensing)),),
            constraints=(
                *self.power_budgets(),
                *self.antenna_limits(),
                *service,
                *self._illumination(),
                *analog,
            ),
            streams=streams,
            directions=dict.fromkeys(information.antennas, self.transmit_directions()),
        )

    @built_once
    def channels(self, model: WaveModel) -> Complex[np.ndarray, "antenna user"]:
        """Channels between the serving array and its users under a model of the waves, a column for each."""
        return served_channels(self.scenario, model=model)

    def _service(
        self, user_model: WaveModel | None, network: np.ndarray | None
    ) -> tuple[tuple[Constraint, ...], tuple[Stream, ...]]:
        """Requirements of the users, and the streams that serve them in the downlink."""
        users, arrays = self.scenario.served_users, self.arrays()
        sensing_stream = Stream(SENSING_STREAM, (arrays.transmitter,))
        if users is None or not users.names:
            return (), (sensing_stream,)
        assumed: WaveModel | None = "far" if users.assumed_waves == "far" else None
        channels = self.channels(user_model or assumed or wave_model(self.scenario, users.station))
        if users.station == arrays.transmitter:
            parts = tuple(
                MinimumSinr(name, {arrays.transmitter: channel.conj()}, users.minimum_sinr, self.scenario.noise_power_w)
                for name, channel in zip(users.names, channels.T, strict=True)
            )
            own = tuple(Stream(f"to {name}", (arrays.transmitter,), name) for name in users.names)
            return parts, (*own, sensing_stream)
        uplink = UplinkChannel(
            channels, users.power_w / self.scenario.waveform.subcarriers, self.scenario.noise_power_w, network
        )
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

    def _illumination(self) -> tuple[Illumination, ...]:
        share, arrays = sensing_of(self.scenario).illumination, self.arrays()
        if share == 0.0:
            return ()
        response = arrays.transmit.value[:, 0].conj()
        (budget,) = self.power_budgets()
        most_w = most_power_w(response, budget, self.antenna_limits())
        return (Illumination(arrays.transmitter, response, share * most_w, is_share=True),)

    def illumination_share(self, covariance: Complex[np.ndarray, "tx tx"]) -> float:
        """Power that a transmission sends towards the target, as a share of the most that the station can send there.

        Near 0 the target is in a null: an estimator that has to search sees no echo, although the bound may be small.
        """
        arrays = self.arrays()
        response = arrays.transmit.value[:, 0].conj()
        (budget,) = self.power_budgets()
        most_w = most_power_w(response, budget, self.antenna_limits())
        return float(np.real(response.conj() @ covariance @ response)) / most_w

    @built_once
    def served_sinr(self, design: Design) -> dict[str, float]:
        """Ratio that each served user truly gets; in the uplink with the best combiners for the design's channels."""
        users = self.scenario.served_users
        if users is None or not users.names:
            return {}
        heard_through = {} if users.station in design.blocks else design.analog
        network = next(iter(heard_through.values()), None)
        true, streams = self._service(wave_model(self.scenario, users.station), network)
        believed, _ = self._service(None, network)
        return dict(zip(users.names, delivered_sinr(true, believed, streams, design).tolist(), strict=True))

    def service(self, design: Design | None = None) -> Service:
        """Places of the served users, all of them served by one array, whatever the design."""
        del design
        users = self.scenario.served_users
        if users is None:
            return Service()
        station = self.scenario.stations[users.station]
        turn = np.exp(1j * station.orientation_rad)
        found = {}
        for name, user in zip(users.names, served_users(self.scenario), strict=True):
            offset = turn * complex(*user.position_m)
            found[name] = (station.position_m[0] + offset.real, station.position_m[1] + offset.imag)
        return Service(found, dict.fromkeys(found, (users.station,)))

    @built_once
    def limit_cautions(self) -> list[str]:
        """A target too near for the model of its waves, a place like its own, and what a delay would tell."""
        return [*limit_cautions(self.scenario, self.arrays()), *range_of_delay(self.scenario, self.polar_map())]

    def design_cautions(self, design: Design) -> list[str]:
        """What to know of a design whose users get less than was assumed, or that leaves the target in the dark."""
        found, users = [], self.scenario.served_users
        ratios = self.served_sinr(design)
        if users is not None and ratios and min(ratios.values()) < users.minimum_sinr * (1.0 - SERVED):
            worst_db = float(ratio_to_db(users.minimum_sinr / min(ratios.values())))
            found.append(
                f"The design was made for plane waves from its users; on the true channels one of them misses its SINR "
                f"by {worst_db:.1f} dB. Leave out `served_users.assumed_waves` to have them served."
            )
        return [*found, *self.transmission_cautions(design.covariances)]

    def transmission_cautions(self, covariances: Covariances) -> list[str]:
        """What to know of a transmission that leaves the target in the dark."""
        share = self.illumination_share(*covariances.values())
        if share >= DARK:
            return []
        return [
            f"The target sits in a null of the transmission, with {share:.1e} of the power that one beam would bring "
            f"it. The bound holds near the true position only; an estimator that has to search sees no echo. Set "
            f"`sensing.illumination`, such as 0.1, which costs a few per cent."
        ]

    def polar_maps(self) -> dict[str, InformationMap]:
        """Information about the direction and the distance of the target, by link."""
        return {self.arrays().link: self.polar_map()}

    def polar_targets(self) -> dict[str, tuple[float, float]]:
        """Direction and distance of the target from the arrays."""
        arrays = self.arrays()
        return {"target_position[0]": (arrays.angle_rad, arrays.range_m)}

    def for_estimates(self, illumination: float | None = None) -> System:
        """The system with a floor on the illumination of the target: see `with_illumination`."""
        return Li2024(with_illumination(self.scenario, illumination))

    def true_echo(self) -> TrueEcho:
        """The echo that an estimator has to find."""
        return true_echo(self.scenario, self.arrays())

    def echo_model(
        self, covariance: Complex[np.ndarray, "tx tx"], *, network: Complex[np.ndarray, "rx chain"] | None = None
    ) -> EchoModel:
        """What the array that listens knows of the link: see `near_field_echoes.echo_model`."""
        return echo_model(self.scenario, self.arrays(), covariance, network=network)

    def power_budgets(self) -> tuple[PowerBudget, ...]:
        """Power of the station that transmits on the link, in every symbol."""
        (transmitter,) = self.block_sets()[0]
        return (PowerBudget((transmitter,), self.scenario.power_per_subcarrier_w(transmitter)),)

    def block_sets(self) -> tuple[tuple[str, ...], ...]:
        """One block, of the station that transmits on the link."""
        ((_, link),) = self.scenario.links.items()
        return ((link.transmitter,),)

    def constraint(self, kind: type) -> Constraint:
        """A hybrid array that serves users, in either direction; requirements of the users are part of every problem.

        Reference: li2024 eq. (1), eq. (26b), eq. (53b).
        """
        if kind is SubarrayHybrid:
            arrays, users = self.arrays(), self.scenario.served_users
            if users is None:
                raise InvalidInput(
                    "A hybrid array must serve users: give `served_users`, with a count of 0 if need be."
                )
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
        return super().constraint(kind)

    def transmit_vectors(
        self, station: str, offsets_m: Float[np.ndarray, "point 2"]
    ) -> Complex[np.ndarray, "tx point"]:
        """Transmit vectors towards points at their distances: channels are `b a^T`, so that `t = conj(a)`."""
        place = self.scenario.stations[station]
        return near_field_phases(
            antenna_positions_m(self.scenario, place),
            np.arctan2(offsets_m[:, 1], offsets_m[:, 0]) - place.orientation_rad,
            np.hypot(offsets_m[:, 0], offsets_m[:, 1]),
            wavelength_m=self.scenario.waveform.wavelength_m,
            model=wave_model(self.scenario, station),
        ).conj()

    def transmit_directions(self) -> Complex[np.ndarray, "tx beam"]:
        """Beam that lights the target: the conjugate of the transmitting array's response towards it."""
        return self.arrays().transmit.value.conj()

    def true_state(self) -> dict[str, Float[np.ndarray, "..."]]:
        """True position of the target."""
        return {"target_position[0]": np.array(self.scenario.targets.positions_m[0], dtype=float)}

    def paths(self) -> dict[str, Paths]:
        """Not offered: waves over the main array are curved, and paths of plane waves do not describe them."""
        raise InvalidInput("The system li2024 has no paths of plane waves: waves over its main array are curved.")


def _unit(sensing: Sensing) -> str:
    """Unit of the weighted bound: squared metres, or with an angle weight of one's own what is added up."""
    if sensing.angle_weight is None:
        return "m^2"
    parts = {"rad^2": sensing.angle_weight, "m^2": sensing.range_weight}
    return " + ".join(unit for unit, weight in parts.items() if weight > 0.0)


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
