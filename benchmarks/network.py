"""Time of the least power of a network with proof, against CVXPY over all choices, extrapolated from a sample."""

import time
import warnings
from contextlib import suppress
from dataclasses import replace
from itertools import islice, product

import numpy as np

from crbeam import design_problem, method_named, read_scenario
from crbeam.design.search.boxes import roles_of
from crbeam.scenario import Scenario, scenario_document
from crbeam.testing.conic_power import conic_optimum

#: Programs of the enumeration that are solved; the time of all is extrapolated from their mean.
SAMPLE = 6
#: Stations, users, antennas of the larger networks, and the seconds that each may take.
SCALES = ((6, 12, 32, 300.0), (8, 20, 64, 300.0))
DRAW = 1


def network_scenario(stations: int, users: int, antennas: int, seed: int) -> Scenario:
    """Stations on a circle of 100 m that face its centre, users anywhere within 150 m of it, losses of the preset.

    Users are at least 10 m away from every station; the target is where the preset has it.
    """
    document = scenario_document(read_scenario("xu2023"))
    first = document["stations"]["bs1"]
    angles = 2.0 * np.pi * np.arange(stations) / stations
    places_m = 100.0 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    generator, users_m = np.random.default_rng(seed), []
    while len(users_m) < users:
        place_m = generator.uniform(-150.0, 150.0, 2)
        if np.hypot(*place_m) < 150.0 and np.min(np.hypot(*(places_m - place_m).T)) > 10.0:
            users_m.append(place_m.tolist())
    names = [f"bs{number}" for number in range(1, stations + 1)]
    array = {**first["transmit_array"], "elements": antennas}
    document["stations"] = {
        name: {**first, "position": place.tolist(), "orientation": float(angle) - np.pi, "transmit_array": array}
        for name, place, angle in zip(names, places_m, angles, strict=True)
    }
    for station in document["stations"].values():
        station["receive_array"] = array
    document["links"] = {name: {"transmitter": "others", "receiver": name} for name in names}
    document["network"]["user_positions"] = users_m
    return Scenario.model_validate({**document, "seed": seed})


def report() -> dict[str, float]:
    """Print the line and return its numbers."""
    from cvxpy.error import SolverError

    problem = design_problem(read_scenario("xu2023"))
    begin = time.perf_counter()
    design = method_named("exact").solve(problem)
    ours_s = time.perf_counter() - begin
    choices = [(role, servers) for role in roles_of(problem) for servers in product(*role.servers.values())]
    begin = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for role, servers in islice(choices, 0, None, len(choices) // SAMPLE):
            with suppress(SolverError):  # where nothing is feasible Clarabel may fail; its time counts all the same
                one_each = {user: (name,) for user, name in zip(role.servers, servers, strict=True)}
                conic_optimum(problem, replace(role, servers=one_each))
    sampled = len(range(0, len(choices), len(choices) // SAMPLE))
    all_s = (time.perf_counter() - begin) / sampled * len(choices)
    numbers = {
        "exact_s": ours_s,
        "gap": design.gap or 0.0,
        "programs": len(choices),
        "sampled": sampled,
        "all_s": all_s,
    }
    print(
        "\nnetwork: least power with proof against CVXPY + Clarabel over all choices, 4 stations, 5 users, 8 antennas"
    )
    print(
        f"exact {ours_s:.2f} s, gap {numbers['gap']:.1e}; {len(choices)} programs {all_s:.0f} s from {sampled} of them"
    )
    return {**numbers, **_scales()}


def _scales() -> dict[str, float]:
    """Print a line for each of the larger networks: what is proven within their time, and what it took."""
    print(f"larger networks, losses of the preset (58 dB and 30 dB at one metre), seed {DRAW}:")
    found = {}
    for stations, users, antennas, limit_s in SCALES:
        problem = design_problem(network_scenario(stations, users, antennas, DRAW))
        design = method_named(f"exact:time_limit_s={limit_s:g}").solve(problem)
        gap_db = 10.0 * np.log10(design.objective / design.lower_bound) if design.lower_bound else np.inf
        print(
            f"{stations} stations, {users} users, {antennas} antennas: {10.0 * np.log10(design.objective) + 30.0:.3f} "
            f"dBm, gap {gap_db:.1e} dB, {design.details['programs']} programs, {design.seconds:.1f} s"
        )
        name = f"{stations}x{users}x{antennas}"
        found |= {f"{name}_gap_db": float(gap_db), f"{name}_s": design.seconds}
    return found
