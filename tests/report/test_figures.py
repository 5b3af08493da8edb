"""What figures draw: their data, not their pixels."""

from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pytest

from crbeam.errors import InvalidInput, SolverFailed
from crbeam.evaluation import PositionErrorMap, evaluate
from crbeam.evaluation.tradeoff import TradeoffPoint
from crbeam.information.ellipses import error_ellipse
from crbeam.report import (
    SceneObject,
    beampattern_figure,
    beampattern_plane_figure,
    error_map_figure,
    ieee_style,
    save_figure,
    scene_figure,
    scene_objects,
    tradeoff_figure,
)
from crbeam.report.figures.name_places import place_names
from crbeam.report.style import COLOUR_MAP, COLOURS, LINES, MARKERS
from crbeam.scenario import read_scenario
from crbeam.systems import design_problem


def luminance(colours: np.ndarray) -> np.ndarray:
    rgb = np.asarray(colours)[:, :3]
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return 116.0 * np.cbrt(linear @ [0.2126, 0.7152, 0.0722]) - 16.0


def legend_texts(figure) -> list[str]:
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def curve(axes, label):
    return next(line for line in axes.lines if line.get_label() == label)


def test_curves_and_maps_are_readable_in_grey():
    assert np.all(np.diff(luminance(mpl.colors.to_rgba_array(COLOURS))) > 8.0)
    assert len(set(map(str, LINES))) == len(set(MARKERS)) == len(COLOURS)
    assert np.all(np.diff(luminance(mpl.colormaps[COLOUR_MAP](np.linspace(0, 1, 256)))) > 0.0)
    assert not np.all(np.diff(luminance(mpl.colormaps["jet"](np.linspace(0, 1, 256)))) > 0.0)


def test_the_style_leaves_the_session_as_it_was(scenario, evaluation, tmp_path):
    before = dict(mpl.rcParams)
    with mpl.rc_context({"font.size": 31.0, "lines.linewidth": 9.0}):
        figure = scene_figure(scenario, evaluation)
        assert figure.axes[0].xaxis.label.get_size() == 8.0
        save_figure(figure, tmp_path / "scene")
        assert mpl.rcParams["font.size"] == 31.0
    with pytest.raises(ZeroDivisionError), ieee_style():
        _ = 1 / 0
    assert dict(mpl.rcParams) == before


@pytest.mark.slow
def test_files_are_vector_and_picture_and_always_the_same(scenario, evaluation, tmp_path):
    first = save_figure(scene_figure(scenario, evaluation), tmp_path / "a" / "scene.v1")
    second = save_figure(scene_figure(scenario, evaluation), tmp_path / "b" / "scene.v1")
    assert [path.name for path in first] == ["scene.v1.pdf", "scene.v1.png"]
    assert first[0].read_bytes()[:5] == b"%PDF-"
    assert first[1].read_bytes()[1:4] == b"PNG"
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    assert sorted(path.name for path in first[0].parent.iterdir()) == ["scene.v1.pdf", "scene.v1.png"]
    assert int.from_bytes(first[1].read_bytes()[16:20], "big") == 3.5 * 300


def test_the_scene_shows_every_ray_and_ellipse_at_its_place(scenario, evaluation):
    figure = scene_figure(scenario, evaluation, link="monostatic", probability=0.9, magnification=20.0)
    axes = figure.axes[0]
    assert axes.get_aspect() == 1.0
    np.testing.assert_allclose(curve(axes, "bistatic: line of sight").get_xydata(), [[0, 0], [-5, 20]])
    bounce = curve(axes, "bistatic: bounce").get_xydata()
    np.testing.assert_allclose(bounce, [[0, 0], [-10, 15], [-5, 20]])
    drawn = curve(axes, "90 % ellipses $\\times$ 20 (monostatic)").get_xydata()
    bound_m2 = evaluation.links["monostatic"].covariance_m2("user_position")
    expected = error_ellipse(bound_m2, 0.9).outline_m(np.array([-5.0, 20.0]), magnification=20.0)
    np.testing.assert_allclose(drawn, expected)
    np.testing.assert_allclose(curve(axes, "_target 1").get_xydata(), [[5, 15]])


def test_arrays_are_drawn_along_their_axes():
    scenario = read_scenario("zhang2025", overrides=["stations.bs.orientation=30 deg", "user.array.axis=y"])
    objects = {item.name: item for item in scene_objects(scenario)}
    assert np.rad2deg(objects["bs"].axis_rad) == pytest.approx(30.0)
    # A wave along the line has the local angle of the array's axis: direction + 110 deg = 90 deg.
    assert np.rad2deg(objects["user"].axis_rad) == pytest.approx(-20.0)
    line = curve(scene_figure(scenario).axes[0], "array axis (not to scale)").get_xydata()
    step = line[-1] - line[0]
    assert np.rad2deg(np.arctan2(step[1], step[0])) == pytest.approx(30.0)


def test_a_position_without_a_bound_has_no_ellipse_and_is_named():
    scenario = read_scenario("zhang2025", overrides=["targets.count=0"])
    evaluation = evaluate(scenario, design_problem(scenario).isotropic())
    figure = scene_figure(scenario, evaluation, link="bistatic")
    assert "not identifiable: user" in legend_texts(figure)
    assert not any("ellipses" in text for text in legend_texts(figure))
    with pytest.raises(InvalidInput, match="one of bistatic, monostatic, fused"):
        scene_figure(scenario, evaluation, link="uplink")


def test_names_stay_inside_and_apart():
    objects = [
        SceneObject(f"target {n}", "target", (x, y)) for n, (x, y) in enumerate([(0.0, 0.0), (9.9, 5.0), (9.8, 5.2)])
    ]
    limits_m = np.array([[-1.0, 10.0], [-1.0, 10.0]])
    boxes = [np.array(place.box_m) for place in place_names(objects, limits_m)]
    for box in boxes:
        assert np.all(box[0] >= limits_m[:, 0])
        assert np.all(box[1] <= limits_m[:, 1])
    assert not (np.all(boxes[1][0] <= boxes[2][1]) and np.all(boxes[1][1] >= boxes[2][0]))


def test_beampatterns_are_in_dbm_with_the_objects_directions_marked():
    angles_rad = np.linspace(-np.pi, np.pi, 181)
    patterns_w = {"a": np.full(181, 1e-3), "b": np.linspace(0.0, 1e-2, 181)}
    figure = beampattern_figure(angles_rad, patterns_w, directions_rad={"user": 1.0 + 2 * np.pi}, range_db=30.0)
    axes = figure.axes[0]
    np.testing.assert_allclose(curve(axes, "a").get_ydata(), 0.0, atol=1e-12)
    shown = curve(axes, "b").get_ydata()
    assert (shown[0], shown[-1]) == pytest.approx((-20.0, 10.0))
    assert curve(axes, "_user").get_xdata()[0] == pytest.approx(np.rad2deg(1.0))
    assert curve(axes, "a").get_linestyle() != curve(axes, "b").get_linestyle()
    with pytest.raises(InvalidInput, match="power somewhere"):
        beampattern_figure(angles_rad, {"none": np.zeros(181)})


def test_the_plane_shows_dbm_on_its_grid():
    x_m, y_m = np.linspace(0, 4, 5), np.linspace(0, 3, 4)
    power_w = 1e-3 * (1.0 + np.arange(20.0).reshape(4, 5))
    figure = beampattern_plane_figure(x_m, y_m, power_w, objects=[SceneObject("bs", "station", (1.0, 1.0))])
    mesh = figure.axes[0].collections[0]
    np.testing.assert_allclose(np.ravel(mesh.get_array()), 10 * np.log10(1.0 + np.arange(20.0)), atol=1e-12)


@pytest.fixture
def error_map():
    x_m, y_m = np.linspace(0, 10, 21), np.linspace(0, 8, 17)
    root_m = 0.02 * 10 ** (np.add.outer(y_m, x_m) / 9.0)
    seen = np.ones(root_m.shape, dtype=bool)
    seen[:3, :4] = False
    return PositionErrorMap("bistatic", x_m, y_m, np.where(seen, root_m, 0.0), seen)


def test_the_error_map_hides_what_is_not_identifiable(error_map):
    figure = error_map_figure(error_map)
    mesh = figure.axes[0].collections[0]
    values = np.ma.masked_array(mesh.get_array()).reshape(error_map.root_bound_m.shape)
    np.testing.assert_array_equal(np.ma.getmaskarray(values), ~error_map.is_identifiable)
    np.testing.assert_allclose(values.compressed(), error_map.root_bound_m[error_map.is_identifiable])
    assert isinstance(mesh.norm, mpl.colors.LogNorm)
    assert legend_texts(figure) == ["not identifiable"]
    assert any(collection.get_hatch() for collection in figure.axes[0].collections)
    labels = {text.get_text() for text in figure.axes[0].texts}
    assert {"10 cm", "50 cm"} <= labels
    with pytest.raises(InvalidInput, match="identifiable"):
        error_map_figure(replace(error_map, is_identifiable=np.zeros(error_map.is_identifiable.shape, dtype=bool)))


def test_the_trade_off_leaves_out_and_counts_points_without_a_bound(scenario, evaluation, covariances, make_design):
    better = evaluate(scenario, 2.0 * covariances)
    unlit = evaluate(read_scenario("zhang2025", overrides=["targets.count=0"]), covariances)
    design = make_design(covariances)
    points = [
        TradeoffPoint("b", 0.9, design, better),
        TradeoffPoint("a", 0.1, design, evaluation),
        TradeoffPoint("b", 0.2, design, evaluation),
        TradeoffPoint("b", 0.0, design, unlit),
        TradeoffPoint("b", 1.0, SolverFailed("no", status="x"), None),
    ]
    figure = tradeoff_figure(points)
    axes = figure.axes[0]
    assert legend_texts(figure) == ["b (2 left out: no bound)", "a"]
    quantities = [result.links for result in (evaluation, better)]
    expected = [
        [links["monostatic"].quantities["all_positions_m"], links["bistatic"].quantities["user_position_m"]]
        for links in quantities
    ]
    np.testing.assert_allclose(curve(axes, "b (2 left out: no bound)").get_xydata(), expected)
    assert {text.get_text() for text in axes.texts} == {r"$\alpha = 0.1$", r"$\alpha = 0.2$", r"$\alpha = 0.9$"}
    assert legend_texts(tradeoff_figure({"mine": points[:3]})) == ["mine"]


def test_figures_of_a_recorded_site_say_what_its_points_are(tmp_path):
    from pathlib import Path

    site = Path(__file__).parents[2] / "examples" / "munich" / "munich.yaml"
    scenario = read_scenario(site)
    assert "fixed point scatterers" in scene_figure(scenario).axes[0].get_title()
    assert scene_figure(read_scenario("zhang2025")).axes[0].get_title() == ""
