"""One mistake at a time in a valid scenario file: every one is reported in words, at its line and field."""

from dataclasses import dataclass

import pytest

from crbeam.errors import InvalidScenario
from crbeam.scenario import read_scenario

VALID = """\
title: A street
system: zhang2025
seed: 3
stations:
  bs:
    position: [0 m, 0 m]
    transmit_array: {elements: 16, spacing: 0.5, reference: centre}
    total_power: -20 dBm
user:
  position: [-5 m, 20 m]
  orientation: 110 deg
  orientation_sign: 1
  clock_bias: 1 us
  rcs: 10 m^2
  array: {elements: 8}
  combiner: {dft_beams: [0, 3, 5]}
targets:
  count: 2
  positions:
    - [-10 m, 15 m]
    - [5 m, 15 m]
    - [0 m, 17 m]
  rcs: [100 m^2, 50 m^2, 20 dBsm]
waveform:
  carrier_frequency: 28 GHz
  bandwidth: 120 MHz
  subcarriers: 1024
  slots: 16
  symbols_per_slot: 100
noise:
  density: -173.855 dBm/Hz
  figure: 10 dB
links:
  bistatic: {transmitter: bs, receiver: user}
  monostatic: {transmitter: bs, receiver: bs}
propagation:
  rcs_amplitude: sqrt
  phases: {bistatic: [0, 1, 2]}
"""


@dataclass(frozen=True)
class Mistake:
    """A replacement in the valid text, with the report that it must cause."""

    old: str
    new: str
    line: int | None
    field: str | None
    says: tuple[str, ...]


BARE_STATIONS = "stations:\n  bs:\n    position: [0 m, 0 m]\n"

MISTAKES = {
    "misspelt unit": Mistake(
        "28 GHz", "28 GHzz", 25, "waveform.carrier_frequency", ("28 GHzz", "MHz, GHz", "mean GHz?")
    ),
    "missing unit": Mistake(
        "120 MHz", "'120'", 26, "waveform.bandwidth", ("`120`: unit is missing", "Hz, kHz, MHz, GHz")
    ),
    "wrong dimension": Mistake("-20 dBm", "-20 MHz", 8, "stations.bs.total_power", ("-20 MHz", "W, mW, uW, dBm, dBW")),
    "wrong case of a unit": Mistake("120 MHz", "120 mhz", 26, "waveform.bandwidth", ("120 mhz", "did you mean MHz?")),
    "no number": Mistake("28 GHz", "fast", 25, "waveform.carrier_frequency", ("`fast`", "such as `28 GHz`")),
    "not a number": Mistake("28 GHz", ".nan", 25, "waveform.carrier_frequency", ("finite", "`nan`")),
    "infinite power": Mistake("-20 dBm", "1e9 dBm", 8, "stations.bs.total_power", ("finite", "`1e9 dBm`")),
    "boolean": Mistake("28 GHz", "true", 25, "waveform.carrier_frequency", ("boolean `true`", "such as `28 GHz`")),
    "negative power": Mistake(
        "-20 dBm", "-1 W", 8, "stations.bs.total_power", ("a power from -150 dBm to 120 dBm", "`-1 W`")
    ),
    "negative power of an antenna": Mistake(
        "total_power: -20 dBm",
        "total_power: -20 dBm\n    power_per_antenna: -1 W",
        9,
        "stations.bs.power_per_antenna",
        ("a power from -150 dBm to 120 dBm", "`-1 W`"),
    ),
    "power of an antenna in another unit": Mistake(
        "total_power: -20 dBm",
        "total_power: -20 dBm\n    power_per_antenna: 3 MHz",
        9,
        "stations.bs.power_per_antenna",
        ("3 MHz", "W, mW, uW, dBm, dBW"),
    ),
    "negative frequency": Mistake(
        "28 GHz", "-28 GHz", 25, "waveform.carrier_frequency", ("a frequency from 1 kHz to 1e6 GHz", "`-28 GHz`")
    ),
    "no cross section": Mistake("rcs: 10 m^2", "rcs: 0", 14, "user.rcs", ("an area from 1e-12 m^2 to 1e12 m^2", "`0`")),
    "cross section of one target": Mistake("50 m^2", "-50 m^2", 23, "targets.rcs.1", ("from 1e-12 m^2", "`-50 m^2`")),
    "noise figure below one": Mistake(
        "10 dB", "-3 dB", 32, "noise.figure", ("a gain ratio from 0 dB to 60 dB", "`-3 dB`")
    ),
    "degrees without a unit": Mistake(
        "110 deg", "110", 11, "user.orientation", ("an angle from -360 deg to 360 deg", "`110`", "write `deg`")
    ),
    "no elements": Mistake("elements: 8", "elements: 0", 15, "user.array.elements", ("from 1 to", "`0`")),
    "half an element": Mistake("elements: 8", "elements: 8.5", 15, "user.array.elements", ("whole number", "`8.5`")),
    "negative spacing": Mistake(
        "spacing: 0.5", "spacing: -0.5", 7, "stations.bs.transmit_array.spacing", ("from 0.001 to 1000", "`-0.5`")
    ),
    "unknown choice": Mistake(
        "centre",
        "center",
        7,
        "stations.bs.transmit_array.reference",
        ("`center`", "`centre` or `first`", "mean `centre`?"),
    ),
    "wrong sign": Mistake("_sign: 1", "_sign: 2", 12, "user.orientation_sign", ("`1` or `-1`", "`2`")),
    "unknown system": Mistake("zhang2025", "zang2025", 2, "system", ("`zang2025`", "mean `zhang2025`?")),
    "negative seed": Mistake("seed: 3", "seed: -3", 3, "seed", ("0 to", "`-3`")),
    "title that is a number": Mistake("A street", "2025", 1, "title", ("must be text", "`2025`", "quotes")),
    "unknown key": Mistake(
        "bandwidth",
        "bandwith",
        26,
        "waveform.bandwith",
        ("`bandwith`", "symbols_per_slot", "did you mean `bandwidth`?"),
    ),
    "unknown section": Mistake("noise:", "noises:", 30, "noises", ("unknown key `noises`", "did you mean `noise`?")),
    "name of a Python attribute": Mistake(
        "clock_bias:", "clock_bias_s:", 13, "user.clock_bias_s", ("unknown key", "did you mean `clock_bias`?")
    ),
    "missing key": Mistake("  slots: 16\n", "", 24, "waveform.slots", ("must be given", "Number of time slots")),
    "missing section": Mistake(
        "noise:\n  density: -173.855 dBm/Hz\n  figure: 10 dB\n", "", 1, "noise", ("must be given",)
    ),
    "empty section": Mistake(
        "  density: -173.855 dBm/Hz\n  figure: 10 dB\n", "", 30, "noise", ("density, figure", "null")
    ),
    "text in place of a section": Mistake("array: {elements: 8}", "array: 8", 15, "user.array", ("mapping", "`8`")),
    "position with three coordinates": Mistake(
        "[-5 m, 20 m]", "[-5 m, 20 m, 0 m]", 10, "user.position", ("two lengths", "list of 3")
    ),
    "wrong unit in a position": Mistake(
        "[5 m, 15 m]", "[5 m, 15 s]", 21, "targets.positions.1.1", ("`15 s`", "mm, cm, m, km")
    ),
    "unreadable position": Mistake(
        "[5 m, 15 m]", "[5 m; 15 m]", 21, "targets.positions.1", ("two lengths", "list of 1")
    ),
    "user at the station": Mistake("[-5 m, 20 m]", "[0 m, 0.1 mm]", 10, "user.position", ("1 mm", "station `bs`")),
    "target at the user": Mistake("[5 m, 15 m]", "[-5 m, 20 m]", 21, "targets.positions.1", ("1 mm", "the user")),
    "target at the station": Mistake("[5 m, 15 m]", "[0, 0]", 21, "targets.positions.1", ("1 mm", "station `bs`")),
    "two targets at one place": Mistake(
        "[5 m, 15 m]", "[-10 m, 15 m]", 21, "targets.positions.1", ("1 mm", "target 0", "[-10 m, 15 m]")
    ),
    "more targets than positions": Mistake("count: 2", "count: 4", 18, "targets.count", ("positions listed, 3", "`4`")),
    "too few cross sections": Mistake(", 50 m^2", "", 23, "targets.rcs", ("each of the 3", "list of 2")),
    "no cross sections": Mistake("  rcs: [100 m^2, 50 m^2, 20 dBsm]\n", "", 17, "targets.rcs", ("must be given",)),
    "bandwidth above the carrier": Mistake("120 MHz", "30 GHz", 26, "waveform.bandwidth", ("28 GHz", "found 30 GHz")),
    "no subcarriers": Mistake("1024", "0", 27, "waveform.subcarriers", ("from 1 to", "`0`")),
    "combiner beam out of range": Mistake("[0, 3, 5]", "[0, 3, 8]", 16, "user.combiner.dft_beams.2", ("0 to 7", "`8`")),
    "combiner beam twice": Mistake("[0, 3, 5]", "[0, 3, 3]", 16, "user.combiner.dft_beams.2", ("`3` twice",)),
    "combiner row too short": Mistake(
        "{dft_beams: [0, 3, 5]}", "{phases: [[0, 1]]}", 16, "user.combiner.phases.0", ("each of the 8", "found 2")
    ),
    "combiner chains dependent": Mistake(
        "{dft_beams: [0, 3, 5]}",
        "{phases: [[0, 1, 2, 3, 4, 5, 6, 7], [1, 2, 3, 4, 5, 6, 7, 8]]}",
        16,
        "user.combiner.phases",
        ("independent", "2 dependent"),
    ),
    "two kinds of combiner": Mistake(
        "dft_beams: [0, 3, 5]", "dft_beams: [0], phases: [[0]]", 16, "user.combiner", ("either", "both")
    ),
    "link from an unknown station": Mistake(
        "bs, receiver: user", "bss, receiver: user", 34, "links.bistatic.transmitter", ("`bss`", "did you mean `bs`?")
    ),
    "link to an unknown receiver": Mistake(
        "receiver: user", "receiver: usr", 34, "links.bistatic.receiver", ("bs, user", "did you mean `user`?")
    ),
    "the same link twice": Mistake(
        "bs, receiver: bs}", "bs, receiver: user}", 35, "links.monostatic", ("differ", "link `bistatic`")
    ),
    "no link": Mistake(
        "links:\n  bistatic: {transmitter: bs, receiver: user}\n  monostatic: {transmitter: bs, receiver: bs}",
        "links: {}",
        33,
        "links",
        ("from names to links", "empty mapping"),
    ),
    "second station": Mistake(
        BARE_STATIONS,
        "stations:\n  far: {position: [9, 9], transmit_array: {elements: 2}, total_power: 1}\n"
        "  bs:\n    position: [0, 0]\n",
        6,
        "stations.bs",
        ("exactly one station", "found 2: far, bs"),
    ),
    "station named user": Mistake("  bs:\n", "  user:\n", 5, "stations.user", ("`user`", "choose another")),
    "station with a hyphen": Mistake(
        "  bs:\n", "  base-station:\n", 5, "stations.base-station", ("letter", "digits and `_`")
    ),
    "link with a hyphen": Mistake(
        "  bistatic: {", "  bi-static: {", 34, "links.bi-static", ("a name must", "digits and `_`", "found `bi-static`")
    ),
    "phases of a name that no link can have": Mistake(
        "{bistatic: [", "{bi-static: [", 38, "propagation.phases.bi-static", ("a name must", "found `bi-static`")
    ),
    "phases of wrong length": Mistake(
        "[0, 1, 2]", "[0, 1]", 38, "propagation.phases.bistatic", ("3 angles", "found 2")
    ),
    "phases of an unknown link": Mistake(
        "{bistatic: [", "{bistatc: [", 38, "propagation.phases.bistatc", ("name of a link", "mean `bistatic`?")
    ),
    "positions beside a path file": Mistake(
        "rcs_amplitude: sqrt", "paths_file: {here}", 19, "targets.positions", ("paths_file", "found both")
    ),
    "no path file": Mistake(
        "rcs_amplitude: sqrt",
        "paths_file: nowhere.nc",
        37,
        "propagation.paths_file",
        ("nowhere.nc", "existing path file"),
    ),
    "neither positions nor a path file": Mistake(
        "  positions:\n    - [-10 m, 15 m]\n    - [5 m, 15 m]\n    - [0 m, 17 m]\n  rcs: [100 m^2, 50 m^2, 20 dBsm]\n",
        "  rcs: 100 m^2\n",
        17,
        "targets.positions",
        ("found neither", "paths_file", "count: 0"),
    ),
    "repeated key": Mistake("  slots: 16\n", "  slots: 16\n  slots: 17\n", 29, None, ("`slots`", "once", "line 28")),
    "tab": Mistake("  bandwidth", "\tbandwidth", 26, None, ("tabs", "spaces")),
    "missing colon": Mistake("  bandwidth: 120", "  bandwidth 120", 26, None, ("no `:`", "key: value")),
    "wrong indentation": Mistake("  bandwidth", "   bandwidth", 26, None, ("indentation",)),
    "unclosed bracket": Mistake("receiver: bs}", "receiver: bs", 35, None, ("commas", "bracket")),
    "unclosed quote": Mistake("A street", "'A street", 1, None, ("quote", "closed")),
    "anchor": Mistake("28 GHz", "&carrier 28 GHz", 25, None, ("anchors", "not allowed")),
    "alias": Mistake("28 GHz", "*carrier", 25, None, ("aliases", "not allowed")),
    "tag": Mistake("28 GHz", "!!python/name:os.system 28", 25, None, ("tags are not allowed", "os.system")),
    "number as a key": Mistake("slots: 16", "16: slots", 28, None, ("key must be a name", "`16`")),
    "two documents": Mistake("noise:", "---\nnoise:", 30, None, ("single document", "---")),
    "control character": Mistake("A street", "A \x07 street", 1, None, ("printable", "U+0007")),
    "sexagesimal time": Mistake("1 us", "1:30", 13, "user.clock_bias", ("`1:30`", "s, ms, us, ns")),
    "deep nesting": Mistake("28 GHz", "[" * 500, 25, None, ("nested", "20 levels")),
    "endless digits": Mistake("1024", "9" * 5000, 27, None, ("shorter", "5000 digits")),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_reported_at_its_line_and_field(name, tmp_path):
    mistake = MISTAKES[name]
    assert mistake.old in VALID
    file = tmp_path / "street.yaml"
    file.write_text(VALID.replace(mistake.old, mistake.new.replace("{here}", file.name), 1), encoding="utf-8")
    with pytest.raises(InvalidScenario) as caught:
        read_scenario(file)
    error, message = caught.value, str(caught.value)
    assert (error.line, error.field) == (mistake.line, mistake.field), message
    assert error.file == str(file)
    assert all(part in message for part in mistake.says), message
    assert "\n" not in message, "one mistake must be reported once"
    for jargon in ("Traceback", "pydantic", "https", "validation error", "Input should", "type="):
        assert jargon not in message


def test_the_file_without_a_mistake_is_accepted(tmp_path):
    file = tmp_path / "street.yaml"
    file.write_text(VALID, encoding="utf-8")
    assert read_scenario(file).targets.count == 2


def test_several_mistakes_are_reported_together_in_the_order_of_the_file(tmp_path):
    file = tmp_path / "street.yaml"
    file.write_text(VALID.replace("28 GHz", "28 GHzz").replace("-20 dBm", "loud"), encoding="utf-8")
    with pytest.raises(InvalidScenario) as caught:
        read_scenario(file)
    assert caught.value.line == 8
    assert "also line 25, field `waveform.carrier_frequency`" in str(caught.value)


def test_a_long_list_of_mistakes_is_cut(tmp_path):
    file = tmp_path / "street.yaml"
    file.write_text(VALID + "".join(f"unknown{number}: 1\n" for number in range(30)), encoding="utf-8")
    with pytest.raises(InvalidScenario) as caught:
        read_scenario(file)
    assert caught.value.line == VALID.count("\n") + 1
    assert str(caught.value).splitlines()[-1].strip() == "20 more"
    assert str(caught.value).count("also line") == 9


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty file"),
        (b"# only a comment\n", "empty file"),
        (b"- a\n- b\n", "must be a mapping, found a list of 2"),
        (b"28 GHz", "must be a mapping, found `28 GHz`"),
        (b"title: caf\xe9\n", "line 1: must be UTF-8 text, found the byte 0xE9"),
        (b"# " + b"x" * 2**20, "at most 1 MiB"),
    ],
)
def test_a_file_that_is_no_scenario_is_refused(content, says, tmp_path):
    file = tmp_path / "street.yaml"
    file.write_bytes(content)
    with pytest.raises(InvalidScenario) as caught:
        read_scenario(file)
    assert says in str(caught.value)
    assert caught.value.file == str(file)


def test_a_source_that_is_no_file_is_refused(tmp_path):
    (tmp_path / "street.yaml").write_text(VALID, encoding="utf-8")
    with pytest.raises(InvalidScenario, match=r"no such file; did you mean .*street.yaml"):
        read_scenario(tmp_path / "stret.yaml")
    with pytest.raises(InvalidScenario) as caught:
        read_scenario(tmp_path)
    assert str(caught.value) == f"{tmp_path}: must be a YAML file, found a directory"
    with pytest.raises(InvalidScenario, match=r"preset .*zhang2025.*Did you mean `zhang2025`"):
        read_scenario("zang2025")
    with pytest.raises(InvalidScenario, match="cannot be read"):
        read_scenario("a\0b.yaml")
