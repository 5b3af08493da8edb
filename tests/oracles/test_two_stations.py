"""Two stations of 16 and 6 antennas that position one user: bounds and a certified design of both.

The numbers are those of an independent implementation that builds every sample of every antenna.
"""

from dataclasses import fields, replace
from pathlib import Path

import cvxpy as cp
import numpy as np
import pytest

from crbeam.design import Criterion, DesignProblem, PowerBudget, certify
from crbeam.design.methods import method_named
from crbeam.information.builders import Pilots
from crbeam.scenario import read_scenario
from crbeam.systems import paths_of
from crbeam.systems.station_and_user import state_map

ANTENNAS = {"macro": 16, "small": 6}
SYMBOLS = 1600
BOUNDS = {
    "user_position": 1.200072427,
    "user_orientation": 0.009488364628,
    "clock_bias": 4.002725385e-09,
    "target_position[0]": 0.248523093,
}
OBJECTIVE_M2, LOWER_M2 = 0.1814552397, 0.1814547114


def world(station):
    """The user, the target and one of the stations, whose link is named after it."""
    return read_scenario(Path(__file__).parent / "data" / f"two_stations_{station}.yaml")


def over_targets(paths):
    """The paths without the line of sight."""
    kept = [place for place, name in enumerate(paths.vertex_names) if name is not None]
    parts = {field.name: getattr(paths, field.name) for field in fields(paths)}
    each = {
        name: part[kept] for name, part in parts.items() if isinstance(part, np.ndarray) and name[-2:] in ("ad", "in")
    }
    names = tuple(paths.vertex_names[place] for place in kept)
    return replace(paths, **each, delay_s=paths.delay_s[kept], vertex_m=paths.vertex_m[kept], vertex_names=names)


def both_stations():
    """Problem of positioning the user by both stations, each with its own power."""
    worlds = {station: world(station) for station in ANTENNAS}
    paths = {station: paths_of(each)[f"from_{station}"] for station, each in worlds.items()}
    paths["small"] = over_targets(paths["small"])
    first, second = (state_map(worlds[name], paths[name], [Pilots(name, float(SYMBOLS))]) for name in ANTENNAS)
    budgets = tuple(PowerBudget((name,), each.power_per_subcarrier_w(name)) for name, each in worlds.items())
    return DesignProblem((Criterion(first + second, {"user_position": 1.0}, unit="m^2"),), budgets)


def test_bounds_of_both_stations_together():
    problem = both_stations()
    (criterion,) = problem.criteria
    assert criterion.map.antennas == problem.antennas == ANTENNAS
    told = criterion.map.at(problem.isotropic())
    assert {name: told.root_bound([name]) for name in BOUNDS} == pytest.approx(BOUNDS, rel=1e-8)


def test_the_design_is_certified():
    problem = both_stations()
    design = method_named("fdb-wcrb").solve(problem)
    assert LOWER_M2 * (1.0 - 1e-6) <= design.objective <= OBJECTIVE_M2 * (1.0 + 1e-5)
    assert design.gap < 1e-5
    assert design.lower_bound <= OBJECTIVE_M2
    assert design.objective == pytest.approx(LOWER_M2, rel=1e-5)
    assert certify(problem, design.covariances).lower_bound <= OBJECTIVE_M2
    assert design.covariances.antennas == ANTENNAS


def test_it_is_the_optimum_in_the_full_antenna_space():
    """A program in all entries of both covariances, written from the definition of the information alone."""
    problem = both_stations()
    (criterion,) = problem.criteria
    layout, size = criterion.map.layout, criterion.map.layout.size
    powers_w = {block: budget.power_per_subcarrier_w for budget in problem.budgets for block in budget.blocks}
    sent = {block: cp.Variable((n, n), hermitian=True) for block, n in ANTENNAS.items()}
    whitening = np.linalg.inv(np.linalg.cholesky(criterion.map.at(problem.isotropic()).matrix)).T
    information = np.zeros((size, size))
    for part in criterion.map.contributions:
        jacobian = part.jacobian @ whitening
        seen = powers_w[part.block] * part.transmit.conj().T @ sent[part.block] @ part.transmit
        information = information + jacobian.T @ cp.real(cp.multiply(part.weight, cp.conj(seen))) @ jacobian
    ends = whitening.T[:, layout.indices(["user_position"])]
    unit = float(np.linalg.norm(ends))
    slack = cp.Variable((2, 2), symmetric=True)
    information = 0.5 * (information + information.T)
    limits = [cp.bmat([[slack, ends.T / unit], [ends / unit, information]]) >> 0]
    for covariance in sent.values():
        limits += [covariance >> 0, cp.real(cp.trace(covariance)) <= 1.0]
    scaled = cp.Problem(cp.Minimize(cp.trace(slack)), limits)
    scaled.solve(solver=cp.SCS, eps=1e-9, max_iters=50_000)
    design = method_named("fdb-wcrb").solve(problem)
    assert design.objective == pytest.approx(unit**2 * float(scaled.value), rel=1e-5)
