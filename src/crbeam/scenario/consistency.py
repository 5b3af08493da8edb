"""Contradictions between parts of a scenario."""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from crbeam.scenario.fields import FieldPath, field_problem
from crbeam.scenario.links import USER, Link
from crbeam.scenario.multistatic import RECEIVERS
from crbeam.scenario.multistatic_checks import check_wang2024
from crbeam.scenario.network import OTHERS
from crbeam.scenario.network_checks import check_xu2023
from crbeam.units import suggestion

if TYPE_CHECKING:
    from crbeam.scenario.scenario import Scenario

_COINCIDENCE_M = 1e-3


def check_consistency(scenario: "Scenario") -> None:
    """Raise the first contradiction as a field problem."""
    _check_source_of_paths(scenario)
    if scenario.system not in SYSTEMS_WITHOUT_USER:
        _check_areas(scenario)
        _check_places(scenario)
    for name, link in scenario.links.items():
        _check_link_ends(scenario, name, link)
    _check_repeated_links(scenario)
    _check_multistatic_parts(scenario)
    if scenario.network is not None and scenario.system not in NETWORK_SYSTEMS:
        raise field_problem(
            f"must be left out in the system {scenario.system}; with it write `system: xu2023`",
            ("network",),
            ("system",),
        )
    _check_lists_of_links(scenario)
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


def _check_areas(scenario: "Scenario") -> None:
    """Echoes of targets depend on their cross sections."""
    if scenario.targets.count != 0 and not scenario.targets.rcs_m2:
        raise field_problem(
            "must be given where there are targets: one for all such as `100 m^2`, or a list", ("targets", "rcs")
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
    others = RECEIVERS if scenario.system in MULTISTATIC_SYSTEMS else USER
    senders = [OTHERS] if scenario.system in NETWORK_SYSTEMS else []
    ends = {
        "transmitter": (link.transmitter, [*scenario.stations, *senders]),
        "receiver": (link.receiver, [*scenario.stations, others]),
    }
    for end, (found, known) in ends.items():
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


def _check_multistatic_parts(scenario: "Scenario") -> None:
    if scenario.system in MULTISTATIC_SYSTEMS:
        return
    for key, part in {"receivers": scenario.receivers, "multistatic": scenario.multistatic}.items():
        if part is not None:
            raise field_problem(
                f"must be left out in the system {scenario.system}; with it write `system: wang2024`",
                (key,),
                ("system",),
            )


def _check_lists_of_links(scenario: "Scenario") -> None:
    """Phases and losses: one for the line of sight (or the user's echo), one for each target."""
    propagation = scenario.propagation
    lists = (("phases", "angles", propagation.phases_rad), ("shadow_losses", "losses", propagation.shadow_losses))
    for key, plural, listed in lists:
        for name, entries in (listed or {}).items():
            _check_list(scenario, ("propagation", key, name), plural, len(entries))


def _check_list(scenario: "Scenario", path: FieldPath, plural: str, found: int) -> None:
    name, count = str(path[-1]), scenario.targets.count
    if name not in scenario.links:
        close = suggestion(name, scenario.links)
        hint = f"; did you mean `{close}`?" if close else ""
        raise field_problem(f"must be the name of a link ({', '.join(scenario.links)}), found `{name}`{hint}", path)
    if count is not None and found != count + 1:
        raise field_problem(
            f"must have {count + 1} {plural}, for the user, then {count} targets; found {found}",
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
    _check_serves_nobody(scenario)
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


def _check_serves_nobody(scenario: "Scenario") -> None:
    for path, part in {("served_users",): scenario.served_users, ("sensing",): scenario.sensing}.items():
        if part is not None:
            raise field_problem(
                f"must be left out in the system {scenario.system}; with it write `system: li2024`", path, ("system",)
            )


def _check_hamrouni2026(scenario: "Scenario") -> None:
    """One station with a link to the user and one back, and a velocity; symbols that can be counted, and are left."""
    _check_one_station(scenario)
    _check_serves_nobody(scenario)
    if scenario.user.velocity_mps is None:
        raise field_problem(
            "must be given in the system hamrouni2026, such as `[12 m/s, -5 m/s]`; `[0, 0]` is a user at rest whose "
            "velocity is unknown",
            ("user", "velocity"),
            ("system",),
        )
    ((name, station),) = scenario.stations.items()
    has_free_share = scenario.protocol is not None and scenario.protocol.sensing_share is None
    if has_free_share and station.power_per_antenna_w is not None:
        raise field_problem(
            "must be left out with a free share of sensing, where both stages draw on one energy and no stage has a "
            "power of its own; with it write a number as `protocol.sensing_share`",
            ("stations", name, "power_per_antenna"),
            ("protocol", "sensing_share"),
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
    if scenario.protocol is not None and scenario.protocol.message_symbols >= total:
        raise field_problem(
            f"must leave symbols for pilots: less than {total}, slots times symbols per slot, found "
            f"{scenario.protocol.message_symbols}",
            ("protocol", "message_symbols"),
            ("waveform", "slots"),
            ("waveform", "symbols_per_slot"),
        )


def _check_li2024(scenario: "Scenario") -> None:
    """Two stations at one place with a link between them, one target, nobody to be positioned."""
    parts = {
        ("user",): scenario.user,
        ("protocol",): scenario.protocol,
        ("requirements",): scenario.requirements,
        ("propagation", "paths_file"): scenario.propagation.paths_file,
    }
    for path, part in parts.items():
        if part is not None:
            raise field_problem("must be left out in the system li2024", path, ("system",))
    if scenario.targets.count != 1:
        raise field_problem(
            f"must be exactly one target in the system li2024, found {scenario.targets.count}", ("targets", "count")
        )
    _check_double_array(scenario)
    if scenario.waveform.slots != 1:
        raise field_problem(
            "must be 1 in the system li2024, whose streams are sent at once in every symbol, found "
            f"{scenario.waveform.slots}; more symbols are `symbols_per_slot`",
            ("waveform", "slots"),
        )
    _check_served_users(scenario)


def _check_double_array(scenario: "Scenario") -> None:
    """Two stations in one place, and one link, from one to the other."""
    if len(scenario.stations) != 2:
        raise field_problem(
            f"must be exactly two stations in the system li2024, found {len(scenario.stations)}", ("stations",)
        )
    first, second = scenario.stations
    if math.dist(scenario.stations[first].position_m, scenario.stations[second].position_m) > 0.0:
        raise field_problem(
            f"must be the place of station `{first}` too in the system li2024, whose arrays have one reference point",
            ("stations", second, "position"),
            ("stations", first, "position"),
        )
    if len(scenario.links) != 1:
        raise field_problem(f"must be exactly one link in the system li2024, found {len(scenario.links)}", ("links",))
    ((name, link),) = scenario.links.items()
    if {link.transmitter, link.receiver} != {first, second}:
        raise field_problem(
            f"must go from one station to the other in the system li2024, found {link.transmitter} to {link.receiver}",
            ("links", name),
        )
    if math.dist(scenario.targets.positions_m[0], scenario.stations[first].position_m) < _COINCIDENCE_M:
        raise field_problem(
            "must be away from the stations, found a target at their place", ("targets", "positions", 0)
        )


def _check_served_users(scenario: "Scenario") -> None:
    users = scenario.served_users
    if users is None:
        return
    if users.station not in scenario.stations:
        close = suggestion(users.station, scenario.stations)
        hint = f"; did you mean `{close}`?" if close else ""
        raise field_problem(
            f"must be one of {', '.join(scenario.stations)}, found `{users.station}`{hint}", ("served_users", "station")
        )
    if users.is_drawn and scenario.seed is None:
        raise field_problem(
            "must be given where places of served users or scatterers are drawn, found nothing",
            ("seed",),
            ("served_users",),
        )
    place_m = scenario.stations[users.station].position_m
    for index, position_m in enumerate(users.positions_m or ()):
        if math.dist(position_m, place_m) < _COINCIDENCE_M:
            raise field_problem(
                "must be away from the stations, found a user at their place", ("served_users", "positions", index)
            )


#: Systems of two arrays at one place that locate a target.
DOUBLE_ARRAY_SYSTEMS = ("li2024",)
#: Systems of one transmitter and many receivers.
MULTISTATIC_SYSTEMS = ("wang2024",)
#: Systems of stations one of which listens.
NETWORK_SYSTEMS = ("xu2023",)
#: Systems that position no user.
SYSTEMS_WITHOUT_USER = (*DOUBLE_ARRAY_SYSTEMS, *MULTISTATIC_SYSTEMS, *NETWORK_SYSTEMS)
#: Systems whose stages follow one another.
SEQUENTIAL_SYSTEMS = ("hamrouni2026",)
#: Symbols whose times can be summed over one by one.
MAX_TIMED_SYMBOLS = 10**6
_SYSTEM_CHECKS = {
    "zhang2025": _check_zhang2025,
    "hamrouni2026": _check_hamrouni2026,
    "li2024": _check_li2024,
    "wang2024": check_wang2024,
    "xu2023": check_xu2023,
}
