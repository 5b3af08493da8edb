"""The scene from above."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from crbeam.design import Design
from crbeam.errors import InvalidInput
from crbeam.evaluation import Evaluation, LinkEvaluation
from crbeam.information.ellipses import ErrorEllipse, error_ellipse
from crbeam.propagation import Paths
from crbeam.report.figures.scene_object import SceneObject
from crbeam.report.figures.scene_objects import fit_limits, mark_objects, scene_objects
from crbeam.report.figures.service_marks import draw_lobes, draw_service, lobe_outlines_m
from crbeam.report.style import ieee_style, new_axes
from crbeam.systems import World, system_of

if TYPE_CHECKING:
    import matplotlib.axes
    import matplotlib.figure

RECORDED_NOTE = "Ray-traced paths; bounce points taken as fixed point scatterers."

#: Share of the scene's extent that the largest ellipse takes if it has to be magnified.
_VISIBLE_SHARE = 0.1

_DIRECT = {"color": "black", "linestyle": "-", "linewidth": 0.9, "zorder": 3}
_BOUNCE = {"color": "#444444", "linestyle": (0, (4, 2)), "linewidth": 0.7, "zorder": 3}
_ECHO = {"color": "#c4c4c4", "linestyle": "-", "linewidth": 3.0, "zorder": 1, "solid_capstyle": "round"}


def scene_figure(
    scenario: World,
    evaluation: Evaluation | None = None,
    *,
    design: Design | None = None,
    link: str = "bistatic",
    probability: float = 0.95,
    magnification: float | None = None,
) -> "matplotlib.figure.Figure":
    """Stations and users with their arrays, targets, rays of every link, and error ellipses of one link's positions.

    Where stations serve users a design adds who listens, who serves whom, and what every station radiates.

    Arrays are drawn along their axes, not to scale. Ellipses are magnified by a factor of 1, 2 or 5 times a power of
    ten, chosen to make the largest visible unless given, and stated in the legend; positions that the link does not
    determine get none, and the legend says so.

    Raises:
        InvalidInput: the evaluation has no such link.
    """
    system = system_of(scenario)
    scenario, served = system.scenario, system.service(design)
    traced = {} if scenario.user is None else system.paths()
    objects = scene_objects(system, served)
    with ieee_style():
        figure, axes = new_axes(3.6)
        points_m = np.array([item.position_m for item in objects])
        extent_m = max(float(np.ptp(points_m, axis=0).max()), 1.0)
        for name, paths in traced.items():
            _draw_rays(axes, name, paths)
        for item in objects:
            _draw_array(axes, item, extent_m)
        lines = draw_service(axes, scenario, served)
        lobes = {} if design is None or not served.places_m else lobe_outlines_m(scenario, design, extent_m)
        draw_lobes(axes, lobes)
        ellipses = []
        if evaluation is not None:
            ellipses += _draw_ellipses(axes, objects, _link(evaluation, link), probability, magnification, extent_m)
        fit_limits(axes, np.concatenate([points_m, *lobes.values(), *ellipses]))
        clear = [*ellipses, *lines]
        mark_objects(axes, objects, keep_clear_m=np.concatenate(clear) if clear else None)
        figure.legend(loc="outside lower center", ncols=2)
        if scenario.propagation.paths_file is not None:
            axes.set_title(RECORDED_NOTE, fontsize=7, style="italic")
    return figure


def _link(evaluation: Evaluation, link: str) -> LinkEvaluation:
    if link not in evaluation.links:
        raise InvalidInput(f"The link must be one of {', '.join(evaluation.links)}, found `{link}`.")
    return evaluation.links[link]


def _draw_rays(axes: "matplotlib.axes.Axes", name: str, paths: Paths) -> None:
    monostatic = bool(np.array_equal(paths.transmitter_m, paths.receiver_m))
    for vertex_name, vertex_m in zip(paths.vertex_names, paths.vertex_m, strict=True):
        if vertex_name is None:
            ray, look, words = [paths.transmitter_m, paths.receiver_m], _DIRECT, "line of sight"
        elif monostatic:
            ray, look, words = [paths.transmitter_m, vertex_m], _ECHO, "echo"
        else:
            ray, look, words = [paths.transmitter_m, vertex_m, paths.receiver_m], _BOUNCE, "bounce"
        axes.plot(*np.array(ray).T, label=_once(axes, f"{name}: {words}"), **look)


def _once(axes: "matplotlib.axes.Axes", label: str) -> str:
    """A label the first time it is used on these axes, then one that legends leave out."""
    return f"_{label}" if label in axes.get_legend_handles_labels()[1] else label


def _draw_array(axes: "matplotlib.axes.Axes", item: SceneObject, extent_m: float) -> None:
    if item.axis_rad is None:
        return
    direction = np.array([np.cos(item.axis_rad), np.sin(item.axis_rad)])
    places = np.outer(np.linspace(-0.06, 0.06, 7) * extent_m, direction) + np.array(item.position_m)
    axes.plot(
        *places.T,
        color="black",
        linewidth=1.0,
        marker=".",
        markersize=2.5,
        zorder=4,
        label=_once(axes, "array axis (not to scale)"),
    )


def _draw_ellipses(
    axes: "matplotlib.axes.Axes",
    objects: Sequence[SceneObject],
    link: LinkEvaluation,
    probability: float,
    magnification: float | None,
    extent_m: float,
) -> list[np.ndarray]:
    """Draw the ellipses of all positions that the link determines; their outlines."""
    ellipses: list[tuple[SceneObject, ErrorEllipse]] = []
    lost = []
    for item in objects:
        if item.parameter is None or item.parameter not in link.information.layout:
            continue
        covariance_m2 = link.covariance_m2(item.parameter)
        if covariance_m2 is None:
            lost.append(item.name)
        else:
            ellipses.append((item, error_ellipse(covariance_m2, probability)))
    if magnification is None:
        magnification = _magnification(max((ellipse.semi_major_m for _, ellipse in ellipses), default=1.0), extent_m)
    factor = "" if magnification == 1.0 else rf" $\times$ {magnification:g}"
    look: dict[str, Any] = {"color": "#b3202c", "linewidth": 0.9, "zorder": 8}
    outlines = []
    for item, ellipse in ellipses:
        outline_m = ellipse.outline_m(np.array(item.position_m), magnification=magnification)
        label = _once(axes, f"{probability:.0%} ellipses{factor} ({link.name})".replace("%", " %"))
        axes.plot(*outline_m.T, label=label, **look)
        outlines.append(outline_m)
    if lost:
        axes.plot([], [], linestyle="none", label=f"not identifiable: {', '.join(lost)}")
    return outlines


def _magnification(largest_m: float, extent_m: float) -> float:
    """1, 2 or 5 times a power of ten that makes the largest semi-axis visible; 1 if it is visible as it is."""
    wanted = _VISIBLE_SHARE * extent_m / largest_m
    if wanted <= 2.0:
        return 1.0
    power = 10.0 ** np.floor(np.log10(wanted))
    return float(power * max(step for step in (1.0, 2.0, 5.0) if step * power <= wanted * (1.0 + 1e-12)))
