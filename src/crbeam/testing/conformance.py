"""One suite for every design method, ours or a third party's."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass, replace

import numpy as np

from crbeam.design import Design, DesignMethod, DesignProblem, Hinge
from crbeam.design.methods import method_named
from crbeam.errors import CrbeamError, InvalidInput
from crbeam.systems import design_problem
from crbeam.testing.design_laws import (
    assert_same_designs,
    assert_sound,
    optimal_transmissions,
    random_feasible,
)
from crbeam.testing.problem_families import family_problems
from crbeam.testing.random_scenes import random_moving_scenario, random_scenario
from crbeam.testing.random_service import random_service
from crbeam.testing.random_worlds import with_position_prior
from crbeam.testing.service_laws import Sent, assert_serves, is_plain, sent_by

#: Law: the same items in any batch agree to this, relatively.
BATCH_TOLERANCE = 1e-9
#: Random feasible transmissions that each lower bound under requirements is held against.
WITNESSES = 4
#: Methods whose designs are witnesses against the bounds of others, where they apply.
RIVALS = ("digital", "sca-uplink", "lifted-sdp", "exact", "nearest-set", "nearest-receiver")


def conformance_problems(method: DesignMethod, *, seed: int = 2025) -> list[DesignProblem]:
    """Small random problems of every kind with the constraints that a method is made for.

    Plain ones (`plain_problems`), and those of every family of `family_problems` that a method with the same `uses`
    and `keeps` could say it can do. A method is given all of them, and refuses those that it does not apply to.

    Raises:
        InvalidInput: no system offers the constraints in `method.uses`.
    """
    served = [problem for problems in family_problems(method).values() for problem in problems]
    try:
        return [*plain_problems(method, seed=seed), *served]
    except InvalidInput:
        if not served:
            raise
        return served


def plain_problems(method: DesignMethod, *, seed: int = 2025) -> list[DesignProblem]:
    """Problems of one station and one user: two of one shape, others, a prior.

    Methods that are judged by stages of a sequence get scenes with a moving user, and thresholds in one of them.
    """
    rng = np.random.default_rng(seed)
    shapes = [(2, 8), (2, 8), (1, 6), (3, 10)]
    if method.judged_by in ("links", "fused"):
        weights = (0.3, 0.7, 0.5, 0.9)
        scenarios = [random_scenario(rng, n_targets=k, n_antennas=n, subcarriers=32) for k, n in shapes]
        problems = [
            design_problem(scenario, weight=weight, method=method)
            for scenario, weight in zip(scenarios, weights, strict=True)
        ]
        return [*problems, with_position_prior(problems[0])]
    moving = [
        random_moving_scenario(rng, n_targets=k, n_antennas=n, subcarriers=16, slots=4, symbols_per_slot=4)
        for k, n in shapes
    ]
    problems = [design_problem(scenario, method=method) for scenario in moving]
    return [*problems, replace(problems[0], objective=Hinge()), with_position_prior(problems[0])]


def unidentifiable_copy(problem: DesignProblem) -> DesignProblem:
    """Same problem, of the same shape, in which nothing depends on the first requested component."""
    criteria = []
    for criterion in problem.criteria:
        if not criterion.requested:
            criteria.append(criterion)
            continue
        blind = np.eye(criterion.map.layout.size)
        index = criterion.map.layout[criterion.requested[0]].start
        blind[index, index] = 0.0
        blind_map = criterion.map.change_parameters(blind, criterion.map.layout)
        criteria.append(replace(criterion, map=blind_map))
    return replace(problem, criteria=tuple(criteria))


def assert_method_conforms(
    method: DesignMethod,
    problems: Sequence[DesignProblem] | None = None,
    *,
    reference: DesignMethod | None = None,
) -> None:
    """Run every law of design methods on one method.

    Sound designs (feasible, true objective, a lower bound that the optimum confirms, descending trace); failures that
    stay with their item; the same result in any batch order; `solve` in agreement with `solve_many`; the same result
    from the same seeds; no changed argument; a sentence for each problem that it does not apply to.

    Args:
        method: the method with its hyper-parameters.
        problems: what to try it on; by default random problems of every kind (`conformance_problems`).
        reference: method whose nearly optimal transmissions are the witnesses against lower bounds; by default the
            library's engine, so that methods built on the engine should be given another.
    """
    problems = conformance_problems(method) if problems is None else list(problems)
    _assert_named(method)
    for problem in problems:
        assert_explains_refusal(method, problem)
    able = [problem for problem in problems if method.why_not(problem) is None]
    assert able, f"{method.key} applies to none of the problems"
    designs = _designs(method.solve_many(able, seeds=_seeds(len(able))))
    assert_sound_designs(able, designs, reference)
    assert_order_does_not_matter(method, able, designs)
    assert_failure_stays_with_its_item(method, able, designs)
    assert_single_agrees_with_batch(method, able, designs)
    assert_arguments_unchanged(method, able)


def _assert_named(method: DesignMethod) -> None:
    assert method.key, "a method must have a key"
    assert method.summary, "a method must have a summary"


def _seeds(count: int, entropy: int = 7) -> list[np.random.SeedSequence]:
    return [np.random.SeedSequence([entropy, index]) for index in range(count)]


def _designs(results: Sequence[Design | CrbeamError]) -> list[Design]:
    failed = [result for result in results if not isinstance(result, Design)]
    assert not failed, f"solve_many failed on {len(failed)} of {len(results)} problems: {failed[0]}"
    return [result for result in results if isinstance(result, Design)]


def assert_explains_refusal(method: DesignMethod, problem: DesignProblem) -> None:
    """`why_not` is None or a sentence; a refused problem raises it from `solve` and carries it in `solve_many`."""
    reason = method.why_not(problem)
    if reason is None:
        return
    assert len(reason.split()) > 3, f"why_not must give a sentence, found `{reason}`"
    assert reason.endswith("."), f"why_not must give a sentence with a full stop, found `{reason}`"
    (result,) = method.solve_many([problem])
    assert isinstance(result, InvalidInput), f"solve_many must carry the refusal, found {type(result).__name__}"
    said = None
    try:
        method.solve(problem)
    except InvalidInput as error:
        said = str(error)
    assert said == reason, f"solve must raise `{reason}` for a problem that why_not refuses, found {said}"


def assert_sound_designs(
    problems: Sequence[DesignProblem], designs: Sequence[Design], reference: DesignMethod | None = None
) -> None:
    """Every design is feasible, honestly graded, and its lower bound is not above the optimum or a random feasible.

    Where users are served, the choices of a design are its own, and witnesses are random transmissions with choices of
    theirs, and the designs of `RIVALS`.
    """
    rng = np.random.default_rng(11)
    for problem, design in zip(problems, designs, strict=True):
        if is_plain(problem):
            (best,) = optimal_transmissions([problem], reference)
            assert_sound(problem, design, witnesses=[best, random_feasible(problem, rng)])
        else:
            assert_serves(problem, design, witnesses_of(problem, rng, unlike=design.method.partition(":")[0]))


def witnesses_of(problem: DesignProblem, rng: np.random.Generator, *, unlike: str = "") -> list[Sent]:
    """Feasible transmissions of a problem with requirements: random ones, and designs of methods of other names."""
    drawn = [random_service(problem, rng) for _ in range(WITNESSES)]
    rivals = [method_named(key) for key in RIVALS if key != unlike]
    designs = [rival.solve_many([problem])[0] for rival in rivals if rival.why_not(problem) is None]
    found = [sent for sent in drawn if sent is not None]
    found += [sent_by(design) for design in designs if isinstance(design, Design)]
    assert found, "there must be a feasible transmission to hold a lower bound against, but none was found"
    return found


def assert_order_does_not_matter(
    method: DesignMethod, problems: Sequence[DesignProblem], designs: Sequence[Design]
) -> None:
    """The same items, each with its seed, again and in smaller batches give the same designs.

    In reversed order they are solved by `assert_failure_stays_with_its_item`.
    """
    seeds = _seeds(len(problems))
    again = _designs(method.solve_many(problems, seeds=seeds))
    alone = [_designs(method.solve_many([p], seeds=[s]))[0] for p, s in zip(problems, seeds, strict=True)]
    for design, same, single in zip(designs, again, alone, strict=True):
        assert_same_designs(design, same, tolerance=1e-12)
        assert_same_designs(design, single, tolerance=BATCH_TOLERANCE)


def assert_failure_stays_with_its_item(
    method: DesignMethod, problems: Sequence[DesignProblem], designs: Sequence[Design]
) -> None:
    """An unidentifiable item of each kind is an error in its place and changes no other design, in reversed order."""
    seeds = _seeds(len(problems))
    kinds = {frozenset(type(part) for part in problem.constraints): problem for problem in reversed(problems)}
    bad = [unidentifiable_copy(problem) for problem in kinds.values()]
    given = [problems[0], *bad, *problems[1:]]
    mixed = method.solve_many(given[::-1], seeds=[seeds[0], *[seeds[0]] * len(bad), *seeds[1:]][::-1])[::-1]
    failed, rest = mixed[1 : 1 + len(bad)], [mixed[0], *mixed[1 + len(bad) :]]
    for error in failed:
        assert isinstance(error, CrbeamError), f"the unidentifiable item must be an error, found {error}"
    for design, again in zip(designs, _designs(rest), strict=True):
        assert_same_designs(design, again, tolerance=BATCH_TOLERANCE)


def assert_single_agrees_with_batch(
    method: DesignMethod, problems: Sequence[DesignProblem], designs: Sequence[Design]
) -> None:
    """`solve` may use a leaner path; it agrees within the sum of both certified gaps.

    Methods that are not global, or have no bound, take the same path and agree to 1e-9.
    """
    for problem, seed, design in zip(problems, _seeds(len(problems)), designs, strict=True):
        single = method.solve(problem, seed=seed)
        if not method.is_global or single.gap is None or design.gap is None:
            assert_same_designs(design, single, tolerance=BATCH_TOLERANCE)
            continue
        allowed = single.gap + design.gap + 1e-9
        apart = abs(single.objective - design.objective) / (design.objective or 1.0)
        assert apart <= allowed, f"solve and solve_many differ by {apart:.3g}, but their gaps allow {allowed:.3g}"


def assert_arguments_unchanged(method: DesignMethod, problems: Sequence[DesignProblem]) -> None:
    """Neither problems nor starts are written to."""
    starts = [problem.isotropic() for problem in problems]
    before = [_fingerprint(problem, start) for problem, start in zip(problems, starts, strict=True)]
    _designs(method.solve_many(problems, starts=starts))
    after = [_fingerprint(problem, start) for problem, start in zip(problems, starts, strict=True)]
    assert before == after, f"{method.key} changed a problem or a start in place"


def _fingerprint(*values: object) -> list[bytes]:
    """The bytes of all arrays in some values, wherever they are."""
    found: list[bytes] = []
    for value in values:
        if isinstance(value, np.ndarray):
            found.append(value.tobytes())
        elif isinstance(value, Mapping):
            found += _fingerprint(*value.values())
        elif isinstance(value, tuple | list):
            found += _fingerprint(*value)
        elif is_dataclass(value) and not isinstance(value, type):
            found += _fingerprint(*(getattr(value, part.name) for part in fields(value)))
    return found
