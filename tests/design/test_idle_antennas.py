"""Antennas to which nothing responds change no optimum: larger arrays against smaller ones."""

from dataclasses import replace

import numpy as np
import pytest
from tests.design.uneven_problems import SIZES, random_uneven, restricted

from crbeam.design import Codebook, MinimumSinr, Stream, certify
from crbeam.design.methods import method_named
from crbeam.information import InformationMap
from crbeam.testing import optimal_transmissions, random_feasible

#: Antennas that are appended to block a.
IDLE = 3


def padded(matrix, count):
    """Rows of zeros below a matrix `[tx, column]`."""
    return np.pad(matrix, ((0, count), (0, 0)))


def with_idle_antennas(problem, block, count=IDLE):
    """The same problem with antennas appended to a block that no observation sees and no codeword uses."""
    criteria = []
    for criterion in problem.criteria:
        parts = tuple(
            replace(part, transmit=padded(part.transmit, count)) if part.block == block else part
            for part in criterion.map.contributions
        )
        layout, constant = criterion.map.layout, criterion.map.constant
        criteria.append(replace(criterion, map=InformationMap(layout, parts, constant)))
    constraints = [
        replace(part, codewords=padded(part.codewords, count))
        if isinstance(part, Codebook) and part.block == block
        else part
        for part in problem.constraints
    ]
    return replace(problem, criteria=tuple(criteria), constraints=tuple(constraints))


def embedded(sent, block, count=IDLE):
    """The same transmission with silent antennas appended to a block."""
    return sent.replaced({block: np.pad(sent[block], ((0, count), (0, count)))})


@pytest.mark.parametrize("key", ["fdb-wcrb", "cpa-wcrb", "conic-wcrb"])
@pytest.mark.parametrize("is_shared", [True, False])
@pytest.mark.parametrize("block", ["a", "b"])
def test_antennas_that_nothing_responds_to_change_no_optimum(key, is_shared, block, rng):
    method = method_named(key)
    problem = restricted(rng, method, random_uneven(rng, is_shared=is_shared, prior=0.1))
    wider = with_idle_antennas(problem, block)
    assert wider.antennas == SIZES | {block: SIZES[block] + IDLE}
    before, after = method.solve(problem), method.solve(wider)
    allowed = before.gap + after.gap + 1e-9
    assert after.objective == pytest.approx(before.objective, rel=allowed)
    assert after.lower_bound <= before.objective
    assert before.lower_bound <= after.objective
    idle = after.covariances[block][SIZES[block] :, SIZES[block] :]
    assert np.trace(idle).real <= np.sqrt(allowed) * after.power_w


@pytest.mark.parametrize("block", ["a", "b"])
def test_silent_antennas_change_no_certificate(block, rng):
    for is_shared in (True, False):
        problem = random_uneven(rng, is_shared=is_shared, prior=0.1)
        wider = with_idle_antennas(problem, block)
        for sent in (random_feasible(problem, rng), *optimal_transmissions([problem])):
            before, after = certify(problem, sent), certify(wider, embedded(sent, block))
            assert after.objective == pytest.approx(before.objective, rel=1e-9)
            assert after.lower_bound == pytest.approx(before.lower_bound, rel=1e-9)


def test_antennas_that_something_responds_to_do_change_the_optimum(rng):
    problem = random_uneven(rng, is_shared=False)
    wider = with_idle_antennas(problem, "a")
    seen = [
        replace(part, transmit=part.transmit + 0.3 * rng.standard_normal(part.transmit.shape))
        if part.block == "a"
        else part
        for part in wider.criteria[0].map.contributions
    ]
    first = replace(wider.criteria[0], map=replace(wider.criteria[0].map, contributions=tuple(seen)))
    changed = replace(wider, criteria=(first, *wider.criteria[1:]))
    before, after = (method_named("fdb-wcrb").solve(each) for each in (problem, changed))
    assert after.objective != pytest.approx(before.objective, rel=1e-3)


def test_users_of_stations_with_different_arrays(rng):
    """Streams over both blocks; antennas that neither users nor observations respond to change nothing."""
    one = random_uneven(rng)
    plain = replace(
        one, criteria=one.criteria[:1], streams=(Stream("to user", ("a", "b"), "user"), Stream("rest", ("a", "b")))
    )
    channels = {block: rng.standard_normal(size) + 1j * rng.standard_normal(size) for block, size in SIZES.items()}
    problem = plain.with_constraints(MinimumSinr("user", channels, 5.0, 0.1))
    wide_channels = {**channels, "a": np.pad(channels["a"], (0, IDLE))}
    wider = with_idle_antennas(plain, "a").with_constraints(MinimumSinr("user", wide_channels, 5.0, 0.1))
    free = method_named("fdb-wcrb").solve(plain)
    before, after = (method_named("digital").solve(each) for each in (problem, wider))
    for design, asked in ((before, channels), (after, wide_channels)):
        assert design.gap <= 1e-6
        own, rest = (
            sum(np.real(h.conj() @ design.stream_covariances[name][block] @ h) for block, h in asked.items())
            for name in ("to user", "rest")
        )
        assert own / (rest + 0.1) >= 5.0 * (1.0 - 1e-9)
    assert after.objective == pytest.approx(before.objective, rel=before.gap + after.gap + 1e-9)
    assert before.objective >= free.lower_bound
