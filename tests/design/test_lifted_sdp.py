"""Most power on the target under rates in lines of sight: certified whatever the geometry, and nothing is better."""

from dataclasses import replace

import numpy as np
import pytest
from tests.oracles.multistatic_records import RECORDS, record_scenario

from crbeam.design.methods.digital import Digital
from crbeam.design.methods.lifted_sdp import LiftedSdp
from crbeam.design.one_direction.beams import beam_powers
from crbeam.design.one_direction.dual import LitProgram, follow_dual
from crbeam.design.one_direction.problem import only_direction, power_problem
from crbeam.design.service_constraints import MinimumSinr
from crbeam.errors import Infeasible
from crbeam.information import Transmission
from crbeam.scenario import read_scenario
from crbeam.systems import design_problem
from crbeam.systems.wang2024 import Wang2024


def random_program(rng, *, users=4, antennas=5, spread=4.0, ratio=1.5):
    """Channels whose powers over noise differ by many decades; some users hear the sensing stream."""
    entries = rng.standard_normal((2, antennas, users + 1))
    columns = (entries[0] + 1j * entries[1]) / np.sqrt(2.0 * antennas)
    levels = 10.0 ** rng.uniform(1.5, 1.5 + spread, users)
    direction = columns[:, -1] / np.linalg.norm(columns[:, -1])
    return LitProgram(
        direction, columns[:, :-1] * np.sqrt(levels), np.full(users, ratio), rng.uniform(size=users) < 0.5
    )


def upper_limit(program, price, shares):
    """`l - sum v` raised until both conditions hold, by eigenvalues of the matrices as they are written."""
    lit = np.outer(program.direction, program.direction.conj())
    parts = shares[:, None, None] * np.einsum("ik,jk->kij", program.channels, program.channels.conj())
    sensing = lit - parts[program.hears].sum(axis=0)
    users = [
        lit - parts.sum(axis=0) + (1.0 + 1.0 / ratio) * part for part, ratio in zip(parts, program.ratios, strict=True)
    ]
    needed = max(float(np.linalg.eigvalsh(each)[-1]) for each in (sensing, *users))
    assert needed <= price * (1.0 + 1e-7)
    return max(needed, price) - shares.sum()


def test_powers_of_the_beams_reach_the_proven_limit(rng):
    for _ in range(12):
        program = random_program(rng)
        dual = follow_dual(program, gap=1e-7)
        powers = beam_powers(program, dual.beams, dual.most * (1 - 1e-7))
        gains = np.abs(program.channels.conj().T @ dual.beams) ** 2
        own = np.diagonal(gains) * powers[:-1]
        heard = gains[:, :-1] @ powers[:-1] + program.hears * gains[:, -1] * powers[-1]
        assert np.all(own / (1.0 + heard - own) >= program.ratios * (1 - 1e-9))
        assert powers.sum() <= 1.0 + 1e-12
        lit = float(np.abs(program.direction.conj() @ dual.beams) ** 2 @ powers)
        limit = upper_limit(program, dual.price, dual.shares)
        assert lit == pytest.approx(limit, rel=1e-6)
        assert lit <= limit * (1 + 1e-9)


def test_no_random_transmission_is_better(rng):
    program = random_program(rng, users=2, antennas=3, spread=1.0)
    best = follow_dual(program, gap=1e-7).most
    lit = []
    for _ in range(20_000):
        entries = rng.standard_normal((2, 3, 3))
        beams = entries[0] + 1j * entries[1]
        powers = rng.dirichlet(np.ones(3))
        beams = beams / np.linalg.norm(beams, axis=0) * np.sqrt(powers)
        gains = np.abs(program.channels.conj().T @ beams) ** 2
        own = np.diagonal(gains)
        heard = gains[:, :2].sum(axis=1) + program.hears * gains[:, 2]
        if np.all(own >= program.ratios * (1.0 + heard - own)):
            lit.append(float(np.sum(np.abs(program.direction.conj() @ beams) ** 2)))
    assert lit
    assert max(lit) <= best
    assert max(lit) > 0.3 * best, "the limit is no limit of something else"


@pytest.mark.parametrize("rate", [0.5, 2.0, 7.4])
def test_designs_are_certified_in_badly_separated_drops(rate):
    served = 0
    for seed in range(6):
        scenario = read_scenario(
            "wang2024", overrides=[f"receivers.minimum_rate={rate}", "receivers.count=5"], seed=seed
        )
        problem = Wang2024(scenario).design_problem(judged_by="receiver0")
        try:
            design = LiftedSdp().solve(problem)
        except Infeasible:
            continue
        served += 1
        assert design.gap <= 1e-6
        assert design.status.key == "optimal"
        ratios = np.array(list(Wang2024(scenario).served_sinr(design).values()))
        assert np.log2(1.0 + ratios).min() >= rate * (1 - 1e-8)
    assert served >= 4


@pytest.mark.parametrize("record", RECORDS["A"]["beamforming"], ids=lambda each: f"{each['Rth']}-{each['G']}")
def test_the_records_of_fixed_settings(record):
    scenario = record_scenario(selected=record["G"], rate=record["Rth"])
    problem = Wang2024(scenario).design_problem(judged_by="receiver0")
    design = LiftedSdp().solve(problem)
    direction = only_direction(problem)
    (covariance,) = design.covariances.values()
    share = float(np.real(direction.conj() @ covariance @ direction))
    known = record["los"]
    assert design.gap <= 1e-6
    assert known["T_feasible"] * (1 - 1e-6) <= share <= known["ub_certified"] * (1 + 1e-6)


def test_it_is_the_optimum_of_the_method_for_any_criteria():
    for selected in ([0, 1], [2]):
        problem = Wang2024(record_scenario(selected=selected, rate=1.0)).design_problem(judged_by="receiver0")
        assert LiftedSdp().solve(problem).objective == pytest.approx(Digital().solve(problem).objective, rel=2e-6)
    together = design_problem(record_scenario(selected=[0, 1, 3], rate=1.0))
    assert LiftedSdp().solve(together).gap <= 1e-6


def test_messages_need_one_stream_each():
    problem = Wang2024(record_scenario(selected=[0], rate=2.0)).design_problem(judged_by="receiver0")
    for stream in LiftedSdp().solve(problem).stream_covariances.values():
        (covariance,) = stream.values()
        assert np.linalg.matrix_rank(covariance, tol=1e-9) <= 1


def test_where_it_does_not_apply():
    problem = Wang2024(record_scenario(rate=2.0)).design_problem(judged_by="receiver0")
    method = LiftedSdp()
    assert method.why_not(problem) is None
    assert "one transmit direction" in method.why_not(design_problem(read_scenario("zhang2025")))
    others = tuple(
        replace(part, cancels=("to receiver1",)) if isinstance(part, MinimumSinr) else part
        for part in problem.constraints
    )
    assert "know no stream" in method.why_not(replace(problem, constraints=others))
    served = tuple(stream for stream in problem.streams if stream.served_user)
    assert "serves nobody" in method.why_not(replace(problem, streams=served))


def test_power_towards_the_target_stands_for_every_bound(rng):
    problem = Wang2024(record_scenario(rate=1.0)).design_problem(judged_by="receiver0")
    direction = only_direction(problem)
    ratios = []
    for _ in range(3):
        root = rng.standard_normal((8, 8)) + 1j * rng.standard_normal((8, 8))
        sent = Transmission.of_factors(problem.blocks, [root])
        (criterion,) = problem.criteria
        bound = criterion.map.at(sent)
        value = np.sum(criterion.selection * bound.inverse_response(criterion.selection))
        (amplitude,) = power_problem(problem, direction).criteria
        ratios.append(value * amplitude.map.at(sent).matrix[0, 0])
    assert ratios == pytest.approx([ratios[0]] * 3)
