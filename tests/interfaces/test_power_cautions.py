"""A transmission above the power of its station is used as it is, and says so."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from crbeam.information import Transmission
from crbeam.interfaces.command_line import app
from crbeam.scenario import read_scenario
from crbeam.systems import isotropic_transmission, system_of

FEW = ("--set", "waveform.subcarriers=64")
VERBS = {
    "bound": ("bound", "zhang2025", *FEW, "--covariance"),
    "map": ("map", "zhang2025", *FEW, "--resolution", "2", "--covariance"),
    "estimate": (
        *("estimate", "zhang2025", *FEW, "--snr-db", "20", "--trials", "2", "--link", "monostatic"),
        *("--workers", "1", "--design"),
    ),
}


def printed(arguments):
    result = CliRunner().invoke(app, [*arguments, "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout), result.stderr


def stored(scenario, factor, path, blocks=None):
    sent = {**isotropic_transmission(scenario)}
    chosen = tuple(sent) if blocks is None else blocks
    whole = next(iter(sent.values()))
    np.savez(path, covariances=factor * np.stack([sent.get(block, whole) for block in chosen]))
    return str(path)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_that_reads_a_covariance_says_by_what_factor_it_is_too_strong(tmp_path, verb):
    scenario = read_scenario("zhang2025", overrides=["waveform.subcarriers=64"])
    document, stderr = printed([*VERBS[verb], stored(scenario, 1e6, tmp_path / "strong.npz")])
    (caution,) = document["cautions"]
    assert caution in stderr
    for words in ("of bs has 10 W", "1e+06 times (60 dB)", "the 1e-05 W that may be sent", "total_power"):
        assert words in caution
    quiet, stderr = printed([*VERBS[verb], stored(scenario, 1.0, tmp_path / "right.npz")])
    assert quiet["cautions"] == []
    assert "times" not in stderr


def test_bounds_are_those_of_the_power_that_is_sent(tmp_path):
    scenario = read_scenario("zhang2025", overrides=["waveform.subcarriers=64"])
    weak, strong = (
        printed([*VERBS["bound"], stored(scenario, factor, tmp_path / "r.npz")])[0]["links"]["fused"]["user_position_m"]
        for factor in (1.0, 1e6)
    )
    assert strong == pytest.approx(1e-3 * weak, rel=1e-6)


@pytest.mark.parametrize(
    "system", ["zhang2025", "hamrouni2026", "li2024-downlink", "li2024-uplink", "wang2024", "xu2023"]
)
def test_each_budget_of_a_system_is_watched(system):
    world = system_of(read_scenario(system))
    sent = world.isotropic_transmission()
    assert world.power_cautions(sent) == []
    for block, matrix in sent.items():
        (caution,) = world.power_cautions(sent.replaced({block: 2.0 * matrix}))
        assert f"of {block} has" in caution
        assert "2 times (3.01 dB)" in caution


def test_stages_of_fixed_shares_have_the_whole_power_each_and_those_of_a_free_share_one_energy():
    world = system_of(read_scenario("hamrouni2026"))
    stages = world.block_sets()[1]
    whole = next(iter(world.isotropic_transmission().values()))
    both = Transmission(dict.fromkeys(stages, whole))
    assert world.power_cautions(both) == []
    assert len(world.power_cautions(2.0 * both)) == 2
    overrides = ["protocol.sensing_share=null", "protocol.order=interleaved"]
    free = system_of(read_scenario("hamrouni2026", overrides=overrides))
    assert free.power_cautions(0.5 * both) == []
    (caution,) = free.power_cautions(both)
    assert f"of {', '.join(stages)} has" in caution
    assert free.power_cautions(both.only(stages[:1])) == []


def test_a_network_of_one_total_power_is_watched_as_a_whole():
    world = system_of(read_scenario("xu2023", overrides=["network.total_power=45 dBm"]))
    sent = world.isotropic_transmission()
    assert world.power_cautions(sent) == []
    first = next(iter(sent))
    (caution,) = world.power_cautions(sent.replaced({first: 5.0 * sent[first]}))
    assert "2 times" in caution


def test_rounding_is_no_excess():
    world = system_of(read_scenario("zhang2025"))
    ((block, matrix),) = world.isotropic_transmission().items()
    for dtype in (np.complex64, np.complex128):
        rounded = matrix.astype(dtype).astype(complex)
        assert world.power_cautions(Transmission({block: rounded * (1.0 + 1e-7)})) == []
    assert len(world.power_cautions(Transmission({block: matrix * 1.001}))) == 1
