"""Beams under rates of receivers with several antennas, by successive convex approximation."""

from dataclasses import replace

import numpy as np
import pytest
from tests.oracles.multistatic_records import ARRAYS, RECORDS, record_scenario

from crbeam.communication.mimo import capacity_bps_hz
from crbeam.design import rates
from crbeam.design.grading import grade
from crbeam.design.methods import lifted_sca
from crbeam.design.methods.lifted_sca import LiftedSca, _approximated, _safe
from crbeam.design.methods.optimum import LiftedSdp
from crbeam.design.problem import DesignProblem
from crbeam.design.result import Proposal
from crbeam.design.service_constraints import MinimumRate
from crbeam.design.structure import only_direction
from crbeam.errors import Infeasible, SolverFailed
from crbeam.information import Transmission
from crbeam.scenario import read_scenario
from crbeam.systems.wang2024 import Wang2024

SCENE = {"selected": (1, 4), "rate": 2.0}


def problem_of(channels, selected, rate):
    """The record's problem with given direct channels."""
    scenario = record_scenario("receivers.rician_factor=1", selected=selected, rate=rate)
    problem = Wang2024(scenario).design_problem(judged_by="receiver0")
    others = [part for part in problem.constraints if not isinstance(part, MinimumRate)]
    rates = [part for part in problem.constraints if isinstance(part, MinimumRate)]
    given = [replace(part, channel=channel) for part, channel in zip(rates, channels, strict=True)]
    return DesignProblem(problem.criteria, (*others, *given), streams=problem.streams, directions=problem.directions)


def share_of(problem, design):
    (beams,), (covariance,) = problem.directions.values(), design.covariances.values()
    direction = beams[:, 0] / np.linalg.norm(beams[:, 0])
    return float(np.real(direction.conj() @ covariance @ direction))


def lit_direction(problem):
    direction = only_direction(problem)
    assert direction is not None
    return direction


def rates_of(problem, streams):
    parts = [part for part in problem.constraints if isinstance(part, MinimumRate)]
    sent = {name: matrix for name, transmission in streams.items() for matrix in transmission.values()}
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
    for name, transmission in design.stream_covariances.items():
        if name != "sensing":
            (matrix,) = transmission.values()
            assert np.linalg.matrix_rank(matrix, tol=1e-9 * np.abs(matrix).max()) <= 2


@pytest.mark.slow
@pytest.mark.parametrize("place", [3])
def test_in_lines_of_sight_it_never_beats_the_global_optimum(place):
    record = RECORDS["A"]["beamforming"][place]
    scenario = record_scenario(selected=record["G"], rate=record["Rth"])
    problem = Wang2024(scenario).design_problem(judged_by="receiver0")
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
    receivers, direction = rates.rate_receivers(problem), lit_direction(problem)
    (n_tx,) = problem.antennas.values()
    even = np.eye(n_tx) / n_tx / len(problem.streams)
    sent = {stream.name: even for stream in problem.streams}
    for _ in range(3):
        least = min(one.excess(sent) for one in receivers)
        sent = _approximated(sent, receivers, direction, least >= 0.0)
        assert min(one.excess(sent) for one in receivers) >= min(least, 0.1) - 1e-6, "the true rates are no lower"


def test_a_transmission_that_misses_a_rate_is_refused():
    problem = problem_of(ARRAYS["A_Hric"], (1, 4), 2.0)
    even = 1.0 / len(problem.streams) * problem.isotropic()
    streams = {stream.name: even for stream in problem.streams}
    proposal = Proposal(Transmission.sum_of(streams.values()), stream_covariances=streams)
    with pytest.raises(SolverFailed, match="rate of receiver"):
        grade(LiftedSca(), problem, proposal, seconds=0.0)


def test_where_it_does_not_apply():
    without_rates = Wang2024(record_scenario()).design_problem(judged_by="receiver0")
    assert "needs rates" in (LiftedSca().why_not(without_rates) or "")
    scattered = problem_of(ARRAYS["A_Hric"], (1, 4), 2.0)
    assert LiftedSca().why_not(scattered) is None
    assert "MinimumRate" in (LiftedSdp().why_not(scattered) or "")


def scattered_scenario(*overrides, seed=0, count=3):
    return read_scenario(
        "wang2024",
        overrides=[
            f"receivers.count={count}",
            "receivers.rician_factor=0.5",
            "stations.transmitter.transmit_array.elements=6",
            f"seed={seed}",
            *overrides,
        ],
    )


@pytest.mark.parametrize("seed", range(6))
def test_near_and_far_receivers_leave_nearly_all_power_to_the_target(seed):
    scenario = scattered_scenario(seed=seed)
    problem = Wang2024(scenario).design_problem()
    design = LiftedSca().solve(problem)
    assert design.iterations >= 1
    assert design.gap < 1e-3
    rates = rates_of(problem, design.stream_covariances)
    assert rates.min() >= 0.5
    assert rates.max() < 6.0, "no power is spent on rates that nobody asks for"


@pytest.mark.slow
@pytest.mark.parametrize(("rate", "selected", "seed"), [(4.0, [1, 2], 2), (18.0, [0, 1], 0), (18.0, [0, 1, 2], 1)])
def test_programs_gain_on_the_start_where_rates_cost_power(rate, selected, seed):
    problem = Wang2024(
        scattered_scenario(f"receivers.minimum_rate={rate}", f"receivers.selected={selected}", seed=seed)
    ).design_problem()
    design = LiftedSca(threshold=0.0, max_iterations=2).solve(problem)
    assert design.details["conic_programs"] >= 1
    assert rates_of(problem, design.stream_covariances).min() >= rate * (1.0 - 1e-9)
    assert np.all(np.diff(design.trace) <= 0.0)
    assert design.trace[-1] < design.trace[0]


def test_a_conic_solver_that_fails_is_no_secret(monkeypatch):
    def failing(*_):
        raise SolverFailed("stopped", status="stopped")

    monkeypatch.setattr(lifted_sca, "_approximated", failing)
    problem = Wang2024(scattered_scenario()).design_problem()
    design = LiftedSca(threshold=0.0).solve(problem)
    assert design.details["stopped"] == "the conic solver failed: stopped"
    assert design.details["conic_programs"] == 0
    assert design.iterations >= 1
    assert design.gap < 1e-3, "what was found before is kept"
    monkeypatch.setattr(lifted_sca, "start_of", lambda *parts: (rates._zero_forcing(*parts), []))
    with pytest.raises(SolverFailed):
        LiftedSca(threshold=0.0).solve(problem)


def test_what_breaks_a_rate_is_mixed_with_what_keeps_it():
    problem = Wang2024(scattered_scenario()).design_problem()
    receivers, direction = rates.rate_receivers(problem), lit_direction(problem)
    kept = rates.start_of(problem, receivers, direction)[0]
    silent = {name: np.zeros_like(part) for name, part in kept.items()}
    silent["sensing"] = np.outer(direction, direction.conj())
    mixed = _safe(kept, silent, receivers)
    assert rates.least_excess(receivers, mixed) >= 0.0
    assert rates.power_along(direction, mixed) >= rates.power_along(direction, kept)
    assert rates.least_excess(receivers, silent) < 0.0


def test_rates_beyond_what_channels_carry_are_refused_at_once():
    with pytest.raises(Infeasible, match=r"receiver\d asks for 60 bit/s/Hz, and has") as alone:
        LiftedSca().solve(Wang2024(scattered_scenario("receivers.minimum_rate=60")).design_problem())
    assert alone.value.requirement.startswith("rate of receiver")
    crowded = scattered_scenario("receivers.minimum_rate=20", count=10)
    with pytest.raises(Infeasible, match="if they decoded together"):
        LiftedSca().solve(Wang2024(crowded).design_problem())


def test_rates_that_just_fit_pass_the_test_of_capacity():
    channel = np.diag([3.0, 0.5, 0.0])[:2].astype(complex)
    best = max(np.log2(1 + 9.0 * share) + np.log2(1 + 0.25 * (1 - share)) for share in np.linspace(0.0, 1.0, 2001))
    assert capacity_bps_hz(channel) == pytest.approx(best, rel=1e-6)
    assert capacity_bps_hz(10.0 * channel) > np.log2(1 + 900.0), "strong channels use both antennas"
    assert capacity_bps_hz(np.zeros((2, 3), dtype=complex)) == 0.0
    nats = capacity_bps_hz(channel) * np.log(2.0)
    just = rates.RateReceiver("a", "to a", ("to a",), (), channel, nats)
    rates.require_capacity([just])
    with pytest.raises(Infeasible, match="a asks for"):
        rates.require_capacity([replace(just, nats=nats * (1.0 + 1e-6))])
