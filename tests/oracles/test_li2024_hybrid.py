"""Hybrid arrays of li2024 against recorded designs and bounds; see README.md."""

import numpy as np
import pytest
from tests.oracles.double_arrays import CASES, channels_of, downlink_problem, uplink_problem

from crbeam.communication import downlink_sinr
from crbeam.design import SubarrayHybrid
from crbeam.design.hybrid.certificate import subarray_lower_bound
from crbeam.design.hybrid.networks import hybrid_of, with_network
from crbeam.design.hybrid.relaxation import subarray_evidence
from crbeam.design.methods.hybrid import Hybrid
from crbeam.design.methods.optimum import Digital

SMALL, PAPER, BINDING = CASES.values()
SIDES = ("downlink", "uplink")
SIDE = pytest.mark.parametrize("side", SIDES)


def hybrid_problem(case, side):
    per_chain = case["setting"]["M"]
    if side == "downlink":
        return downlink_problem(case).with_constraints(SubarrayHybrid("transmit", "main", per_chain))
    return uplink_problem(case).with_constraints(SubarrayHybrid("receive", "uplink", per_chain))


def recorded(case, side):
    """Best objective found and best lower bound of the record."""
    if side == "downlink":
        return case["dl_hybrid_best_found"]["objective"], case["dl_hybrid_certified_lower"]
    return case["ul_hybrid_best_found"]["objective"], case["ul_hybrid_lower"]


@SIDE
def test_recorded_networks_have_the_recorded_value(side):
    problem = hybrid_problem(SMALL, side)
    phases_rad = np.array(SMALL["dl_hybrid_best_found" if side == "downlink" else "ul_hybrid_best_found"]["phi"])
    network = hybrid_of(problem).network(phases_rad)
    found = Digital().solve(with_network(problem, network)).objective
    assert found == pytest.approx(recorded(SMALL, side)[0], rel=1e-5)


@SIDE
def test_bounds_at_the_small_size(side):
    """As tight as the record, and below the recorded design; the record's uplink bound is not certified."""
    problem = hybrid_problem(SMALL, side)
    found = subarray_lower_bound(problem, subarray_evidence(problem, hybrid_of(problem)))
    objective, bound = recorded(SMALL, side)
    assert found == pytest.approx(bound, rel=1e-5)
    assert found < objective


@pytest.mark.slow
@SIDE
def test_designs_at_the_small_size(side):
    problem = hybrid_problem(SMALL, side)
    design = Hybrid(starts=3).solve(problem)
    objective, _ = recorded(SMALL, side)
    assert design.objective <= 1.0001 * objective
    assert design.gap < (0.003 if side == "downlink" else 2e-4)


@pytest.mark.slow
@SIDE
def test_designs_at_the_size_of_the_paper(side):
    """64 and 16 antennas, sub-arrays of 4, four users at 10 dB."""
    problem = hybrid_problem(PAPER, side)
    design = Hybrid(starts=2).solve(problem)
    objective, bound = recorded(PAPER, side)
    assert design.objective <= 1.0001 * objective
    assert design.lower_bound == pytest.approx(bound, rel=1e-5)
    assert design.gap < (0.032 if side == "downlink" else 1e-5)
    if side == "downlink":
        users = np.stack([sent["main"] for name, sent in design.stream_covariances.items() if name != "sensing"])
        ratios = downlink_sinr(channels_of(PAPER), users, design.covariances["main"], 1.0)
        assert np.all(ratios >= np.array(PAPER["setting"]["gamma"]) * (1.0 - 1e-9))


@pytest.mark.slow
def test_uplink_ratios_that_bind():
    """The recorded network, of random phases, is eleven times worse than what the search finds."""
    problem = hybrid_problem(BINDING, "uplink")
    design = Hybrid(starts=2).solve(problem)
    assert design.objective < 4.36
    assert design.objective < BINDING["ul_fixedF"]["objective"] / 11.0
    assert design.lower_bound > 1.02 * BINDING["ul_fd"]["objective"]
