"""Beams whose entries differ in phase only: the constraint and how proposals are held to it."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from crbeam import ConstantModulus, Design, DesignMethod, Proposal, design_problem, method_named, read_scenario
from crbeam.design.beamformers import nearest_powers_w, powers_of_beams_w
from crbeam.design.grading import grade_many
from crbeam.errors import InvalidInput, SolverFailed
from crbeam.information import Transmission
from crbeam.testing import random_scenario, two_stage_problem


@dataclass(frozen=True)
class Fixed(DesignMethod):
    """Proposes the beams it is given."""

    key: ClassVar[str] = "fixed"
    summary: ClassVar[str] = "given beams"
    uses = frozenset({ConstantModulus})
    is_global = False

    beams: np.ndarray | None = None

    def propose_many(self, problems, *, starts, seeds):
        if self.beams is None:
            return [Proposal(problem.isotropic()) for problem in problems]
        sent = Transmission.of_factors(["bs"], [self.beams])
        return [Proposal(sent, factors={"bs": self.beams}) for _ in problems]


@pytest.fixture(scope="module")
def problem():
    scenario = read_scenario("zhang2025", overrides=["targets.count=1", "waveform.subcarriers=32", "waveform.slots=8"])
    plain = design_problem(scenario)
    return plain.with_constraints(ConstantModulus(plain.blocks[0]))


@pytest.fixture
def beams(problem, rng):
    phases = rng.uniform(0.0, 2.0 * np.pi, (problem.antennas["bs"], 6))
    powers = rng.uniform(0.1, 1.0, 6)
    powers *= problem.budgets[0].power_per_subcarrier_w / powers.sum()
    return np.sqrt(powers / problem.antennas["bs"]) * np.exp(1j * phases)


def test_analog_beams_are_accepted_and_become_the_beamformers(problem, beams):
    design = Fixed(beams=beams).solve(problem)
    sent = design.beamformers["bs"]
    assert sent.is_exact
    np.testing.assert_allclose(
        np.abs(sent.matrix), np.abs(sent.matrix[:1]) * np.ones((problem.antennas["bs"], 1)), rtol=1e-12
    )
    assert np.all(np.diff(np.linalg.norm(sent.matrix, axis=0)) <= 0.0)
    covariance = design.covariances["bs"]
    np.testing.assert_allclose(sent.covariance, covariance, atol=1e-12 * np.abs(covariance).max())
    assert design.gap is not None
    assert 0.0 < design.gap < 1.0


def test_the_lower_bound_is_that_of_the_digital_optimum(problem, beams):
    design = Fixed(beams=beams).solve(problem)
    digital = method_named("fdb-wcrb").solve(
        design_problem(
            read_scenario("zhang2025", overrides=["targets.count=1", "waveform.subcarriers=32", "waveform.slots=8"])
        )
    )
    assert design.lower_bound == pytest.approx(digital.objective, rel=2e-6)
    assert "constant modulus" in design.bound_note


def test_silent_beams_are_dropped(problem, beams):
    padded = np.concatenate([beams, np.zeros((problem.antennas["bs"], 1))], axis=1)
    assert Fixed(beams=padded).solve(problem).beamformers["bs"].matrix.shape[1] == 6


@pytest.mark.parametrize("fault", ["modulus", "slots", "no factors"])
def test_other_beams_are_refused(problem, beams, rng, fault):
    if fault == "modulus":
        beams = beams * (1.0 + 1e-6 * rng.standard_normal(beams.shape))
        beams *= np.sqrt(problem.budgets[0].power_per_subcarrier_w) / np.linalg.norm(beams)
    elif fault == "slots":
        beams = np.concatenate([beams, beams], axis=1) / np.sqrt(2.0)
    else:
        beams = None
    with pytest.raises(SolverFailed, match="one modulus each, in at most"):
        Fixed(beams=beams).solve(problem)


def test_methods_for_digital_arrays_say_that_they_cannot_keep_it(problem):
    with pytest.raises(InvalidInput, match="cannot keep the ConstantModulus constraint"):
        method_named("fdb-wcrb").solve(problem)


def test_codewords_must_keep_the_constraint(rng):
    words = np.exp(1j * rng.uniform(0.0, 6.0, (8, 3)))
    ConstantModulus("station", words)
    with pytest.raises(InvalidInput, match="entries all have the same modulus"):
        ConstantModulus("station", words * np.linspace(1.0, 2.0, 8)[:, None])


def test_nearest_powers_meet_the_conditions_of_optimality(rng):
    beams = rng.standard_normal((6, 9)) + 1j * rng.standard_normal((6, 9))
    factor = rng.standard_normal((6, 3)) + 1j * rng.standard_normal((6, 3))
    wanted = 1e-8 * factor @ factor.conj().T
    power_w = 0.7 * float(np.trace(wanted).real)
    powers_w = nearest_powers_w(beams, wanted, power_w)
    unit = beams / np.linalg.norm(beams, axis=0)
    assert powers_w.sum() == pytest.approx(power_w, rel=1e-12)
    assert powers_w.min() >= 0.0
    rest = (unit * powers_w) @ unit.conj().T - wanted
    slope = np.real(np.einsum("il,ij,jl->l", unit.conj(), rest, unit)) / power_w
    used = powers_w > 1e-12 * power_w
    assert 1 < used.sum() < 9
    assert np.ptp(slope[used]) < 1e-10
    assert np.all(slope[~used] > slope[used].max() - 1e-10)
    halved = np.full(9, power_w / 9)
    assert np.linalg.norm(rest) < np.linalg.norm((unit * halved) @ unit.conj().T - wanted)


def test_powers_of_beams_are_found_again_and_a_stranger_is_noticed(rng):
    beams = rng.standard_normal((6, 4)) + 1j * rng.standard_normal((6, 4))
    unit = beams / np.linalg.norm(beams, axis=0)
    powers_w = 1e-9 * np.array([1.0, 0.0, 2.0, 0.5])
    found, distance = powers_of_beams_w(beams, (unit * powers_w) @ unit.conj().T)
    np.testing.assert_allclose(found, powers_w, atol=1e-21)
    assert distance < 1e-12
    assert powers_of_beams_w(beams, np.eye(6, dtype=complex))[1] > 0.1


def test_a_block_may_be_silent(rng):
    scenario = random_scenario(rng, n_targets=1, n_antennas=8, subcarriers=16)
    plain = two_stage_problem(scenario)
    problem = plain.with_constraints(*(ConstantModulus(block) for block in plain.blocks))
    beams = np.exp(1j * rng.uniform(0.0, 6.0, (8, 5))) * np.sqrt(problem.budgets[0].power_per_subcarrier_w / 40)
    silent = np.zeros((8, 0), dtype=complex)
    factors = {"first": beams, "second": silent}
    proposal = Proposal(Transmission.of_factors(list(factors), list(factors.values())), factors=factors)
    (design,) = grade_many(Fixed(), [problem], [proposal], seconds=0.0)
    assert isinstance(design, Design)
    assert {block: part.matrix.shape[1] for block, part in design.beamformers.items()} == {"first": 5, "second": 0}
