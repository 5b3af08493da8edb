"""Contradictions between parts of a scenario."""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from crbeam.scenario.fields import FieldPath, field_problem
from crbeam.scenario.links import USER, Link
from crbeam.units import suggestion

if TYPE_CHECKING:
    from crbeam.scenario.scenario import Scenario

_COINCIDENCE_M = 1e-3


def check_consistency(scenario: "Scenario") -> None:
    """Raise the first contradiction as a field problem."""
    _check_source_of_paths(scenario)
    _check_places(scenario)
    for name, link in scenario.links.items():
        _check_link_ends(scenario, name, link)
    _check_repeated_links(scenario)
    _check_phases(scenario)
    _SYSTEM_CHECKS[scenario.system](scenario)


def _check_source_of_paths(scenario: "Scenario") -> None:
    """Targets come either from the list of positions or from a path file."""
    listed, from_file = bool(scenario.targets.positions_m), scenario.propagation.paths_file is not None
    if listed and from_file:
        raise field_problem(
            "must be given either here or by `propagation.paths_file`, found both; leave one of them out",
            ("targets", "positions"),
            ("propagation", "paths_file"),
        )
    if not listed and not from_file and scenario.targets.count != 0:
        raise field_problem(
            "must be given here or by `propagation.paths_file`, found neither; for no targets write `count: 0`",
            ("targets", "positions"),
            ("targets", "count"),
            ("propagation", "paths_file"),
        )


def _check_places(scenario: "Scenario") -> None:
    """No two things at the same place: a path of no length has no direction."""
    earlier: list[tuple[str, FieldPath, tuple[float, float]]] = []
    for name, path, place in _places(scenario):
        for other_name, other_path, other in earlier:
            if math.dist(place, other) < _COINCIDENCE_M:
                raise field_problem(
                    f"must be at least 1 mm away from {other_name}, found [{place[0]:g} m, {place[1]:g} m] for both",
                    path,
                    other_path,
                )
        earlier.append((name, path, place))


def _places(scenario: "Scenario") -> Iterator[tuple[str, FieldPath, tuple[float, float]]]:
    for name, station in scenario.stations.items():
        yield f"station `{name}`", ("stations", name, "position"), station.position_m
    yield "the user", ("user", "position"), scenario.user.position_m
    for index, place in enumerate(scenario.targets.positions_m):
        yield f"target {index}", ("targets", "positions", index), place


def _check_link_ends(scenario: "Scenario", name: str, link: Link) -> None:
    ends = {"transmitter": [*scenario.stations], "receiver": [*scenario.stations, USER]}
    for end, known in ends.items():
        found = getattr(link, end)
        if found not in known:
            close = suggestion(found, known)
            hint = f"; did you mean `{close}`?" if close else ""
            raise field_problem(f"must be one of {', '.join(known)}, found `{found}`{hint}", ("links", name, end))


def _check_repeated_links(scenario: "Scenario") -> None:
    """The same observation must not count twice."""
    seen: dict[tuple[str, str], str] = {}
    for name, link in scenario.links.items():
        first = seen.setdefault((link.transmitter, link.receiver), name)
        if first != name:
            raise field_problem(
                f"must differ from link `{first}`, found the same transmitter and receiver",
                ("links", name),
                ("links", first),
            )


def _check_phases(scenario: "Scenario") -> None:
    """One phase for the line of sight (or the user's echo), one for each target."""
    count = scenario.targets.count
    for name, phases in (scenario.propagation.phases_rad or {}).items():
        path = ("propagation", "phases", name)
        if name not in scenario.links:
            close = suggestion(name, scenario.links)
            hint = f"; did you mean `{close}`?" if close else ""
            raise field_problem(f"must be the name of a link ({', '.join(scenario.links)}), found `{name}`{hint}", path)
        if count is not None and len(phases) != count + 1:
            raise field_problem(
                f"must have {count + 1} angles, for the user, then {count} targets; found {len(phases)}",
                path,
                ("targets", "count"),
                ("targets", "positions"),
            )


def _check_one_station(scenario: "Scenario") -> None:
    """One station, which transmits to the user, to itself, or to both."""
    if len(scenario.stations) != 1:
        names = [*scenario.stations]
        raise field_problem(
            f"must have exactly one station in the system {scenario.system}, found {len(names)}: {', '.join(names)}",
            ("stations", names[1]),
        )


def _check_zhang2025(scenario: "Scenario") -> None:
    """One station, and nothing that moves."""
    _check_one_station(scenario)
    parts = {
        ("user", "velocity"): scenario.user.velocity_mps,
        ("protocol",): scenario.protocol,
        ("requirements",): scenario.requirements,
    }
    for path, part in parts.items():
        if part is not None:
            raise field_problem(
                "must be left out in the system zhang2025, whose user stands still; with it write "
                "`system: hamrouni2026`",
                path,
                ("system",),
            )


def _check_hamrouni2026(scenario: "Scenario") -> None:
    """One station with a link to the user and one back, and a velocity; not more symbols in the message than exist."""
    _check_one_station(scenario)
    if scenario.user.velocity_mps is None:
        raise field_problem(
            "must be given in the system hamrouni2026, such as `[12 m/s, -5 m/s]`; `[0, 0]` is a user at rest whose "
            "velocity is unknown",
            ("user", "velocity"),
            ("system",),
        )
    if {link.receiver == USER for link in scenario.links.values()} != {True, False}:
        raise field_problem(
            "must be a link to the user and one back to the station in the system hamrouni2026, whose stages they are",
            ("links",),
        )
    total = scenario.waveform.slots * scenario.waveform.symbols_per_slot
    if total > MAX_TIMED_SYMBOLS:
        raise field_problem(
            f"must have at most {MAX_TIMED_SYMBOLS} symbols, slots times symbols per slot, in the system hamrouni2026, "
            f"which counts the time of each; found {total}",
            ("waveform", "slots"),
            ("waveform", "symbols_per_slot"),
        )


#: Systems whose stages follow one another.
SEQUENTIAL_SYSTEMS = ("hamrouni2026",)
#: Symbols whose times can be summed over one by one.
MAX_TIMED_SYMBOLS = 10**6
_SYSTEM_CHECKS = {"zhang2025": _check_zhang2025, "hamrouni2026": _check_hamrouni2026}
