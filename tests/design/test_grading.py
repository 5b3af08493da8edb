"""Grading believes nothing that a method says of its own proposal."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from crbeam import DesignMethod, Proposal, SolverFailed, Status, design_problem, method_named, read_scenario
from crbeam.design import (
    AntennaPower,
    BoundLimit,
    GroupPower,
    Illumination,
    PowerCeiling,
    beamformers_from_covariance,
    weighted_bound,
)
from crbeam.information import Transmission
from crbeam.testing import random_transmission


@dataclass(frozen=True)
class Fixed(DesignMethod):
    """Proposes what it is told to."""

    key = "fixed"
    summary = "a given proposal"

    proposal: Proposal | None = None

    def propose_many(self, problems, *, starts, seeds):
        return [self.proposal for _ in problems]


def problem(*overrides, method=None):
    return design_problem(read_scenario("zhang2025", overrides=overrides), weight=0.5, method=method)


def power_w(problem):
    return problem.budgets[0].power_per_subcarrier_w


def test_right_factors_give_the_design_of_the_covariance_alone(rng):
    factor = rng.standard_normal((16, 6)) + 1j * rng.standard_normal((16, 6))
    factor *= np.sqrt(power_w(problem()) / np.linalg.norm(factor) ** 2)
    covariance = factor @ factor.conj().T
    plain = Fixed(proposal=Proposal(Transmission({"bs": covariance}))).solve(problem())
    factored = Fixed(proposal=Proposal(Transmission({"bs": covariance}), factors={"bs": factor})).solve(problem())
    assert factored.objective == pytest.approx(plain.objective, rel=1e-12)
    assert factored.beamformers["bs"].matrix.shape == plain.beamformers["bs"].matrix.shape == (16, 6)
    np.testing.assert_allclose(factored.beamformers["bs"].covariance, covariance, atol=1e-15 * power_w(problem()) * 16)


@pytest.mark.parametrize("change", [1.001, 1j, np.nan])
def test_wrong_factors_are_refused(rng, change):
    factor = rng.standard_normal((16, 3)) + 1j * rng.standard_normal((16, 3))
    factor *= np.sqrt(power_w(problem()) / np.linalg.norm(factor) ** 2)
    wrong = factor.copy()
    wrong[0] *= change
    proposal = Proposal(Transmission.of_factors(["bs"], [factor]), factors={"bs": wrong})
    with pytest.raises(SolverFailed, match="F F\\^H = R"):
        Fixed(proposal=proposal).solve(problem())


@dataclass(frozen=True)
class FixedOfTheLimited(Fixed):
    """The same where antennas, groups, bounds and places have limits."""

    key = "fixed-of-the-limited"
    keeps = frozenset({AntennaPower, GroupPower, BoundLimit, PowerCeiling, Illumination})


def test_what_exceeds_a_limit_is_refused():
    """Limits just above what a transmission takes pass, just below they do not."""
    free = problem()
    sent = free.isotropic()
    name, bound = free.criteria[0].name, weighted_bound(replace(free, criteria=free.criteria[:1]), sent)
    place = np.exp(1j * np.arange(16))
    heard_w = float(np.real(place.conj() @ sent["bs"] @ place))
    antenna_w = power_w(free) / 16

    def limits(factor):
        return (
            AntennaPower("bs", np.full(16, factor * antenna_w)),
            GroupPower(("bs",), factor * power_w(free)),
            BoundLimit(name, factor * bound),
            PowerCeiling("bs", place, factor * heard_w),
            Illumination("bs", place, heard_w / factor),
        )

    method = FixedOfTheLimited(proposal=Proposal(sent))
    words = ("on antenna", "must keep to", "a bound of", "ceiling at", "illumination of")
    for loose, tight, word in zip(limits(1.0 + 1e-6), limits(1.0 - 1e-6), words, strict=True):
        assert method.solve(free.with_constraints(loose)).objective > 0.0
        with pytest.raises(SolverFailed, match=word):
            method.solve(free.with_constraints(tight))


def test_too_much_power_and_negative_eigenvalues_are_refused(rng):
    sent = random_transmission(rng, {"bs": 16}, power_w=power_w(problem()))
    with pytest.raises(SolverFailed, match="must keep to"):
        Fixed(proposal=Proposal(1.001 * sent)).solve(problem())
    with pytest.raises(SolverFailed, match="negative eigenvalue"):
        Fixed(proposal=Proposal(sent - 8.0 * problem().isotropic())).solve(problem())


def test_a_codebook_design_sends_codewords():
    method = method_named("cpa-wcrb")
    task = problem(method=method)
    design = method.solve(task)
    beams, words = design.beamformers["bs"].matrix, task.codebooks["bs"].unit_codewords
    powers = np.linalg.norm(beams, axis=0)
    alignment = np.max(np.abs(words.conj().T @ (beams / powers)), axis=0)
    np.testing.assert_allclose(alignment, 1.0, rtol=1e-12)
    assert np.all(np.diff(powers) <= 0.0)
    np.testing.assert_allclose(beams @ beams.conj().T, design.covariances["bs"], atol=1e-7 * power_w(task))
    eigenbeams = beamformers_from_covariance(design.covariances["bs"]).matrix
    best = np.max(np.abs(words.conj().T @ (eigenbeams / np.linalg.norm(eigenbeams, axis=0))), axis=0)
    assert best.min() < 0.99  # eigenbeams, which a codebook cannot send, would not pass


def test_few_slots_are_reported_with_the_loss_of_the_beams_that_fit():
    method = method_named("cpa-wcrb")
    full, few = (method.solve(problem(f"waveform.slots={slots}", method=method)) for slots in (16, 4))
    assert full.beamforming_loss == 0.0
    assert few.beamformers["bs"].matrix.shape[1] == 4
    sent = Transmission({"bs": few.beamformers["bs"].covariance})
    assert sent.power_w == pytest.approx(power_w(problem()), rel=1e-12)
    expected = weighted_bound(problem(), sent) / few.objective - 1.0
    assert few.beamforming_loss == pytest.approx(expected, rel=1e-9)
    assert few.beamforming_loss > 0.01


def test_a_single_slot_that_determines_nothing_has_no_loss_but_a_design():
    design = method_named("fdb-wcrb").solve(problem("waveform.slots=1", "targets.count=1"))
    assert design.status is Status.OPTIMAL
    assert design.beamforming_loss is None
