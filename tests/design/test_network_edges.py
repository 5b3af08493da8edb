"""Networks in which some role is impossible, constraints that no proof covers, and how what binds is named."""

from dataclasses import replace

import numpy as np
import pytest
from tests.design.test_network import network
from tests.design.test_network_beyond import without

from crbeam.design import MinimumSinr, PowerBudget
from crbeam.design.choices import Listening, ReceiverChoice
from crbeam.design.convex.statement import statement_of
from crbeam.design.methods import Exact, NearestReceiver, OneTransmitter, RandomChoice, RelaxAndRound, method_named
from crbeam.design.result import Proposal
from crbeam.design.search.boxes import covers, possible_programs, require_programs, roles_of
from crbeam.design.search.grading import proven_lower_bound
from crbeam.design.service_constraints import BoundLimit
from crbeam.errors import Infeasible, InvalidInput, Unidentifiable

SCHEMES = (Exact(), NearestReceiver(), RelaxAndRound(), RandomChoice(), OneTransmitter(), method_named("ao-big-m"))


def users_of(problem):
    return [part for part in problem.constraints if isinstance(part, MinimumSinr)]


def with_users(problem, users):
    return replace(problem, constraints=(*without(problem, MinimumSinr), *users))


def refused():
    """Problems with what no proof covers, and what is said of them."""
    problem = network(1, users=2)
    first, second = users_of(problem)
    options = {"again": Listening(("s0",), ("s0",))}
    return {
        "cancels sensing": with_users(problem, [replace(first, cancels=("sensing",)), second]),
        "2 of user0": with_users(problem, [first, second, replace(first, minimum_sinr=2.0)]),
        "at most one ReceiverChoice": problem.with_constraints(ReceiverChoice(options)),
    }


@pytest.mark.parametrize(("message", "problem"), refused().items())
def test_what_no_proof_covers_is_refused(message, problem):
    for method in SCHEMES:
        assert message in method.why_not(problem)
    with pytest.raises(InvalidInput, match=message):
        proven_lower_bound(problem, Proposal(problem.isotropic()))
    with pytest.raises(InvalidInput, match=message):
        Exact().solve(problem)


@pytest.mark.parametrize("limits", [(0.1, 0.5), (0.5, 0.1)])
def test_the_smallest_of_several_limits_on_a_criterion_counts(limits):
    problem = network(1)
    kept = replace(problem, constraints=without(problem, BoundLimit))
    repeated = kept.with_constraints(*(BoundLimit(each.name, limit) for limit in limits for each in problem.criteria))
    scales = [scale for role in roles_of(repeated) for scale in statement_of(repeated, role).scales]
    assert {scale.level for scale in scales} == {0.1}


def hearing(problem, *blocks):
    """The first user hears some blocks only."""
    first, *others = users_of(problem)
    heard = {block: first.channels[block] for block in blocks}
    return with_users(problem, [replace(first, channels=heard), *others])


def test_a_station_that_a_user_needs_does_not_listen():
    problem = hearing(network(1, users=2, minimum_sinr=1.0, budget_w=400.0), "s0")
    design = Exact().solve(problem)
    assert np.any(design.covariances["s0"])
    assert design.gap <= 1e-4
    others = [role for role in roles_of(problem) if role.receiver != "s0"]
    assert [each.choices.receiver for each in possible_programs(problem, roles_of(problem))] == [
        r.receiver for r in others
    ]
    assert RelaxAndRound().solve(problem).objective >= design.lower_bound
    free = Exact().solve(network(1, users=2, minimum_sinr=1.0, budget_w=400.0))
    assert free.lower_bound <= design.objective
    seeds = [np.random.SeedSequence(seed) for seed in range(4)]
    for each in RandomChoice().solve_many([problem] * 4, seeds=seeds):
        assert isinstance(each, Infeasible) or each.objective >= design.lower_bound
    with pytest.raises(Infeasible, match="none reaches user0 with s0 silent"):
        require_programs(problem, [role for role in roles_of(problem) if role.receiver == "s0"])


def test_it_is_infeasible_if_every_role_leaves_a_user_unheard():
    problem = hearing(network(1, users=2), "s0")
    only = ReceiverChoice({"s0": Listening(("s0",), ("s0",))})
    stuck = replace(problem, constraints=(*without(problem, ReceiverChoice), only))
    for method in SCHEMES:
        with pytest.raises(Infeasible, match="none reaches user0 with s0 silent"):
            method.solve(stuck)


def test_one_transmitter_is_the_nearest_that_need_not_listen():
    problem = network(1, users=1, minimum_sinr=1.0, error_m=5.0, budget_w=400.0)
    nearest = roles_of(problem)[0].receiver
    only = ReceiverChoice({nearest: Listening((nearest,), (nearest,))})
    design = OneTransmitter().solve(replace(problem, constraints=(*without(problem, ReceiverChoice), only)))
    powers_w = design.covariances.powers_w
    assert np.count_nonzero(list(powers_w.values())) == 1
    assert powers_w[nearest] == 0.0


def blind(problem, *names):
    """Some stations hear echoes that do not tell the position."""
    criteria = []
    for criterion in problem.criteria:
        deaf = [replace(part, gram=0.0 * part.gram) for part in criterion.map.contributions]
        hears = criterion.name not in names
        criteria.append(criterion if hears else replace(criterion, map=replace(criterion.map, contributions=(*deaf,))))
    return replace(problem, criteria=tuple(criteria))


def test_a_station_that_cannot_tell_the_position_does_not_listen():
    problem = network(1, users=2, minimum_sinr=1.0, budget_w=400.0)
    listener = next(role.receiver for role in roles_of(problem))
    without_it = blind(problem, listener)
    design = Exact().solve(without_it)
    assert design.gap <= 1e-4
    assert np.any(design.covariances[listener])
    with pytest.raises(Unidentifiable, match="target_position"):
        Exact().solve(blind(problem, *problem.blocks))


def test_proofs_need_leaves_of_possible_roles_only():
    problem = hearing(network(1, users=2), "s0")
    proofs = (
        Exact()
        .propose(hearing(network(1, users=2, budget_w=400.0), "s0"), start=None, seed=np.random.SeedSequence(0))
        .cover
    )
    assert covers(problem, proofs)
    assert not covers(network(1, users=2), proofs)
    assert {proof.chosen.receiver for proof in proofs} == {"s1", "s2"}


def binding_of(problem):
    with pytest.raises(Infeasible) as caught:
        Exact().solve(problem)
    return caught.value


def sharing(problem, power_w):
    return replace(problem, constraints=(PowerBudget(problem.blocks, power_w), *without(problem, PowerBudget)))


def test_users_who_could_be_served_alone_bind_together():
    problem = network(1, users=2, error_m=50.0)
    least_w = Exact().solve(problem).objective
    error = binding_of(sharing(problem, 0.97 * least_w))
    assert error.requirement == "SINR of the users together"
    assert "each user could be served alone" in str(error)
    assert "`network.minimum_sinr`" in str(error)
    assert "`network.total_power`" in str(error)


def test_a_shared_budget_is_the_power_of_the_network():
    problem = network(1, users=2)
    least_w = Exact().solve(network(1, users=2, budget_w=400.0)).objective
    assert binding_of(sharing(problem, 0.98 * least_w)).requirement == "total power of the network"


@pytest.mark.parametrize("method", ["exact", "nearest-receiver"])
@pytest.mark.parametrize("limit_s", ["nan", "inf", "0", "-1"])
def test_time_limits_are_positive_and_finite(method, limit_s):
    with pytest.raises(InvalidInput, match="positive and finite"):
        method_named(f"{method}:time_limit_s={limit_s}")


def test_digital_says_that_it_does_not_minimise_power():
    assert "not transmit power" in method_named("digital").why_not(network(1))
