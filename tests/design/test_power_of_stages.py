"""The power of a design is that of its station, however many stages share the time."""

import json
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from typer.testing import CliRunner

from crbeam.design.methods import method_named
from crbeam.evaluation import evaluate
from crbeam.interfaces.command_line import app
from crbeam.report import write_design
from crbeam.scenario import read_scenario
from crbeam.studies.metrics import design_metrics
from crbeam.systems import design_problem

STATION_W = 1e-5
FREE = ("protocol.sensing_share=null", "protocol.order=interleaved")


def solved(key, *overrides):
    scenario, method = read_scenario("hamrouni2026", overrides=overrides), method_named(key)
    problem = design_problem(scenario, method=method)
    return scenario, problem, method.solve(problem)


@pytest.mark.parametrize("key", ["joint-sequential", "shared-sequential", "full-ms", "full-bp", "fdb-wcrb"])
@pytest.mark.parametrize(
    "overrides",
    [(), ("protocol.sensing_share=0.2",), ("protocol.sensing_share=0.9", "protocol.order=interleaved"), FREE],
    ids=["half", "fifth", "interleaved", "free"],
)
def test_power_is_that_of_the_station(key, overrides):
    scenario, _, design = solved(key, *overrides)
    assert design.power_w * scenario.waveform.subcarriers == pytest.approx(STATION_W, rel=1e-6)
    assert design_metrics(scenario, design)["power_w"] == pytest.approx(STATION_W, rel=1e-6)


def test_a_sum_over_the_stages_would_be_twice_that():
    scenario, problem, design = solved("joint-sequential")
    assert set(problem.time_shares) == set(problem.blocks)
    assert sum(problem.time_shares.values()) == pytest.approx(1.0)
    as_if_all_the_time = replace(design, time_shares={})
    assert as_if_all_the_time.power_w * scenario.waveform.subcarriers == pytest.approx(2.0 * STATION_W, rel=1e-6)


def test_a_stage_below_its_budget_counts_for_its_share():
    _, _, design = solved("joint-sequential", "protocol.sensing_share=0.2")
    (block, _), (first, second) = design.blocks, design.covariances.powers_w.values()
    halved = design.covariances.replaced({block: 0.5 * design.covariances[block]})
    weaker = replace(design, covariances=halved)
    assert weaker.power_w == pytest.approx(0.1 * first + 0.8 * second, rel=1e-3)


def test_energy_of_the_slots_is_the_reported_power():
    """What the slots send, each for its symbols, adds up to the average power."""
    scenario, _, design = solved("joint-sequential", "protocol.sensing_share=0.53")
    per_slot = scenario.waveform.symbols_per_slot
    n_symbols = scenario.waveform.slots * per_slot
    symbols = {block: np.zeros(scenario.waveform.slots) for block in design.blocks}
    first = round(0.53 * (n_symbols - 1))
    for symbol in range(n_symbols):
        if symbol < first:
            symbols["bs/monostatic"][symbol // per_slot] += 1
        elif symbol > first:
            symbols["bs/bistatic"][symbol // per_slot] += 1
    energy_w = sum(np.sum(np.abs(design.slot_beams[block]) ** 2, axis=0) @ symbols[block] for block in design.blocks)
    slots = scenario.waveform.slots
    assert energy_w * slots / (n_symbols - 1) == pytest.approx(design.power_w, rel=1e-9)


def test_command_and_files_say_so(tmp_path):
    run = CliRunner().invoke(app, ["design", "hamrouni2026", "--method", "joint-sequential", "--json"])
    assert json.loads(run.stdout)["power_w"] == pytest.approx(STATION_W, rel=1e-6)
    scenario, problem, design = solved("joint-sequential")
    path = write_design(tmp_path, scenario, design, evaluate(scenario, design.covariances))[0]
    dataset = xr.load_dataset(path, engine="h5netcdf")
    assert dict(zip(dataset["block"].values.tolist(), dataset["time_share"].values.tolist(), strict=True)) == (
        problem.time_shares
    )
    sent = (dataset["slot_beamformers_real"] + 1j * dataset["slot_beamformers_imag"]).to_numpy()
    assert dataset["slot_beamformers_real"].dims == ("block", "tx", "slot")
    for place, block in enumerate(design.blocks):
        np.testing.assert_array_equal(sent[place], design.slot_beams[block])


def test_a_static_design_has_no_slots_in_its_file(tmp_path):
    scenario = read_scenario("zhang2025")
    problem = design_problem(scenario)
    design = method_named("fdb-wcrb").solve(problem)
    path = write_design(tmp_path, scenario, design, evaluate(scenario, design.covariances))[0]
    assert not {"slot_beamformers_real", "time_share"} & set(xr.load_dataset(path, engine="h5netcdf"))
