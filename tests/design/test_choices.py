"""Who listens, who serves whom, who takes part: one search, its relaxations and proofs, against enumeration."""

import time
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from crbeam.design import Criterion, DesignProblem, GroupPower, PowerBudget
from crbeam.design.choices import Association, Selection
from crbeam.design.convex.certificate import certificate
from crbeam.design.convex.evidence import Listed
from crbeam.design.convex.statement import statement_of
from crbeam.design.grading import grade
from crbeam.design.methods import method_named
from crbeam.design.methods.choices import Exact
from crbeam.design.problem import Power
from crbeam.design.search.boxes import covers, n_choices, roles_of, split
from crbeam.design.search.branch_and_bound import Effort, best_transmission, solved, starting_nodes
from crbeam.design.search.grading import least_proven
from crbeam.design.search.members import relaxation
from crbeam.design.service_constraints import PowerPart, Requirement
from crbeam.errors import CrbeamError, InvalidInput, SolverFailed
from crbeam.information import Contribution, InformationMap, ParameterLayout
from crbeam.testing.conic_reference import conic_optimum
from crbeam.testing.random_choices import KINDS, random_choice_problem, settled_problems
from crbeam.testing.random_convex import random_convex_problem

TOLERANCE = 2e-4


def drawn(seed, kind):
    rng = np.random.default_rng(seed)
    return random_choice_problem(rng, kind, members=int(rng.integers(3, 6)) if kind in KINDS[:4] else 3)


def enumerated(problem):
    """The least objective over all choices, each a problem of its own."""
    found = np.inf
    for each in settled_problems(problem):
        try:
            found = min(found, method_named("optimum").solve(each).objective)
        except CrbeamError:
            continue
    return found


def assert_equals_enumeration(problem):
    best = enumerated(problem)
    if np.isinf(best):
        with pytest.raises(CrbeamError):
            Exact().solve(problem)
        return
    design = Exact().solve(problem)
    assert design.objective == pytest.approx(best, rel=TOLERANCE)
    assert design.lower_bound <= best * (1 + 1e-7)
    assert design.gap <= TOLERANCE


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("number", range(2))
def test_small_problems_equal_enumeration(kind, number):
    assert_equals_enumeration(drawn(len(KINDS) * number + KINDS.index(kind), kind))


def test_somebody_must_send():
    """Of two who may take part one listens; a box in which nobody else is left is empty."""
    problem = drawn(191, "listeners")
    (selection,) = (part for part in problem.constraints if isinstance(part, Selection))
    rest = tuple(part for part in problem.constraints if part is not selection)
    alone = replace(problem, constraints=(*rest, replace(selection, at_most=1)))
    with pytest.raises(CrbeamError):
        Exact().solve(alone)
    assert len(Exact().solve(problem).selected) > 1


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_more_small_problems_equal_enumeration(kind):
    for number in range(2, 5):
        assert_equals_enumeration(drawn(len(KINDS) * number + KINDS.index(kind), kind))


@pytest.mark.parametrize("kind", ["directions", "stations", "echoes"])
def test_relaxations_are_below_every_choice_in_their_box(kind):
    problem = drawn(KINDS.index(kind), kind)
    (root,) = starting_nodes(problem, roles_of(problem))
    boxes = split(problem, root.chosen, None, None)
    for box in boxes:
        (node,) = starting_nodes(problem, (box,)) or (None,)
        proof = solved(node, gap=1e-5).node.proof
        bound = certificate(statement_of(problem, box), proof)
        members = [each for each in settled_problems(problem) if is_in(box, problem, each)]
        values = [value for value in map(objective, members) if np.isfinite(value)]
        assert not values or bound <= min(values) * (1 + 1e-7)


@pytest.mark.parametrize("kind", ["receivers", "directions", "stations", "echoes"])
def test_relaxations_are_what_a_second_solver_finds(kind):
    found = 0
    for seed in range(KINDS.index(kind), 60, len(KINDS)):
        problem = drawn(seed, kind)
        (role,) = roles_of(problem)
        if isinstance(problem.objective, Power) or found == 2:
            continue
        (node,) = starting_nodes(problem, (role,))
        relaxed, _ = relaxation(problem, role)
        expected = conic_optimum(relaxed)
        if expected.status != "optimal":
            continue
        found += 1
        assert solved(node, gap=1e-6).node.lower_bound == pytest.approx(expected.objective, rel=1e-4)
    assert found == 2


def test_linear_inequalities_and_weighted_groups_are_kept_as_by_a_second_solver():
    """Any linear inequality on covariances, and power of blocks that counts more or less."""
    binding = 0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        problem = random_convex_problem(rng, "sum", ("sizes",))
        free = method_named("optimum").solve(problem)
        first, second = problem.blocks[:2]
        vectors = {block: rng.standard_normal(problem.antennas[block]) + 0j for block in (first, second)}
        spent_w = 2.0 * free.covariances.powers_w[first] + 0.5 * free.covariances.powers_w[second]
        group = GroupPower((first, second), 0.7 * spent_w, (2.0, 0.5))
        powers = {b: float(np.real(v.conj() @ free.covariances[b] @ v)) for b, v in vectors.items()}
        parts = (PowerPart(first, vectors[first], 1.0), PowerPart(second, vectors[second], -0.5))
        row = Requirement("first over second", parts, 1.1 * powers[first] - 0.5 * powers[second])
        for extra in ((group,), (row,), (group, row)):
            one = problem.with_constraints(*extra)
            expected = conic_optimum(one)
            if expected.status != "optimal":
                continue
            design = method_named("optimum").solve(one)
            assert design.objective == pytest.approx(expected.objective, rel=1e-5)
            assert design.gap <= 1e-6
            binding += design.objective > free.objective * (1 + 1e-6)
    assert binding >= 12


def is_in(box, problem, settled):
    """Whether the members of a settled problem are those of a box."""
    (selection,) = (part for part in problem.constraints if isinstance(part, Selection))
    heard = {part.receiver for each in settled.criteria for part in each.map.contributions}
    there = {name for name in selection.names if name in heard or name in settled.blocks}
    return set(box.members) <= there <= {*box.members, *box.undecided} and box.sizes[0] <= len(there) <= box.sizes[1]


def objective(problem):
    try:
        return method_named("optimum").solve(problem).objective
    except CrbeamError:
        return np.inf


def anchors(rng, *, sends, count=18, most=6, elements=4):
    """Stations about a user whose range and bearing each of them tells, of which some may be used."""
    names = tuple(f"anchor{number}" for number in range(count))
    places, user = rng.uniform(-100.0, 100.0, (count, 2)), rng.uniform(-30.0, 30.0, 2)
    layout = ParameterLayout.of({"user_position": 2, "clock": 1})
    parts, antennas = [], {}
    for name, place in zip(names, places, strict=True):
        away = user - place
        distance = np.linalg.norm(away)
        along, across = away / distance, np.array([-away[1], away[0]]) / distance
        angle, places_wavelengths = rng.uniform(-1.0, 1.0), np.arange(elements) - 0.5 * (elements - 1)
        response = np.exp(1j * np.pi * places_wavelengths * np.sin(angle))
        both = np.stack([response, 1j * np.pi * places_wavelengths * np.cos(angle) * response], axis=1)
        one = np.ones((1, 2), dtype=complex)
        jacobian = np.array([[*along, 1.0], [*(across / distance), 0.0]])
        gram = (1e2 / distance) ** 2 * np.eye(2, dtype=complex)
        block = name if sends else "user"
        antennas[block] = elements if sends else 1
        transmit, receive = (both, one) if sends else (one, both)
        parts.append(Contribution(block, transmit, receive, gram, jacobian, receiver="user" if sends else name))
    criterion = Criterion(InformationMap(layout, tuple(parts), antennas=antennas), {"user_position": 1.0})
    budgets = (PowerBudget((block,), 1.0) for block in antennas)
    return DesignProblem(criteria=(criterion,), constraints=(*budgets, Selection(names, at_most=most)))


@pytest.mark.parametrize("seed", range(3))
def test_best_six_of_eighteen_anchors_that_hear(seed):
    problem = anchors(np.random.default_rng(seed), sends=False)
    design = Exact().solve(problem)
    (criterion,) = problem.criteria
    told = np.array([part.at(np.eye(1, dtype=complex)) for part in criterion.map.contributions])
    sets = np.array(list(combinations(range(18), 6)))
    values = np.trace(np.linalg.inv(told[sets].sum(axis=1))[:, :2, :2], axis1=1, axis2=2)
    best = int(np.argmin(values))
    assert design.selected == tuple(f"anchor{number}" for number in sets[best])
    assert design.objective == pytest.approx(values[best], rel=1e-6)
    assert design.lower_bound <= values[best] * (1 + 1e-9)
    assert design.details["programs"] < 100, "of 18564 sets"


def test_best_six_of_eighteen_anchors_that_send():
    problem = anchors(np.random.default_rng(3), sends=True)
    design = Exact().solve(problem)
    assert len(design.selected) == 6
    assert design.gap <= 1e-4
    silent = [name for name in problem.blocks if name not in design.selected]
    assert all(not np.any(design.covariances[name]) for name in silent)
    rng = np.random.default_rng(0)
    (selection,) = (part for part in problem.constraints if isinstance(part, Selection))
    for _ in range(5):
        others = tuple(rng.choice(selection.names, 6, replace=False).tolist())
        one = replace(problem, constraints=(*problem.constraints[:-1], replace(selection, names=others)))
        outsiders = set(selection.names) - set(others)
        (criterion,) = problem.criteria
        parts = tuple(part for part in criterion.map.contributions if part.block not in outsiders)
        one = replace(one, criteria=(replace(criterion, map=replace(criterion.map, contributions=parts)),))
        assert Exact().solve(one).objective >= design.objective * (1 - 1e-4)


@pytest.mark.parametrize("kind", ["directions", "stations", "network"])
def test_interrupted_searches_keep_a_valid_gap(kind):
    problem = drawn(50 + KINDS.index(kind), kind)
    whole = best_transmission(problem, roles_of(problem), Effort())
    if whole.best is None:
        return
    for programs in range(1, whole.programs + 1, 2):
        outcome = best_transmission(problem, roles_of(problem), Effort(max_programs=programs))
        proofs = [node.proof for node in outcome.leaves]
        assert covers(problem, proofs)
        assert least_proven(problem, proofs) <= whole.best.objective * (1 + 1e-7)


def test_a_time_limit_holds_inside_a_program():
    problem = anchors(np.random.default_rng(0), sends=True, count=40, most=12, elements=8)
    began = time.perf_counter()
    with pytest.raises(SolverFailed, match="time limit"):
        Exact(time_limit_s=1e-3).solve(problem)
    assert best_transmission(problem, roles_of(problem), Effort(time_limit_s=1e-3)).programs <= 1
    assert time.perf_counter() - began < 60.0


def test_boxes_are_split_without_a_choice_lost_or_twice(rng):
    for seed in range(10):
        problem = drawn(seed, KINDS[seed % 5])
        boxes = list(roles_of(problem))
        wanted = sum(map(n_choices, boxes))
        for _ in range(6):
            able = [box for box in boxes if n_choices(box) > 1]
            if not able:
                break
            box = able[int(rng.integers(len(able)))]
            boxes.remove(box)
            parts = {name: float(rng.uniform()) for name in box.undecided}
            boxes += split(problem, box, None, parts)
            assert sum(map(n_choices, boxes)) == wanted


def with_criterion(problem, **changes):
    (criterion,) = problem.criteria
    return replace(problem, criteria=(replace(criterion, **changes),))


def test_parameters_of_members_must_be_theirs_alone():
    """Without its member a parameter is of no account, which no relaxation can say where it matters to others."""
    problem = next(
        each for each in (drawn(seed, "directions") for seed in range(20)) if len(each.criteria[0].map.layout.names) > 1
    )
    (criterion,) = problem.criteria
    information, name = criterion.map, criterion.map.layout.names[1]
    owner, index = name.partition("/")[0], information.layout.indices([name])
    asked = with_criterion(problem, weights={**criterion.weights, name: 0.3})
    assert f"{name} is asked for" in Exact().why_not(asked)
    tied = information.constant.copy()
    tied[0, index] = tied[index, 0] = 1e-4
    coupled = with_criterion(problem, map=replace(information, constant=tied + 1e-3 * np.eye(len(tied))))
    assert f"of {owner} to say nothing of other parameters" in Exact().why_not(coupled)
    part = next(each for each in information.contributions if each.receiver != owner)
    jacobian = part.jacobian.copy()
    jacobian[:, index] = 1.0
    parts = tuple(replace(each, jacobian=jacobian) if each is part else each for each in information.contributions)
    shared = with_criterion(problem, map=replace(information, contributions=parts))
    assert f"parameters of {owner} to matter only" in Exact().why_not(shared)


def test_servers_that_serve_together_are_no_choice_that_a_cover_may_split():
    problem = drawn(KINDS.index("network"), "network")
    problem = replace(problem, constraints=tuple(p for p in problem.constraints if not isinstance(p, Association)))
    proofs = [solved(node, gap=1e-5).node.proof for node in starting_nodes(problem, roles_of(problem))]
    assert covers(problem, proofs)
    first, *others = proofs
    (user, *_), servers = first.chosen.servers, first.chosen.servers
    halves = [
        replace(first, chosen=replace(first.chosen, servers={**servers, user: (block,)})) for block in servers[user]
    ]
    assert not covers(problem, [*halves, *others])


def test_evidence_for_other_users_says_nothing_of_listed_sets():
    def served(seed):
        problem = drawn(seed, "receivers")
        (role,) = roles_of(problem)
        proofs = Exact().design(problem, np.random.SeedSequence(0)).cover
        known = [each.evidence for each in proofs if each.evidence is not None]
        return (problem, role, known[0]) if role.servers and known else None

    problem, role, known = next(filter(None, map(served, range(30))))
    everyone = replace(known.chosen, members=role.undecided)
    for chosen in (replace(everyone, servers={}), replace(everyone, silent=("station",))):
        with pytest.raises(InvalidInput, match="says nothing of sets"):
            least_proven(problem, [Listed(role, replace(known, chosen=chosen))])


def test_only_members_may_send_and_no_more_than_are_allowed():
    problem, method = anchors(np.random.default_rng(3), sends=True, count=6, most=2), Exact()
    proposal = method.design(problem, np.random.SeedSequence(0))
    with pytest.raises(SolverFailed, match="send nothing in"):
        grade(method, problem, replace(proposal, selected=proposal.selected[:1]), seconds=0.0)
    with pytest.raises(SolverFailed, match="at most 2 of"):
        grade(method, problem, replace(proposal, selected=tuple(problem.blocks)), seconds=0.0)
    with pytest.raises(InvalidInput, match="At least one"):
        Selection(("a", "b"), at_most=0)
    with pytest.raises(InvalidInput, match="needs the costs"):
        Selection(("a", "b"), budget_m=3.0)
