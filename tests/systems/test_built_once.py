"""What a command needs of a scenario is built once: counted while the commands run."""

from collections import Counter
from functools import wraps

import pytest
from typer.testing import CliRunner

from crbeam import design_problem, method_named, read, read_scenario
from crbeam.interfaces.command_line import app
from crbeam.systems import System, hamrouni2026, li2024, station_and_user, system_of, wang2024, xu2023, zhang2025
from crbeam.systems.built_once import built_once

#: What builds something expensive, and where it is called: problems, arrays, paths, channels, and maps of them.
BUILDERS = [
    *((zhang2025.Zhang2025, "_problem"), (hamrouni2026.Hamrouni2026, "_problem"), (li2024.Li2024, "_problem")),
    *((wang2024.Wang2024, "_problem"), (xu2023.Xu2023, "_problem")),
    *((station_and_user, "trace_paths"), (station_and_user, "path_information"), (hamrouni2026, "schedule")),
    *((li2024, "double_array"), (li2024, "served_channels"), (li2024, "delivered_sinr")),
    *((li2024, "echo_information"), (li2024, "position_information")),
    *((wang2024, "listeners"), (wang2024, "echo_paths"), (wang2024, "direct_channels")),
    *((wang2024, "delay_doppler_information"), (wang2024, "mimo_rates_bps_hz")),
    *((xu2023, "station_view"), (xu2023, "user_channel"), (xu2023, "echoes_information"), (xu2023, "combinations")),
]


@pytest.fixture
def builds(monkeypatch):
    """How often each builder has run so far."""
    found = Counter()

    def watched(name, build):
        @wraps(build)
        def counting(*arguments, **options):
            found[name] += 1
            return build(*arguments, **options)

        return counting

    for home, name in BUILDERS:
        monkeypatch.setattr(home, name, watched(name, getattr(home, name)))
    return found


def run(*command):
    result = CliRunner().invoke(app, list(command))
    assert result.exit_code in (0, 3), result.output


#: Builds of each command: a map for each link or stage that is asked for; a path for each of ten receivers; a channel
#: for each of four stations and five users; each station's view of the target as transmitter and as listener; all else
#: once.
COMMANDS = {
    ("bound", "hamrouni2026", "--json"): {"trace_paths": 1, "schedule": 1, "path_information": 4},
    ("design", "zhang2025", "--json"): {"_problem": 1, "trace_paths": 1, "path_information": 2},
    ("design", "hamrouni2026", "--method", "joint-sequential"): {
        **{"_problem": 1, "trace_paths": 1, "schedule": 1},
        "path_information": 4,
    },
    ("design", "li2024-downlink", "--json"): {
        **{"_problem": 1, "double_array": 1, "served_channels": 1, "delivered_sinr": 1},
        **{"echo_information": 1, "position_information": 1},
    },
    ("design", "wang2024", "--json"): {
        **{"_problem": 1, "listeners": 1, "direct_channels": 1, "mimo_rates_bps_hz": 1},
        **{"echo_paths": 10, "delay_doppler_information": 10},
    },
    ("design", "xu2023", "--method", "nearest-receiver"): {
        # Maps as they are and with delays: a caution says what these would tell.
        **{"_problem": 1, "combinations": 1},
        **{"station_view": 8, "user_channel": 20, "echoes_information": 8},
    },
}


SLOW = {
    ("design", "xu2023", "--method", "nearest-receiver"),
    ("design", "hamrouni2026", "--method", "joint-sequential"),
}


@pytest.mark.parametrize(
    "command",
    [pytest.param(each, marks=[pytest.mark.slow] if each in SLOW else [], id=" ".join(each)) for each in COMMANDS],
)
def test_a_command_builds_each_part_once(builds, command):
    run(*command)
    assert builds == COMMANDS[command]


@pytest.mark.slow
def test_pictures_build_nothing_anew(builds, tmp_path):
    run("bound", "zhang2025", "--out", str(tmp_path))
    assert builds == {"trace_paths": 1, "path_information": 2}


def test_an_open_choice_is_built_again_with_what_was_chosen(builds):
    """The receivers that sense change what counts together: one system for the choice, one for its outcome."""
    overrides = ["receivers.count=4", "receivers.cost_budget=150", "receivers.selected=null"]
    run("design", "wang2024", *[part for each in overrides for part in ("--set", each)])
    assert builds["_problem"] == 1
    assert builds["listeners"] == 2
    assert builds["echo_paths"] == builds["delay_doppler_information"] == 2 * 4


def test_the_count_sees_what_is_built_twice(builds):
    scenario = read_scenario("zhang2025")
    for _ in range(2):
        design_problem(scenario)
    assert builds["_problem"] == builds["trace_paths"] == 2


def test_a_trade_off_and_the_list_of_methods_share_their_maps(builds):
    experiment = read("zhang2025")
    experiment.tradeoff([0.25, 0.5], methods=["fdb-wcrb", "cpa-wcrb"])
    for key in ("fdb-wcrb", "fusion", "cpa-wcm"):
        experiment.problem(method=key)
    assert builds["trace_paths"] == 1
    assert builds["path_information"] == 2
    assert builds["_problem"] == 3, "each link alone at 1/4 and at the default weight; all together"


def test_problems_are_kept_by_what_makes_them_differ():
    system = system_of(read_scenario("zhang2025"))
    plain, coded = (system.design_problem(method=method_named(key)) for key in ("fdb-wcrb", "cpa-wcrb"))
    assert plain is system.design_problem()
    assert coded is not plain
    assert coded is system.design_problem(method=method_named("cpa-wbf"))
    assert coded.criteria == plain.criteria
    fused = system.design_problem(method=method_named("fusion"))
    assert fused is system.design_problem(judged_by="fused")
    assert fused is not plain
    heavier = system.design_problem(weight=0.75)
    assert [each.weight for each in heavier.criteria] == [0.75, 0.25]
    assert heavier.criteria[0].map is plain.criteria[0].map


class Counting:
    """Counts how often it builds."""

    def __init__(self):
        self.built = 0

    @built_once
    def part(self, name, *, scale=1):
        self.built += 1
        if name == "none":
            raise ValueError(name)
        return [name] * scale


def test_results_are_kept_by_argument_and_object():
    one, other = Counting(), Counting()
    assert one.part("a") is one.part("a")
    assert one.part("a") is not other.part("a")
    assert one.part("b", scale=2) == ["b", "b"]
    assert (one.built, other.built) == (2, 1)
    for _ in range(2):
        with pytest.raises(ValueError, match="none"):
            one.part("none")
    assert one.built == 4, "an error is not kept"


@pytest.mark.parametrize("preset", ["zhang2025", "hamrouni2026", "li2024-uplink", "wang2024", "xu2023"])
def test_every_system_answers_everything(preset):
    """Defaults stand for what a system does not have; nothing asks whether a system has a method."""
    system = system_of(read_scenario(preset))
    assert isinstance(system, System)
    assert system_of(system) is system
    assert type(system).of(system) is system
    method_named(system.default_method())
    assert system.service().listeners == ()
    # Without a seed hamrouni2026 says that its shadowing is not drawn.
    assert list(system_of(read_scenario(preset, seed=1)).scene_cautions()) == []
    assert set(system.polar_targets()) <= set(system.true_state())
    blocks = system.block_sets()[0]
    assert set(system.isotropic_transmission()) == set(blocks)
    assert {block for maps in system.link_maps().values() for block in maps.blocks} >= set(
        system.design_problem().blocks
    )
