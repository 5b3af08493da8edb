"""Figures of zhang2025, joint bistatic positioning and monostatic sensing."""

from types import ModuleType

from crbeam.papers.zhang2025 import figure_5, figure_6

FIGURES: dict[str, ModuleType] = {"5": figure_5, "6": figure_6}

__all__ = ["FIGURES"]
