"""What single antennas may send: in problems, in designs, in isotropic transmissions, in cautions."""

import json
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from crbeam import Codebook, Transmission, method_named, read_scenario
from crbeam.design import AntennaPower, GroupPower, PowerBudget, isotropic_covariances
from crbeam.errors import InvalidScenario
from crbeam.interfaces.command_line import app
from crbeam.systems import system_of
from crbeam.systems.antenna_limits import most_power_w

#: The station of each preset that transmits.
SENDS = {
    "zhang2025": "bs",
    "hamrouni2026": "bs",
    "li2024-downlink": "main",
    "li2024-uplink": "assisting",
    "wang2024": "transmitter",
    "xu2023": "bs1",
}


def limited(preset, share, *overrides, station=None):
    """The scenario whose antennas may send a share of what each sends isotropically, and that power in watt."""
    name = station or SENDS[preset]
    place = read_scenario(preset, overrides=overrides).stations[name]
    most_w = share * place.total_power_w / place.transmit_array.elements
    return read_scenario(preset, overrides=[*overrides, f"stations.{name}.power_per_antenna={most_w!r} W"]), most_w


def blocks_of(system, station):
    return [block for budget in system.power_budgets() for block in budget.blocks if block.split("/")[0] == station]


def run(*arguments):
    result = CliRunner().invoke(app, [*arguments, "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_a_design_agrees_with_the_semidefinite_program():
    found = run(
        "design",
        "zhang2025",
        "--weight",
        "0.5",
        "--method",
        "optimum",
        "--set",
        f"stations.bs.power_per_antenna={1.2 * 1e-5 / 16!r} W",
    )
    assert found["status"] == "optimal"
    assert found["lower_bound"] <= 0.012820587918 * (1.0 + 1e-9)
    assert found["objective"] == pytest.approx(0.012820587918, rel=1e-6)


@pytest.mark.parametrize(
    ("preset", "share"),
    [
        *(("zhang2025", share) for share in (1.0, 0.5, 1e-2, 1e-4)),
        *(pytest.param("zhang2025", share, marks=pytest.mark.slow) for share in (2.0, 1e-6)),
        ("li2024-downlink", 0.3),
        *(pytest.param("li2024-downlink", share, marks=pytest.mark.slow) for share in (2.0, 1.0, 0.5)),
    ],
)
def test_designs_are_certified_however_little_antennas_may_send(preset, share):
    """Also where they send so little that the power of the station does not count."""
    scenario, _ = limited(preset, share)
    design = method_named("optimum").solve(system_of(scenario).design_problem())
    assert design.status.key == "optimal"
    assert design.gap <= 1e-6


@pytest.mark.parametrize("preset", SENDS)
def test_every_block_of_the_station_has_the_limit(preset):
    scenario, most_w = limited(preset, 1.2)
    system = system_of(scenario)
    limits = {part.block: part.powers_w for part in system.antenna_limits()}
    assert set(limits) == set(blocks_of(system, SENDS[preset]))
    for block, powers_w in limits.items():
        assert powers_w.shape == (system.antennas_of([block])[block],)
        np.testing.assert_allclose(powers_w, most_w / scenario.waveform.subcarriers, rtol=1e-12)
    judged = ("links", "posterior") if preset == "hamrouni2026" else (None,)
    for kind in judged:
        problem = system.design_problem(judged_by=kind)
        wanted = {block for block in problem.blocks if block in limits}
        assert {part.block for part in problem.power_limits} == wanted
        assert wanted


def test_each_stage_has_the_limit_while_it_is_sent():
    scenario, most_w = limited("hamrouni2026", 1.5, "waveform.slots=4", "waveform.symbols_per_slot=10")
    problem = system_of(scenario).design_problem(judged_by="posterior")
    design = method_named("optimum").solve(problem)
    assert design.gap <= 1e-6
    for block in problem.blocks:
        used_w = np.real(np.diagonal(design.covariances[block])) * scenario.waveform.subcarriers
        assert np.max(used_w) <= most_w * (1.0 + 1e-9)
        assert np.max(used_w) >= most_w * (1.0 - 1e-3)


@pytest.mark.parametrize("preset", SENDS)
def test_a_limit_that_no_antenna_reaches_changes_nothing(preset):
    place = read_scenario(preset).stations[SENDS[preset]]
    scenario, _ = limited(preset, place.transmit_array.elements)
    system, free = system_of(scenario), system_of(read_scenario(preset))
    assert system.antenna_limits() == ()
    assert system.design_problem().constraints[0] == free.design_problem().constraints[0]
    assert system.design_problem().power_limits == ()
    assert system.scene_cautions() == free.scene_cautions()


def test_methods_that_do_not_keep_it_say_so():
    result = CliRunner().invoke(
        app, ["design", "zhang2025", "--method", "fdb-wcm", "--set", "stations.bs.power_per_antenna=7e-7 W"]
    )
    assert result.exit_code != 0
    assert "fdb-wcm cannot keep the AntennaPower constraint" in result.stderr


@pytest.mark.parametrize("preset", SENDS)
def test_isotropic_transmissions_keep_it(preset):
    free = system_of(read_scenario(preset)).isotropic_transmission()
    for share in (1.2, 0.25):
        system = system_of(limited(preset, share)[0])
        sent, problem = system.isotropic_transmission(), system.design_problem()
        for block, matrix in sent.items():
            factor = min(share, 1.0) if block.split("/")[0] == SENDS[preset] else 1.0
            np.testing.assert_allclose(matrix, factor * free[block], rtol=1e-12, atol=0.0)
        assert system.power_cautions(sent) == []
        assert all(
            np.allclose(problem.isotropic()[block], sent[block], rtol=1e-12, atol=0.0)
            for block in problem.blocks
            if block in sent
        )


def test_bound_without_a_covariance_keeps_it():
    free, loose, tight = (
        run("bound", "zhang2025", *(() if limit is None else ("--set", f"stations.bs.power_per_antenna={limit} W")))
        for limit in (None, 1.2e-5 / 16, 0.25e-5 / 16)
    )
    before, same, weaker = (each["links"]["monostatic"]["user_position_m"] for each in (free, loose, tight))
    assert same == before
    assert weaker == pytest.approx(2.0 * before, rel=1e-9)


def test_uniform_is_graded_by_the_optimum_within_the_limits():
    problem = system_of(limited("zhang2025", 0.5, "waveform.subcarriers=64", "targets.count=1")[0]).design_problem()
    even, best = (method_named(key).solve(problem) for key in ("uniform", "optimum"))
    assert even.power_w == pytest.approx(0.5 * problem.budgets[0].power_per_subcarrier_w)
    assert even.lower_bound <= best.objective
    assert even.lower_bound >= best.objective * (1.0 - 1e-5)


def test_groups_and_codebooks_are_scaled_down():
    budgets = [PowerBudget(("a",), 4.0), PowerBudget(("b", "c"), 12.0)]
    antennas = {"a": 4, "b": 2, "c": 3}
    limits = (
        AntennaPower("a", np.array([2.0, 0.5, np.inf, 1.0])),
        GroupPower(("a", "b"), 4.0),
        GroupPower(("a", "c"), 2.0),
    )
    sent = isotropic_covariances(antennas, budgets, limits)
    # a has 4 W, by its antennas 2 W; with b it has 8 W and may have 4 W, with c also, and may have 2 W
    np.testing.assert_allclose([sent.powers_w[block] for block in "abc"], [0.5, 3.0, 1.5])


def test_even_powers_of_codewords_keep_it():
    problem = system_of(limited("zhang2025", 0.5)[0]).design_problem()
    words = np.zeros((16, 2), dtype=complex)
    words[0, 0] = words[:, 1] = 1.0
    problem = replace(problem, constraints=(*problem.constraints, Codebook("bs", words)))
    ((_, sent),) = problem.even().items()
    used_w, (limit,) = np.real(np.diagonal(sent)), problem.power_limits
    assert np.max(used_w / limit.powers_w) == pytest.approx(1.0)
    np.testing.assert_allclose(used_w[1:], used_w[0] / 17.0)


def test_a_transmission_beyond_it_carries_a_caution():
    system = system_of(limited("zhang2025", 1.2)[0])
    ((block, matrix),) = system.isotropic_transmission().items()
    strong = matrix.copy()
    strong[3, 3] *= 2.4
    strong[4, 4] *= 0.01
    strong[5, 5] *= 0.01
    (caution,) = system.power_cautions(Transmission({block: strong}))
    for words in ("Antenna 3 of bs has 1.5e-06 W", "2 times (3.01 dB)", "7.5e-07 W that an antenna may send"):
        assert words in caution
    assert "`power_per_antenna`" in caution


def test_a_station_that_sends_nothing_needs_no_limit():
    scenario, _ = limited("li2024-downlink", 1.2, station="assisting")
    (said,) = system_of(scenario).scene_cautions()
    assert said.startswith("`stations.NAME.power_per_antenna` does not enter: ")
    assert system_of(scenario).antenna_limits() == ()


def test_most_power_of_one_beam():
    rng = np.random.default_rng(5)
    vector, budget = rng.normal(size=6) + 1j * rng.normal(size=6), PowerBudget(("a",), 2.0)
    assert most_power_w(vector, budget, ()) == pytest.approx(2.0 * np.linalg.norm(vector) ** 2)
    limits = (AntennaPower("a", rng.uniform(0.1, 0.6, 6)),)
    most_w = most_power_w(vector, budget, limits)
    assert most_w < 2.0 * np.linalg.norm(vector) ** 2
    powers_w = np.minimum(rng.dirichlet(np.ones(6), 20000) * 2.0, limits[0].powers_w)
    reached_w = (np.sqrt(powers_w) @ np.abs(vector)) ** 2
    assert 0.95 * most_w < np.max(reached_w) <= most_w * (1.0 + 1e-12)
    assert most_power_w(vector, PowerBudget(("a",), 100.0), limits) == pytest.approx(
        float(np.abs(vector) @ np.sqrt(limits[0].powers_w)) ** 2
    )


def test_shares_of_illumination_are_of_what_antennas_allow():
    system = system_of(limited("li2024-downlink", 0.5, "sensing.illumination=0.9")[0])
    response = system.arrays().transmit.value[:, 0].conj()
    (limit,) = system.antenna_limits()
    beam = np.sqrt(limit.powers_w) * response / np.abs(response)
    assert system.illumination_share(np.outer(beam, beam.conj())) == pytest.approx(1.0)


def test_a_free_share_has_no_power_of_a_stage():
    overrides = ["protocol.sensing_share=null", "protocol.order=interleaved", "stations.bs.power_per_antenna=1 uW"]
    with pytest.raises(InvalidScenario) as error:
        read_scenario("hamrouni2026", overrides=overrides)
    assert error.value.field == "stations.bs.power_per_antenna"
    assert "must be left out with a free share of sensing" in str(error.value)
