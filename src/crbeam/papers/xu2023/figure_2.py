"""Who listens, who serves whom and with what beams, at least power.

Reference: xu2023 Fig. 2.

Deviation: the paper draws roles and associations only. Lobes are the power that each station radiates with all its
streams, on one scale of decibels; the ellipse is magnified as the legend says. Losses are fitted, and one draw of the
channels is shown.
"""

from pathlib import Path
from typing import Any

from crbeam.evaluation import evaluate
from crbeam.papers.runs import PaperRun
from crbeam.papers.xu2023.proofs import optimum
from crbeam.report import save_figure, scene_figure, write_csv
from crbeam.systems.xu2023 import Xu2023, network_of

TITLE = "Roles, associations, beams and the target's error ellipse at least power"


def make(run: PaperRun) -> list[Path]:
    """Paths of the figure (PDF, PNG) and its data (CSV)."""
    scenario, design = optimum()
    (receiver,), served = Xu2023(scenario).roles(design)
    figure = scene_figure(scenario, evaluate(scenario, design.covariances), design=design, link=receiver)
    powers_w = design.covariances.powers_w
    records: list[dict[str, Any]] = [
        {
            "name": name,
            "role": "listens" if name == receiver else "transmits",
            "x_m": station.position_m[0],
            "y_m": station.position_m[1],
            "power_w": powers_w[name],
        }
        for name, station in scenario.stations.items()
    ]
    places = network_of(scenario).user_positions_m
    for (name, stations), (x_m, y_m) in zip(served.items(), places, strict=True):
        records.append({"name": name, "role": f"served by {' and '.join(stations)}", "x_m": x_m, "y_m": y_m})
    stem = run.out_dir / "xu2023_figure_2"
    return [*save_figure(figure, stem), write_csv(stem.with_suffix(".csv"), records)]
