"""The main job runs end to end on real input."""

import json
from pathlib import Path

import pytest
import xarray as xr
from examples.munich.__main__ import SCENARIO, main

import crbeam

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    directory = tmp_path_factory.mktemp("demo")
    return directory, main(directory)


def test_the_design_is_certified_and_better_than_uniform(demo):
    _, design = demo
    assert design.status is crbeam.Status.OPTIMAL
    assert 0.0 <= design.gap <= 1e-6
    scenario = crbeam.read_scenario(SCENARIO)
    problem = crbeam.design_problem(scenario)
    assert design.objective < 0.5 * crbeam.weighted_bound(problem, problem.isotropic())
    conic = crbeam.method_named("conic-wcrb").solve(problem)
    assert design.objective == pytest.approx(conic.objective, rel=1e-5)


def test_the_pictures_and_files_are_there(demo):
    directory, _ = demo
    names = {file.name for file in directory.iterdir()}
    for stem in ("scene_bistatic", "scene_monostatic", "scene_fused", "beampattern", "beampattern_plane", "tradeoff"):
        assert {f"{stem}.png", f"{stem}.pdf"} <= names
    assert {"design.nc", "design.npz", "design.mat", "bounds.md", "tradeoff.csv"} <= names
    assert all((directory / name).stat().st_size > 100 for name in names)


def test_the_record_does_not_depend_on_where_the_clone_lies(demo):
    directory, _ = demo
    with xr.open_dataset(directory / "design.nc", engine="h5netcdf") as record:
        propagation = json.loads(record.attrs["scenario"])["propagation"]
        text = json.dumps({name: str(value) for name, value in record.attrs.items()})
    assert propagation["paths_file"] == "munich.nc"
    assert len(propagation["paths_file_sha256"]) == 64
    assert str(Path(SCENARIO).resolve().parent) not in text


def test_the_table_shows_each_bound_before_and_after(demo):
    directory, _ = demo
    lines = (directory / "bounds.md").read_text().splitlines()
    assert "uniform" in lines[0]
    assert "designed" in lines[0]
    assert sum("| monostatic |" in line for line in lines) == 7
