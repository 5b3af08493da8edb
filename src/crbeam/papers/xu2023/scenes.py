"""Scenes of xu2023: the setting of Fig. 2 under fading, and random drops of users and target.

Reference: xu2023 section IV.

Deviation: the paper gives no losses at one metre. Two readings are tried: those of the preset, under which serving
users costs most, fitted so that the least power of Fig. 2 is near the printed one; and losses under which locating the
target costs most. Positions are uniform over the disc of the service area, at least a metre from stations and one
another: the losses are given for a metre.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from crbeam.scenario import Scenario, read_scenario
from crbeam.scenario.reading import scenario_source
from crbeam.studies import Study

PRESET = "xu2023"
SEED = 20231101
#: Readings of the losses at one metre, by changes of the preset.
FITTED, SENSING_LIMITED = "fitted losses", "sensing-limited losses"
LOSSES: Mapping[str, tuple[str, ...]] = {
    FITTED: (),
    SENSING_LIMITED: ("network.user_loss=40 dB", "network.echo_loss=36 dB"),
}
STATIONS = ("bs1", "bs2", "bs3", "bs4")
#: Stations with a role in Fig. 2: the one that the paper selects, the nearest to the target.
PRINTED_RECEIVER, NEAREST_STATION = "bs2", "bs1"
AREA_RADIUS_M = 150.0

EXACT, ROUNDED = "exact", "relax-and-round"
#: The paper's algorithm from several starts, since it names none; the last is the default of ours.
ALGORITHM: Mapping[str, str] = {
    "uniform": "ao-big-m:start=uniform",
    "nearest": "ao-big-m:start=nearest",
    "relaxation": "ao-big-m",
}
SCHEME_1, SCHEME_2 = "nearest-receiver", "random-choice"
SCHEME_3 = "one-transmitter:transmitter=bs1,receiver=bs2"
SCHEMES = (SCHEME_1, SCHEME_2, SCHEME_3)
#: Draws of a quick run, of a full one; the algorithm, which takes long, gets the first of them only.
FADINGS, DROPS = (5, 60), (5, 60)
ALGORITHM_FADINGS, ALGORITHM_DROPS = (2, 20), (1, 10)
#: Least ratios of the users in Fig. 3 and Fig. 4, of a quick run, of a full one.
RATIOS_DB: tuple[tuple[float, ...], tuple[float, ...]] = ((4.0, 8.0, 12.0), (4.0, 6.0, 8.0, 10.0, 12.0))
_PLACE = {"disc": [["0 m", "0 m"], f"{AREA_RADIUS_M:g} m"], "apart": "1 m"}
RATIO_AXIS, LISTENING_AXIS = "minimum_sinr", "listening"


def preset_scene(losses: str = FITTED, seed: int = 0) -> Scenario:
    """The setting of Fig. 2 with one draw of the channels."""
    return read_scenario(PRESET, overrides=list(LOSSES[losses]), seed=seed)


def fading_study(losses: str, *, full: bool) -> Study:
    """The optimum and the schemes in the setting of Fig. 2, over draws of the channels."""
    return _study(losses, {"method": [EXACT, ROUNDED, *SCHEMES], "realisations": FADINGS[int(full)]})


def algorithm_study(*, full: bool) -> Study:
    """The paper's algorithm from every start in the first of these draws, under the fitted losses."""
    return _study(FITTED, {"method": [*ALGORITHM.values()], "realisations": ALGORITHM_FADINGS[int(full)]})


def receivers_study(losses: str, *, full: bool) -> Study:
    """The optimum for each listening station in the same draws."""
    links = [{name: {"transmitter": "others", "receiver": name}} for name in STATIONS]
    fields = {LISTENING_AXIS: {"field": "links", "values": links}}
    return _study(losses, {"method": [EXACT], "realisations": FADINGS[int(full)], "fields": fields})


def drops_study(*, full: bool) -> Study:
    """Random places of users and target with random channels, over the least ratio of the users."""
    return _drops([EXACT, *SCHEMES], DROPS, full=full)


def algorithm_drops_study(*, full: bool) -> Study:
    """The paper's algorithm, started at the best relaxation, in the first of these drops."""
    return _drops([ALGORITHM["relaxation"]], ALGORITHM_DROPS, full=full)


def _drops(methods: Sequence[str], counts: tuple[int, int], *, full: bool) -> Study:
    fields = {
        RATIO_AXIS: {"field": "network.minimum_sinr", "values": [f"{ratio:g} dB" for ratio in RATIOS_DB[int(full)]]}
    }
    axes = {"method": list(methods), "realisations": counts[int(full)], "fields": fields}
    return _study(FITTED, axes, {"network.user_positions": _PLACE, "targets.positions": _PLACE})


def _study(losses: str, axes: Mapping[str, Any], places: Mapping[str, Any] | None = None) -> Study:
    return Study.model_validate(
        {
            "scenario": scenario_source(PRESET, overrides=list(LOSSES[losses])).value,
            "axes": axes,
            "random": {"seed": SEED, "phases": True, "fields": places or {}},
            "metrics": ["objective", "lower_bound"],
            "batch_cases": 5,
        }
    )
