"""Hyper-parameters of methods, the guides that they are given, and what too few slots or codewords lead to."""

from dataclasses import replace

import numpy as np
import pytest

from crbeam import design_problem, method_named, read_scenario
from crbeam.design import Design, Status
from crbeam.design.grading import OPTIMAL_GAP
from crbeam.design.guides import GUIDE_TOLERANCE, GuidedMethod
from crbeam.design.method import LARGEST_TOLERANCE, CertifiedMethod
from crbeam.design.methods import METHODS
from crbeam.errors import InvalidInput, Unidentifiable
from crbeam.information import Transmission
from crbeam.systems.zhang2025 import Zhang2025
from crbeam.testing import random_scenario

GUIDED = [key for key, method in METHODS.items() if issubclass(method, GuidedMethod)]
QUICK = {
    "analog-wcrb": "analog-wcrb:starts=1,max_iterations=20",
    "analog-fdb": "analog-fdb:starts=2,max_iterations=2",
}


def problem_for(method, rng):
    scenario = random_scenario(rng, n_targets=1, n_antennas=6, subcarriers=16)
    return replace(design_problem(scenario, method=method), n_slots=4)


@pytest.mark.parametrize(
    "name",
    [
        "fdb-wcrb:tolerance=nan",
        "fdb-wcrb:tolerance=0",
        "cpa-wcrb:tolerance=-1e-6",
        "conic-wcrb:tolerance=1",
        "fusion:tolerance=0.011",
        "fdb-wcrb:max_evaluations=0",
        "analog-fdb:starts=0",
        "analog-fdb:threshold=nan",
        "analog-fdb:threshold=-1e-3",
        "analog-fdb:max_iterations=-1",
        "analog-fdb:phase_iterations=0",
        "analog-wcrb:starts=-1",
        "analog-wcrb:max_iterations=-1",
        "analog-wcrb:stationarity=nan",
        "analog-wcrb:stationarity=inf",
        "analog-wcrb:stationarity=-1e-9",
    ],
)
def test_senseless_options_are_refused_with_their_range(name):
    key, option = name.split("=")[0].split(":")
    with pytest.raises(InvalidInput, match=f"Option {option} of {key} must be .*, found"):
        method_named(name)


@pytest.mark.parametrize(
    "name", ["fdb-wcrb:tolerance=0.01", "analog-wcrb:starts=0,max_iterations=0", "analog-fdb:threshold=0,starts=1"]
)
def test_options_at_the_ends_of_their_range_are_taken(name):
    assert method_named(name).key == name.split(":")[0]


@pytest.mark.parametrize("key", METHODS)
def test_only_methods_that_look_for_optima_have_a_tolerance(key):
    if key == "hybrid":  # its tolerance is that of its digital part
        return
    if issubclass(METHODS[key], CertifiedMethod):
        assert METHODS[key].is_global
        assert method_named(f"{key}:tolerance={LARGEST_TOLERANCE}").tolerance == LARGEST_TOLERANCE
    else:
        with pytest.raises(InvalidInput, match="must be given options among"):
            method_named(f"{key}:tolerance=0.01")


def test_a_method_cannot_buy_the_status_optimal(rng):
    class Bribing(METHODS["uniform"]):
        tolerance = 1.0

    class Pretending(METHODS["fdb-wcrb"]):
        is_global = False

    method = Bribing()
    problem = problem_for(method, rng)
    design = method.solve(problem)
    assert design.gap > OPTIMAL_GAP
    assert design.status is Status.FEASIBLE
    assert METHODS["fdb-wcrb"]().solve(problem).status is Status.OPTIMAL
    rough, own = (kind(tolerance=1e-2, max_evaluations=8).solve(problem) for kind in (Pretending, METHODS["fdb-wcrb"]))
    assert OPTIMAL_GAP < own.gap <= 1e-2
    assert own.status is Status.OPTIMAL
    assert rough.status is Status.FEASIBLE


@pytest.mark.parametrize("key", GUIDED)
def test_given_guides_are_checked_in_place_of_their_item(key, rng):
    method = method_named(QUICK.get(key, key))
    problem = problem_for(method, rng)
    good = problem.even()
    ((block, covariance),) = good.items()
    tilted, indefinite = covariance.copy(), covariance.copy()
    tilted[0, 1] += 0.5 * covariance[0, 0]
    indefinite -= 2.0 * indefinite[0, 0] * np.diag(np.eye(problem.antennas[block])[0])
    matrices = [np.full_like(covariance, np.nan), np.full_like(covariance, np.inf), tilted, indefinite]
    wrong = [Transmission({block: matrix}) for matrix in matrices]
    items = [replace(problem, guides=(guide, good)) for guide in wrong]
    items += [replace(problem, guides=(0.0 * good, 0.0 * good)), replace(problem, guides=(good, good))]
    results = method.solve_many(items)
    for result in results[:4]:
        assert isinstance(result, InvalidInput)
        assert "finite, Hermitian and positive semidefinite" in str(result)
    assert isinstance(results[4], InvalidInput)
    assert "give guides with power" in str(results[4])
    assert isinstance(results[5], Design)


@pytest.mark.parametrize("key", GUIDED)
def test_designs_say_how_good_their_guides_are(key, rng):
    method = method_named(QUICK.get(key, key))
    problem = problem_for(method, rng)
    assert 0.0 <= method.solve(problem).details["guide_gap"] <= 10.0 * GUIDE_TOLERANCE
    given = replace(problem, guides=(problem.even(),) * 2)
    assert "guide_gap" not in method.solve(given).details


@pytest.mark.parametrize("name", ["analog-wcrb:starts=2", "analog-wcrb:max_iterations=0", "analog-fdb", "analog-cpa"])
def test_one_slot_for_analog_beams_asks_for_more_slots(name):
    method = method_named(name)
    scenario = read_scenario("zhang2025", overrides=["waveform.slots=1", "waveform.subcarriers=16"])
    with pytest.raises(Unidentifiable, match="allow more slots") as caught:
        method.solve(design_problem(scenario, method=method))
    assert "user_position" in caught.value.names


def test_derivatives_that_vanish_are_no_codewords():
    plain = read_scenario("zhang2025")
    end_fire = read_scenario("zhang2025", overrides=["user.position=[20 m, 0 m]"])
    single = read_scenario("zhang2025", overrides=["stations.bs.transmit_array.elements=1"])
    n_objects = 4
    assert Zhang2025(plain).codebook().codewords.shape == (16, 2 * n_objects)
    assert Zhang2025(end_fire).codebook().codewords.shape == (16, 2 * n_objects - 1)
    assert Zhang2025(single).codebook().codewords.shape == (1, n_objects)
    for scenario in (plain, end_fire, single):
        words = Zhang2025(scenario).analog_codebook().codewords
        assert words is not None
        assert words.shape == Zhang2025(scenario).codebook().codewords.shape
    method = method_named("cpa-wcrb")
    with pytest.raises(Unidentifiable):  # not a codebook of noise
        method.solve(design_problem(end_fire, method=method))
