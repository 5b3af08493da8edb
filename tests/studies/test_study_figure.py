"""The figure of a study shows the means of its results, and takes nothing but them."""

import numpy as np
import pytest
import xarray as xr
from scipy.stats import t
from tests.studies.small_studies import small_study
from typer.testing import CliRunner

from crbeam import InvalidInput
from crbeam.interfaces.command_line import app
from crbeam.report import study_figure
from crbeam.studies import read_results, run_study

TARGETS = {"field": "targets.count", "values": [1, 2, 3]}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    file = tmp_path_factory.mktemp("figure") / "study.sqlite"
    axes = {"weight": [0.2, 0.8], "realisations": 4, "method": ["fdb-wcrb", "uniform"], "fields": {"targets": TARGETS}}
    run_study(small_study(axes=axes), file, workers=1)
    return file


@pytest.fixture(scope="module")
def results(store):
    return read_results(store)


def curves(figure):
    """Points and half bars of each curve, by its label."""
    found = {}
    for container in figure.axes[0].containers:
        line, _, (bars,) = container.lines
        heights = np.array([segment[:, 1] for segment in bars.get_segments()])
        found[container.get_label()] = (line.get_xdata(), line.get_ydata(), np.ptp(heights, axis=1) / 2)
    return found


def test_curves_are_means_with_their_intervals(results):
    shown = curves(study_figure(results, "objective"))
    assert len(shown) == 6
    x, y, widths = shown["uniform, targets 2"]
    values = results["objective"].sel(design_method="uniform", targets=2).transpose("weight", "realisation").values
    assert x.tolist() == [0.2, 0.8]
    np.testing.assert_allclose(y, values.mean(axis=1))
    np.testing.assert_allclose(widths, t.ppf(0.975, 3) * values.std(axis=1, ddof=1) / 2.0)
    other = results["objective"].sel(design_method="uniform", targets=3).mean("realisation").values
    assert not np.allclose(y, other)


def test_the_axis_can_be_chosen_and_missing_cases_are_left_out(results):
    missing = results["objective"].where(results["realisation"] != 1)
    some = results.assign(objective=missing.assign_attrs(results["objective"].attrs))
    figure = study_figure(some.sel(weight=[0.2]), "objective", along="targets", confidence=0.5)
    assert figure.axes[0].get_xlabel() == "targets"
    assert figure.axes[0].get_ylabel() == "mean objective (m^2)"
    assert figure.axes[0].get_xticks().tolist() == [1, 2, 3]
    x, y, widths = curves(figure)["fdb-wcrb"]
    kept = missing.sel(weight=0.2, design_method="fdb-wcrb").dropna("realisation")
    assert kept.sizes["realisation"] == 3
    np.testing.assert_allclose(y, kept.mean("realisation").values)
    expected = t.ppf(0.75, 2) * kept.std("realisation", ddof=1).values / np.sqrt(3)
    np.testing.assert_allclose(widths, expected)
    assert x.tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("metric", "along", "words"),
    [
        ("objectve", None, "must be one of objective"),
        ("fused.target_positions_m", None, "must be one of objective"),
        ("objective", "design_method", "must be one of targets, weight"),
    ],
)
def test_what_cannot_be_drawn_is_explained(results, metric, along, words):
    with pytest.raises(InvalidInput, match=words):
        study_figure(results, metric, along=along)


def test_too_many_curves_are_refused(results):
    many = xr.concat([results.isel(targets=[0])] * 13, "targets", data_vars="minimal", coords="minimal")
    many = many.assign_coords(targets=np.arange(13))
    with pytest.raises(InvalidInput, match="at most 12 curves, found 26"):
        study_figure(many, "objective")


def test_show_writes_the_figures(store, tmp_path):
    words = ["study", "show", str(store), "--metric", "monostatic.user_position_m", "--out", str(tmp_path)]
    run = CliRunner().invoke(app, [*words, "--along", "targets"])
    assert run.exit_code == 0, run.output
    names = {file.name for file in tmp_path.iterdir()}
    assert names == {"mean_monostatic_user_position_m.pdf", "mean_monostatic_user_position_m.png"}
    wrong = CliRunner().invoke(app, [*words, "--along", "target"])
    assert wrong.exit_code == 2
    assert "must be one of targets, weight" in wrong.stderr
