"""What systems with one station, one user and passive targets share: paths, maps of a link, codebooks.

The station's pilots reach the user directly and over the targets, and come back from the user and the targets.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Complex, Float

from crbeam.design import Codebook, ConstantModulus, Constraint
from crbeam.design.analog.mismatch import analog_codewords
from crbeam.estimation.link_model import LinkModel, line_axis_rad
from crbeam.information import InformationMap
from crbeam.information.builders import Pilots, path_information, within_paths
from crbeam.information.state import StateNames, position_parameter, state_jacobian
from crbeam.propagation import Paths, receive_array, steering_response, trace_paths
from crbeam.scenario import USER, Scenario
from crbeam.systems.built_once import built_once
from crbeam.systems.system import System

#: Angles of a full circle over which beam patterns are compared: 8 per element in each half of it.
SWEEP_ANGLES_PER_ELEMENT = 16
#: Norm of a derivative, relative to that of the response, below which a beam along it would be rounding alone.
LEAST_DERIVATIVE = 1e-9


def link_model(
    scenario: Scenario, paths: Paths, pilots: Pilots, beams: Mapping[str, Complex[np.ndarray, "tx beam"]]
) -> LinkModel:
    """What the receiver of a link knows of it if some pilots are observed, for given beams of each block."""
    link = scenario.links[paths.link]
    station = scenario.stations[link.transmitter]
    array, _ = receive_array(scenario, paths.link)
    combiner = scenario.user.combiner if link.receiver == USER else None
    return LinkModel(
        name=paths.link,
        names=state_names(scenario, paths),
        station_m=paths.transmitter_m,
        station_orientation_rad=station.orientation_rad,
        transmit_positions_wavelengths=station.transmit_array.positions_wavelengths,
        receive_positions_wavelengths=array.positions_wavelengths,
        frequency_hz=scenario.waveform.subcarrier_indices * scenario.waveform.subcarrier_spacing_hz,
        pilots=pilots.symbols,
        noise_power_w=scenario.noise_power_w,
        beams=beams[pilots.block],
        combiner=None if combiner is None else np.linalg.qr(combiner.matrix(array.elements))[0],
        user_side=_user_side(scenario, link.transmitter),
        time_s=pilots.time_s,
        wavelength_m=scenario.waveform.wavelength_m,
    )


def _user_side(scenario: Scenario, station_name: str) -> int:
    """Side of the station's array on which the user is: its sector, which is known."""
    station = scenario.stations[station_name]
    towards_m = np.subtract(scenario.user.position_m, station.position_m)
    axis_rad = station.orientation_rad + line_axis_rad(station.transmit_array.positions_wavelengths)
    return 1 if towards_m[1] * np.cos(axis_rad) - towards_m[0] * np.sin(axis_rad) >= 0.0 else -1


def path_map(scenario: Scenario, paths: Paths, pilots: Sequence[Pilots]) -> InformationMap:
    """Information about the path parameters of one link from its pilots, before any geometry."""
    link = scenario.links[paths.link]
    station = scenario.stations[link.transmitter]
    transmit = station.transmit_array.positions_wavelengths
    array, rotation_rad = receive_array(scenario, paths.link)
    combiner = scenario.user.combiner if link.receiver == USER else None
    projector = None if combiner is None else _combiner_projector(combiner.matrix(array.elements))
    information = path_information(
        paths,
        scenario.waveform,
        noise_power_w=scenario.noise_power_w,
        transmit_response=steering_response(transmit, paths.departure_rad - station.orientation_rad),
        receive_response=steering_response(array.positions_wavelengths, paths.arrival_rad + rotation_rad),
        pilots=pilots,
        projector=projector,
    )
    return information if scenario.propagation.path_coupling == "full" else within_paths(information)


def _combiner_projector(combiner: Complex[np.ndarray, "rx rf"]) -> Complex[np.ndarray, "rx rx"]:
    """What an analog combiner W leaves of the received signal: the projector on the span of W.

    After whitening the combined noise `W^H z`, information sees the array through `Q = W (W^H W)^-1 W^H`.
    """
    basis, _ = np.linalg.qr(combiner)
    return basis @ basis.conj().T


def state_names(scenario: Scenario, paths: Paths) -> StateNames:
    """Which state parameters the paths of a link depend on."""
    vertices = tuple(None if name is None else position_parameter(name) for name in paths.vertex_names)
    velocity = None if paths.motion is None else "user_velocity"
    if scenario.links[paths.link].receiver != USER:
        return StateNames(vertices, velocity=velocity)
    return StateNames(
        vertices,
        receiver="user_position",
        orientation="user_orientation",
        clock="clock_bias",
        orientation_sign=scenario.user.orientation_sign,
        velocity=velocity,
    )


def state_map(scenario: Scenario, paths: Paths, pilots: Sequence[Pilots]) -> InformationMap:
    """Information about the state from the pilots of one link."""
    jacobian, layout = state_jacobian(paths, state_names(scenario, paths))
    return path_map(scenario, paths, pilots).change_parameters(jacobian, layout)


class StationAndUser(System):
    """What systems with one station, one user and passive targets have in common."""

    @built_once
    def paths(self) -> dict[str, Paths]:
        """Paths of every link, by link name."""
        return trace_paths(self.scenario)

    def link_models(self, beams: Mapping[str, Complex[np.ndarray, "tx beam"]]) -> dict[str, LinkModel]:
        """What the receiver of every link knows of it, for given beams of each station (sqrt(watt per subcarrier))."""
        scenario = self.scenario
        symbols = float(scenario.waveform.symbols_per_slot)
        return {
            name: link_model(scenario, paths, Pilots(scenario.links[name].transmitter, symbols), beams)
            for name, paths in self.paths().items()
        }

    def joint_links(self) -> dict[str, tuple[str, ...]]:
        """The models of `link_models` whose observations are taken together, by the name of their information map."""
        return {**{name: (name,) for name in self.scenario.links}, "fused": tuple(self.scenario.links)}

    def block_sets(self) -> tuple[tuple[str, ...], ...]:
        """One block, the station's."""
        return (tuple(self.scenario.stations),)

    def true_state(self) -> dict[str, Float[np.ndarray, "..."]]:
        """True value of every state parameter: positions, the user's orientation and clock bias."""
        user = self.scenario.user
        state = {
            "user_position": np.array(user.position_m, dtype=float),
            "user_orientation": np.array([user.orientation_rad]),
            "clock_bias": np.array([user.clock_bias_s]),
        }
        for paths in self.paths().values():
            for name, vertex_m in zip(paths.vertex_names, paths.vertex_m, strict=True):
                if name is not None:
                    state[position_parameter(name)] = vertex_m
        if user.velocity_mps is not None:
            state["user_velocity"] = np.array(user.velocity_mps, dtype=float)
        return state

    @built_once
    def _departures(self) -> tuple[Complex[np.ndarray, "tx path"], Complex[np.ndarray, "tx path"]]:
        """The station's array responses towards the user and each target, and their derivatives."""
        paths = next(iter(self.paths().values()))
        station = self.scenario.stations[self.scenario.links[paths.link].transmitter]
        return steering_response(
            station.transmit_array.positions_wavelengths, paths.departure_rad - station.orientation_rad
        )

    def transmit_directions(self) -> Complex[np.ndarray, "tx path"]:
        """The station's array responses towards the user and each target, in this order."""
        return self._departures()[0]

    def constraint(self, kind: type) -> Constraint:
        """The constraint of a given type that this system offers."""
        if kind is Codebook:
            return self.codebook()
        return self.analog_codebook() if kind is ConstantModulus else super().constraint(kind)

    def codebook(self) -> Codebook:
        """Array responses towards the user and each target and their derivatives, `[a_0 .. a_K, da_0 .. da_K]`.

        Derivatives that vanish, towards the ends of a line array and of a single antenna, are left out.

        Reference: zhang2025 Remark 2 and section III-B.

        Deviation: the paper keeps all derivatives; one that vanishes has no direction, and sends nothing at any power.
        """
        return Codebook(next(iter(self.scenario.stations)), self._words())

    def _words(self) -> Complex[np.ndarray, "tx word"]:
        """Array responses, then those of their derivatives that do not vanish."""
        responses, derivatives = self._departures()
        is_kept = np.linalg.norm(derivatives, axis=0) > LEAST_DERIVATIVE * np.linalg.norm(responses, axis=0)
        return np.concatenate([responses, derivatives[:, is_kept]], axis=1)

    @built_once
    def analog_codebook(self) -> ConstantModulus:
        """Phase shifters with codewords: array responses `a_0 .. a_K` and imitations of their derivatives.

        The imitations are beams of one modulus whose patterns over `pattern_sweep` come near those of `da_0 .. da_K`.
        Derivatives that vanish are left out, as in `codebook`.

        Reference: zhang2025 section V-B.
        """
        words = analog_codewords(self._words(), self.pattern_sweep())
        return ConstantModulus(next(iter(self.scenario.stations)), words)

    def pattern_sweep(self) -> Complex[np.ndarray, "tx angle"]:
        """The station's array responses over a full circle, at `SWEEP_ANGLES_PER_ELEMENT` equal steps per element.

        Deviation: the sweep of (27) covers half a circle, which for a line array along x is the same pattern once.

        Reference: zhang2025 eq. (27).
        """
        array = next(iter(self.scenario.stations.values())).transmit_array
        count = SWEEP_ANGLES_PER_ELEMENT * array.elements
        return steering_response(array.positions_wavelengths, 2.0 * np.pi / count * np.arange(count))[0]
