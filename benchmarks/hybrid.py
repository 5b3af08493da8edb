"""Hybrid arrays: descent over phases against the published algorithms, and the time at the size of the paper."""

from crbeam import DesignProblem, design_problem, method_named, read_scenario

#: The published algorithms are run at this size: antennas of both arrays, antennas of a chain, users.
SMALL = (16, 8, 2, 2)
#: Size of the paper's figures.
PAPER = (64, 16, 4, 4)
SMALL_METHODS = {
    "downlink": ("hybrid:starts=1", "pdd-downlink:max_outer=10"),
    "uplink": ("hybrid:starts=1", "pdd-uplink:max_outer=6", "ao-uplink:updates=4,max_outer=6"),
}
PAPER_METHODS = ("hybrid:starts=1", "hybrid:starts=4")
#: Few chains and high ratios, where local optima of the uplink differ most.
CROWDED, CROWDED_DB = (32, 8, 4, 4), 20.0
CROWDED_METHODS = ("hybrid:starts=4", "hybrid:starts=16")


def _problem(direction: str, size: tuple[int, int, int, int], key: str, sinr_db: float) -> DesignProblem:
    """An aperture of 0.5 m; seed 2 draws users that sub-arrays can serve."""
    main, assisting, per_chain, users = size
    overrides = [
        f"stations.main.transmit_array.elements={main}",
        f"stations.main.transmit_array.spacing={0.7412535448847822 * 63 / (main - 1)}",
        f"stations.assisting.transmit_array.elements={assisting}",
        f"served_users.antennas_per_chain={per_chain}",
        f"served_users.count={users}",
        f"served_users.minimum_sinr={sinr_db} dB",
    ]
    scenario = read_scenario(f"li2024-{direction}", seed=2, overrides=overrides)
    return design_problem(scenario, method=method_named(key))


def _row(direction: str, size: tuple[int, int, int, int], key: str, sinr_db: float) -> dict[str, float]:
    design = method_named(key).solve(_problem(direction, size, key, sinr_db))
    violations = [float(value) for name, value in design.details.items() if name.startswith("violation_")]
    row = {"objective": design.objective, "gap": design.gap or 0.0, "seconds": design.seconds}
    return {**row, "violation": violations[-1]} if violations else row


def _cases() -> list[tuple[str, tuple[int, int, int, int], float, str]]:
    """Direction, size, least SINR in dB, method."""
    found = []
    for direction in ("downlink", "uplink"):
        for size, methods in ((SMALL, SMALL_METHODS[direction]), (PAPER, PAPER_METHODS)):
            found += [(direction, size, 10.0, key) for key in methods]
    return found + [("uplink", CROWDED, CROWDED_DB, key) for key in CROWDED_METHODS]


def report() -> dict[str, dict[str, float]]:
    """Print the table and return its numbers."""
    print("\nhybrid arrays: least SINR, objective (m^2), certified gap, violation of the last inner loop, time")
    numbers = {}
    for direction, size, sinr_db, key in _cases():
        row = numbers[f"{direction} {size[0]}x{size[1]} {sinr_db:g} dB {key}"] = _row(direction, size, key, sinr_db)
        violation = f"{row['violation']:9.1e}" if "violation" in row else f"{'':9}"
        print(
            f"{direction:8} {size[0]:2d} x {size[1]:2d} {sinr_db:3g} dB {key:32} {row['objective']:9.5f} "
            f"{row['gap']:8.1e} {violation} {row['seconds']:7.1f} s"
        )
    return numbers
