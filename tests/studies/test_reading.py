"""Study files, and mistakes in them."""

import re
from pathlib import Path

import pytest

from crbeam import InvalidScenario, read_scenario
from crbeam.errors import InvalidInput
from crbeam.studies import Axes, Distribution, FieldAxis, Randomness, StoppingRule, Study, metrics, read_study
from crbeam.studies.planning import Plan

GOOD = """\
title: A study
scenario: zhang2025
axes:
  method: [fdb-wcrb, uniform]
  weight: 0:1:3
  realisations: 5
  fields:
    power:
      field: stations.bs.total_power
      values: [-30 dBm, -20 dBm]
random:
  seed: 4
  phases: true
  fields:
    targets.positions: {uniform: [[-15 m, 8 m], [15 m, 25 m]], apart: 2 m}
    targets.rcs: {exponential: 100 m^2}
metrics: [objective, bistatic.user_position_m]
stop:
  metric: objective
  relative_half_width: 0.1
batch_cases: 50
"""


@pytest.fixture
def write(tmp_path):
    def write_text(text, name="study.yaml"):
        file = tmp_path / name
        file.write_text(text, encoding="utf-8")
        return file

    return write_text


def test_a_file_gives_what_it_says(write):
    study = read_study(write(GOOD))
    assert study.axes.method == ("fdb-wcrb", "uniform")
    assert study.axes.weight == (0.0, 0.5, 1.0)
    assert study.axes.fields["power"].values == ("-30 dBm", "-20 dBm")
    assert study.random.fields["targets.positions"].apart_m == 2.0
    assert study.stop is not None
    assert study.stop.every == 100


def test_python_gives_the_same_study_as_a_file(write):
    text = "scenario: zhang2025\naxes: {weight: [0.5], realisations: 2}\nrandom: {phases: true}\n"
    study = Study(
        scenario="zhang2025",  # pyright: ignore[reportArgumentType]
        axes={"weight": [0.5], "realisations": 2},  # pyright: ignore[reportArgumentType]
        random={"phases": True},  # pyright: ignore[reportArgumentType]
    )
    assert study == read_study(write(text))
    assert study != read_study(write(text), overrides=["targets.count=2"])


def test_a_scenario_may_be_an_object_or_a_file_or_written_out(write):
    write("base.yaml", "unused.txt")
    scenario = read_scenario("zhang2025", overrides=["targets.count=1"])
    inline = Study(scenario=scenario).scenario  # pyright: ignore[reportArgumentType]
    assert inline["targets"]["count"] == 1
    preset = read_study(write("scenario: zhang2025\n")).scenario
    import yaml

    write(yaml.safe_dump(preset), "base.yaml")
    assert read_study(write("scenario: base.yaml\n")).scenario == preset
    assert read_study(write(yaml.safe_dump({"scenario": preset}))).scenario == preset


MISTAKES = [
    ("title: A study", "titel: A study", 1, "did you mean `title`"),
    ("scenario: zhang2025", "scenario: zhang2052", 2, "Did you mean `zhang2025`"),
    ("scenario: zhang2025", "scenario: 7", 2, "must be a preset"),
    ("scenario: zhang2025\n", "", 1, "must be given"),
    ("[fdb-wcrb, uniform]", "[fdb-wcrb, unifrom]", 4, "Did you mean uniform"),
    ("[fdb-wcrb, uniform]", "[fdb-wcrb, fdb-wcrb]", 4, "must differ"),
    ("weight: 0:1:3", "weight: 0:2:3", 5, "from 0 to 1"),
    ("weight: 0:1:3", "weight: [0.1, 0.1]", 5, "must differ"),
    ("realisations: 5", "realisations: 0", 6, "whole number from 1"),
    ("field: stations.bs.total_power", "field: stations.bs.total_pwoer", 9, "did you mean `total_power`"),
    ("field: stations.bs.total_power", "field: stations.bx.total_power", 9, "must be one of bs"),
    ("[-30 dBm, -20 dBm]", "[-30 dBm, -20 m]", 10, "unit must be one of W"),
    ("[-30 dBm, -20 dBm]", "[]", 10, "must be a list"),
    ("    power:", "    weight:", 8, "meaning of its own"),
    ("seed: 4", "seed: -4", 12, "whole number"),
    ("phases: true", "phases: maybe", 13, "`true` or `false`"),
    ("[15 m, 25 m]]", "[15 m, 5 m]]", 15, "lowest"),
    ("uniform: [[-15 m, 8 m], [15 m, 25 m]], ", "", 15, "one of `uniform`, `exponential`"),
    ("targets.rcs:", "user.orientation_sign:", 16, "cannot be drawn"),
    ("targets.rcs:", "targets.count:", 16, "`exponential` is for quantities"),
    ("{exponential: 100 m^2}", "{polar: [[1 m, 0 deg], [2 m, 90 deg]]}", 16, "`polar` is for positions"),
    ("{exponential: 100 m^2}", "{choice: [1 m^2, 2 m]}", 16, "unit must be one of m^2"),
    ("uniform: [[-15 m, 8 m], [15 m, 25 m]]", "polar: [[5 m, 30 deg], [3 m, 60 deg]]", 15, "lowest"),
    ("uniform: [[-15 m, 8 m], [15 m, 25 m]]", "polar: [[5 m, 30 deg], 10 m]", 15, "a size and an angle"),
    ("uniform: [[-15 m, 8 m], [15 m, 25 m]]", "polar: [[-5 m, 30 deg], [3 m, 60 deg]]", 15, "at least 0"),
    ("{exponential: 100 m^2}", "{disc: [[1 m, 0 m], 2 m]}", 16, "`disc` is for positions"),
    ("uniform: [[-15 m, 8 m], [15 m, 25 m]]", "disc: [[5 m, 3 m], 0 m]", 15, "radius above 0"),
    ("uniform: [[-15 m, 8 m], [15 m, 25 m]]", "disc: [[5 m, 3 m]]", 15, "a centre and a radius"),
    ("{exponential: 100 m^2}", "{exponential: 100 m}", 16, "unit must be one of m^2"),
    ("{exponential: 100 m^2}", "{exponential: 100 m^2, apart: 1 m}", 16, "only positions"),
    ("targets.rcs:", "stations.bs.total_power:", 9, "nothing else sets"),
    ("bistatic.user_position_m", "bistatic.user_positon_m", 17, "did you mean `bistatic.user_position_m`"),
    ("metric: objective", "metric: gap", 19, "a recorded metric must be one of objective"),
    ("relative_half_width: 0.1", "relative_half_width: 1.5", 20, "above 0 and below 1"),
    ("batch_cases: 50", "batch_cases: 0", 21, "whole number from 1"),
    ("realisations: 5", "realisations: 10000000", 3, "at most 100000000 cases"),
]


@pytest.mark.parametrize(("right", "wrong", "line", "words"), MISTAKES, ids=[wrong for _, wrong, _, _ in MISTAKES])
def test_mistakes_have_their_line(write, right, wrong, line, words):
    assert right in GOOD
    file = write(GOOD.replace(right, wrong))
    with pytest.raises(InvalidScenario) as caught:
        read_study(file)
    assert words in str(caught.value)
    assert caught.value.file == str(file)
    assert caught.value.line == line


@pytest.mark.parametrize("stop", ["", "stop: {metric: objective, relative_half_width: 0.1}\n"])
def test_many_metrics_have_to_be_chosen(write, monkeypatch, stop):
    """At the latest when the study is planned; with a stopping rule it must be known before what is recorded."""
    monkeypatch.setattr(metrics, "MOST_BY_DEFAULT", 3)
    text = "scenario: zhang2025\naxes: {realisations: 4}\n" + stop
    assert Plan.of(read_study(write(text + "metrics: [objective]\n"))).columns == ("objective",)
    with pytest.raises((InvalidInput, InvalidScenario), match="must be listed when there are more than 3"):
        Plan.of(read_study(write(text)))


def test_a_mistake_in_the_scenario_is_reported_in_its_own_file(write):
    base = write("system: zhang2025\nuser: 5\n", "base.yaml")
    with pytest.raises(InvalidScenario) as caught:
        read_study(write("scenario: base.yaml\n"))
    assert caught.value.file == str(base)
    assert caught.value.line is not None


def test_a_mistake_in_a_scenario_written_out_has_the_line_of_the_study(write):
    import yaml

    preset = read_study(write("scenario: zhang2025\n")).scenario
    text = yaml.safe_dump({"scenario": preset}).replace("bandwidth: 120 MHz", "bandwidth: 120 m")
    with pytest.raises(InvalidScenario, match="unit must be one of Hz") as caught:
        read_study(write(text))
    assert "120 m" in text.splitlines()[(caught.value.line or 1) - 1]


ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", ["random_targets", "power_and_targets"])
def test_the_examples_can_be_read(name):
    study = read_study(ROOT / "examples" / "studies" / f"{name}.yaml")
    assert study.random.fields
    assert study.title


def test_the_page_on_studies_shows_a_study_and_names_every_key(write):
    page = (ROOT / "docs" / "studies.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert read_study(write(text)).axes.realisations == 400
    for model in (Study, Axes, Randomness, Distribution, StoppingRule, FieldAxis):
        for name, field in model.model_fields.items():
            assert re.search(rf"\b{field.alias or name}\b", page), name
