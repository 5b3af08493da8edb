"""What the figure and the table of a check show."""

import numpy as np
import pytest

from crbeam.errors import InvalidInput
from crbeam.evaluation import TrialPlan, check_estimator
from crbeam.evaluation.estimator_check import LinkCheck
from crbeam.report import estimator_figure, estimator_table

from .test_check import made_up
from .trials import designed


@pytest.fixture(scope="module")
def check():
    scene = designed("zhang2025", overrides=["waveform.subcarriers=64", "targets.count=2"])
    plan = TrialPlan((10.0, 15.0, 20.0), trials=4)
    return check_estimator(scene.scenario, scene.covariances, plan=plan, links=["bistatic"])


def test_the_figure_draws_bounds_errors_and_failures(check):
    link = check.links["bistatic"]
    figure = estimator_figure(link)
    metres, radians, seconds, failed = figure.axes
    for axes, unit in ((metres, "m"), (radians, "rad"), (seconds, "s")):
        names = [name for name in link.points[0].quantities if name.rpartition("_")[2] == unit]
        drawn = [line.get_ydata() for line in axes.lines if len(line.get_ydata()) == len(link.points)]
        for name in names:
            rows = [point.quantities[name] for point in link.points]
            for values in ([row.root_bound for row in rows], [row.rmse for row in rows]):
                assert any(np.allclose(line, values) for line in drawn), name
    assert np.allclose(failed.lines[0].get_ydata(), [point.failure_rate.value for point in link.points])
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert {"user position", "clock bias", "below the threshold", "scenario's own"} <= set(labels)
    assert len(labels) == len(set(labels))
    assert "unbiased" in metres.get_title()


def spans(axes):
    return sorted(
        (patch.get_x(), patch.get_x() + patch.get_width()) for patch in axes.patches if patch.get_width() > 0.0
    )


@pytest.mark.parametrize(("rates", "ends"), [((0.5, 0.5, 0.0, 0.0), (10.0, 10.0)), ((0.5, 0.5, 0.5, 0.5), None)])
def test_regions_follow_the_threshold(rates, ends):
    figure = estimator_figure(made_up(rates, (1.0, 1.0, 1.0, 1.0)))
    axes = figure.axes[0]
    left, right = axes.get_xlim()
    expected = [(left, right)] if ends is None else [(left, ends[0]), (ends[1], right)]
    assert np.allclose(spans(axes), expected)


def test_a_check_without_points_is_refused():
    with pytest.raises(InvalidInput, match="at least one"):
        estimator_figure(LinkCheck("bistatic", 0.0, ()))


def test_the_table_has_a_row_for_each_ratio_and_quantity(check):
    rows = estimator_table(check)
    assert len(rows) == 3 * 5
    point = check.links["bistatic"].points[2]
    row = next(each for each in rows if each["snr_db"] == 20.0 and each["quantity"] == "clock_bias_s")
    assert row["rmse"] == point.quantities["clock_bias_s"].rmse
    assert row["ratio"] == pytest.approx(row["rmse"] / row["root_bound"])
    assert row["failures_lost_path"] + row["failures_wrong_lobe"] + row["failures_not_converged"] == round(
        4 * row["failure_rate"]
    )
