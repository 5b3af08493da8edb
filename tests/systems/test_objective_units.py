"""One place says in what unit an objective is: the problem, from which designs, files and studies have it."""

import numpy as np
import pytest
import xarray as xr

from crbeam.design import Hinge, Power, WeightedBound
from crbeam.design.methods import method_named
from crbeam.evaluation import evaluate
from crbeam.report import write_design
from crbeam.scenario import read_scenario
from crbeam.studies import read_results, run_study
from crbeam.studies.metrics import unit_of_metric
from crbeam.studies.reading import read_study
from crbeam.systems import design_problem, system_of

UNITS = {
    ("zhang2025",): "m^2",
    ("hamrouni2026",): "1",
    ("hamrouni2026", "requirements.loss=hinge2"): "1",
    ("li2024-downlink",): "m^2",
    ("li2024-downlink", "sensing.angle_weight=1"): "rad^2 + m^2",
    ("li2024-uplink", "sensing.angle_weight=1", "sensing.range_weight=0"): "rad^2",
    ("wang2024",): "m^2",
    ("wang2024", "multistatic.metric=shared", "multistatic.pulse=cosine"): "1",
    ("xu2023",): "W",
    ("xu2023", "network.target_error=null"): "m^2",
}


@pytest.mark.parametrize("case", UNITS, ids=" ".join)
def test_the_problem_says_its_unit(case):
    problem = design_problem(read_scenario(case[0], overrides=case[1:]))
    assert problem.objective_unit == UNITS[case]


def test_a_criterion_that_does_not_count_has_no_say():
    problem = design_problem(read_scenario("zhang2025"), weight=1.0)
    assert problem.objective_unit == "m^2"
    objectives = {type(design_problem(read_scenario(case[0], overrides=case[1:])).objective) for case in UNITS}
    assert objectives == {WeightedBound, Hinge, Power}  # so that each kind is among the cases


@pytest.mark.parametrize("name", ["zhang2025", "hamrouni2026"])
def test_designs_and_files_have_it(tmp_path, name):
    scenario = read_scenario(name)
    method = method_named(system_of(scenario).default_method())
    problem = design_problem(scenario, method=method)
    design = method.solve(problem)
    assert design.objective_unit == UNITS[(name,)]
    path = write_design(tmp_path, scenario, design, evaluate(scenario, design.covariances))[0]
    dataset = xr.load_dataset(path, engine="h5netcdf")
    assert {dataset[key].attrs["units"] for key in ("objective", "lower_bound")} == {UNITS[(name,)]}


STUDY = """
scenario: {source}
axes:
  method: [{method}]
metrics: [objective, lower_bound, gap, power_w]
"""


@pytest.mark.parametrize(
    ("name", "method"), [("zhang2025", "uniform"), ("hamrouni2026", "uniform"), ("li2024-downlink", "digital")]
)
def test_studies_have_it(tmp_path, name, method):
    source = tmp_path / "study.yaml"
    source.write_text(STUDY.format(source=name, method=method))
    store = tmp_path / "study.sqlite"
    run_study(read_study(source), store, workers=1)
    results = read_results(store)
    assert results["objective"].attrs["units"] == results["lower_bound"].attrs["units"] == UNITS[(name,)]
    assert results["power_w"].attrs["units"] == "W"
    assert np.all(np.isfinite(results["objective"]))


def test_units_of_other_metrics_do_not_depend_on_it():
    assert [unit_of_metric("gap", unit) for unit in ("1", "W")] == ["1", "1"]
    assert unit_of_metric("fused.user_velocity_mps", "W") == "m/s"
    assert unit_of_metric("objective", "W") == "W"
