"""Figures of wang2024, one transmitter and many receivers that sense a moving target."""

from collections.abc import Mapping
from types import ModuleType

from crbeam.papers.wang2024 import (
    figure_2,
    figure_3,
    figure_4,
    figure_5,
    figure_6,
    figure_7,
    selection_figure,
)

FIGURES: Mapping[str, ModuleType] = {
    "2": figure_2,
    "3": figure_3,
    "4": figure_4,
    "5": figure_5,
    "6": figure_6,
    "7": figure_7,
    "selection": selection_figure,
}

__all__ = ["FIGURES"]
