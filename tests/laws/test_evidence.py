"""A point of the dual proves a true bound, whoever found it, and nothing else does."""

from dataclasses import replace

import numpy as np
import pytest

from crbeam.design.convex.certificate import certificate, dual_value, least_slack, priced
from crbeam.design.convex.evidence import Evidence
from crbeam.design.convex.solution import convex_optimum
from crbeam.design.convex.statement import statement_of
from crbeam.design.grading import grade
from crbeam.design.methods.optimum import Optimum
from crbeam.errors import InvalidInput
from crbeam.testing.random_convex import OBJECTIVES, random_convex_problem

#: Objectives, each with what brings every kind of multiplier: rows, prices of groups and antennas, scales, ties.
CASES = [
    *((objective, ("sinr", "illumination", "prior")) for objective in OBJECTIVES),
    *((objective, ("ceiling", "antennas", "group", "prior")) for objective in OBJECTIVES),
    ("sum", ("tie", "limit", "prior")),
    ("thresholds", ("codebook", "uplink", "prior")),
    ("worst", ("sizes", "network", "prior")),
]


def solved(objective, rows):
    """A random problem, its certified design, and the evidence of the optimum."""
    problem = random_convex_problem(np.random.default_rng([7, CASES.index((objective, rows))]), objective, rows)
    proposal = convex_optimum(problem, tolerance=1e-6)
    return problem, grade(Optimum(), problem, proposal, seconds=0.0), proposal.evidence


def disturbed(statement, evidence, rng, size):
    """Any other evidence in the domain of its scales, which nobody would call a solution."""
    responses = tuple(each * (1.0 + size * rng.standard_normal(each.shape)) for each in evidence.responses)
    scales = evidence.scales * np.exp(size * rng.standard_normal(evidence.scales.shape))
    kinds = [scale.kind for scale in statement.scales]
    scales = np.where([kind == "threshold" for kind in kinds], np.minimum(scales, 0.999), scales)
    is_share = np.array([kind == "share" for kind in kinds], dtype=bool)
    caps = np.array([scale.level if scale.kind == "share" else np.inf for scale in statement.scales])
    scales = np.minimum(scales, caps)
    scales[is_share] /= max(1.0, float(scales[is_share].sum()))
    multipliers = evidence.multipliers * np.exp(size * rng.standard_normal(evidence.multipliers.shape))
    prices = evidence.prices * np.exp(size * rng.standard_normal(evidence.prices.shape))
    return priced(statement, Evidence(responses, scales, multipliers, prices))


@pytest.mark.parametrize(("objective", "rows"), CASES)
def test_any_evidence_proves_at_most_the_objective_of_a_feasible_transmission(rng, objective, rows):
    problem, design, evidence = solved(objective, rows)
    statement = statement_of(problem)
    assert certificate(statement, evidence) == pytest.approx(design.objective, rel=1e-6, abs=1e-12)
    for size in (1e-3, 0.1, 0.5):
        for _ in range(5):
            other = disturbed(statement, evidence, rng, size)
            assert certificate(statement, other) <= design.objective * (1.0 + 1e-9)


@pytest.mark.parametrize(("objective", "rows"), CASES)
def test_evidence_with_a_negative_slack_is_refused(objective, rows):
    problem, _, evidence = solved(objective, rows)
    statement = statement_of(problem)
    tight = priced(statement, evidence)
    more = tuple(1.2 * each for each in tight.responses)
    short = replace(tight, responses=more, multipliers=1.2 * tight.multipliers, prices=0.9 * tight.prices)
    assert min(least_slack(statement, short, block) for block in statement.blocks) < 0.0
    with pytest.raises(InvalidInput, match="slack of every stream"):
        certificate(statement, short)
    # without prices the value of the dual is above what transmissions reach: refusing it is what makes it a proof
    free = replace(tight, prices=0.0 * tight.prices)
    assert dual_value(statement, free) > dual_value(statement, tight) or not np.any(tight.prices)


@pytest.mark.parametrize(("objective", "rows"), [case for case in CASES if case[0] != "power"])
def test_a_bound_without_the_term_of_the_prior_is_wrong(objective, rows):
    """What a prior knows is paid for in the bound; left out, the bound exceeds what is reached."""
    problem, design, evidence = solved(objective, rows)
    statement = statement_of(problem)
    known = 0.0
    for term, response in zip(statement.terms, evidence.responses, strict=True):
        scale = 1.0 if term.scale is None else evidence.scales[term.scale]
        known += float(np.sum(response * (term.criterion.map.constant @ response))) / scale
    assert known > 1e-4 * design.objective or design.objective <= 1e-9
    assert certificate(statement, evidence) + known > design.objective * (1.0 + 1e-6) or design.objective <= 1e-9


@pytest.mark.parametrize(("objective", "rows"), CASES)
def test_a_slack_that_is_negative_by_rounding_is_paid_for(objective, rows):
    """Evidence just outside the domain, by less than counts as wrong, proves less than its value."""
    problem, design, evidence = solved(objective, rows)
    statement = statement_of(problem)
    tight = priced(statement, evidence)
    for size in (1e-9, 3e-9, 1e-8, 3e-8):
        responses = tuple((1.0 + size) * each for each in tight.responses)
        short = replace(tight, responses=responses, multipliers=(1.0 + size) * tight.multipliers)
        if any(least_slack(statement, short, block) < 0.0 for block in statement.blocks):
            break
    else:
        pytest.fail("no slack has become negative")
    value, proven = dual_value(statement, short), certificate(statement, short)
    assert proven < value
    if statement.counts_power_only:  # as much as evidence proves that is shrunk until the least slack is 0
        missing = max(-least_slack(statement, short, block) / statement.price_of(block) for block in statement.blocks)
        assert proven == pytest.approx(value / (1.0 + missing), rel=1e-12)
    assert proven <= design.objective * (1.0 + 1e-12)


def test_evidence_must_fit():
    problem, _, evidence = solved("worst", ("sinr", "illumination", "prior"))
    statement = statement_of(problem)
    wrong = [
        replace(evidence, responses=evidence.responses[:-1]),
        replace(evidence, multipliers=-evidence.multipliers),
        replace(evidence, prices=np.append(evidence.prices, 1.0)),
        replace(evidence, scales=2.0 * np.ones_like(evidence.scales)),
        replace(evidence, multipliers=np.full_like(evidence.multipliers, np.nan)),
        replace(evidence, responses=tuple(np.nan * each for each in evidence.responses)),
    ]
    for each in wrong:
        with pytest.raises(InvalidInput, match="Dual evidence must have"):
            certificate(statement, each)
