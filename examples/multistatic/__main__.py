"""Mono-, bi- or multistatic: where should the antennas that listen for a moving target stand?

Run it with `python -m examples.multistatic [DIRECTORY]`. All arrangements are the preset `wang2024` with other links,
receivers and numbers of antennas. Power, block, noise and beam are the same: all power goes to the target.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console

import crbeam
from crbeam.evaluation.one_receiver import one_receiver_bounds
from crbeam.report import save_figure, write_csv
from crbeam.report.figures.panels import Panel, PanelCurve, panels_figure
from crbeam.report.style import COLOURS, LINES, MARKERS
from crbeam.systems.receivers import receiver_positions_m

#: Draws of the places of ten receivers.
DRAWS = 60
#: Receive antennas at each place, or at all places together.
EACH, TOTAL = 2, 10
STATION_LISTENS = "links.monostatic={transmitter: transmitter, receiver: transmitter}"
QUANTITY = "target_position_m"


@dataclass(frozen=True)
class Arrangement:
    """Who listens.

    Attributes:
        name: what stands in the legend.
        receivers: how many of the receivers nearest to the target.
        station: whether the transmitter listens too.
        alone: the one link there is; its antennas then have to tell the direction.
    """

    name: str
    receivers: int
    station: bool = False
    alone: str | None = None

    @property
    def places(self) -> int:
        """At how many places somebody listens."""
        return self.receivers + self.station


MONOSTATIC, BISTATIC = "transmitter, delay and angle", "one receiver, delay and angle"
RECEIVERS, BOTH = "receivers, delays", "receivers and transmitter, delays"
ARRANGEMENTS = (
    Arrangement(MONOSTATIC, 0, station=True, alone="monostatic"),
    Arrangement(BISTATIC, 1, alone="receiver{nearest}"),
    *(Arrangement(RECEIVERS, count) for count in (2, 5, 10)),
    *(Arrangement(BOTH, count, station=True) for count in (1, 4, 9)),
)
STYLES = {
    MONOSTATIC: {"color": COLOURS[3], "linestyle": "none", "marker": MARKERS[3]},
    BISTATIC: {"color": COLOURS[2], "linestyle": "none", "marker": MARKERS[2]},
    RECEIVERS: {"color": COLOURS[0], "linestyle": LINES[0], "marker": MARKERS[0]},
    BOTH: {"color": COLOURS[1], "linestyle": LINES[1], "marker": MARKERS[1]},
}
#: Antennas at each place, by what is compared.
COMPARISONS: Mapping[str, Callable[[int], int]] = {
    f"{EACH} antennas at each place": lambda _: EACH,
    f"{TOTAL} antennas in all": lambda places: TOTAL // places,
}


def scenario_of(arrangement: Arrangement, antennas: int, order: Sequence[int], seed: int) -> crbeam.Scenario:
    """The preset with the receivers that come first in an order, and so many antennas at each place."""
    overrides = [
        "receivers.minimum_rate=0",
        f"receivers.selected={list(order[: arrangement.receivers])}",
        f"receivers.array.elements={antennas}",
        f"stations.transmitter.receive_array={{elements: {antennas}, spacing: 0.5, axis: y, reference: first}}",
    ]
    return crbeam.read_scenario(
        "wang2024", overrides=[*overrides, *([STATION_LISTENS] if arrangement.station else [])], seed=seed
    )


def bounds_m(seed: int) -> dict[tuple[str, Arrangement], float]:
    """Root bound of the target's position of each comparison and arrangement, for one draw of places."""
    plain = crbeam.read_scenario("wang2024", overrides=["receivers.minimum_rate=0"], seed=seed)
    method = crbeam.method_named("steered")
    covariances = method.solve(crbeam.design_problem(plain, method=method)).covariances
    (covariance,) = covariances.values()
    away_m = np.linalg.norm(receiver_positions_m(plain) - np.array(plain.targets.positions_m[0]), axis=1)
    order = [int(number) for number in np.argsort(away_m)]
    found = {}
    for comparison, antennas in COMPARISONS.items():
        for each in ARRANGEMENTS:
            scenario = scenario_of(each, antennas(each.places), order, seed)
            if each.alone is None:
                value = crbeam.evaluate(scenario, covariances).links["fused"].quantities[QUANTITY]
                assert isinstance(value, float), "two places or more determine the target"
            else:
                link = each.alone.format(nearest=order[0])
                value = one_receiver_bounds(scenario, covariance, link, arrival="estimated")[QUANTITY]
            found[comparison, each] = value
    return found


def main(directory: Path, draws: int = DRAWS) -> list[dict[str, str | int | float]]:
    """Medians and quartiles over draws of places; a figure and its data go to a directory."""
    drawn = [bounds_m(seed) for seed in range(draws)]
    records = []
    for comparison, antennas in COMPARISONS.items():
        for each in ARRANGEMENTS:
            low, median, high = np.quantile([one[comparison, each] for one in drawn], (0.25, 0.5, 0.75)).tolist()
            records.append(
                {
                    "comparison": comparison,
                    "arrangement": each.name,
                    "places": each.places,
                    "antennas": antennas(each.places),
                    "lower_quartile_m": low,
                    "median_m": median,
                    "upper_quartile_m": high,
                }
            )
    panels = [_panel(comparison, records) for comparison in COMPARISONS]
    figure = panels_figure(panels, STYLES, columns=2, height_in=2.7, legend_columns=4)
    directory.mkdir(parents=True, exist_ok=True)
    files = [*save_figure(figure, directory / "multistatic"), write_csv(directory / "multistatic.csv", records)]
    console = Console()
    for each in records:
        console.print(
            f"{each['comparison']}; {each['arrangement']}, {each['places']} place(s): median "
            f"{each['median_m'] * 1e3:.3f} mm, quartiles {each['lower_quartile_m'] * 1e3:.3f} and "
            f"{each['upper_quartile_m'] * 1e3:.3f} mm",
            soft_wrap=True,
        )
    for file in files:
        console.print(f"wrote {file}", soft_wrap=True)
    return records


def _panel(comparison: str, records: Sequence[Mapping[str, str | int | float]]) -> Panel:
    curves = []
    for name, style in STYLES.items():
        rows = [each for each in records if (each["comparison"], each["arrangement"]) == (comparison, name)]
        places = np.array([each["places"] for each in rows], dtype=float)
        for key, look in (("median_m", style), ("lower_quartile_m", _thin(style)), ("upper_quartile_m", _thin(style))):
            curves.append(PanelCurve(places, 1e3 * np.array([each[key] for each in rows], dtype=float), look))
    axes = {
        "xlabel": "places where somebody listens",
        "ylabel": "position error bound (mm)",
        "xscale": "log",
        "xticks": (1, 2, 5, 10),
        "yscale": "log",
        "yticks": (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0),
    }
    return Panel(comparison, curves, axes=axes)


def _thin(style: Mapping[str, object]) -> dict[str, object]:
    """Quartiles: the colour of the median, a fine dotted line or a bar."""
    alone = style["linestyle"] == "none"
    return {
        "color": style["color"],
        "linestyle": "none" if alone else ":",
        "linewidth": 0.7,
        "marker": "_" if alone else "",
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("out/multistatic"))
