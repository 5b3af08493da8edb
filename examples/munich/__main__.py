"""A certified transmission for a base station on a ray-traced square in Munich.

Run it with `make demo` (or `python -m examples.munich [DIRECTORY]`): it reads `munich.yaml`, whose paths were traced
beforehand, finds the best transmission for positioning the user and sensing the reflectors, proves how good it is, and
draws what it found.
"""

import sys
from pathlib import Path

from rich.console import Console

import crbeam
from crbeam.report import bounds_table, markdown_table, rich_table, write_design
from crbeam.report.pictures import design_pictures, tradeoff_pictures

SCENARIO = Path(__file__).with_name("munich.yaml")
WEIGHT = 0.5


#: Weights of the trade-off curve: echoes are weak, so the curve bends where bistatic positioning has nearly all weight.
WEIGHTS = (0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 1.0)


def main(directory: Path) -> crbeam.Design:
    """Design, bounds before and after, pictures; everything goes to a directory, made if it does not exist."""
    scenario = crbeam.read_scenario(SCENARIO)
    method = crbeam.method_named("fdb-wcrb")
    problem = crbeam.design_problem(scenario, weight=WEIGHT)
    design = method.solve(problem)
    before = crbeam.evaluate(scenario, problem.isotropic())
    after = crbeam.evaluate(scenario, design.covariances)
    points = crbeam.tradeoff(scenario, [method], WEIGHTS)

    table = bounds_table({"uniform": before, "designed": after})
    files = write_design(directory, scenario, design, after, weight=WEIGHT)
    files += design_pictures(directory, scenario, design, after, others={"uniform": problem.isotropic()})
    files += tradeoff_pictures(directory, points)
    (directory / "bounds.md").write_text(markdown_table(table))

    console = Console()
    console.print(f"{scenario.title}: base station, user and {problem.criteria[1].map.layout.size // 4 - 1} reflectors")
    console.print(
        f"{design.method}: weighted bound {design.objective:.6g} m², proven to be at least "
        f"{design.lower_bound:.6g} m² for every transmission: gap {design.gap:.1e} ({design.status.key})"
    )
    console.print(
        f"{sum(part.matrix.shape[1] for part in design.beamformers.values())} beams, {design.seconds * 1e3:.0f} ms"
    )
    console.print(rich_table(table, title="Root Cramér-Rao bounds"))
    for file in [*files, directory / "bounds.md"]:
        console.print(f"wrote {file}", soft_wrap=True)
    return design


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("out/demo"))
