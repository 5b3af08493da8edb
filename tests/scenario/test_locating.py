"""Errors found after reading get the file and the line, or the override, of their field."""

from pathlib import Path

import pytest

from crbeam.errors import InvalidScenario
from crbeam.propagation import trace_paths
from crbeam.scenario import list_presets, locate, read_scenario

MUNICH = Path(__file__).resolve().parents[2] / "examples" / "munich" / "munich.yaml"


def line_of(text, key):
    return 1 + next(index for index, line in enumerate(text.splitlines()) if line.strip().startswith(key))


def traced_error(source, overrides=(), seed=None):
    """The error of tracing a scenario that reads well, without its place and with it."""
    scenario = read_scenario(source, overrides=overrides, seed=seed)
    with pytest.raises(InvalidScenario) as caught:
        trace_paths(scenario)
    assert (caught.value.file, caught.value.line) == (None, None)
    return caught.value, locate(caught.value, source, overrides, seed)


@pytest.fixture
def street(tmp_path):
    """The Munich example with a change, in a folder of its own."""

    def write(old, new):
        text = MUNICH.read_text(encoding="utf-8")
        assert text.count(old) == 1
        changed = text.replace(old, new).replace("munich.nc\n", f"{MUNICH.with_suffix('.nc')}\n")
        file = tmp_path / "street.yaml"
        file.write_text(changed, encoding="utf-8")
        return file

    return write


@pytest.mark.parametrize(
    ("old", "new", "field", "key"),
    [
        ("  rcs: 100 m^2 ", "  count: 9\n  rcs: 100 m^2 ", "targets.count", "count: 9"),
        ("  rcs: 100 m^2 ", "  rcs: [1, 2] #", "targets.rcs", "rcs: [1, 2]"),
        ("position: [62 m, 35 m]", "position: [62 m, 36 m]", "stations.bs.position", "position: [62 m"),
        ("position: [3 m, 77 m]", "position: [3 m, 78 m]", "user.position", "position: [3 m"),
        ("28 GHz", "29 GHz", "waveform.carrier_frequency", "carrier_frequency"),
        ("propagation:", "propagation:\n  phases: {bistatic: [0, 1]}", "propagation.phases.bistatic", "phases:"),
    ],
)
def test_an_error_of_tracing_gets_the_line_of_its_field(street, old, new, field, key):
    file = street(old, new)
    error, located = traced_error(file)
    assert (located.file, located.line, located.field) == (str(file), line_of(file.read_text(), key), field)
    assert located.problem == error.problem
    assert str(located) == f"{file}, line {located.line}, field `{field}`: {error.problem}"


@pytest.mark.parametrize(
    ("override", "field"),
    [
        ("targets.count=9", "targets.count"),
        ("targets={count: 9, rcs: 100 m^2}", "targets.count"),
        ("targets.rcs=[1 m^2, 2 m^2]", "targets.rcs"),
        ("user.position=[3 m, 78 m]", "user.position"),
        ("user.position.1=78 m", "user.position"),
        ("waveform.carrier_frequency=29 GHz", "waveform.carrier_frequency"),
        ("propagation.phases={monostatic: [0, 1]}", "propagation.phases.monostatic"),
    ],
)
def test_an_error_of_tracing_names_the_override_that_caused_it(override, field):
    overrides = ["title=Streets", override]
    error, located = traced_error(str(MUNICH), overrides, seed=4)
    assert (located.file, located.field) == (str(MUNICH), field)
    assert located.line is None
    assert located.problem == f"in the override `{override}`: {error.problem}"
    unaware = locate(error, str(MUNICH))
    assert unaware.line is not None
    assert "override" not in unaware.problem


def test_a_preset_is_named_the_same_everywhere():
    found_later = InvalidScenario("must be other", field="waveform.bandwidth")
    located = locate(found_later, "zhang2025")
    with pytest.raises(InvalidScenario) as caught:
        read_scenario("zhang2025", overrides=["waveform.bandwidth=fast"])
    assert located.file == caught.value.file == "preset zhang2025"
    assert located.line is not None
    assert "zhang2025" in list_presets()


def test_an_override_of_a_part_is_not_blamed_for_its_section():
    overrides = ["links.bistatic.transmitter=bs", "user.position.0=1 m"]
    section = locate(InvalidScenario("must have another link", field="links"), "zhang2025", overrides)
    assert section.line is not None
    assert section.problem == "must have another link"
    part = locate(InvalidScenario("must be elsewhere", field="user.position"), "zhang2025", overrides)
    assert (part.line, part.problem) == (None, "in the override `user.position.0=1 m`: must be elsewhere")


def test_the_seed_argument_is_named_as_an_override():
    located = locate(InvalidScenario("must be other", field="seed"), "zhang2025", seed=7)
    assert located.problem == "in the override `seed=7`: must be other"


def test_an_error_without_a_field_gets_the_file():
    located = locate(InvalidScenario("must be other"), "zhang2025")
    assert (located.file, located.field, located.problem) == ("preset zhang2025", None, "must be other")


@pytest.mark.parametrize("field", [None, "user.position"])
def test_an_error_with_a_place_or_of_an_unreadable_source_stays_as_it_is(field, tmp_path):
    placed = InvalidScenario("must be other", file="street.yaml", line=3, field=field)
    assert locate(placed, "zhang2025") is placed
    unplaced = InvalidScenario("must be other", field=field)
    for source in ("nowhere", tmp_path / "nowhere.yaml", tmp_path):
        assert locate(unplaced, source) is unplaced
    assert locate(unplaced, "zhang2025", ["no override"]) is unplaced
