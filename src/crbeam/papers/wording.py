"""Lists of numbers in words."""

from collections.abc import Iterable


def listed(values: Iterable[float], digits: int = 3) -> str:
    """`0.0874, 0.0703` with so many significant digits."""
    return ", ".join(f"{value:.{digits}g}" for value in values)


def changes(ratios: Iterable[float]) -> str:
    """Relative changes in per cent, with their signs: `+1.2%, -0.3%`."""
    return ", ".join(f"{ratio:+.1%}" for ratio in ratios)


def change_range(ratios: Iterable[float]) -> str:
    """The smallest and the largest of relative changes: `-0.3% to +1.2%`."""
    values = list(ratios)
    return f"{min(values):+.1%} to {max(values):+.1%}"
