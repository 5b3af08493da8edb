"""Contradictions in scenarios of one transmitter, many receivers and a moving target."""

import math
from typing import TYPE_CHECKING

from crbeam.scenario.fields import FieldPath, field_problem
from crbeam.scenario.multistatic import RECEIVERS

if TYPE_CHECKING:
    from crbeam.scenario.scenario import Scenario

_COINCIDENCE_M = 1e-3


def check_wang2024(scenario: "Scenario") -> None:
    """One station that transmits, receivers, one target, and nobody to be positioned."""
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
            raise field_problem("must be left out in the system wang2024", path, ("system",))
    if scenario.receivers is None:
        raise field_problem("must be given in the system wang2024, found nothing", ("receivers",), ("system",))
    if scenario.targets.count != 1:
        raise field_problem(
            f"must be exactly one target in the system wang2024, found {scenario.targets.count}", ("targets", "count")
        )
    _check_counts(scenario)
    _check_links(scenario)
    _check_multistatic_places(scenario)
    if scenario.receivers.is_drawn and scenario.seed is None:
        raise field_problem(
            "must be given where places of receivers or scattered waves are drawn, found nothing",
            ("seed",),
            ("receivers",),
        )


def _check_counts(scenario: "Scenario") -> None:
    if len(scenario.stations) != 1:
        names = [*scenario.stations]
        raise field_problem(
            f"must have exactly one station in the system wang2024, found {len(names)}; receivers are `receivers`",
            ("stations", names[1]),
        )
    for key, found in (("slots", scenario.waveform.slots), ("subcarriers", scenario.waveform.subcarriers)):
        if found != 1:
            raise field_problem(
                f"must be 1 in the system wang2024, whose block is one train of pulses, found {found}; more symbols "
                f"are `symbols_per_slot`",
                ("waveform", key),
            )


def _check_links(scenario: "Scenario") -> None:
    (station,) = scenario.stations
    if station == RECEIVERS:
        raise field_problem(
            f"the name `{RECEIVERS}` has a meaning of its own in the system wang2024; choose another one",
            ("stations", station),
        )
    for name, link in scenario.links.items():
        if link.receiver not in (RECEIVERS, station):
            raise field_problem(
                f"must be `{RECEIVERS}`, or `{station}` itself, in the system wang2024, found `{link.receiver}`",
                ("links", name, "receiver"),
            )
        if scenario.receivers is not None and name in scenario.receivers.names:
            raise field_problem(f"must not be the name of a receiver, found `{name}`", ("links", name))


def _check_multistatic_places(scenario: "Scenario") -> None:
    """Paths between any two of transmitter, target and receivers have a length."""
    ((name, station),) = scenario.stations.items()
    earlier: list[tuple[FieldPath, tuple[float, float]]] = [
        (("stations", name, "position"), station.position_m),
        (("targets", "positions", 0), scenario.targets.positions_m[0]),
    ]
    _require_apart(*earlier[1], *earlier[0])
    assert scenario.receivers is not None
    for index, place in enumerate(scenario.receivers.positions_m or ()):
        for path, other in earlier:
            _require_apart(("receivers", "positions", index), place, path, other)


def _require_apart(
    path: FieldPath, place: tuple[float, float], other_path: FieldPath, other: tuple[float, float]
) -> None:
    if math.dist(place, other) < _COINCIDENCE_M:
        raise field_problem(
            f"must be at least 1 mm from `{'.'.join(map(str, other_path))}`, found [{place[0]:g} m, {place[1]:g} m] "
            f"for both",
            path,
            other_path,
        )
