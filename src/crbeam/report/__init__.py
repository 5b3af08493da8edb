"""Figures, tables and files of results; nothing here computes a bound or a design."""

from crbeam.report.estimator_table import estimator_table
from crbeam.report.figures import (
    SceneObject,
    beampattern_figure,
    beampattern_plane_figure,
    error_map_figure,
    estimator_figure,
    scene_figure,
    scene_objects,
    study_figure,
    tradeoff_figure,
)
from crbeam.report.provenance import provenance
from crbeam.report.results import read_covariances, read_design, write_design
from crbeam.report.style import ieee_style, save_figure
from crbeam.report.tables import (
    BoundRow,
    bounds_table,
    markdown_table,
    rich_table,
    tradeoff_table,
    write_csv,
)

__all__ = [
    "BoundRow",
    "SceneObject",
    "beampattern_figure",
    "beampattern_plane_figure",
    "bounds_table",
    "error_map_figure",
    "estimator_figure",
    "estimator_table",
    "ieee_style",
    "markdown_table",
    "provenance",
    "read_covariances",
    "read_design",
    "rich_table",
    "save_figure",
    "scene_figure",
    "scene_objects",
    "study_figure",
    "tradeoff_figure",
    "tradeoff_table",
    "write_csv",
    "write_design",
]
