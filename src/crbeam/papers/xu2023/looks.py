"""How methods look in the figures of xu2023."""

from collections.abc import Mapping
from typing import Any

from crbeam.papers.xu2023.scenes import ALGORITHM, EXACT, ROUNDED, SCHEME_1, SCHEME_2, SCHEME_3
from crbeam.report.style import curve_style

#: Names of the methods in legends and tables.
LABELS: Mapping[str, str] = {
    EXACT: "exact (ours)",
    ROUNDED: "relaxed and rounded (ours)",
    ALGORITHM["relaxation"]: "Algorithm 1 from the relaxation",
    ALGORITHM["uniform"]: "Algorithm 1, uniform start",
    ALGORITHM["nearest"]: "Algorithm 1 from the nearest",
    SCHEME_1: "scheme 1: nearest listens",
    SCHEME_2: "scheme 2: random",
    SCHEME_3: "scheme 3: bs1 to bs2",
}
STYLES: Mapping[str, Mapping[str, Any]] = {
    EXACT: curve_style(0),
    ALGORITHM["relaxation"]: {**curve_style(3, 0, marker=3)},
    ALGORITHM["uniform"]: {**curve_style(3, 2, marker=5)},
    ALGORITHM["nearest"]: {**curve_style(3, 1, marker=4)},
    SCHEME_1: curve_style(1),
    SCHEME_2: curve_style(2),
    SCHEME_3: curve_style(4),
}
