"""Figures of hamrouni2026, a moving user: sensing first as a prior of positioning."""

from collections.abc import Mapping
from types import ModuleType

from crbeam.papers.hamrouni2026 import allocation, figure_2, figure_3, figure_4, figure_5, ordering

FIGURES: Mapping[str, ModuleType] = {
    "2": figure_2,
    "3": figure_3,
    "4": figure_4,
    "5": figure_5,
    "allocation": allocation,
    "ordering": ordering,
}

__all__ = ["FIGURES"]
