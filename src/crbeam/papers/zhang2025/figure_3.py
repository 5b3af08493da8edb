"""Beampatterns of derivative codewords and of their analog counterparts.

Reference: zhang2025 Fig. 3.

Deviation: the relative error of each pair of patterns, `|| T f - T da || / || T da ||` at the best amplitude, stands
above it; the paper only says that they closely match.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Complex, Float

from crbeam.design.analog.mismatch import pattern_errors
from crbeam.errors import InvalidScenario
from crbeam.papers.runs import PaperRun
from crbeam.papers.zhang2025.curves import scenario_with
from crbeam.propagation import steering_response
from crbeam.report import save_figure, write_csv
from crbeam.report.figures.panels import Panel, PanelCurve, panels_figure
from crbeam.report.style import COLOURS, LINES
from crbeam.systems.zhang2025 import Zhang2025
from crbeam.units import ratio_to_db

TITLE = "Beampatterns of derivative codewords and their analog counterparts, K = 3"
N_TARGETS = 3
ANGLES, FULL_ANGLES = 721, 3601
RANGE_DB = 40.0

_DIGITAL: dict[str, Any] = {"color": COLOURS[0], "linestyle": LINES[0]}
_ANALOG: dict[str, Any] = {"color": COLOURS[2], "linestyle": LINES[1]}


@dataclass(frozen=True, eq=False)
class CodewordPairs:
    """Derivative codewords and their analog counterparts, object by object.

    Attributes:
        names: of the objects; target 0 is the first, p_1 in the paper.
        digital: derivatives of the array response, as columns.
        analog: beams of constant modulus, at the amplitude that fits best.
        errors: relative distance of the patterns.
    """

    names: tuple[str, ...]
    digital: Complex[np.ndarray, "tx word"]
    analog: Complex[np.ndarray, "tx word"]
    errors: Float[np.ndarray, " word"]


def codeword_pairs() -> CodewordPairs:
    """The pairs of section VII-A with three targets."""
    scenario = scenario_with(N_TARGETS)
    words, beams = Zhang2025(scenario).codebook().codewords, Zhang2025(scenario).analog_codebook().codewords
    if beams is None or beams.shape != words.shape:
        raise InvalidScenario("must have a derivative codeword for each object, but an object is at end-fire.")
    digital, beams = words[:, N_TARGETS + 1 :], beams[:, N_TARGETS + 1 :]
    sweep = Zhang2025(scenario).pattern_sweep()
    wanted, found = sweep.conj().T @ digital, sweep.conj().T @ beams
    amplitudes = np.real(np.sum(found.conj() * wanted, axis=0)) / np.sum(np.abs(found) ** 2, axis=0)
    names = ("user", *(f"target {index}" for index in range(N_TARGETS)))
    return CodewordPairs(names, digital, amplitudes * beams, pattern_errors(beams, digital, sweep))


def make(run: PaperRun) -> list[Path]:
    """Paths of the figure (PDF, PNG) and its data (CSV)."""
    pairs = codeword_pairs()
    station = next(iter(scenario_with(N_TARGETS).stations.values()))
    angles_rad = np.linspace(0.0, np.pi, FULL_ANGLES if run.full else ANGLES)
    responses, _ = steering_response(station.transmit_array.positions_wavelengths, angles_rad)
    panels, records = [], []
    for index, name in enumerate(pairs.names):
        patterns = np.abs(responses.conj().T @ np.stack([pairs.digital[:, index], pairs.analog[:, index]], axis=1)) ** 2
        shares = patterns / patterns[:, 0].max()
        symbol = rf"$\mathbf{{p}}_{index}$" if index else "user"
        title = f"{symbol}, relative error {pairs.errors[index]:.2f}"
        panels.append(_panel(title, np.rad2deg(angles_rad), shares))
        records += [
            {"object": name, "angle_rad": float(angle), "digital": float(first), "analog": float(second)}
            for angle, (first, second) in zip(angles_rad, shares, strict=True)
        ]
    figure = panels_figure(
        panels, {"derivative codeword": _DIGITAL, "analog counterpart": _ANALOG}, columns=4, height_in=2.2
    )
    stem = run.out_dir / "zhang2025_figure_3"
    return [*save_figure(figure, stem), write_csv(stem.with_suffix(".csv"), records)]


def _panel(title: str, angles_deg: np.ndarray, shares: np.ndarray) -> Panel:
    levels_db = np.asarray(ratio_to_db(np.maximum(shares, 1e-12)))
    axes = {
        "xlabel": r"angle $\theta$ (deg)",
        "ylabel": "power relative to peak (dB)",
        "xlim": (0.0, 180.0),
        "xticks": (0.0, 45.0, 90.0, 135.0, 180.0),
        "ylim": (-RANGE_DB, 4.0),
    }
    curves = [PanelCurve(angles_deg, levels_db[:, place], style) for place, style in enumerate((_DIGITAL, _ANALOG))]
    return Panel(title, curves, axes=axes)
