"""Figures of li2024, near-field sensing, positioning and communication with a double array."""

from collections.abc import Mapping
from types import ModuleType

from crbeam.papers.li2024 import figure_4

FIGURES: Mapping[str, ModuleType] = {"4": figure_4}

__all__ = ["FIGURES"]
