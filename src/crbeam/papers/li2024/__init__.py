"""Figures of li2024, near-field sensing, positioning and communication with a double array."""

from collections.abc import Mapping
from types import ModuleType

from crbeam.papers.li2024 import figure_2, figure_3, figure_4, figure_5, figure_6

FIGURES: Mapping[str, ModuleType] = {
    "2": figure_2,
    "3": figure_3,
    "4": figure_4,
    "5": figure_5,
    "6": figure_6,
}

__all__ = ["FIGURES"]
