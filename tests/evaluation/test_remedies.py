"""What is said to help where a parameter is not determined helps there."""

import numpy as np
import pytest
from typer.testing import CliRunner

from crbeam import evaluate, read_scenario
from crbeam.information import Transmission
from crbeam.information.information import REMEDY
from crbeam.interfaces.command_line import app
from crbeam.systems import isotropic_transmission

MIRRORED = "targets.positions=[[-10, 15], [5, 15], [5, -15]]"
#: Preset, what makes a link blind, the link, a word of the remedy, and the remedy carried out.
CASES = [
    ("zhang2025", ("waveform.subcarriers=1",), "bistatic", "`waveform.subcarriers`", ("waveform.subcarriers=2",)),
    ("zhang2025", ("waveform.subcarriers=1",), "monostatic", "`waveform.subcarriers`", ("waveform.subcarriers=2",)),
    (
        "zhang2025",
        ("user.position=[-10, 0]",),
        "monostatic",
        "`stations.bs.orientation`",
        ("stations.bs.orientation=30 deg",),
    ),
    (
        "zhang2025",
        ("stations.bs.transmit_array.elements=1",),
        "bistatic",
        "`stations.bs.transmit_array.elements`",
        ("stations.bs.transmit_array.elements=8",),
    ),
    ("zhang2025", ("user.array.elements=1",), "bistatic", "`user.array.elements`", ("user.array.elements=4",)),
    ("zhang2025", ("targets.count=0",), "bistatic", "add a path (a target)", ("targets.count=1",)),
    ("zhang2025", (MIRRORED,), "monostatic", "move them apart", ("targets.positions=[[-10, 15], [5, 15], [6, -15]]",)),
    (
        "hamrouni2026",
        ("protocol.sensing_share=1",),
        "bistatic_stage",
        "`protocol.sensing_share`",
        ("protocol.sensing_share=0.5",),
    ),
    ("hamrouni2026", ("targets.count=0",), "fused", "add a path (a target)", ("targets.count=1",)),
    (
        "hamrouni2026",
        ("waveform.slots=1", "waveform.symbols_per_slot=1", "protocol.message_symbols=0"),
        "bistatic",
        "`waveform.symbols_per_slot`",
        ("waveform.symbols_per_slot=100",),
    ),
]


def link_of(source, overrides, link, covariances=None):
    scenario = read_scenario(source, overrides=overrides)
    if covariances is None:
        covariances = isotropic_transmission(scenario)
    return evaluate(scenario, covariances).links[link]


@pytest.mark.parametrize(("source", "blinds", "link", "words", "mends"), CASES)
def test_the_remedy_fits_the_case_and_helps(source, blinds, link, words, mends):
    before = link_of(source, blinds, link)
    assert before.unidentifiable
    assert f"but those of {link} carry no information" in before.reason
    assert words in before.reason
    assert REMEDY not in before.reason
    after = link_of(source, (*blinds, *mends), link)
    assert not set(before.unidentifiable) & set(after.unidentifiable)


def test_an_echo_is_said_to_show_the_radial_speed_only_and_both_links_show_the_velocity():
    reason = link_of("hamrouni2026", (), "monostatic").reason
    assert "radial" in reason
    assert "`fused`" in reason
    assert "add a path" not in reason
    assert link_of("hamrouni2026", (), "fused").unidentifiable == ()


def test_more_directions_are_recommended_only_where_they_help():
    scenario = read_scenario("zhang2025")
    size = scenario.stations["bs"].transmit_array.elements
    beam = Transmission({"bs": np.full((size, size), 1e-3 + 0j)})
    assert "Transmit in more directions" in link_of("zhang2025", (), "bistatic", beam).reason
    assert "Transmit in more directions" not in link_of("zhang2025", ("waveform.subcarriers=1",), "bistatic").reason
    assert "power" in link_of("zhang2025", (), "bistatic", 0.0 * beam).reason


@pytest.mark.parametrize("verb", [("design",), ("map", "--link", "monostatic", "--resolution", "3")])
def test_other_verbs_say_it_too(verb):
    name, *options = verb
    result = CliRunner().invoke(app, [name, "zhang2025", *options, "--json", "--set", "waveform.subcarriers=1"])
    assert result.exit_code == 3
    assert "`waveform.subcarriers`" in result.stderr
    assert "must determine user_position, but those of" in result.stderr
