"""Why a link of a scene leaves a parameter open, and what would change that in this scene."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import combinations

import numpy as np

from crbeam.errors import InvalidInput, Unidentifiable
from crbeam.information import InformationMap
from crbeam.information.information import REMEDY
from crbeam.information.transmission import Covariances
from crbeam.propagation import Paths, receive_array, steering_response
from crbeam.scenario import USER, Scenario
from crbeam.systems import System

#: Change of a response with the angle, relative to the most that its array has in any direction, that shows none.
NO_LEVER = 1e-6
#: Difference of two paths, in units of what the link resolves, below which they look alike.
ALIKE = 1e-6


def remedy(system: System, information_map: InformationMap, names: Sequence[str], covariances: Covariances) -> str:
    """What keeps some parameters open and what to do, in sentences; in general words where nothing is found.

    Args:
        system: of the scene.
        information_map: of the link.
        names: the parameters that are not determined.
        covariances: what is transmitted, by block.
    """
    traced, scenario = _paths(system, information_map), system.scenario
    if not traced:
        return REMEDY
    found = [
        *_silent(information_map, covariances),
        *_without_extent(scenario, traced, names),
        *_in_line(scenario, traced, names),
        *_speeds(scenario, traced, names),
        *_alike(scenario, traced, names),
    ]
    found = found or list(_few_directions(system, information_map, names))
    return " ".join(dict.fromkeys(found)) or REMEDY


@contextmanager
def explained(system: System) -> Iterator[None]:
    """Give an `Unidentifiable` that names a link of a scenario, and no more than that, what would help there."""
    try:
        yield
    except Unidentifiable as error:
        maps = system.link_maps() if error.remedy == REMEDY else {}
        if error.link not in maps:
            raise
        covariances = system.completed(system.isotropic_transmission())
        raise error.explained(remedy=remedy(system, maps[error.link], error.names, covariances)) from None


def _paths(system: System, information_map: InformationMap) -> list[Paths]:
    """Plane-wave paths of the links that a map observes; none where the system has other observations."""
    if system.scenario.user is None:
        return []
    try:
        traced = system.paths()
    except InvalidInput:
        return []
    receivers = dict.fromkeys(part.receiver for part in information_map.contributions)
    return [traced[name] for name in receivers if name in traced]


def _silent(information_map: InformationMap, covariances: Covariances) -> Iterator[str]:
    """Observations of no symbol, and blocks without power."""
    for part in information_map.contributions:
        if not np.any(part.gram):
            yield (
                f"No symbols are observed under `{part.block}`: give them some (`protocol.sensing_share`, fewer "
                f"`protocol.message_symbols`)."
            )
        elif not np.any(covariances[part.block]):
            yield f"Nothing is transmitted under `{part.block}`: give it power."


def _without_extent(scenario: Scenario, traced: Sequence[Paths], names: Sequence[str]) -> Iterator[str]:
    """What one subcarrier, one antenna, one symbol or the line of sight alone cannot show."""
    waveform, (station,) = scenario.waveform, scenario.stations.values()
    is_bistatic = [scenario.links[paths.link].receiver == USER for paths in traced]
    places = [name for name in names if name.endswith("position") or name.startswith("target_position")]
    (name,) = scenario.stations
    if waveform.subcarriers == 1 and (places or "clock_bias" in names):
        yield "One subcarrier shows no delays: use more (`waveform.subcarriers`)."
    if waveform.slots * waveform.symbols_per_slot == 1 and "user_velocity" in names:
        yield "One symbol shows no Doppler shifts: send more (`waveform.slots`, `waveform.symbols_per_slot`)."
    if places or "user_orientation" in names:
        if station.transmit_array.elements == 1:
            yield f"One antenna gives no directions: use more (`stations.{name}.transmit_array.elements`)."
        if any(is_bistatic) and scenario.user.array.elements == 1:
            yield "One antenna gives no directions of arrival: use more (`user.array.elements`)."
        if not all(is_bistatic) and station.receive_array.elements == 1:
            yield f"One antenna gives no directions: use more (`stations.{name}.receive_array.elements`)."
    if all(is_bistatic) and traced[0].n_paths == 1 and set(names) & {"user_position", "clock_bias"}:
        yield (
            "With the line of sight alone an unknown orientation and an unknown clock bias hide the position: add a "
            "path (a target) or observe echoes too (`fused`)."
        )


def _in_line(scenario: Scenario, traced: Sequence[Paths], names: Sequence[str]) -> Iterator[str]:
    """Objects at the end of a line array, whose directions do not show in it."""
    for paths in traced:
        station_name = scenario.links[paths.link].transmitter
        station = scenario.stations[station_name]
        array, rotation_rad = receive_array(scenario, paths.link)
        sides = (
            ("transmit", station.transmit_array.positions_wavelengths, paths.departure_rad - station.orientation_rad),
            ("receive", array.positions_wavelengths, paths.arrival_rad + rotation_rad),
        )
        is_bistatic = scenario.links[paths.link].receiver == USER
        for side, positions, angles_rad in sides:
            _, slopes = steering_response(positions, angles_rad)
            is_flat = np.linalg.norm(slopes, axis=0) <= NO_LEVER * 2.0 * np.pi * np.linalg.norm(positions)
            turns = "user" if side == "receive" and is_bistatic else f"stations.{station_name}"
            for place in np.flatnonzero(is_flat & (len(positions) > 1)):
                point = paths.vertex_names[place] or USER
                if _position_of(point) in names or "user_orientation" in names:
                    yield (
                        f"The path over `{point}` lies in line with the {side} array of {paths.link}, which shows no "
                        f"change of its direction there: turn the array (`{turns}.orientation`) or move the object."
                    )


def _position_of(point: str) -> str:
    word, bracket, index = point.partition("[")
    return f"{word}_position{bracket}{index}"


def _speeds(scenario: Scenario, traced: Sequence[Paths], names: Sequence[str]) -> Iterator[str]:
    """Velocities of which too few paths see a part."""
    if "user_velocity" not in names:
        return
    direct = [paths for paths in traced if scenario.links[paths.link].receiver == USER]
    if not direct:
        yield (
            "An echo shows the radial part of a velocity only: observe a link to the user over a target too "
            "(`fused` or `posterior`), or several intervals (`crbeam drive`)."
        )
    elif max(paths.n_paths for paths in direct) == 1:
        yield "Paths along one line show the part of a velocity along it only: add a path (a target)."


def _alike(scenario: Scenario, traced: Sequence[Paths], names: Sequence[str]) -> Iterator[str]:
    """Pairs of paths that nothing tells apart: mirror images about a line array, or nearly one place."""
    waveform = scenario.waveform
    observed_s = waveform.slots * waveform.symbols_per_slot * waveform.symbol_duration_s
    for paths in traced:
        station = scenario.stations[scenario.links[paths.link].transmitter]
        array, rotation_rad = receive_array(scenario, paths.link)
        sent, _ = steering_response(
            station.transmit_array.positions_wavelengths, paths.departure_rad - station.orientation_rad
        )
        seen, _ = steering_response(array.positions_wavelengths, paths.arrival_rad + rotation_rad)
        for one, other in combinations(range(paths.n_paths), 2):
            likeness = [
                abs(np.vdot(side[:, one], side[:, other])) / np.vdot(side[:, one], side[:, one]).real
                for side in (sent, seen)
            ]
            moves = (one in paths.moving) != (other in paths.moving) or len(paths.moving) == paths.n_paths
            apart = abs(paths.delay_s[one] - paths.delay_s[other]) * waveform.bandwidth_hz
            points = [paths.vertex_names[path] or USER for path in (one, other)]
            if min(likeness) < 1.0 - ALIKE or apart > ALIKE or (moves and observed_s > 0.0):
                continue
            if {_position_of(point) for point in points} & set(names):
                yield (
                    f"`{points[0]}` and `{points[1]}` look alike to {paths.link}, in direction and delay: move them "
                    f"apart, turn an array, or observe another link too."
                )


def _few_directions(system: System, information_map: InformationMap, names: Sequence[str]) -> Iterator[str]:
    """Beams too few for what an isotropic transmission would determine."""
    power_w = max(system.isotropic_transmission().powers_w.values())
    even = {block: power_w / size * np.eye(size, dtype=complex) for block, size in information_map.antennas.items()}
    determined = [name for name in names if information_map.at(even).is_identifiable([name])]
    if determined:
        yield f"Transmit in more directions: evenly in all, the power would determine {', '.join(determined)}."
