"""Performance, as ratios against references measured in the same run; one BLAS thread (the Makefile sets it)."""

import argparse
import json
from pathlib import Path

from benchmarks import engine, estimators, hybrid, network, papers, schemes, sequential, served, studies
from benchmarks.timing import SEED

PARTS = {
    "engine": engine.report,
    "schemes": schemes.report,
    "sequential": sequential.report,
    "served": served.report,
    "hybrid": hybrid.report,
    "network": network.report,
    "estimators": estimators.report,
    "studies": studies.report,
    "papers": papers.report,
}


def main() -> None:
    """Print the tables, and write them as JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="what to measure; everything by default")
    parser.add_argument("--json", type=Path, help="also write the numbers to this file")
    arguments = parser.parse_args()
    print("seed", SEED)
    numbers = {name: PARTS[name]() for name in arguments.parts or PARTS}
    if arguments.json:
        arguments.json.write_text(json.dumps({"seed": SEED, **numbers}, indent=2))


if __name__ == "__main__":
    main()
