"""Beams under rates of receivers with several antennas, by successive convex approximation."""

from dataclasses import replace

import numpy as np
import pytest
from tests.oracles.multistatic_records import ARRAYS, RECORDS, record_scenario

from crbeam.design.grading import grade
from crbeam.design.methods.lifted_sca import LiftedSca, _approximated, _receivers, _start
from crbeam.design.methods.lifted_sdp import LiftedSdp
from crbeam.design.problem import DesignProblem
from crbeam.design.rate_constraints import MinimumRate
from crbeam.design.result import Proposal
from crbeam.errors import SolverFailed
from crbeam.systems import wang2024

SCENE = {"selected": (1, 4), "rate": 2.0}


def problem_of(channels, selected, rate):
    """The record's problem with given direct channels."""
    scenario = record_scenario("receivers.rician_factor=1", selected=selected, rate=rate)
    problem = wang2024.design_problem(scenario, judged_by="receiver0")
    others = [part for part in problem.constraints if not isinstance(part, MinimumRate)]
    rates = [part for part in problem.constraints if isinstance(part, MinimumRate)]
    given = [replace(part, channel=channel) for part, channel in zip(rates, channels, strict=True)]
    return DesignProblem(problem.criteria, (*others, *given), streams=problem.streams, directions=problem.directions)


def share_of(problem, design):
    direction = problem.directions[:, 0] / np.linalg.norm(problem.directions[:, 0])
    return float(np.real(direction.conj() @ design.covariances[0] @ direction))


def rates_of(problem, streams):
    parts = [part for part in problem.constraints if isinstance(part, MinimumRate)]
    sent = {name: stack[0] for name, stack in streams.items()}
    return np.array([part.rate_of(f"to {part.user}", sent) for part in parts])


@pytest.mark.slow
@pytest.mark.parametrize("place", [2, 3])
def test_scattered_channels_reach_what_was_found_elsewhere(place):
    record = RECORDS["A"]["beamforming"][place]
    problem = problem_of(ARRAYS["A_Hric"], tuple(record["G"]), record["Rth"])
    design = LiftedSca().solve(problem)
    assert rates_of(problem, design.stream_covariances).min() >= record["Rth"] - 1e-8
    assert share_of(problem, design) >= record["rician"]["sca_T"] * (1 - 0.01)
    assert design.lower_bound <= design.objective
    assert design.gap == pytest.approx(1.0 - share_of(problem, design), abs=1e-5), "the gap is to a world without rates"
    assert np.all(np.diff(design.trace) <= 1e-9 * design.trace[0])
    for name, stack in design.stream_covariances.items():
        if name != "sensing":
            assert np.linalg.matrix_rank(stack[0], tol=1e-9 * np.abs(stack[0]).max()) <= 2


@pytest.mark.slow
@pytest.mark.parametrize("place", [3])
def test_in_lines_of_sight_it_never_beats_the_global_optimum(place):
    record = RECORDS["A"]["beamforming"][place]
    scenario = record_scenario(selected=record["G"], rate=record["Rth"])
    problem = wang2024.design_problem(scenario, judged_by="receiver0")
    optimum = LiftedSdp().solve(problem)
    as_ratios = LiftedSca().solve(problem)
    as_determinants = LiftedSca().solve(problem_of(ARRAYS["A_Hlos"], tuple(record["G"]), record["Rth"]))
    for found in (as_ratios, as_determinants):
        assert found.objective >= optimum.lower_bound
        assert found.objective <= optimum.objective * 1.02
    assert as_ratios.lower_bound == pytest.approx(optimum.lower_bound, rel=1e-5), "the gap is to the global optimum"
    assert as_determinants.lower_bound <= optimum.lower_bound


@pytest.mark.slow
def test_each_program_lies_inside_the_one_to_solve():
    problem = problem_of(ARRAYS["A_Hric"], (1, 4), 2.0)
    receivers, direction = _receivers(problem, 1.0), problem.directions[:, 0] / np.linalg.norm(problem.directions[:, 0])
    sent = _start(problem, receivers, direction)
    for _ in range(3):
        least = min(one.excess(sent) for one in receivers)
        sent = _approximated(sent, receivers, direction, least >= 0.0)
        assert min(one.excess(sent) for one in receivers) >= min(least, 0.1) - 1e-6, "the true rates are no lower"


def test_a_transmission_that_misses_a_rate_is_refused():
    problem = problem_of(ARRAYS["A_Hric"], (1, 4), 2.0)
    even = problem.isotropic() / len(problem.streams)
    streams = {stream.name: even for stream in problem.streams}
    proposal = Proposal(sum(streams.values()), stream_covariances=streams)
    with pytest.raises(SolverFailed, match="rate of receiver"):
        grade(LiftedSca(), problem, proposal, seconds=0.0)


def test_where_it_does_not_apply():
    without_rates = wang2024.design_problem(record_scenario(), judged_by="receiver0")
    assert "needs rates" in (LiftedSca().why_not(without_rates) or "")
    scattered = problem_of(ARRAYS["A_Hric"], (1, 4), 2.0)
    assert LiftedSca().why_not(scattered) is None
    assert "MinimumRate" in (LiftedSdp().why_not(scattered) or "")
