"""Every objective with every combination of constraints: the method `optimum` against conic programs."""

from dataclasses import replace
from functools import lru_cache
from itertools import combinations

import numpy as np
import pytest
from scipy.optimize import nnls

from crbeam.design import (
    AntennaPower,
    BoundLimit,
    Codebook,
    ConstantModulus,
    Criterion,
    DesignProblem,
    FixedAnalog,
    GroupPower,
    Hinge,
    Illumination,
    MinimumSinr,
    MinimumUplinkSinr,
    Power,
    PowerBudget,
    PowerCeiling,
    Tail,
    TiedBlocks,
)
from crbeam.design.certificate import hinge_terms
from crbeam.design.methods.optimum import Optimum
from crbeam.design.problem import HINGE_ROUNDING
from crbeam.errors import Infeasible, InvalidInput
from crbeam.information import Contribution, InformationMap, ParameterLayout
from crbeam.testing.conic_reference import conic_optimum
from crbeam.testing.random_convex import (
    MEANINGLESS,
    OBJECTIVES,
    ROWS,
    made_infeasible,
    random_convex_problem,
    why_meaningless,
)

OPTIMUM = Optimum(tolerance=1e-6)
#: Relative difference from the conic optimum, and relative miss of a constraint, that pass.
AGREEMENT, MISS = 1e-5, 1e-9
#: Share of the conic answers that must be reliable.
RELIABLE = 0.9
#: Problems, how many of them are fast tests, and infeasible ones.
COUNT, FAST, INFEASIBLE = 120, 12, 20


def pairs_of(objective, rows):
    """Everything that meets in a problem, two by two."""
    return set(map(frozenset, combinations((objective, *rows), 2)))


def meaningful_pairs():
    rows = set(map(frozenset, combinations(ROWS, 2)))
    return (rows | {frozenset({objective, row}) for objective in OBJECTIVES for row in ROWS}) - set(MEANINGLESS)


def drawn_cases():
    """Objectives and rows: each objective alone, then those that bring most pairs that have not met, then any."""
    rng, missing = np.random.default_rng(2026), meaningful_pairs()
    cases = [(objective, ()) for objective in OBJECTIVES]
    while len(cases) < COUNT:
        drawn = [(str(rng.choice(OBJECTIVES)), tuple(row for row in ROWS if rng.uniform() < 0.35)) for _ in range(30)]
        able = [case for case in drawn if why_meaningless(*case) is None]
        case = max(able, key=lambda case: len(pairs_of(*case) & missing)) if missing else able[0]
        missing -= pairs_of(*case)
        cases.append(case)
    return [cases[place] for place in rng.permutation(COUNT)]


CASES = drawn_cases()


def numbered(count, fast):
    """Numbers of cases, which tests are named after, with what meets there; all but the first are slow."""
    return [
        pytest.param(number, marks=[pytest.mark.slow] * (number >= fast), id="-".join((str(number), objective, *rows)))
        for number, (objective, rows) in enumerate(CASES[:count])
    ]


@lru_cache(maxsize=COUNT)
def problem_of(number):
    return random_convex_problem(np.random.default_rng([2026, number]), *CASES[number])


@lru_cache(maxsize=COUNT)
def reference_of(number):
    return conic_optimum(problem_of(number))


def power_at(vector, matrix):
    return float(np.real(vector.conj() @ matrix @ vector))


def power_of(covariances):
    return sum(float(np.trace(matrix).real) for matrix in covariances.values())


def budget_of(problem):
    return sum(budget.power_per_subcarrier_w for budget in problem.budgets)


def bound_columns(criterion, covariances):
    """`diag(E^T I^-1 E)` by plain inversion after scaling."""
    matrix = criterion.map.constant + 0.0
    for part in criterion.map.contributions:
        sent = part.transmit.conj().T @ covariances[part.block] @ part.transmit
        projector = np.eye(len(part.receive)) if part.projector is None else part.projector
        received = part.receive.conj().T @ projector @ part.receive
        matrix = matrix + part.jacobian.T @ np.real(part.gram * received * sent.conj()) @ part.jacobian
    scale = 1.0 / np.sqrt(np.abs(np.diagonal(matrix)))
    inverse = np.linalg.inv(matrix * np.outer(scale, scale)) * np.outer(scale, scale)
    return np.einsum("pd,pq,qd->d", criterion.selection, inverse, criterion.selection)


def true_objective(problem, covariances):
    """The objective from its definition."""
    power_w = power_of(covariances)
    if isinstance(problem.objective, Power):
        return power_w
    limited = {part.criterion for part in problem.constraints if isinstance(part, BoundLimit)}
    counted = [criterion for criterion in problem.criteria if criterion.name not in limited]
    bounds = [bound_columns(criterion, covariances) for criterion in counted]
    priced = problem.power_price * power_w
    if isinstance(problem.objective, Hinge):
        losses = [loss_of(criterion, columns) for criterion, columns in zip(counted, bounds, strict=True)]
        return sum(losses) + priced
    if not isinstance(problem.objective, Tail):
        return sum(float(columns.sum()) for columns in bounds) + priced
    of_sample = {}
    for criterion, columns in zip(counted, bounds, strict=True):
        of_sample[criterion.sample] = of_sample.get(criterion.sample, 0.0) + float(columns.sum())
    return worst_mean(problem.objective, np.array(list(of_sample.values()))) + priced


def loss_of(criterion, columns):
    """`W sum_g max(0, sqrt(b_g) - 1)^2` of a criterion."""
    sums = {}
    for name, value in zip(np.repeat(criterion.requested, sizes_of(criterion)), columns, strict=True):
        family = str(name).partition("[")[0]
        sums[family] = sums.get(family, 0.0) + value / criterion.weight
    return criterion.weight * sum(max(0.0, np.sqrt(total) - 1.0) ** 2 for total in sums.values())


def sizes_of(criterion):
    layout = criterion.map.layout
    return [layout[name].stop - layout[name].start for name in criterion.requested]


def worst_mean(tail, values):
    """Mean over the worst share `1 - a`, filled from the worst sample on."""
    if tail.level == 1.0:
        return float(values.max())
    chances = tail.probabilities or (1.0 / len(values),) * len(values)
    left, total = 1.0 - tail.level, 0.0
    for sample in np.argsort(-values):
        taken = min(left, chances[sample])
        total, left = total + taken * values[sample], left - taken
    return total / (1.0 - tail.level)


def missed(problem, streams, tolerance=MISS):
    """Relative misses of constraints by covariances of streams, above a tolerance, by what misses them."""
    covariances = {block: sum(each[block] for each in streams.values()) for block in problem.blocks}
    found, power_w = {}, budget_of(problem)
    for place, part in enumerate(problem.constraints):
        found[f"{type(part).__name__} {place}"] = miss_of(problem, part, streams, covariances)
    for stream in problem.streams:
        for block, matrix in streams[stream.name].items():
            least = float(np.linalg.eigvalsh(matrix)[0]) if block in stream.blocks else -float(np.abs(matrix).max())
            skew = float(np.abs(matrix - matrix.conj().T).max())
            found[f"{stream.name} in {block}"] = max(-least, skew) / power_w
    return {name: miss for name, miss in found.items() if miss > tolerance}


def miss_of(problem, part, streams, covariances):
    """Relative miss of one constraint, at most 0 where it is kept."""
    match part:
        case PowerBudget() | GroupPower():
            used_w = sum(float(np.trace(covariances[block]).real) for block in part.blocks)
            return used_w / part.power_per_subcarrier_w - 1.0
        case AntennaPower():
            return float(np.max(np.real(np.diagonal(covariances[part.block])) / part.powers_w)) - 1.0
        case Illumination():
            return 1.0 - power_at(part.response, covariances[part.block]) / part.least_power_w
        case PowerCeiling():
            return power_at(part.response, covariances[part.block]) / part.most_power_w - 1.0
        case MinimumSinr():
            return 1.0 - downlink_ratio(problem, part, streams) / part.minimum_sinr
        case MinimumUplinkSinr():
            return float(np.max(1.0 - uplink_ratios(part, covariances[part.block]) / part.minimum_sinr))
        case BoundLimit():
            (criterion,) = [each for each in problem.criteria if each.name == part.criterion]
            return float(bound_columns(criterion, covariances).sum()) / part.limit - 1.0
        case _:
            return max(shape_miss(part, each) for each in streams.values()) / budget_of(problem)


def downlink_ratio(problem, part, streams):
    """Power of the own stream over noise and the streams that the user does not know."""
    heard = {name: sum(power_at(t, each[at]) for at, t in part.channels.items()) for name, each in streams.items()}
    (own,) = [stream.name for stream in problem.streams if stream.served_user == part.user]
    disturbing = set(heard) - {own, *part.cancels}
    return heard[own] / (part.noise_power_w + sum(heard[name] for name in disturbing))


def uplink_ratios(part, covariance):
    """`P h^H C^-1 h` of each user, C being noise, the other users and the echo."""
    uplink, ratios = part.uplink, []
    echo = part.echo_gain * power_at(part.response, covariance) * np.outer(part.echo, part.echo.conj())
    for user, channel in enumerate(uplink.channels.T):
        others = np.delete(uplink.channels, user, axis=1)
        disturbing = uplink.noise_power_w * np.eye(len(channel)) + echo
        disturbing = disturbing + uplink.user_power_w * others @ others.conj().T
        ratios.append(uplink.user_power_w * float(np.real(channel.conj() @ np.linalg.solve(disturbing, channel))))
    return np.array(ratios)


def shape_miss(part, sent):
    """How far a stream is from what a codebook, a network or a tie lets blocks send, in watt."""
    if isinstance(part, TiedBlocks):
        first, *others = [sent[block] for block in part.blocks]
        return max(float(np.abs(other - first).max()) for other in others)
    matrix = sent[part.block]
    if isinstance(part, FixedAnalog):
        return float(np.abs(matrix - part.network @ (np.linalg.pinv(part.network) @ matrix)).max())
    assert isinstance(part, Codebook)
    words = part.codewords / np.linalg.norm(part.codewords, axis=0)
    columns = np.einsum("il,jl->ijl", words, words.conj()).reshape(-1, words.shape[1])
    wanted = np.concatenate([np.real(matrix).ravel(), np.imag(matrix).ravel()])
    return nnls(np.concatenate([np.real(columns), np.imag(columns)]), wanted)[1]


def streams_of(design):
    return {name: dict(each) for name, each in design.stream_covariances.items()}


def test_every_meaningful_pair_meets():
    assert set().union(*(pairs_of(*case) for case in CASES)) >= meaningful_pairs()
    assert {objective for objective, rows in CASES if not rows} == set(OBJECTIVES)
    assert [case for case in CASES if why_meaningless(*case)] == []


def test_what_means_nothing_is_refused(rng):
    for names in MEANINGLESS:
        objective = next((name for name in names if name in OBJECTIVES), "sum")
        with pytest.raises(InvalidInput, match=MEANINGLESS[names]):
            random_convex_problem(rng, objective, tuple(names - {objective}))


@pytest.mark.parametrize("number", numbered(COUNT, FAST))
def test_the_optimum_is_that_of_the_conic_program(number):
    problem, answer = problem_of(number), reference_of(number)
    design = OPTIMUM.solve(problem)
    objective, lower_bound, streams = design.objective, design.lower_bound, streams_of(design)
    rounding = HINGE_ROUNDING if isinstance(problem.objective, Hinge) else 0.0
    summed = {block: sum(each[block] for each in streams.values()) for block in problem.blocks}
    apart = max(float(np.abs(matrix - design.covariances[block]).max()) for block, matrix in summed.items())
    assert apart <= MISS * budget_of(problem), "streams add up"
    assert missed(problem, streams) == {}
    assert objective == pytest.approx(true_objective(problem, summed), rel=1e-7, abs=rounding)
    if answer.status != "unreliable":
        least, allowed = answer.objective, AGREEMENT * answer.objective + 10.0 * answer.uncertainty
        assert answer.status == "optimal"
        assert objective == pytest.approx(least, rel=0.0, abs=allowed)
        assert lower_bound <= least + allowed
    assert objective - lower_bound <= max(1e-6 * objective, rounding)


@pytest.mark.parametrize("seed", [5, 6, 8])
def test_users_may_remove_what_others_are_sent(seed):
    """What is left of a beam may then not go to another stream: its user would hear it."""
    problem = random_convex_problem(np.random.default_rng(seed), "sum", ("sinr", "antennas"))
    first, second = [part for part in problem.constraints if isinstance(part, MinimumSinr)][:2]
    own = next(stream.name for stream in problem.streams if stream.served_user == second.user)
    changed = tuple(replace(part, cancels=(own,)) if part is first else part for part in problem.constraints)
    problem = replace(problem, constraints=changed)
    design = OPTIMUM.solve(problem)
    assert design.gap <= 1e-6
    assert design.objective == pytest.approx(conic_optimum(problem).objective, rel=AGREEMENT)


@pytest.mark.parametrize("number", numbered(INFEASIBLE, INFEASIBLE))
def test_contradictions_are_named(number):
    problem, names = made_infeasible(problem_of(number), np.random.default_rng([2027, number]))
    assert conic_optimum(problem).status != "optimal"
    with pytest.raises(Infeasible) as caught:
        OPTIMUM.solve(problem)
    assert caught.value.requirement in names


@pytest.mark.slow
def test_the_reference_is_reliable_and_feasible():
    answers = {number: reference_of(number) for number in range(COUNT)}
    assert [number for number, answer in answers.items() if answer.status == "infeasible"] == []
    optimal = {number: answer for number, answer in answers.items() if answer.status == "optimal"}
    assert len(optimal) >= RELIABLE * COUNT
    for number, answer in optimal.items():
        problem, streams = problem_of(number), everywhere(problem_of(number), answer.streams)
        assert missed(problem, streams, AGREEMENT) == {}, number
        summed = {block: sum(each[block] for each in streams.values()) for block in problem.blocks}
        allowed = AGREEMENT * answer.objective + 10.0 * answer.uncertainty
        assert true_objective(problem, summed) == pytest.approx(answer.objective, rel=0.0, abs=allowed), number


def everywhere(problem, streams):
    """Streams with zeros in the blocks in which they are not sent."""
    silent = {block: np.zeros((size, size)) for block, size in problem.antennas.items()}
    return {name: silent | each for name, each in streams.items()}


ONE = Contribution(
    block="only",
    transmit=np.ones((1, 1), dtype=complex),
    receive=np.ones((1, 1), dtype=complex),
    gram=np.array([[4.0 + 0.0j]]),
    jacobian=np.ones((1, 1)),
)


def one_antenna(*weights, **more):
    """Criteria whose bounds are `weight / (4 R)` of one antenna with 2 W."""
    information = InformationMap(ParameterLayout.of({"user_position": 1}), (ONE,))
    criteria = [
        Criterion(information, {"user_position": weight}, f"{number}", sample=f"{number}")
        for number, weight in enumerate(weights)
    ]
    limits = more.pop("limits", ())
    return DesignProblem(tuple(criteria), (PowerBudget(("only",), 2.0), *limits), **more)


@pytest.mark.parametrize(
    ("problem", "least"),
    [
        (one_antenna(1.0, 3.0), 0.5),
        (one_antenna(32.0, 2.0, objective=Hinge()), 1.0),
        (one_antenna(8.0, 4.0, objective=Hinge()), 0.0),
        (one_antenna(1.0, 3.0, objective=Tail()), 0.375),
        (one_antenna(1.0, 3.0, objective=Tail(0.0, (0.25, 0.75))), 0.3125),
        (one_antenna(1.0, 3.0, objective=Tail(0.25)), (0.5 * 0.375 + 0.25 * 0.125) / 0.75),
        (one_antenna(1.0, power_price=1.0), 1.0),
        (one_antenna(1.0, objective=Power(), limits=(BoundLimit("0", 0.25),)), 1.0),
        (one_antenna(1.0, limits=(AntennaPower("only", np.array([0.5])),)), 0.5),
        (one_antenna(1.0, limits=(GroupPower(("only",), 0.125),)), 2.0),
    ],
)
def test_the_reference_on_one_antenna(problem, least):
    """More power is better, and the bound is `weight / (4 R)`: all optima are arithmetic."""
    answer = conic_optimum(problem)
    assert answer.status == "optimal"
    assert answer.objective == pytest.approx(least, rel=1e-6, abs=1e-6)
    covariances = {"only": answer.streams["pilot"]["only"]}
    assert true_objective(problem, covariances) == pytest.approx(least, rel=1e-6, abs=1e-6)
    if isinstance(problem.objective, Hinge):
        levels = np.ones(len(problem.criteria))
        bounds = np.array([bound_columns(each, covariances).sum() for each in problem.criteria])
        assert hinge_terms(bounds, levels).values.sum() == pytest.approx(least, abs=1e-6)


def test_the_reference_refuses_what_is_not_convex():
    problem = one_antenna(1.0, limits=(ConstantModulus("only"),))
    with pytest.raises(InvalidInput, match="found ConstantModulus"):
        conic_optimum(problem)


REJECTED = {
    "much": {"PowerBudget", "GroupPower", "PowerCeiling", "MinimumUplinkSinr", "AntennaPower"},
    "little": {"MinimumSinr", "Illumination", "BoundLimit"},
    "other": {"Codebook", "TiedBlocks", "FixedAnalog"},
    "negative": {"pilot", "to user 0"},
}


@pytest.mark.parametrize("rows", [set(ROWS) - {"sizes", "network", "price"}, set(ROWS) - {"tie", "codebook", "price"}])
def test_the_checks_reject(rows, rng):
    """Too much power, hardly any, what no codebook, network or tie lets blocks send, and negative power."""
    problem = random_convex_problem(rng, "sum", tuple(row for row in ROWS if row in rows))
    streams = streams_of(OPTIMUM.solve(problem))
    assert missed(problem, streams) == {}
    roots = {block: rng.standard_normal((size, size)) for block, size in problem.antennas.items()}
    other = {block: 1e-4 * problem.isotropic().power_w * root @ root.T for block, root in roots.items()}
    changed = {name: times(streams, factor) for name, factor in (("much", 100.0), ("little", 0.01), ("negative", -1.0))}
    changed["other"] = {name: {block: each[block] + other[block] for block in each} for name, each in streams.items()}
    kinds = {type(part).__name__ for part in problem.constraints} | {stream.name for stream in problem.streams}
    for name, each in changed.items():
        found = {miss.rpartition(" ")[0].removesuffix(" in") for miss in missed(problem, each)}
        assert found >= REJECTED[name] & kinds, name


def times(streams, factor):
    return {name: {block: factor * matrix for block, matrix in each.items()} for name, each in streams.items()}
