"""Figures of xu2023, a network of stations that locates a target and serves users at least power."""

from collections.abc import Mapping
from types import ModuleType

from crbeam.papers.xu2023 import fading_figure, figure_2, figure_3, figure_4, table_2

FIGURES: Mapping[str, ModuleType] = {
    "2": figure_2,
    "3": figure_3,
    "4": figure_4,
    "table-2": table_2,
    "fading": fading_figure,
}

__all__ = ["FIGURES"]
