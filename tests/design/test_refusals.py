"""Transmissions that do not fit are refused in words wherever they are given."""

from dataclasses import replace

import numpy as np
import pytest
from tests.design.uneven_problems import SIZES, random_uneven

from crbeam.design import FixedAnalog, Illumination, MinimumSinr, Proposal, Stream, certify
from crbeam.design.grading import grade
from crbeam.design.methods import method_named
from crbeam.errors import CrbeamError, InvalidInput
from crbeam.testing import random_map, random_transmission

WRONG = {
    "missing": (lambda sent: sent.only(["a"]), r"shape \(3, 3\) for block `b`, found none"),
    "of another size": (lambda sent: sent.replaced({"b": sent["a"]}), r"shape \(3, 3\) for block `b`, found one of"),
}
WRONGS = pytest.mark.parametrize(("wrong", "said"), WRONG.values(), ids=list(WRONG))


@WRONGS
def test_certificates(wrong, said, rng):
    with pytest.raises(InvalidInput, match=said):
        certify(random_uneven(rng), wrong(random_transmission(rng, SIZES)))


@WRONGS
@pytest.mark.parametrize("key", ["fdb-wcrb", "conic-wcrb", "uniform", "fdb-wcm"])
def test_starts(key, wrong, said, rng):
    start = wrong(random_transmission(rng, SIZES))
    with pytest.raises(InvalidInput, match=said):
        method_named(key).solve(random_uneven(rng), start=start)


@pytest.mark.parametrize("size", [1, 3])
def test_sums_of_transmissions_of_other_arrays(size, rng):
    """A block of one antenna is not added to every entry."""
    sent = random_transmission(rng, SIZES)
    other = sent.replaced({"a": random_transmission(rng, {"a": size})["a"]})
    for operation in (sent.__add__, sent.__sub__):
        with pytest.raises(InvalidInput, match="block `a`"):
            operation(other)


def test_a_fixed_covariance_of_another_array(rng):
    with pytest.raises(InvalidInput, match=r"shape \(6, 6\) for block `a`"):
        random_map(rng, antennas=SIZES).with_fixed("a", np.eye(3, dtype=complex))


def test_factors_that_lack_a_block(rng):
    sent = random_transmission(rng, SIZES)
    proposal = Proposal(sent, factors={"a": np.linalg.cholesky(sent["a"])})
    with pytest.raises(CrbeamError):
        grade(method_named("uniform"), random_uneven(rng), proposal, seconds=0.0)


def test_channels_of_another_array(rng):
    one = random_uneven(rng)
    streams = (Stream("to user", ("a", "b"), "user"), Stream("rest", ("a", "b")))
    plain, six = replace(one, criteria=one.criteria[:1], streams=streams), np.ones(6, dtype=complex)
    for constraint in (
        MinimumSinr("user", {"b": six}, 1.0, 0.1),
        Illumination("b", six, 0.1),
        FixedAnalog("b", np.eye(6) + 0j),
    ):
        with pytest.raises(InvalidInput, match="block `b`"):
            method_named("digital").solve(plain.with_constraints(constraint))
