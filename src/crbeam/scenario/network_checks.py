"""Contradictions in scenarios of a network that serves users and locates a target."""

import math
from typing import TYPE_CHECKING

from crbeam.scenario.fields import FieldPath, field_problem
from crbeam.scenario.network import OTHERS

if TYPE_CHECKING:
    from crbeam.scenario.scenario import Scenario

_COINCIDENCE_M = 1e-3


def check_xu2023(scenario: "Scenario") -> None:
    """Stations of one size, targets, users, and a link for each station that may listen."""
    parts = {
        ("user",): scenario.user,
        ("protocol",): scenario.protocol,
        ("requirements",): scenario.requirements,
        ("served_users",): scenario.served_users,
        ("sensing",): scenario.sensing,
        ("propagation", "paths_file"): scenario.propagation.paths_file,
    }
    for path, part in parts.items():
        if part is not None:
            raise field_problem("must be left out in the system xu2023", path, ("system",))
    if scenario.network is None:
        raise field_problem("must be given in the system xu2023, found nothing", ("network",), ("system",))
    if scenario.seed is None:
        raise field_problem("must be given in the system xu2023, whose channels fade, found nothing", ("seed",))
    if not scenario.targets.count:
        raise field_problem("must be at least one target in the system xu2023, found none", ("targets", "count"))
    if scenario.waveform.slots != 1:
        raise field_problem(
            "must be 1 in the system xu2023, whose streams are sent at once in every symbol, found "
            f"{scenario.waveform.slots}; more symbols are `symbols_per_slot`",
            ("waveform", "slots"),
        )
    _check_stations(scenario)
    _check_network_places(scenario)
    _check_requirements(scenario)


def _check_stations(scenario: "Scenario") -> None:
    if len(scenario.stations) < 2:
        raise field_problem(
            "must be at least two stations in the system xu2023, one to transmit and one to listen", ("stations",)
        )
    for name, link in scenario.links.items():
        if link.transmitter != OTHERS or link.receiver not in scenario.stations:
            raise field_problem(
                f"must go from `{OTHERS}` to a station that may listen in the system xu2023, found {link.transmitter} "
                f"to {link.receiver}",
                ("links", name),
            )


def _check_network_places(scenario: "Scenario") -> None:
    """Nothing at the place of a station, where a path has no direction, and targets apart from one another."""
    assert scenario.network is not None
    for index, place_m in enumerate(scenario.targets.positions_m):
        for other in range(index):
            if math.dist(place_m, scenario.targets.positions_m[other]) < _COINCIDENCE_M:
                raise field_problem(
                    f"targets must be at least 1 mm apart, found target {index} at the place of target {other}",
                    ("targets", "positions", index),
                    ("targets", "positions", other),
                )
    places: list[tuple[str, FieldPath, tuple[float, float]]] = [
        *(
            (f"target {index}", ("targets", "positions", index), place)
            for index, place in enumerate(scenario.targets.positions_m)
        ),
        *(
            (f"user {index}", ("network", "user_positions", index), place)
            for index, place in enumerate(scenario.network.user_positions_m)
        ),
    ]
    for what, path, place_m in places:
        for name, station in scenario.stations.items():
            if math.dist(place_m, station.position_m) < _COINCIDENCE_M:
                raise field_problem(
                    f"must be at least 1 mm away from station `{name}`, found {what} at its place",
                    path,
                    ("stations", name, "position"),
                )


def _check_requirements(scenario: "Scenario") -> None:
    """One requirement of the users, one limit for each target, and stations enough to listen and to transmit."""
    network, targets = scenario.network, scenario.targets.count
    assert network is not None
    if (network.minimum_sinr is None) == (network.minimum_rate is None):
        found = "neither" if network.minimum_sinr is None else "both"
        raise field_problem(
            f"must be given, or `minimum_rate`, but not both; found {found}",
            ("network", "minimum_sinr"),
            ("network", "minimum_rate"),
        )
    if network.target_errors_m is not None and len(network.target_errors_m) != targets:
        raise field_problem(
            f"must be one for each of the {targets} targets, found {len(network.target_errors_m)}",
            ("network", "target_errors"),
            ("targets", "positions"),
        )
    most = min(len(scenario.links), len(scenario.stations) - 1)
    if network.listeners > most:
        raise field_problem(
            f"must be at most {most}, as many as have a link and leave a station that transmits, found "
            f"{network.listeners}",
            ("network", "listeners"),
            ("links",),
        )
    if network.rms_bandwidth_hz is not None and targets != 1:
        raise field_problem(
            "must be null with several targets: what their echoes have in common depends on the whole spectrum",
            ("network", "rms_bandwidth"),
            ("targets", "positions"),
        )
