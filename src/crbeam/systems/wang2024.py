"""One transmitter, many receivers, a moving target: who should sense, and with what beams.

The transmitter is the one block. Each receiver measures the delay and the Doppler shift of the echo (links `receiver0`,
...; a link back to the transmitter is monostatic sensing); the selected ones together (`fused`) tell position and
velocity of the target. Every receiver also has a message of its own, and those that sense know the sensing signal and
remove it from what they receive.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Complex, Float

from crbeam.communication import mimo_rates_bps_hz
from crbeam.design import Criterion, Design, DesignProblem, PowerBudget, Stream
from crbeam.design.search.rules import MAX_LISTED
from crbeam.design.service_constraints import MinimumRate, MinimumSinr
from crbeam.errors import InvalidInput
from crbeam.information import InformationMap
from crbeam.information.delay_doppler import (
    MovingEcho,
    delay_doppler_information,
    printed_information,
    shared_parameters,
)
from crbeam.information.parameters import ParameterLayout
from crbeam.information.pulses import pulse_moments
from crbeam.propagation import Paths
from crbeam.propagation.jacobians import doppler_gradients, path_gradients
from crbeam.systems.built_once import built_once
from crbeam.systems.receiver_choice import (
    FUSED,
    SENSING_STREAM,
    alone,
    require_budget,
    require_listeners,
    selection_of,
)
from crbeam.systems.receivers import (
    Listener,
    departure_vectors,
    direct_channels,
    echo_loss,
    echo_paths,
    listeners,
    moving_echo,
    multistatic_of,
    pulse_train,
    receivers_of,
    sensing_links,
    transmitter_of,
)
from crbeam.systems.system import System

LINKS = "links"
POSITION, VELOCITY, SPEED = "target_position[0]", "target_velocity[0]", "target_speed[0]"


class Wang2024(System):
    """The system of wang2024 with what is built of a scenario."""

    transmit_vector = "conj(a)"
    has_weights = False

    @built_once
    def listeners(self) -> dict[str, Listener]:
        """Everything that hears the echo on some link, by its name: see `receivers.listeners`."""
        return {each.link: each for each in listeners(self.scenario)}

    def sensing_links(self) -> tuple[str, ...]:
        """Names of the observations that count together: see `receivers.sensing_links`."""
        return sensing_links(self.scenario, self.listeners())

    @built_once
    def paths(self) -> dict[str, Paths]:
        """The path over the target to every listener, by link."""
        return {link: echo_paths(self.scenario, each) for link, each in self.listeners().items()}

    @built_once
    def moving_echo(self, link: str) -> MovingEcho:
        """The echo as a listener sees it, with noise and clutter."""
        return moving_echo(self.scenario, self.listeners()[link], self.paths()[link])

    @built_once
    def direct_channels(self) -> Complex[np.ndarray, "receiver rx tx"]:
        """Channel from the transmitter to every receiver: see `receivers.direct_channels`."""
        return direct_channels(self.scenario)

    @built_once
    def link_maps(self) -> dict[str, InformationMap]:
        """Information of every receiver about its delay and Doppler shift, and of those that sense together (`fused`).

        Together they tell position and velocity, or, with the shared metric, a delay and a Doppler shift that all would
        have in common.

        Reference: wang2024 eqs. (12), (17).

        Deviation: (17) adds information about unlike delays and Doppler shifts. By default the receivers are fused by
        what they have in common, the position and the velocity of the target.
        """
        maps = {link: self.receiver_map(link) for link in self.listeners()}
        sensing = self.sensing_links()
        if not sensing:
            return maps
        return {**maps, FUSED: _added([self.common_map(link) for link in sensing])}

    @built_once
    def receiver_map(self, link: str) -> InformationMap:
        """Information of one listener about the delay, the Doppler shift and the gain of its echo.

        Reference: wang2024 eqs. (12), (13), (14), (15), (16).
        """
        echo, train, options = self.moving_echo(link), pulse_train(self.scenario), multistatic_of(self.scenario)
        if options.formulas == "corrected":
            return delay_doppler_information(echo, train)
        paths = self.paths()[link]
        legs_m = np.hypot(*np.stack([paths.vertex_m[0] - paths.transmitter_m, paths.vertex_m[0] - paths.receiver_m]).T)
        return printed_information(
            echo, train, path_loss=echo_loss(self.scenario, legs_m), rician_factor=options.printed_rician_factor
        )

    def common_map(self, link: str) -> InformationMap:
        """The information of a listener about what it has in common with the others."""
        information = self.receiver_map(link)
        if multistatic_of(self.scenario).metric == "shared":
            return shared_parameters(information, link)
        jacobian, layout = self.target_jacobian(link)
        return information.change_parameters(jacobian, layout)

    def target_jacobian(self, link: str) -> tuple[Float[np.ndarray, "parameter state_parameter"], ParameterLayout]:
        """Derivatives of delay, Doppler shift and gain by position and velocity (or speed) of the target, and the gain.

        `d tau / dp = (u + w) / c` with the unit vectors u, w from transmitter and listener to the target, and
        `f = -(u + w) . v / wavelength`.

        Reference: wang2024 eqs. (50), (51).
        """
        paths, options = self.paths()[link], multistatic_of(self.scenario)
        doppler = doppler_gradients(paths)
        by_motion = doppler.mover[0]
        motion = VELOCITY
        if options.heading == "known":
            velocity = np.array(options.target_velocity_mps)
            by_motion = np.array([by_motion @ velocity / np.linalg.norm(velocity)])
            motion = SPEED
        gain = f"{link}/gain"
        layout = ParameterLayout.of({POSITION: 2, motion: len(by_motion), gain: 2})
        jacobian = np.zeros((4, layout.size))
        jacobian[0, layout[POSITION]] = path_gradients(paths).vertex[0][2]
        jacobian[1, layout[POSITION]] = doppler.vertex[0]
        jacobian[1, layout[motion]] = by_motion
        jacobian[2:, layout[gain]] = np.eye(2)
        return jacobian, layout

    def link_map(self, link: str) -> InformationMap:
        """The one of `link_maps` with that name."""
        if link in self.listeners():
            return self.receiver_map(link)
        maps = self.link_maps()
        if link not in maps:
            needs = "; there is `fused` if at least one receiver senses" if link == FUSED else ""
            raise InvalidInput(f"The link must be one of {', '.join(maps)}, found `{link}`{needs}.")
        return maps[link]

    def _problem(self, weight: float | None, judged_by: str) -> DesignProblem:
        """Minimise the bound of the target's position while every receiver has its rate.

        With line-of-sight channels every rate is a linear inequality on covariances, so that the problem is convex. All
        bounds are proportional to one over the power towards the target: the best beams are the same for each of them.

        Where a budget is given and not who senses, the receivers that sense are part of the choice (`Selection`).

        Args:
            weight: must be None: there is nothing to weigh.
            judged_by: `links` or `fused`: the receivers that sense, together; or the name of a receiver alone.

        Raises:
            Infeasible: the receivers that are named as sensing cost more than the budget.
            InvalidInput: there is no such observation.
            Unidentifiable: those that sense are too few to tell the position together.

        Reference: wang2024 eqs. (23), (26), (32), (37).

        Deviation: the objective is the squared position error bound, not the trace (17); with the shared metric it is
        the trace in symbol durations and shifts per symbol.
        """
        if weight is not None:
            raise InvalidInput("The system wang2024 has no weight of bistatic positioning; leave it out.")
        link = FUSED if judged_by == LINKS else judged_by
        self._require_observation(link)
        choice = selection_of(self.scenario)
        require_budget(self.scenario, choice)
        is_open = link == FUSED and receivers_of(self.scenario).selected is None and np.isfinite(choice.budget_m)
        information = self.link_map(link)
        return DesignProblem(
            criteria=(
                Criterion(
                    information,
                    self.objective_weights(information),
                    link,
                    unit="m^2" if POSITION in information.layout else "1",
                ),
            ),
            constraints=(
                *self.power_budgets(),
                *self.antenna_limits(),
                *self.rate_constraints(),
                *([choice] if is_open else []),
            ),
            streams=self.streams(),
            directions=dict.fromkeys(information.antennas, self.transmit_directions()),
        )

    def _require_observation(self, link: str) -> None:
        """Refuse to judge a design by what is not observed, or by too few receivers together."""
        heard = self.listeners()
        if link not in (FUSED, *heard):
            raise InvalidInput(
                f"The system wang2024 has no observation `{link}`: methods judged by it are for another system. A "
                f"design is judged by {FUSED}, {', '.join(heard)}."
            )
        if link == FUSED:
            is_shared = multistatic_of(self.scenario).metric == "shared"
            names = ("delay", "doppler") if is_shared else (POSITION,)
            require_listeners(self.scenario, self.sensing_links(), names)

    def default_method(self) -> str:
        """A method for the choice of receivers that a scenario leaves open, or for its channels.

        Among more receivers than can be listed set by set the search ends after a few relaxations.
        """
        receivers = receivers_of(self.scenario)
        if receivers.selected is None and receivers.cost_budget_m is not None:
            return "exact" if len(receivers.names) <= MAX_LISTED else "many-receivers"
        scattered = receivers.rician_factor is not None and receivers.minimum_rate > 0.0
        return "lifted-sca" if scattered else "optimum"

    @built_once
    def with_selected(self, selected: tuple[str, ...]) -> "Wang2024":
        """The system of the scenario in which those receivers sense that a design selected, unless it names others."""
        receivers = receivers_of(self.scenario)
        if not selected or receivers.selected is not None:
            return self
        chosen = tuple(number for number, name in enumerate(receivers.names) if name in selected)
        receivers = receivers.model_copy(update={"selected": chosen})
        return Wang2024(self.scenario.model_copy(update={"receivers": receivers}))

    def by_one_receiver(self, links: Sequence[str] | None) -> "tuple[Wang2024, str] | None":
        """One listener to judge a design by, and the system in which it senses: see `receiver_choice.alone`."""
        found = alone(self.scenario, list(self.listeners()), self.sensing_links(), links)
        return None if found is None else (Wang2024(found[0]), found[1])

    def objective_weights(self, information: InformationMap) -> dict[str, float]:
        """What counts: the position of the target in m^2, else delay and Doppler shift in symbol durations."""
        if POSITION in information.layout:
            return {POSITION: 1.0}
        duration_s = pulse_train(self.scenario).symbol_duration_s
        units = {"delay": duration_s**-2, "doppler": duration_s**2}
        words = {name: name.rpartition("/")[2] for name in information.layout}
        return {name: units[word] for name, word in words.items() if word in units}

    def streams(self) -> tuple[Stream, ...]:
        """One stream to each receiver whose rate is asked for, and one for sensing."""
        name, _ = transmitter_of(self.scenario)
        receivers = receivers_of(self.scenario)
        served = receivers.names if receivers.minimum_rate > 0.0 else ()
        return (*(Stream(f"to {each}", (name,), each) for each in served), Stream(SENSING_STREAM, (name,)))

    def rate_constraints(self) -> tuple[MinimumSinr | MinimumRate, ...]:
        """The least rate of every receiver; in lines of sight as the ratio `2^rate - 1` behind the one beam there is.

        Reference: wang2024 eqs. (20), (21), (24).

        Deviation: (21) leaves out the sum over the other receivers for one that does not sense; they all interfere.
        """
        receivers = receivers_of(self.scenario)
        if receivers.minimum_rate == 0.0:
            return ()
        pairs = zip(receivers.names, self.direct_channels(), strict=True)
        return tuple(self._rate_constraint(number, name, channel) for number, (name, channel) in enumerate(pairs))

    def _rate_constraint(
        self, number: int, name: str, channel: Complex[np.ndarray, "rx tx"]
    ) -> MinimumSinr | MinimumRate:
        receivers, (block, _) = receivers_of(self.scenario), transmitter_of(self.scenario)
        cancels, noise_w = (SENSING_STREAM,) if number in receivers.sensing else (), self.scenario.noise_power_w
        if receivers.rician_factor is not None:
            return MinimumRate(name, block, channel, receivers.minimum_rate, noise_w, cancels)
        beam = np.linalg.norm(channel, axis=0)[0] * _unit_phases(channel)
        ratio = MinimumSinr.for_rate(name, {block: beam}, receivers.minimum_rate, noise_w)
        return replace(ratio, cancels=cancels)

    @built_once
    def served_sinr(self, design: Design) -> dict[str, float]:
        """Ratio of each receiver under a design: `2^rate - 1` with the rate in bit/s/Hz."""
        channels, receivers = self.direct_channels(), receivers_of(self.scenario)
        sent = {stream.name: next(iter(design.stream_covariances[stream.name].values())) for stream in self.streams()}
        if len(sent) == 1:
            return {}
        rates = self.receiver_rates_bps_hz(channels, sent)
        return {name: float(2.0**rate - 1.0) for name, rate in zip(receivers.names, rates, strict=True)}

    def receiver_rates_bps_hz(
        self,
        channels: Complex[np.ndarray, "receiver rx tx"],
        sent: Mapping[str, Complex[np.ndarray, "tx tx"]],
    ) -> Float[np.ndarray, " receiver"]:
        """Rate of every receiver, which removes the sensing signal if it senses.

        Reference: wang2024 eqs. (20), (21).
        """
        receivers = receivers_of(self.scenario)
        total = sum(sent.values(), np.zeros_like(sent[SENSING_STREAM]))
        heard = np.stack(
            [total - sent[SENSING_STREAM] if number in receivers.sensing else total for number in range(len(channels))]
        )
        own = np.stack([sent[f"to {name}"] for name in receivers.names])
        return mimo_rates_bps_hz(channels, own, heard, self.scenario.noise_power_w)

    def design_cautions(self, design: Design) -> list[str]:
        """What bounds with a pulse that jumps do not tell."""
        del design
        pulse = multistatic_of(self.scenario).pulse
        if multistatic_of(self.scenario).formulas == "as_printed":
            return ["The formulas are those printed in wang2024; see docs/papers/wang2024.md for where they are wrong."]
        if not pulse_moments(pulse).jumps:
            return []
        return [
            f"The pulse `{pulse}` jumps at the edge of a symbol. What the jump tells about delays is left out, so that "
            f"bounds are larger than need be; `multistatic.pulse=sine_squared` has no jump."
        ]

    def power_budgets(self) -> tuple[PowerBudget, ...]:
        """Power of the transmitter in every symbol."""
        name, _ = transmitter_of(self.scenario)
        return (PowerBudget((name,), self.scenario.power_per_subcarrier_w(name)),)

    def block_sets(self) -> tuple[tuple[str, ...], ...]:
        """One block, of the transmitter."""
        return ((transmitter_of(self.scenario)[0],),)

    def transmit_vectors(
        self, station: str, offsets_m: Float[np.ndarray, "point 2"]
    ) -> Complex[np.ndarray, "tx point"]:
        """Transmit vectors of plane waves towards points."""
        return departure_vectors(self.scenario.stations[station], np.arctan2(offsets_m[:, 1], offsets_m[:, 0]))

    def transmit_directions(self) -> Complex[np.ndarray, "tx beam"]:
        """Beam that lights the target: the conjugate of the transmitting array's response towards it."""
        return self.moving_echo(next(iter(self.listeners()))).transmit[:, None]

    def true_state(self) -> dict[str, Float[np.ndarray, "..."]]:
        """True position of the target, and its velocity, or its speed if its heading is known."""
        velocity = np.array(multistatic_of(self.scenario).target_velocity_mps, dtype=float)
        position = {POSITION: np.array(self.scenario.targets.positions_m[0], dtype=float)}
        if multistatic_of(self.scenario).heading == "known":
            return {**position, SPEED: np.array(np.linalg.norm(velocity))}
        return {**position, VELOCITY: velocity}


def _added(maps: list[InformationMap]) -> InformationMap:
    """The sum of maps, in pairs: each is carried along through few additions."""
    while len(maps) > 1:
        maps = [
            maps[place] + maps[place + 1] if place + 1 < len(maps) else maps[place] for place in range(0, len(maps), 2)
        ]
    return maps[0]


def _unit_phases(channel: Complex[np.ndarray, "rx tx"]) -> Complex[np.ndarray, " tx"]:
    """Transmit vector of a line of sight, with entries of modulus 1: that of `H^H` of any receive antenna."""
    return channel[0].conj() / np.abs(channel[0])
