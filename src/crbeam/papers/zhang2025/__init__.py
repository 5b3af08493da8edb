"""Figures of zhang2025, joint bistatic positioning and monostatic sensing."""

from collections.abc import Mapping
from types import ModuleType

from crbeam.papers.zhang2025 import figure_2, figure_3, figure_4, figure_5, figure_6, remark_3

FIGURES: Mapping[str, ModuleType] = {
    "2": figure_2,
    "3": figure_3,
    "4": figure_4,
    "5": figure_5,
    "6": figure_6,
    "remark-3": remark_3,
}

__all__ = ["FIGURES"]
