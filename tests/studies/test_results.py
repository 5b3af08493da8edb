"""Results are labelled, complete, the same in every format, and quick for a hundred thousand cases."""

import csv
import subprocess
import sys
import time

import numpy as np
import pytest
import xarray as xr
from scipy.io import loadmat
from scipy.stats import t
from tests.studies.small_studies import small_study

from crbeam import InvalidInput, design_problem, evaluate, method_named
from crbeam.studies import run_study
from crbeam.studies.cases import batches
from crbeam.studies.computing import CaseRecord
from crbeam.studies.exports import export_results
from crbeam.studies.intervals import means
from crbeam.studies.planning import Plan
from crbeam.studies.results import STATUSES, read_results
from crbeam.studies.scenes import scene
from crbeam.studies.store import open_store
from crbeam.studies.summary import summarise

POWER = {"field": "stations.bs.total_power", "values": ["-30 dBm", "-20 dBm"]}
TARGETS = {"field": "targets.count", "values": [0, 1, 3]}
AXES = {
    "weight": [0.2, 0.8],
    "realisations": 3,
    "method": ["fdb-wcrb", "steered"],
    "fields": {"power": POWER, "targets": TARGETS},
}


@pytest.fixture(scope="module")
def study():
    return small_study(axes=AXES, batch_cases=30)


@pytest.fixture(scope="module")
def store(tmp_path_factory, study):
    file = tmp_path_factory.mktemp("results") / "study.sqlite"
    run_study(study, file, workers=1)
    return file


@pytest.fixture(scope="module")
def dataset(store):
    return read_results(store)


def test_dimensions_and_units_have_names(dataset):
    assert dict(dataset.sizes) == {
        "realisation": 3,
        "design_method": 2,
        "power": 2,
        "targets": 3,
        "weight": 2,
        "target": 3,
    }
    assert dataset["power"].attrs == {"units": "W", "field": "stations.bs.total_power"}
    assert dataset["power"].values == pytest.approx([1e-6, 1e-5])
    assert dataset["targets"].values.tolist() == [0, 1, 3]
    assert dataset["targets"].dtype.kind == "i"
    assert dataset["design_method"].values.tolist() == ["fdb-wcrb", "steered"]
    units = {name: variable.attrs["units"] for name, variable in dataset.data_vars.items() if "units" in variable.attrs}
    assert units["objective"] == units["lower_bound"] == "m^2"
    assert units["bistatic.user_orientation_rad"] == "rad"
    assert units["bistatic.clock_bias_s"] == "s"
    assert units["monostatic.target_positions_m"] == "m"
    assert dataset["monostatic.target_positions_m"].dims[-1] == "target"
    assert "seconds" not in dataset


def test_a_value_is_that_of_its_design(dataset, study):
    """One case, computed by hand."""
    scenario = scene(study, (1, 2), 2)
    problem = design_problem(scenario, weight=0.8)
    design = method_named("fdb-wcrb").solve(problem)
    bounds = evaluate(scenario, design.covariances).links
    cell = dataset.sel(realisation=2, design_method="fdb-wcrb", power=1e-5, targets=3, weight=0.8)
    assert scenario.power_per_subcarrier_w("bs") == pytest.approx(1e-5 / 16)
    assert float(cell["objective"]) == pytest.approx(design.objective, rel=1e-6)
    assert float(cell["bistatic.user_position_m"]) == pytest.approx(
        bounds["bistatic"].quantities["user_position_m"], rel=1e-3
    )
    expected = bounds["monostatic"].quantities["target_positions_m"]
    assert cell["monostatic.target_positions_m"].values == pytest.approx(expected, rel=1e-3)
    assert STATUSES[int(cell["status"])] == "optimal"
    other = dataset.sel(realisation=1, design_method="fdb-wcrb", power=1e-5, targets=3, weight=0.8)
    assert float(other["objective"]) != pytest.approx(design.objective, rel=1e-3)


def test_what_failed_is_marked_and_has_no_values(dataset):
    failed = dataset["status"] == STATUSES.index("failed")
    assert set(dataset["targets"].values[np.nonzero(failed.values)[3]]) == {0}
    assert np.isnan(dataset["objective"].values[failed.values]).all()
    assert np.isfinite(dataset["objective"].values[~failed.values]).all()
    meanings = dataset["error"].attrs["flag_meanings"].split()
    assert meanings == ["none", "Unidentifiable"]
    assert (dataset["error"].values[failed.values] == 1).all()
    few = dataset["monostatic.target_positions_m"].sel(targets=1, target=[1, 2])
    assert np.isnan(few.values).all()


def test_every_format_has_the_same_numbers(store, dataset, tmp_path):
    files = {name: export_results(store, tmp_path / f"out.{name}", name) for name in ("nc", "csv", "mat")}
    with xr.open_dataset(files["nc"], engine="h5netcdf") as read:
        xr.testing.assert_identical(read.load(), dataset)
    matlab = loadmat(files["mat"])
    np.testing.assert_array_equal(matlab["bistatic_user_position_m"], dataset["bistatic.user_position_m"].values)
    assert [str(name[0]) for name in matlab["dimensions"].ravel()] == list(dataset["status"].dims)
    assert [str(name[0]) for name in matlab["design_method"].ravel()] == ["fdb-wcrb", "steered"]
    with files["csv"].open(newline="", encoding="utf-8") as stream:
        lines = list(csv.DictReader(stream))
    assert len(lines) == 72
    for line in lines:
        place = {
            "realisation": int(line["realisation"]),
            "design_method": line["design_method"],
            "targets": int(line["targets"]),
        }
        cell = dataset.sel(place).sel(power=float(line["power"]), weight=float(line["weight"]))
        assert line["status"] == STATUSES[int(cell["status"])]
        if line["status"] == "failed":
            assert line["objective"] == ""
            assert "user_position" in line["reason"]
        else:
            assert float(line["objective"]) == float(cell["objective"])
            if line["targets"] == "3":
                assert float(line["fused.target_positions_m[2]"]) == float(cell["fused.target_positions_m"][2])


def test_exports_are_the_same_every_time_and_host_fields_are_apart(store, tmp_path):
    for name in ("csv", "mat"):
        once, again = (export_results(store, tmp_path / f"{turn}.{name}", name).read_bytes() for turn in "ab")
        assert once == again
    plain = export_results(store, tmp_path / "plain.csv", "csv").read_text().splitlines()[0]
    full = export_results(store, tmp_path / "full.csv", "csv", host_fields=True).read_text().splitlines()[0]
    assert set(full.split(",")) - set(plain.split(",")) == {"seconds", "host"}
    assert read_results(store, host_fields=True)["seconds"].attrs["units"] == "s"
    with pytest.raises(InvalidInput, match="one of nc, csv, mat, found `xlsx`"):
        export_results(store, tmp_path / "x.xlsx", "xlsx")
    assert not (tmp_path / "x.xlsx").exists()


def test_a_summary_has_means_with_intervals(store, dataset):
    shown = summarise(store, metrics=["objective", "gap"])
    assert (shown.cases, shown.done, shown.failed, shown.recomputed) == (72, 72, 24, 0)
    assert len(shown.points) == 24
    for point in shown.points:
        values = dataset.sel(point.values)["objective"].values
        if point.values["targets"] == 0:
            assert point.mean["objective"] == {"count": 0, "mean": None, "half_width": None, "median": None}
            assert point.failed == 3
            continue
        low, high = t.interval(0.95, 2, loc=values.mean(), scale=values.std(ddof=1) / np.sqrt(3))
        found = point.mean["objective"]
        assert found["mean"] == pytest.approx(values.mean())
        assert found["mean"] - found["half_width"] == pytest.approx(low)
        assert found["mean"] + found["half_width"] == pytest.approx(high)
        assert found["median"] == pytest.approx(np.median(values))
    with pytest.raises(InvalidInput, match="did you mean `objective`"):
        summarise(store, metrics=["objectve"])


def test_intervals_hold_the_mean_as_often_as_they_say(rng):
    samples = rng.exponential(size=(2000, 40))
    found = means(samples, 0.9)
    share = float(np.mean(np.abs(found.mean - 1.0) <= found.half_width))
    assert 0.86 < share < 0.92
    too_narrow = float(np.mean(np.abs(found.mean - 1.0) <= 0.7 * found.half_width))
    assert too_narrow < 0.86
    empty = means(np.array([[np.nan, np.nan], [1.0, np.nan]]), 0.9)
    assert empty.count.tolist() == [0.0, 1.0]
    assert np.isinf(empty.half_width).all()


N_CASES = 100_000


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A store with a hundred thousand cases whose results are made up."""
    file = tmp_path_factory.mktemp("large") / "study.sqlite"
    study = small_study(axes={"weight": "0.05:0.95:10", "realisations": N_CASES // 10}, batch_cases=5000)
    plan, rng = Plan.of(study), np.random.default_rng(1)
    with open_store(file, plan, backend="made up") as opened:
        for batch in batches(study):
            values = rng.uniform(1.0, 2.0, size=(len(batch.cases), len(plan.columns)))
            records = [
                CaseRecord(case.number, f"{case.number:064x}", "optimal", None, None, tuple(row), 0.001, "nowhere")
                for case, row in zip(batch.cases, values.tolist(), strict=True)
            ]
            for place in range(0, len(records), 100):
                case = records[place]
                records[place] = CaseRecord(
                    *(case.number, case.identity, "failed", "Unidentifiable", f"for {case.number} reasons"),
                    *((None,) * len(plan.columns), None, "nowhere"),
                )
            opened.commit(batch.number, opened.begin(batch.number), records)
    return file


MEASURED = """\
import atexit, re, sys
from pathlib import Path
peak = lambda: print(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text()).group(1), file=sys.stderr)
atexit.register(peak)
from crbeam.interfaces.command_line import app
app(sys.argv[1:])
"""


def measured(*words):
    """Standard output, seconds and peak resident bytes of the command."""
    begin = time.perf_counter()
    command = [sys.executable, "-c", MEASURED, "study", *map(str, words)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    return run.stdout, time.perf_counter() - begin, int(run.stderr) * 1024


@pytest.mark.slow
def test_a_hundred_thousand_cases_are_shown_and_exported_in_seconds_within_bounded_memory(large, store, tmp_path):
    """Memory grows by a few times what the numbers themselves take, 8 bytes for each case and metric."""
    numbers = 8 * N_CASES * len(Plan.of(small_study()).columns)
    report = {"store": f"{large.stat().st_size / 1e6:.0f} MB", "numbers": f"{numbers / 1e6:.0f} MB"}
    for name, allowed in (("show", 2), ("nc", 4), ("mat", 6), ("csv", 1)):
        words = ["show"] if name == "show" else ["export", "--out", tmp_path / f"large.{name}"]
        _, _, before = measured(words[0], store, *words[1:])
        printed, seconds, peak = measured(words[0], large, *words[1:])
        report[name] = f"{seconds:.1f} s, {peak / 1e6:.0f} MB, {(peak - before) / 1e6:.0f} MB more than for 72 cases"
        assert peak - before < allowed * numbers, (name, report)
        assert seconds < 60.0, (name, report)
        assert name != "show" or "1000 x Unidentifiable" in printed
    (tmp_path / "report.txt").write_text(str(report))
    shown = summarise(large)
    assert (shown.done, shown.failed) == (N_CASES, N_CASES // 100)
    assert [(failure.count, failure.error) for failure in shown.failures] == [(N_CASES // 100, "Unidentifiable")]
    with (tmp_path / "large.csv").open(encoding="utf-8") as stream:
        assert sum(1 for _ in stream) == N_CASES + 1
