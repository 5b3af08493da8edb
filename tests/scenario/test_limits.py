"""Every value of a scenario has limits: what lies beyond is refused at its line and field, what lies within works."""

import math
import re
from pathlib import Path
from typing import get_args

import pytest

from crbeam.errors import InvalidScenario
from crbeam.scenario import Scenario, read_scenario, scenario_document, scenario_json_schema
from crbeam.scenario.fields import Leaf, ListOf, Position, PositiveNumber, Quantity, Whole

PAGE = Path(__file__).resolve().parents[2] / "docs" / "scenario.md"

WORLD = """\
system: zhang2025
stations:
  bs:
    position: [0, 0]
    orientation: 0
    transmit_array:
      elements: 8
      spacing: 0.5
    total_power: 1e-5
user:
  position: [-5, 20]
  orientation: 1.92
  clock_bias: 1e-6
  rcs: 10
  array: {elements: 4}
targets:
  count: 1
  positions:
    - [-10, 15]
  rcs: 100
waveform:
  carrier_frequency: 28e9
  bandwidth: 120e6
  subcarriers: 64
  first_subcarrier: 1
  slots: 16
  symbols_per_slot: 100
noise:
  density: 4e-21
  figure: 10
links:
  bistatic: {transmitter: bs, receiver: user}
propagation:
  phases:
    bistatic: [0, 0]
"""

#: Dotted key, its line in WORLD, the least and the largest value, the limits in words.
LIMITS = [
    ("stations.bs.orientation", 5, -2 * math.pi, 2 * math.pi, "-360 deg to 360 deg"),
    ("stations.bs.transmit_array.elements", 7, 1, 4096, "1 to 4096"),
    ("stations.bs.transmit_array.spacing", 8, 1e-3, 1e3, "0.001 to 1000"),
    ("stations.bs.total_power", 9, 1e-18, 1e9, "-150 dBm to 120 dBm"),
    ("user.position.0", 11, -1e8, 1e8, "-100000 km to 100000 km"),
    ("user.orientation", 12, -2 * math.pi, 2 * math.pi, "-360 deg to 360 deg"),
    ("user.clock_bias", 13, -1.0, 1.0, "-1 s to 1 s"),
    ("user.rcs", 14, 1e-12, 1e12, "1e-12 m^2 to 1e12 m^2"),
    ("user.array.elements", 15, 1, 4096, "1 to 4096"),
    ("targets.count", 17, 0, 1024, "0 to 1024"),
    ("targets.positions.0.1", 19, -1e8, 1e8, "-100000 km to 100000 km"),
    ("targets.rcs", 20, 1e-12, 1e12, "1e-12 m^2 to 1e12 m^2"),
    ("waveform.carrier_frequency", 22, 1e3, 1e15, "1 kHz to 1e6 GHz"),
    ("waveform.bandwidth", 23, 1.0, 1e13, "1 Hz to 10000 GHz"),
    ("waveform.subcarriers", 24, 1, 2**20, "1 to 1048576"),
    ("waveform.first_subcarrier", 25, -(2**19), 2**16, "-524288 to 65536"),
    ("waveform.slots", 26, 1, 10**9, "1 to 1000000000"),
    ("waveform.symbols_per_slot", 27, 1, 10**9, "1 to 1000000000"),
    ("noise.density", 29, 1e-30, 1e-3, "-270 dBm/Hz to 0 dBm/Hz"),
    ("noise.figure", 30, 1.0, 1e6, "0 dB to 60 dB"),
    ("propagation.phases.bistatic.1", 35, -1e6, 1e6, "-1e6 rad to 1e6 rad"),
]


def changed(path, value):
    """WORLD with one value replaced, on the same lines."""
    lines: list[str] = WORLD.split("\n")
    keys = path.split(".")
    index = next(line for key, line, *_ in LIMITS if key == path) - 1
    if keys[-1].isdigit():
        items = [item.strip() for item in re.search(r"\[(.*)\]", lines[index])[1].split(",")]
        items[int(keys[-1])] = str(value)
        lines[index] = re.sub(r"\[.*\]", f"[{', '.join(items)}]", lines[index])
    else:
        lines[index] = re.sub(rf"({keys[-1]}: )[^}}]+", rf"\g<1>{value}", lines[index])
    assert lines != WORLD.split("\n")
    return "\n".join(lines)


def refused(text, folder):
    file = folder / "world.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidScenario) as caught:
        read_scenario(file)
    return caught.value


def beyond(least, largest):
    if isinstance(least, int):
        return least - 1, largest + 1
    return least - 1e-6 * abs(least), largest + 1e-6 * abs(largest)


@pytest.mark.parametrize(("path", "line", "least", "largest", "words"), LIMITS)
def test_a_value_beyond_its_limits_is_refused_at_its_line(path, line, least, largest, words, tmp_path):
    for value in beyond(least, largest):
        error = refused(changed(path, value), tmp_path)
        assert (error.line, error.field) == (line, path), str(error)
        assert words in error.problem
        assert f"found `{value}`" in error.problem
        assert "\n" not in error.problem


@pytest.mark.parametrize(("path", "least", "largest"), [(path, *ends) for path, _, *ends, _ in LIMITS])
def test_a_value_at_its_limits_is_accepted(path, least, largest, tmp_path):
    file = tmp_path / "world.yaml"
    room = {"waveform.carrier_frequency": "bandwidth: 120e6", "waveform.bandwidth": "carrier_frequency: 28e9"}
    wide = {"waveform.carrier_frequency": "bandwidth: 1", "waveform.bandwidth": "carrier_frequency: 1e14"}
    for value in (least, largest):
        text = changed(path, value)
        if path in room:
            text = text.replace(room[path], wide[path])
        if path == "targets.count":
            places = "".join(f"\n    - [{index}, 15]" for index in range(largest))
            text = text.split("propagation:")[0].replace("\n    - [-10, 15]", places)
        file.write_text(text, encoding="utf-8")
        document = scenario_document(read_scenario(file))
        assert Scenario.model_validate(document) == read_scenario(file)


@pytest.mark.parametrize(("path", "words"), [(path, words) for path, *_, words in LIMITS if path != "targets.count"])
def test_the_limits_as_stated_with_units_are_accepted(path, words, tmp_path):
    file = tmp_path / "world.yaml"
    for text in words.split(" to "):
        scene = changed(path, text)
        if path == "waveform.carrier_frequency":
            scene = scene.replace("120e6", "1")
        if path == "waveform.bandwidth":
            scene = scene.replace("28e9", "1e15")
        file.write_text(scene, encoding="utf-8")
        assert read_scenario(file).system == "zhang2025"


@pytest.mark.parametrize(
    ("override", "field"),
    [
        ("waveform.symbols_per_slot=1" + "0" * 400, "waveform.symbols_per_slot"),
        ("waveform.first_subcarrier=1" + "0" * 30, "waveform.first_subcarrier"),
        ("waveform.first_subcarrier=1e30", "waveform.first_subcarrier"),
        ("stations.bs.transmit_array.elements=65536", "stations.bs.transmit_array.elements"),
        ("stations.bs.total_power=1e-200", "stations.bs.total_power"),
        ("stations.bs.total_power=1e200", "stations.bs.total_power"),
        ("stations.bs.total_power=1e300 W", "stations.bs.total_power"),
        ("user.rcs=1e308", "user.rcs"),
        ("targets.rcs=[1, 1, 1e308]", "targets.rcs.2"),
        ("targets.bistatic_rcs=-3000 dBsm", "targets.bistatic_rcs"),
        ("waveform.bandwidth=1e-300", "waveform.bandwidth"),
        ("user.clock_bias=1e7", "user.clock_bias"),
        ("user.clock_bias=-1e300 s", "user.clock_bias"),
        ("user.combiner={dft_beams: [1e20]}", "user.combiner.dft_beams.0"),
        ("user.combiner={phases: [[1e300]]}", "user.combiner.phases.0.0"),
        ("user.array.spacing=1e-9", "user.array.spacing"),
        ("user.array.spacing=.nan", "user.array.spacing"),
    ],
)
def test_a_value_that_no_computation_bears_is_refused(override, field):
    with pytest.raises(InvalidScenario) as caught:
        read_scenario("zhang2025", overrides=[override])
    error = caught.value
    assert (error.file, error.line, error.field) == ("preset zhang2025", None, field), str(error)
    assert f"in the override `{override}`: must be " in str(error)


def test_a_list_is_no_longer_than_any_scene_needs(tmp_path):
    many = "".join(f"\n    - [{index}, 15]" for index in range(1025))
    error = refused(WORLD.replace("\n    - [-10, 15]", many).replace("count: 1", "count: null"), tmp_path)
    assert (error.line, error.field) == (18, "targets.positions")
    assert "at most 1024, found a list of 1025" in error.problem
    error = refused(WORLD.replace("bistatic: [0, 0]", f"bistatic: {[0] * 1026}"), tmp_path)
    assert (error.line, error.field) == (35, "propagation.phases.bistatic")
    assert "at most 1025" in error.problem


def leaves_of(model, prefix=""):
    """Dotted key, kind of value and description of every leaf below a model."""
    for name, field in model.model_fields.items():
        path = prefix + (field.alias or name)
        options = [field.annotation, *get_args(field.annotation)]
        kinds = [*field.metadata, *(kind for option in options for kind in getattr(option, "__metadata__", ()))]
        yield from ((path, kind, field.description) for kind in kinds if isinstance(kind, Leaf))
        inner = next((option for option in options if hasattr(option, "model_fields")), None)
        if inner is not None:
            yield from leaves_of(inner, f"{path}.NAME." if "dict" in str(field.annotation) else f"{path}.")


def numbers_in(kind):
    if isinstance(kind, ListOf):
        yield kind
        yield from numbers_in(kind.item)
    elif isinstance(kind, Position):
        yield kind.coordinate
    elif isinstance(kind, Quantity | Whole | PositiveNumber):
        yield kind


NUMBERS = [
    (path, number, description) for path, kind, description in leaves_of(Scenario) for number in numbers_in(kind)
]


def test_every_number_of_a_scenario_has_finite_limits():
    assert len({path for path, _, _ in NUMBERS}) > 25
    for path, number, _ in NUMBERS:
        assert -math.inf < number.minimum < number.maximum < math.inf, path


def test_the_limits_of_quantities_are_stated_in_the_schema_and_in_the_documentation():
    page = PAGE.read_text(encoding="utf-8").splitlines()
    stated = [(path, number, about) for path, number, about in NUMBERS if isinstance(number, Quantity | PositiveNumber)]
    assert len(stated) > 12
    for path, number, description in stated:
        if path == "targets.bistatic_rcs":
            continue
        row = next(line for line in page if line.startswith(f"| `{path}` |"))
        assert number.limits in description, path
        assert number.limits in row, path


def test_the_schema_has_the_limits_of_numbers():
    definitions = scenario_json_schema()["$defs"]
    power = definitions["Station"]["properties"]["total_power"]["anyOf"][0]
    assert power == {"type": "number", "minimum": 1e-18, "maximum": 1e9}
    assert definitions["Waveform"]["properties"]["slots"]["maximum"] == 10**9
    assert definitions["UniformLinearArray"]["properties"]["elements"]["maximum"] == 4096
    positions = definitions["Targets"]["properties"]["positions"]
    assert (positions["maxItems"], positions["items"]["items"]["anyOf"][0]["maximum"]) == (1024, 1e8)


@pytest.mark.parametrize(
    "override",
    [
        "stations.bs.transmit_array.elements=513",
        "stations.bs.total_power=45 dBm",
        "noise={density: -173 dBm/Hz, figure: 0 dB}",
        "noise={density: -65 dBm/Hz, figure: 0 dB}",
        "waveform.slots=256",
        "waveform.bandwidth=10 MHz",
        "user.position=[3 km, -2 km]",
        "user.rcs=-20 dBsm",
    ],
)
def test_values_of_published_systems_fit(override):
    assert read_scenario("zhang2025", overrides=[override]) != read_scenario("zhang2025")
