"""What sub-arrays behind phase shifters cost, over the number of chains: the figure of docs/how-to-choose.md.

Run it with `python -m examples.hybrid_chains [DIRECTORY]`. It computes two studies, which takes some minutes; what is
computed is kept in the directory, where a run that was interrupted goes on.
"""

import sys
from pathlib import Path

import numpy as np

from crbeam.report import save_figure
from crbeam.report.figures.panels import Panel, PanelCurve, panels_figure
from crbeam.report.style import NO_MARKER, curve_style
from crbeam.studies import read_results, read_study, run_study

HERE = Path(__file__).parent
DIRECTIONS = ("downlink", "uplink")
ANTENNAS = 32
TICKS = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0)


def main(directory: Path) -> dict[str, np.ndarray]:
    """Median excess of the position error over a digital array in per cent, `[chains, sinr]`, by direction."""
    found = {direction: excesses(direction, directory) for direction in DIRECTIONS}
    panels, medians = [], {}
    for direction, (chains, levels_db, reached, proven) in found.items():
        medians[direction] = reached
        curves = []
        for place in range(len(levels_db)):
            curves.append(PanelCurve(chains, proven[:, place], {**curve_style(place, 3, marker=NO_MARKER)}))
            curves.append(PanelCurve(chains, reached[:, place], curve_style(place, 0)))
        axes = {"xlabel": "chains", "ylabel": "excess over fully digital (%)", "xscale": "log", "xticks": chains}
        panels.append(Panel(direction, curves, axes={**axes, "yscale": "log", "yticks": TICKS, "ylim": (0.4, 40.0)}))
        for count, row in zip(chains, reached, strict=True):
            print(f"{direction}, {count:g} chains: {', '.join(f'{each:.2g} %' for each in row)} at {levels_db} dB")
    levels_db = found["downlink"][1]
    legend = {f"least SINR {level:g} dB": curve_style(place, 0) for place, level in enumerate(levels_db)}
    legend["no network does better"] = curve_style(0, 3, marker=NO_MARKER)
    figure = panels_figure(panels, legend, columns=2, height_in=2.6, shared="none")
    for file in save_figure(figure, directory / "hybrid_chains"):
        print(f"wrote {file}")
    return medians


def excesses(direction: str, directory: Path) -> tuple[np.ndarray, list[float], np.ndarray, np.ndarray]:
    """Chains, ratios in dB, and median excesses of the position error in per cent: reached, and proven to be least.

    Over the channels that have a design for each number of chains and each ratio.
    """
    store = directory / f"{direction}.sqlite"
    run_study(read_study(HERE / f"{direction}.yaml"), store)
    results = read_results(store).squeeze(drop=True)
    digital, hybrid = (
        results.sel(design_method=method).transpose("antennas_per_chain", "least_sinr", "realisation")
        for method in results["design_method"].to_numpy()
    )
    reference = digital["objective"].to_numpy()
    complete = np.isfinite(hybrid["objective"].to_numpy()).all(axis=(0, 1))
    print(f"{direction}: {complete.sum()} of {complete.size} channels can be served in every case")
    reached, proven = (
        np.median(100.0 * (np.sqrt(hybrid[name].to_numpy() / reference) - 1.0)[:, :, complete], axis=2)
        for name in ("objective", "lower_bound")
    )
    levels_db = (10.0 * np.log10(results["least_sinr"].to_numpy())).round(6).tolist()
    return ANTENNAS / results["antennas_per_chain"].to_numpy(), levels_db, reached, proven


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("out/hybrid_chains"))
