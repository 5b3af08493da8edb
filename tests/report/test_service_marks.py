"""Networks on the map: roles, associations, lobes, and served users of any system."""

import numpy as np
import pytest

from crbeam.design.methods import Exact, OneTransmitter
from crbeam.evaluation import evaluate
from crbeam.evaluation.beampattern import beampattern_w
from crbeam.evaluation.error_map import scene_grid_m
from crbeam.information.ellipses import error_ellipse
from crbeam.report import scene_figure, scene_objects
from crbeam.report.figures.service_marks import LOBE_RANGE_DB, LOBE_SHARE, lobe_outlines_m
from crbeam.report.pictures import design_pictures, scene_picture
from crbeam.scenario import read_scenario
from crbeam.systems import Service, design_problem, system_of
from crbeam.systems.double_array import served_users

USERS = "network.user_positions=[[-30 m, 80 m], [50 m, -80 m]]"


@pytest.fixture(scope="module")
def network():
    """Two users in the setting of Fig. 2, with the optimum and its bounds."""
    scenario = read_scenario("xu2023", overrides=[USERS])
    design = Exact().solve(design_problem(scenario))
    return scenario, design, evaluate(scenario, design.covariances)


def curve(axes, label):
    return next(line for line in axes.lines if line.get_label() == label)


def legend_texts(figure):
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def test_roles_and_associations_are_those_of_the_design(network):
    scenario, design, evaluation = network
    served = system_of(scenario).service(design)
    (listener,) = served.listeners
    figure = scene_figure(scenario, evaluation, design=design, link=listener)
    axes = figure.axes[0]
    assert curve(axes, f"_{listener}").get_markerfacecolor() == "white"
    transmits = [name for name in scenario.stations if name not in (listener, *served.idle)]
    assert all(curve(axes, f"_{name}").get_markerfacecolor() == "black" for name in transmits)
    assert {"transmits", "listens", "serves"} <= set(legend_texts(figure))
    assert ("silent" in legend_texts(figure)) == bool(served.idle)
    (first, (station,)), (second, (other,)) = served.served_by.items()
    line_m = curve(axes, "serves").get_xydata()
    np.testing.assert_allclose(line_m, [scenario.stations[station].position_m, served.places_m[first]])
    line_m = curve(axes, f"_{other} serves {second}").get_xydata()
    np.testing.assert_allclose(line_m, [scenario.stations[other].position_m, (50.0, -80.0)])
    np.testing.assert_allclose(curve(axes, "_user 1").get_xydata(), [[50.0, -80.0]])


def test_stations_that_do_nothing_are_marked(network):
    scenario, _, _ = network
    loose = read_scenario("xu2023", overrides=["network.user_positions=[[-30 m, 80 m]]", "network.user_loss=40 dB"])
    design = OneTransmitter("bs1", "bs2").solve(design_problem(loose))
    served = system_of(loose).service(design)
    assert set(served.listeners) | set(served.idle) == set(scenario.stations) - {"bs1"}
    figure = scene_figure(loose, design=design)
    assert curve(figure.axes[0], f"_{served.idle[0]}").get_markerfacecolor() == "#c4c4c4"
    assert "silent" in legend_texts(figure)


def test_the_ellipse_is_that_of_the_listening_station_and_says_its_scale(network):
    scenario, design, evaluation = network
    (listener,) = system_of(scenario).service(design).listeners
    figure = scene_figure(scenario, evaluation, design=design, link=listener, magnification=7.0)
    drawn = curve(figure.axes[0], f"95 % ellipses $\\times$ 7 ({listener})").get_xydata()
    bound_m2 = evaluation.links[listener].covariance_m2("target_position[0]")
    expected = error_ellipse(bound_m2, 0.95).outline_m(np.array([30.0, 60.0]), magnification=7.0)
    np.testing.assert_allclose(drawn, expected)


def test_lobes_are_decibels_on_one_scale(network):
    scenario, design, _ = network
    (listener,) = system_of(scenario).service(design).listeners
    outlines = lobe_outlines_m(scenario, design, 100.0)
    assert set(outlines) == set(scenario.stations) - {listener, *system_of(scenario).service(design).idle}
    lengths = {name: np.hypot(*(line - scenario.stations[name].position_m).T) for name, line in outlines.items()}
    longest = max(map(np.max, lengths.values()))
    assert longest == pytest.approx(100.0 * LOBE_SHARE)
    name = next(iter(outlines))
    angles = np.array([0.3, 2.0])
    power_w = beampattern_w(scenario, name, design.covariances[name], angles)
    turns = np.linspace(0.0, 2.0 * np.pi, len(lengths[name]))
    shown = np.interp(angles, turns, lengths[name]) / longest
    strongest_w = max(
        beampattern_w(scenario, each, design.covariances[each], turns).max() for place, each in enumerate(design.blocks)
    )
    expected = 1.0 + 10.0 * np.log10(power_w / strongest_w) / LOBE_RANGE_DB
    np.testing.assert_allclose(shown, np.maximum(expected, 0.0), atol=1e-3)


@pytest.mark.slow
def test_pictures_of_a_design_are_of_the_link_that_is_heard(network, tmp_path):
    scenario, design, evaluation = network
    (listener,) = system_of(scenario).service(design).listeners
    names = {file.stem for file in scene_picture(tmp_path, scenario, evaluation, design)}
    assert names == {f"scene_{listener}"}
    names = {file.stem for file in design_pictures(tmp_path, scenario, design, evaluation)}
    assert f"beampattern_{listener}" not in names
    assert len([name for name in names if name.startswith("beampattern_plane_")]) >= 1


def test_served_users_of_a_double_array_are_where_their_channels_come_from():
    places = {name: f"stations.{name}.position=[3 m, -1 m]" for name in ("main", "assisting")}
    turns = [f"stations.{name}.orientation=30 deg" for name in places]
    turned = read_scenario("li2024-downlink", overrides=[*places.values(), *turns], seed=2)
    places = system_of(turned).service().places_m
    assert list(places) == [f"served_user[{index}]" for index in range(4)]
    for place_m, user in zip(places.values(), served_users(turned), strict=True):
        offset = np.subtract(place_m, (3.0, -1.0))
        assert np.hypot(*offset) == pytest.approx(np.hypot(*user.position_m))
        local = np.arctan2(user.position_m[1], user.position_m[0])
        assert np.arctan2(offset[1], offset[0]) == pytest.approx(local + np.pi / 6.0)
    listed = read_scenario(
        "li2024-downlink", overrides=["served_users.positions=[[10 m, 5 m]]", "served_users.count=1"]
    )
    assert system_of(listed).service().places_m["served_user[0]"] == pytest.approx((10.0, 5.0))
    axes = scene_figure(listed).axes[0]
    np.testing.assert_allclose(curve(axes, "_user 0").get_xydata(), [[10.0, 5.0]])
    np.testing.assert_allclose(curve(axes, "serves").get_xydata()[1], [10.0, 5.0])
    x_m, _ = scene_grid_m(listed, points=5, margin=0.1)
    assert x_m[-1] > 10.0


def test_a_system_without_served_users_has_none():
    scenario = read_scenario("zhang2025")
    assert system_of(scenario).service() == Service()
    assert {item.kind for item in scene_objects(scenario)} == {"station", "user", "target"}
    assert "serves" not in legend_texts(scene_figure(scenario))
