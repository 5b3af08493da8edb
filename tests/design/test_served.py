"""Designs that serve users: certificates, feasibility, symmetries, and a conic solver on the unreduced problem."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from crbeam.communication import UplinkChannel, least_power
from crbeam.design import Criterion, DesignProblem, PowerBudget, Stream, weighted_bound
from crbeam.design.convex.certificate import certificate, priced
from crbeam.design.convex.solution import convex_optimum
from crbeam.design.convex.statement import statement_of
from crbeam.design.methods import method_named
from crbeam.design.methods.optimum import Digital
from crbeam.design.requirements import shortfalls
from crbeam.design.result import Proposal
from crbeam.design.service_constraints import FixedAnalog, Illumination, MinimumSinr, MinimumUplinkSinr
from crbeam.errors import Infeasible, InvalidInput, SolverFailed
from crbeam.information import Transmission
from crbeam.information.near_field import Echo, echo_information
from crbeam.propagation.near_field import near_field_response
from crbeam.testing.conic_service import conic_service_bound

WAVELENGTH_M, BUDGET_W, NOISE_W = 0.0107, 2.0, 0.05
PLACE = (np.array([0.6]), np.array([3.0]))
WEIGHTS = {"target_angle[0]": 9.0, "target_range[0]": 1.0}
N_MAIN, N_ASSISTING = 8, 3


def responses():
    lines = [np.stack([np.zeros(n), d * np.arange(n)], axis=1) for n, d in ((N_MAIN, 0.03), (N_ASSISTING, 0.005))]
    return [
        near_field_response(line, *PLACE, wavelength_m=WAVELENGTH_M, model=model)
        for line, model in zip(lines, ("spherical", "far"), strict=True)
    ]


def downlink(rng, n_users=2, ratio=3.0, channels=None):
    main, assisting = responses()
    information_map = echo_information(
        Echo("downlink", "main", (0.5 - 0.3j,), 100, 1.0), transmit=main, receive=assisting
    )
    if channels is None:
        channels = rng.standard_normal((n_users, N_MAIN)) + 1j * rng.standard_normal((n_users, N_MAIN))
    users = [f"user[{k}]" for k in range(n_users)]
    served = [MinimumSinr(user, {"main": column}, ratio, NOISE_W) for user, column in zip(users, channels, strict=True)]
    return DesignProblem(
        (Criterion(information_map, WEIGHTS),),
        (PowerBudget(("main",), BUDGET_W), *served),
        streams=(*(Stream(f"to {user}", ("main",), user) for user in users), Stream("sensing", ("main",))),
    )


def uplink(rng, ratio, network=None, n_users=2):
    main, assisting = responses()
    projector = None if network is None else network @ np.linalg.pinv(network)
    information_map = echo_information(
        Echo("uplink", "assisting", (0.5 - 0.3j,), 100, 1.0), transmit=assisting, receive=main, projector=projector
    )
    channels = rng.standard_normal((N_MAIN, n_users)) + 1j * rng.standard_normal((N_MAIN, n_users))
    service = MinimumUplinkSinr(
        "assisting",
        tuple(f"user[{k}]" for k in range(n_users)),
        UplinkChannel(channels, 0.3, 0.1, network),
        echo=main.value[:, 0],
        response=assisting.value[:, 0].conj(),
        echo_gain=0.34,
        minimum_sinr=np.full(n_users, ratio),
    )
    return DesignProblem((Criterion(information_map, WEIGHTS),), (PowerBudget(("assisting",), BUDGET_W), service))


def random_service(problem, rng):
    """A feasible transmission: the beams of least power for the users, and any sensing with what is left."""
    served = [part for part in problem.constraints if isinstance(part, MinimumSinr)]
    vectors = np.stack([part.channels["main"] for part in served], axis=1)
    ratios = np.array([part.minimum_sinr for part in served])
    directions = np.linalg.pinv(vectors).conj().T  # zero forcing: no user hears what is sent to another
    sensing = (np.eye(N_MAIN) - vectors @ np.linalg.pinv(vectors)) @ rng.standard_normal((N_MAIN, 3))
    quiet = sensing @ sensing.conj().T
    streams = {
        f"to {part.user}": Transmission({"main": ratio * NOISE_W * np.outer(beam, beam.conj())})
        for part, ratio, beam in zip(served, ratios, directions.T, strict=True)
    }
    left_w = BUDGET_W - sum(stream.power_w for stream in streams.values())
    assert left_w > 0.0
    return streams | {"sensing": Transmission({"main": left_w * quiet / np.trace(quiet).real})}


@pytest.mark.parametrize("ratio", [0.3, 3.0, 30.0])
def test_optimum_is_certified_and_no_feasible_transmission_is_better(rng, ratio):
    problem = downlink(rng, ratio=ratio)
    design = Digital().solve(problem)
    assert design.status.key == "optimal"
    assert 0.0 <= design.gap < 1e-6
    for _ in range(10):
        streams = random_service(problem, rng)
        assert shortfalls(problem, streams).max() < 1e-9
        assert weighted_bound(problem, Transmission.sum_of(streams.values())) >= design.lower_bound
    free = method_named("fdb-wcrb").solve(replace(problem, constraints=problem.budgets))
    assert design.objective >= free.lower_bound


def proven(problem, evidence):
    """Bound of evidence at the least price of power with which it proves one."""
    statement = statement_of(problem)
    return certificate(statement, priced(statement, evidence))


def test_evidence_of_any_origin_proves_a_true_bound(rng):
    """Responses and multipliers that belong to no optimum still bound from below."""
    problem = downlink(rng)
    proposal = convex_optimum(problem, tolerance=1e-8)
    evidence, objective = proposal.evidence, weighted_bound(problem, proposal.covariances)
    assert proven(problem, evidence) == pytest.approx(objective, rel=1e-8)
    for _ in range(30):
        responses = tuple(part + 0.3 * part * rng.standard_normal(part.shape) for part in evidence.responses)
        multipliers = evidence.multipliers * rng.uniform(0.0, 2.0, evidence.multipliers.shape)
        assert proven(problem, replace(evidence, responses=responses, multipliers=multipliers)) <= objective
    silent = tuple(0.0 * part for part in evidence.responses)
    assert proven(problem, replace(evidence, responses=silent, multipliers=0.0 * evidence.multipliers)) == 0.0


def forget_the_users_own_streams(problem):
    """Wrong: eigenvalues of the sensing stream only, as if no stream profited from serving a user."""
    return replace(
        problem, streams=(problem.streams[-1], *[Stream(s.name, (), s.served_user) for s in problem.streams[:-1]])
    )


def test_the_certificate_needs_the_eigenvalues_of_every_stream(rng):
    """At the optimum's own evidence; with larger multipliers the wrong form claims more than can be reached."""
    problem = downlink(rng, ratio=30.0)
    proposal = convex_optimum(problem, tolerance=1e-8)
    evidence, objective = proposal.evidence, weighted_bound(problem, proposal.covariances)
    wrong = forget_the_users_own_streams(problem)
    larger = [replace(evidence, multipliers=factor * evidence.multipliers) for factor in (1.0, 1.5, 3.0)]
    assert max(proven(problem, each) for each in larger) <= objective
    assert max(proven(wrong, each) for each in larger) > 1.001 * objective


def test_evidence_must_fit(rng):
    problem = downlink(rng)
    found = convex_optimum(problem, tolerance=1e-6).evidence
    for wrong in (replace(found, multipliers=-found.multipliers), replace(found, multipliers=found.multipliers[:1])):
        with pytest.raises(InvalidInput, match="Dual evidence"):
            certificate(statement_of(problem), wrong)


def test_without_requirements_it_is_the_weighted_bound(rng):
    problem = downlink(rng, n_users=0)
    ours, engine = (method_named(key).solve(problem) for key in ("digital", "fdb-wcrb"))
    assert ours.objective == pytest.approx(engine.objective, rel=2e-6)


@pytest.mark.slow
@pytest.mark.parametrize("kappa", [0.0, 0.3])
def test_a_conic_solver_finds_the_same_optimum_with_all_antennas(rng, kappa):
    """The program (28) itself, with the covariances of all streams, over all antennas and in their span."""
    problem = downlink(rng, ratio=10.0)
    response = responses()[0].value[:, 0].conj()
    extra = (Illumination("main", response, kappa * BUDGET_W * N_MAIN),) if kappa else ()
    problem = problem.with_constraints(*extra)
    design = Digital().solve(problem)
    assert design.objective == pytest.approx(conic_service_bound(problem), rel=1e-5)
    assert design.objective == pytest.approx(conic_service_bound(problem, reduced=True), rel=1e-5)


def test_phases_of_channels_and_names_of_users_do_not_matter(rng):
    problem = downlink(rng)
    turned = replace(
        problem,
        constraints=(
            problem.constraints[0],
            *(
                replace(part, channels={"main": np.exp(1j * (k + 1.0)) * part.channels["main"]})
                for k, part in enumerate(problem.constraints[1:][::-1])
            ),
        ),
    )
    first, second = (Digital().solve(one) for one in (problem, turned))
    assert first.objective == pytest.approx(second.objective, rel=1e-6)


def test_more_is_never_cheaper(rng):
    """Higher ratios, an illumination floor, an analog network in front: each restricts."""
    channels = rng.standard_normal((2, N_MAIN)) + 1j * rng.standard_normal((2, N_MAIN))
    bounds = [Digital().solve(downlink(rng, ratio=ratio, channels=channels)) for ratio in (1.0, 10.0, 40.0)]
    for easier, harder in ((bounds[0], bounds[1]), (bounds[1], bounds[2])):
        assert easier.lower_bound <= harder.objective
    problem = downlink(rng, ratio=1.0, channels=channels)
    network = np.kron(np.eye(4), np.ones((2, 1))) * np.exp(1j * rng.uniform(-3, 3, (8, 1))) / np.sqrt(2)
    floor = Illumination("main", responses()[0].value[:, 0].conj(), 0.5 * BUDGET_W * N_MAIN)
    for extra in (FixedAnalog("main", network), floor):
        assert Digital().solve(problem.with_constraints(extra)).objective > bounds[0].lower_bound


def test_infeasible_names_the_user_and_the_shortfall(rng):
    problem = downlink(rng, ratio=3.0)
    vectors = np.stack([part.channels["main"] for part in problem.constraints[1:]], axis=1)
    least = least_power(vectors.conj(), np.array([3.0, 3.0]), NOISE_W, budget_w=1e9).power_w
    just_short, enough = (
        replace(problem, constraints=(PowerBudget(("main",), factor * least), *problem.constraints[1:]))
        for factor in (0.995, 1.05)
    )
    words = r"0\.03 dB more power \([\d.]+ dBm on a subcarrier\) suffices, 0\.02 dB more does not; user\[\d\] takes"
    with pytest.raises(Infeasible, match=words) as caught:
        Digital().solve(just_short)
    assert caught.value.requirement.startswith("SINR of user[")
    assert caught.value.sufficient_power == pytest.approx(1.0 / 0.995, rel=1e-9)
    assert caught.value.insufficient_power == pytest.approx(1.0 / 0.995, rel=1e-9)
    assert Digital().solve(enough).gap < 1e-5


def test_requirements_that_contradict_each_other_are_infeasible(rng):
    """Each alone can be met; the multipliers of the search prove that both cannot."""
    problem = downlink(rng, ratio=20.0)
    most = BUDGET_W * N_MAIN
    response = responses()[0].value[:, 0].conj()
    with pytest.raises(Infeasible, match="illumination of the target weighs most"):
        Digital().solve(problem.with_constraints(Illumination("main", response, 0.9999 * most)))
    with pytest.raises(Infeasible, match="more power"):
        Digital().solve(problem.with_constraints(Illumination("main", response, 2.0 * most)))


def half_way(loose):
    """The same problem with ratios half-way between what probing at will leaves and what silence would."""
    service = loose.constraints[1]
    ratios = service.sinr(Digital().solve(loose).covariances["assisting"])
    between = 0.5 * (ratios + service.tolerance.without_echo)
    return replace(loose, constraints=(loose.constraints[0], replace(service, minimum_sinr=between)))


@pytest.mark.parametrize("n_chains", [None, 4])
def test_uplink_requirement_is_the_limit_on_the_echo(rng, n_chains):
    network = None if n_chains is None else np.linalg.qr(rng.standard_normal((N_MAIN, n_chains)) + 0j)[0]
    loose = uplink(rng, 1e-3, network)
    tight = half_way(loose)
    free, design = Digital().solve(loose), Digital().solve(tight)
    service = tight.constraints[1]
    found = service.sinr(design.covariances["assisting"])
    assert design.gap < 1e-6
    assert np.min(found / service.minimum_sinr) == pytest.approx(1.0, abs=1e-6)
    assert np.all(found >= service.minimum_sinr * (1 - 1e-9))
    assert design.objective > 1.01 * free.objective


def test_uplink_users_that_miss_their_ratio_without_probing(rng):
    with pytest.raises(Infeasible, match=r"user\[\d\] misses its own by \d+\.\d+ dB even without probing"):
        Digital().solve(uplink(rng, 1e4))


def test_uplink_floor_above_the_limit_is_infeasible(rng):
    tight = half_way(uplink(rng, 1e-3))
    service = tight.constraints[1]
    limit_w = min(-one.floor_w for one in service.requirements)
    assert limit_w < 0.9 * BUDGET_W * N_ASSISTING
    with pytest.raises(Infeasible, match="illumination"):
        Digital().solve(tight.with_constraints(Illumination("assisting", service.response, 1.05 * limit_w)))
    lit = tight.with_constraints(Illumination("assisting", service.response, 0.95 * limit_w))
    assert Digital().solve(lit).gap < 1e-5


@dataclass(frozen=True)
class Altered(Digital):
    """A method that hands over the optimum with one thing wrong."""

    fault: str = "none"

    key = "altered"

    def propose(self, problem, *, start, seed):
        return self.altered(super().propose(problem, start=start, seed=seed))

    def altered(self, proposal):
        streams = dict(proposal.stream_covariances)
        first, last = next(iter(streams)), list(streams)[-1]
        if self.fault == "missing":
            del streams[first]
        elif self.fault == "sum":
            streams[first] = 0.5 * streams[first]
        elif self.fault == "unserved":
            streams |= {first: 0.9 * streams[first], last: streams[last] + 0.1 * streams[first]}
        elif self.fault == "indefinite":
            shift = Transmission({"main": 0.1 * np.eye(N_MAIN, dtype=complex)})
            streams |= {first: streams[first] - shift, last: streams[last] + shift}
        elif self.fault == "foreign factors":
            factors = proposal.stream_factors
            return replace(proposal, stream_factors=factors | {first: {"main": 1.01 * factors[first]["main"]}})
        elif self.fault == "short factors":
            factors = proposal.stream_factors
            return replace(proposal, stream_factors=factors | {first: {"main": factors[first]["main"][1:]}})
        elif self.fault == "factors missing":
            factors = {name: each for name, each in proposal.stream_factors.items() if name != first}
            return replace(proposal, stream_factors=factors)
        return Proposal(proposal.covariances, stream_covariances=streams, evidence=proposal.evidence)


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ("missing", "streams missing"),
        ("sum", "wrong sum of streams"),
        ("unserved", "not served"),
        ("indefinite", "not positive semidefinite"),
        ("foreign factors", "not positive semidefinite"),
        ("short factors", "not positive semidefinite"),
        ("factors missing", "not positive semidefinite"),
    ],
)
def test_grading_refuses_broken_service(rng, fault, status):
    problem = downlink(rng)
    assert Altered().solve(problem).status.key == "optimal"
    with pytest.raises(SolverFailed) as caught:
        Altered(fault=fault).solve(problem)
    assert caught.value.status == status


def test_grading_refuses_what_a_network_cannot_send(rng):
    problem = downlink(rng)
    network = np.linalg.qr(rng.standard_normal((N_MAIN, 5)) + 0j)[0]

    class IgnoresTheNetwork(Digital):
        key = "ignorant"

        def propose(self, _, *, start, seed):
            return super().propose(problem, start=start, seed=seed)

    with pytest.raises(SolverFailed) as caught:
        IgnoresTheNetwork().solve(problem.with_constraints(FixedAnalog("main", network)))
    assert caught.value.status == "outside the network"


def test_wrong_names_and_numbers_are_refused(rng):
    problem = downlink(rng)
    stranger = MinimumSinr("user[9]", {"main": np.ones(N_MAIN, dtype=complex)}, 1.0, 1.0)
    with pytest.raises(InvalidInput, match=r"Exactly one stream must serve user\[9\]"):
        Digital().solve(problem.with_constraints(stranger))
    with pytest.raises(InvalidInput, match="must name blocks"):
        Digital().solve(problem.with_constraints(Illumination("aux", np.ones(N_MAIN, dtype=complex), 1.0)))
    with pytest.raises(InvalidInput, match="must be positive"):
        replace(stranger, minimum_sinr=0.0)
    with pytest.raises(InvalidInput, match="hear at least one block"):
        replace(stranger, channels={})


def test_methods_that_serve_nobody_say_so(rng):
    problem = downlink(rng)
    assert "MinimumSinr" in (method_named("fdb-wcrb").why_not(problem) or "")
    assert Digital().why_not(problem) is None
