"""Most power on the target under rates in lines of sight: certified whatever the geometry, and nothing is better."""

from dataclasses import replace

import numpy as np
import pytest
from tests.oracles.multistatic_records import RECORDS, record_scenario

from crbeam.design.constraints import PowerBudget
from crbeam.design.convex import solution
from crbeam.design.convex.certificate import certificate
from crbeam.design.convex.statement import statement_of
from crbeam.design.methods.optimum import LiftedSdp
from crbeam.design.problem import Criterion, DesignProblem, Hinge, Power, Stream, Tail
from crbeam.design.service_constraints import BoundLimit, MinimumSinr
from crbeam.design.structure import only_direction
from crbeam.errors import Infeasible
from crbeam.information import Transmission
from crbeam.information.information_map import Contribution, InformationMap
from crbeam.information.parameters import ParameterLayout
from crbeam.scenario import read_scenario
from crbeam.systems import design_problem
from crbeam.systems.wang2024 import Wang2024


def random_problem(rng, *, users=4, antennas=5, spread=4.0, ratio=1.5):
    """Power in a random direction beside channels whose powers differ by many decades, budget and noise being 1.

    Some users hear the sensing stream.
    """
    entries = rng.standard_normal((2, antennas, users + 1))
    columns = (entries[0] + 1j * entries[1]) / np.sqrt(2.0 * antennas)
    levels = 10.0 ** rng.uniform(1.5, 1.5 + spread, users)
    direction = columns[:, -1] / np.linalg.norm(columns[:, -1])
    names, hears = [f"user{number}" for number in range(users)], rng.uniform(size=users) < 0.5
    rates = [
        MinimumSinr(name, {"station": np.sqrt(level) * channel}, ratio, 1.0, () if heard else ("sensing",))
        for name, level, channel, heard in zip(names, levels, columns.T, hears, strict=False)
    ]
    streams = (*(Stream(f"to {name}", ("station",), name) for name in names), Stream("sensing", ("station",)))
    plain = DesignProblem((amplitude_of(direction),), (PowerBudget(("station",), 1.0), *rates), streams=streams)
    return plain, direction


def amplitude_of(direction):
    one = np.ones((1, 1))
    part = Contribution("station", direction[:, None], one.astype(complex), one.astype(complex), one)
    return Criterion(InformationMap(ParameterLayout.of({"amplitude": 1}), (part,)), {"amplitude": 1.0})


def rates_of(problem):
    parts = [part for part in problem.constraints if isinstance(part, MinimumSinr)]
    return parts, np.stack([part.channels["station"] for part in parts], axis=1)


def upper_limit(problem, direction, price, shares):
    """`l - sum v` raised until both conditions hold, by eigenvalues of the matrices as they are written."""
    parts, channels = rates_of(problem)
    hears = np.array([not part.cancels for part in parts])
    lit = np.outer(direction, direction.conj())
    grams = shares[:, None, None] * np.einsum("ik,jk->kij", channels, channels.conj())
    sensing = lit - grams[hears].sum(axis=0)
    users = [
        lit - grams.sum(axis=0) + (1.0 + 1.0 / part.minimum_sinr) * gram
        for part, gram in zip(parts, grams, strict=True)
    ]
    needed = max(float(np.linalg.eigvalsh(each)[-1]) for each in (sensing, *users))
    assert needed <= price * (1.0 + 1e-7)
    return max(needed, price) - shares.sum()


def test_designs_reach_the_limit_that_their_evidence_proves(rng):
    for _ in range(12):
        problem, direction = random_problem(rng)
        proposal = LiftedSdp().propose(problem, start=None, seed=np.random.SeedSequence(0))
        sent = {name: each["station"] for name, each in proposal.stream_covariances.items()}
        parts, channels = rates_of(problem)
        for part, channel in zip(parts, channels.T, strict=True):
            heard = {name: float(np.real(channel.conj() @ each @ channel)) for name, each in sent.items()}
            own = heard.pop(f"to {part.user}")
            disturbing = sum(value for name, value in heard.items() if name not in part.cancels)
            assert own >= part.minimum_sinr * (1.0 + disturbing) * (1.0 - 1e-9)
        total = proposal.covariances["station"]
        assert np.trace(total).real <= 1.0 + 1e-12
        lit = float(np.real(direction.conj() @ total @ direction))
        ((response,),) = proposal.evidence.responses
        price, shares = proposal.evidence.prices / response**2, proposal.evidence.multipliers / response**2
        limit = upper_limit(problem, direction, float(price[0]), shares)
        assert lit == pytest.approx(limit, rel=1e-6)
        assert lit <= limit * (1.0 + 1e-9)


def test_no_random_transmission_is_better(rng):
    problem, direction = random_problem(rng, users=2, antennas=3, spread=1.0)
    parts, channels = rates_of(problem)
    ratios = np.array([part.minimum_sinr for part in parts])
    hears = np.array([not part.cancels for part in parts])
    best = 1.0 / LiftedSdp().solve(problem).lower_bound
    lit = []
    for _ in range(20_000):
        entries = rng.standard_normal((2, 3, 3))
        beams = entries[0] + 1j * entries[1]
        powers = rng.dirichlet(np.ones(3))
        beams = beams / np.linalg.norm(beams, axis=0) * np.sqrt(powers)
        gains = np.abs(channels.conj().T @ beams) ** 2
        own = np.diagonal(gains)
        heard = gains[:, :2].sum(axis=1) + hears * gains[:, 2]
        if np.all(own >= ratios * (1.0 + heard - own)):
            lit.append(float(np.sum(np.abs(direction.conj() @ beams) ** 2)))
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


def criterion_over(direction, rng, name="criterion", sample=""):
    """Three parameters, of sizes far apart, that two are asked for."""
    entries, functions = rng.standard_normal((2, 4)), rng.standard_normal((2, 6, 4))
    functions = functions[0] + 1j * functions[1]
    part = Contribution(
        "station",
        np.outer(direction, entries[0] + 1j * entries[1]),
        np.ones((1, 4), dtype=complex),
        functions.conj().T @ functions,
        rng.standard_normal((4, 3)) * np.array([1e-3, 1.0, 1e4]),
    )
    information = InformationMap(ParameterLayout.of({"range": 1, "angle": 1, "gain": 1}), (part,))
    return Criterion(information, {"range": 1e-6, "angle": 2.0}, name=name, sample=sample)


def stated(problem, direction, rng, objective):
    """The problem with bounds of several parameters that enter as an objective has them."""
    if objective == "tail":
        criteria = tuple(criterion_over(direction, rng, f"case{number}", f"case{number}") for number in range(3))
        return replace(problem, criteria=criteria, objective=Tail(0.5))
    criterion, bound = criterion_over(direction, rng), 0.0
    problem = replace(problem, criteria=(criterion,))
    if objective == "bound":
        return problem
    bound = LiftedSdp().solve(problem).objective
    if objective == "power":
        return replace(
            problem, objective=Power(), constraints=(*problem.constraints, BoundLimit(criterion.name, 1.5 * bound))
        )
    weights = {name: weight / (0.2 * bound) for name, weight in criterion.weights.items()}
    return replace(problem, criteria=(replace(criterion, weights=weights),), objective=Hinge())


@pytest.mark.parametrize("objective", ["bound", "power", "hinge", "tail"])
def test_an_amplitude_stands_for_all_parameters_without_loss(rng, monkeypatch, objective):
    for _ in range(3):
        problem = stated(*random_problem(rng, spread=2.0), rng, objective)
        found = solution.convex_optimum(problem, tolerance=1e-8)
        with monkeypatch.context() as patch:
            patch.setattr(solution, "presolved", lambda program: program)
            whole = solution.convex_optimum(problem, tolerance=1e-8)
        assert any(each.size > 1 for each in found.evidence.responses), "evidence is for the problem itself"
        proven = [certificate(statement_of(problem), each.evidence) for each in (found, whole)]
        assert proven[0] == pytest.approx(proven[1], rel=2e-8)
        assert found.trace[-1] == pytest.approx(proven[0], rel=1e-7)
        assert whole.trace[-1] >= proven[0]


def test_several_receivers_together_have_one_amplitude():
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
        (covariance,) = sent.values()
        ratios.append(value * np.real(direction.conj() @ covariance @ direction))
    assert ratios == pytest.approx([ratios[0]] * 3)
