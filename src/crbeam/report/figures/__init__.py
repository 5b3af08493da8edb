"""Figures: each takes values and returns a matplotlib figure in the style of one paper column."""

from crbeam.report.figures.beampattern import beampattern_figure, beampattern_plane_figure
from crbeam.report.figures.error_map import error_map_figure
from crbeam.report.figures.estimator import estimator_figure
from crbeam.report.figures.scene import scene_figure
from crbeam.report.figures.scene_object import SceneObject
from crbeam.report.figures.scene_objects import scene_objects
from crbeam.report.figures.study_means import study_figure
from crbeam.report.figures.tradeoff import tradeoff_figure

__all__ = [
    "SceneObject",
    "beampattern_figure",
    "beampattern_plane_figure",
    "error_map_figure",
    "estimator_figure",
    "scene_figure",
    "scene_objects",
    "study_figure",
    "tradeoff_figure",
]
