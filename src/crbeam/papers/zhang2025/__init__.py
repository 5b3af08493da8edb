"""Figures of zhang2025, joint bistatic positioning and monostatic sensing."""

from types import ModuleType

from crbeam.papers.zhang2025 import figure_5

FIGURES: dict[int, ModuleType] = {5: figure_5}

__all__ = ["FIGURES"]
