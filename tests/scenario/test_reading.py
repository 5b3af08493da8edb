"""Presets, files, overrides, the schema for editors."""

import json
from importlib import resources

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from crbeam.errors import InvalidScenario
from crbeam.information import ParameterLayout
from crbeam.scenario import Scenario, list_presets, read_scenario, scenario_document, scenario_json_schema


def preset_text(name="zhang2025"):
    return (resources.files("crbeam.scenario") / "presets" / f"{name}.yaml").read_text(encoding="utf-8")


def test_every_preset_is_listed_with_its_title_and_can_be_read():
    presets = list_presets()
    assert presets["zhang2025"] == "Joint bistatic positioning and monostatic sensing, section VII-A"
    for name, title in presets.items():
        assert read_scenario(name).title == title


def test_a_file_reads_as_the_preset_that_it_copies(tmp_path):
    file = tmp_path / "copy.yaml"
    file.write_text("\ufeff" + preset_text(), encoding="utf-8")
    assert read_scenario(file) == read_scenario(str(file)) == read_scenario("zhang2025")


def test_scalars_are_those_of_yaml_1_2(tmp_path):
    file = tmp_path / "scalars.yaml"
    text = preset_text().replace("bandwidth: 120 MHz", "bandwidth: 12e7").replace("slots: 16 ", "slots: 010 ")
    file.write_text(text.replace("title: Joint", "title: on #").replace("bs", "yes"), encoding="utf-8")
    scenario = read_scenario(file)
    assert (scenario.title, scenario.waveform.bandwidth_hz, scenario.waveform.slots) == ("on", 12e7, 10)
    assert [*scenario.stations] == ["yes"]


@pytest.mark.parametrize(
    ("override", "read", "expected"),
    [
        ("targets.count=1", lambda s: s.targets.positions_m, ((-10.0, 15.0),)),
        ("user.position=[1 km, 2]", lambda s: s.user.position_m, (1000.0, 2.0)),
        ("targets.positions.1=[7 m, 8 m]", lambda s: s.targets.positions_m[1], (7.0, 8.0)),
        ("targets.positions.1.0=70 cm", lambda s: s.targets.positions_m[1], (0.7, 15.0)),
        ("user.combiner.dft_beams=[1, 2]", lambda s: s.user.combiner.dft_beams, (1, 2)),
        ("propagation.phases.bistatic=[0, 1, 2, 3]", lambda s: s.propagation.phases_rad["bistatic"][3], 3.0),
        ("stations.bs.receive_array.elements=4", lambda s: s.stations["bs"].receive_array.elements, 4),
        ("links={only: {transmitter: bs, receiver: user}}", lambda s: [*s.links], ["only"]),
        ("waveform.bandwidth=1e8", lambda s: s.waveform.bandwidth_hz, 1e8),
        ("title=a = b", lambda s: s.title, "a = b"),
        ("seed=5", lambda s: s.seed, 5),
    ],
)
def test_an_override_changes_one_value(override, read, expected):
    scenario = read_scenario("zhang2025", overrides=[override])
    assert read(scenario) == expected
    assert override.startswith(("user.combiner", "propagation.phases")) or read(read_scenario("zhang2025")) != expected


def test_later_overrides_win_and_the_seed_argument_last():
    scenario = read_scenario("zhang2025", overrides=["seed=1", "targets.count=1", "targets.count=2"], seed=9)
    assert (scenario.seed, scenario.targets.count) == (9, 2)


@pytest.mark.parametrize(
    ("override", "field", "says"),
    [
        ("waveform.bandwith=1 MHz", "waveform.bandwith", "did you mean `bandwidth`?"),
        ("waveform.bandwidth=1 MHzz", "waveform.bandwidth", "did you mean MHz?"),
        ("waveform.bandwidth=50 GHz", "waveform.bandwidth", "must not exceed the carrier"),
        ("waveform.carrier_frequency=1 MHz", "waveform.bandwidth", "must not exceed the carrier"),
        ("user.position=[5 m, 15 m]", "targets.positions.1", "1 mm"),
        ("targets.positions.1=[-5 m, 20 m]", "targets.positions.1", "1 mm"),
        ("targets.positions.2.1=0 m", "targets.positions.2", "1 mm"),
        ("links.monostatic.receiver=user", "links.monostatic", "differ from link `bistatic`"),
        ("waveform={bandwidth: 1 MHz}", "waveform.carrier_frequency", "must be given"),
        ("stations.b.total_power=1 W", "stations.b", "one of bs; found `b`"),
        ("targets.positions.3=[1, 2]", "targets.positions.3", "below 3, found `3`"),
        ("targets.positions.x=[1, 2]", "targets.positions.x", "found `x`"),
        ("seed.x=1", "seed.x", "has no parts"),
        ("title.x=1", "title.x", "`title` has no parts"),
        ("targets.count", None, "PATH=VALUE"),
        ("=3", None, "PATH=VALUE"),
        ("targets..count=3", None, "PATH=VALUE"),
        ("user.position=[1, 2", "user.position", "bracket"),
        ("propagation.paths_file=nowhere.nc", "propagation.paths_file", "nowhere.nc"),
    ],
)
def test_a_wrong_override_is_named_instead_of_a_line(override, field, says):
    with pytest.raises(InvalidScenario) as caught:
        read_scenario("zhang2025", overrides=[override])
    error, message = caught.value, str(caught.value)
    assert (error.file, error.line, error.field) == ("preset zhang2025", None, field), message
    assert f"in the override `{override}`: " in message
    assert says in message
    assert "\n" not in message or override.startswith("waveform={")


def test_of_several_overrides_the_last_one_with_a_part_of_the_field_is_named():
    overrides = ["user.position.0=0 m", "user.position.1=0 m", "user.rcs=3"]
    with pytest.raises(InvalidScenario, match=r"in the override `user.position.1=0 m`: must be at least 1 mm"):
        read_scenario("zhang2025", overrides=overrides)


def test_a_mistake_of_the_file_beside_an_override_keeps_its_line(tmp_path):
    file = tmp_path / "street.yaml"
    file.write_text(preset_text().replace("28 GHz\n", "28 GHzz\n"), encoding="utf-8")
    with pytest.raises(InvalidScenario) as caught:
        read_scenario(file, overrides=["waveform.bandwidth=100 MHz"])
    assert caught.value.line == 1 + file.read_text().split("\n").index("  carrier_frequency: 28 GHzz")
    assert "override" not in str(caught.value)


@pytest.mark.parametrize("seed", [-1, 2**70])
def test_a_wrong_seed_argument_is_refused(seed):
    with pytest.raises(InvalidScenario, match=f"seed={seed}"):
        read_scenario("zhang2025", seed=seed)


def test_a_path_file_is_found_beside_the_scenario_or_in_the_working_directory(tmp_path, monkeypatch):
    folder, elsewhere = tmp_path / "street", tmp_path / "elsewhere"
    for place in (folder, elsewhere):
        place.mkdir()
        (place / "paths.nc").write_bytes(b"")
    document = {**yaml.safe_load(preset_text()), "propagation": {"paths_file": "paths.nc"}, "targets": {"rcs": 100}}
    (folder / "street.yaml").write_text(json.dumps(document), encoding="utf-8")
    monkeypatch.chdir(elsewhere)
    scenario = read_scenario("../street/street.yaml")
    assert scenario.propagation.paths_file is not None
    assert (elsewhere / scenario.propagation.paths_file).resolve() == folder / "paths.nc"
    given_here = read_scenario(folder / "street.yaml", overrides=["propagation.paths_file=paths.nc"])
    assert given_here.propagation.paths_file == str(elsewhere / "paths.nc")
    again = tmp_path / "again.yaml"
    again.write_text(json.dumps(scenario_document(scenario)), encoding="utf-8")
    assert read_scenario(again) == scenario


LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["28 GHz", "1e999", "x: y", "5 m", "bs", "user", "sqrt"]),
)
VALUES = st.recursive(
    LEAVES,
    lambda part: st.lists(part, max_size=3) | st.dictionaries(st.sampled_from("abc"), part, max_size=2),
    max_leaves=4,
)


def paths_of(value, path=()):
    yield from ([path] if path else [])
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from paths_of(item, (*path, str(key)))


PATHS = sorted(".".join(path) for path in paths_of(yaml.safe_load(preset_text())))


@settings(max_examples=40, derandomize=True, deadline=None)
@given(path=st.sampled_from(PATHS), value=VALUES)
def test_whatever_is_written_gives_a_scenario_or_a_named_error(path, value):
    try:
        scenario = read_scenario("zhang2025", overrides=[f"{path}={json.dumps(value)}"])
    except InvalidScenario as error:
        assert "override" in str(error) or error.line is not None  # noqa: PT017
    else:
        assert Scenario.model_validate(scenario_document(scenario)) == scenario


SCHEMA = scenario_json_schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def test_the_schema_is_a_schema_that_accepts_presets_and_documents():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    for name in list_presets():
        VALIDATOR.validate(yaml.safe_load(preset_text(name)))
        VALIDATOR.validate(scenario_document(read_scenario(name)))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("bandwidth:", "bandwith:"),
        ("120 MHz", "120 MHzz"),
        ("120 MHz", "-120e6"),
        ("slots: 16", "slots: 1.5"),
        ("axis: x", "axis: z"),
        ("[-5 m, 20 m]", "[-5 m]"),
        ("rcs: 10 m^2", "rcs: null"),
        ("zhang2025\n", "zhang2024\n"),
        ("  bs:", "  2bs:"),
        ("  bs:", "  b-s:"),
        ("bistatic: {", "bi-static: {"),
        ("total_power: -20 dBm", "total_power: 1e-200"),
        ("clock_bias: 1 us", "clock_bias: 1e7"),
        ("elements: 16", "elements: 65536"),
    ],
)
def test_the_schema_rejects_mistakes(old, new):
    text = preset_text()
    text = text.replace("system: zhang2025 ", "system: zhang2025\n#")
    assert old in text
    assert list(VALIDATOR.iter_errors(yaml.safe_load(text.replace(old, new, 1))))


def test_every_key_of_the_schema_is_described_and_quantities_have_examples():
    sections = [SCHEMA, *SCHEMA["$defs"].values()]
    fields = {key: field for section in sections for key, field in section["properties"].items()}
    assert len(fields) > 35
    assert [key for key, field in fields.items() if not field.get("description")] == []
    quantity = fields["carrier_frequency"]
    assert {option["type"] for option in quantity["anyOf"]} == {"number", "string"}
    assert quantity["examples"][0] == "28 GHz"
    assert not any("_hz" in key or "_m2" in key for key in fields)


@settings(derandomize=True, deadline=None)
@given(
    name=st.text(st.sampled_from("aZ09_-. é²/["), min_size=1, max_size=4) | st.sampled_from(["bistatic", "b2_", "A"])
)
def test_the_names_of_links_are_those_that_parameters_and_the_schema_take(name):
    document = yaml.safe_load(preset_text())
    document["links"] = {name: {"transmitter": "bs", "receiver": "user"}}
    if VALIDATOR.is_valid(document):
        assert [*Scenario.model_validate(document).links] == [name]
        assert ParameterLayout.of({f"{name}/gain[2]": 2}).size == 2
        assert name[0].isalpha()
    else:
        with pytest.raises(ValidationError, match="digits and `_`"):
            Scenario.model_validate(document)
