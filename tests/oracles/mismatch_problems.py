"""Problems, guides and distances for tests of mismatch schemes."""

from dataclasses import replace

import numpy as np

from crbeam.design import Codebook, Design, DesignProblem, PowerBudget
from crbeam.design.guides import guides_of
from crbeam.design.methods import method_named
from crbeam.design.mismatch import transmit_basis
from crbeam.information import Transmission
from crbeam.systems import design_problem
from crbeam.testing import random_scenario, random_transmission, two_stage_problem

KEYS = ("fdb-wbf", "cpa-wbf", "fdb-wcm", "cpa-wcm")
#: Relative distance to a conic solution, which is known to about 1e-7 of the power.
TOLERANCE = 1e-6


def problem_of(key: str, n_targets: int, seed: int) -> DesignProblem:
    rng = np.random.default_rng(seed)
    scenario = random_scenario(rng, n_targets=n_targets, n_antennas=8 + 2 * n_targets, subcarriers=32)
    return design_problem(scenario, weight=float(rng.uniform(0.1, 0.9)), method=method_named(key))


def guides_in(problem: DesignProblem) -> tuple[list[float], list[np.ndarray]]:
    """Shares and covariances of the guides of a problem with one block."""
    (guides,) = guides_of([problem])
    assert isinstance(guides, tuple)
    (block,) = problem.blocks
    return [guide.share for guide in guides], [guide.covariances[block] for guide in guides]


def covariance_in(design: Design) -> np.ndarray:
    """Covariance of the only block of a design."""
    (found,) = design.covariances.values()
    return found


def words_of(problem: DesignProblem) -> np.ndarray:
    return problem.codebooks[problem.blocks[0]].unit_codewords


def power_of(problem: DesignProblem) -> float:
    return problem.budgets[0].power_per_subcarrier_w


def basis_of(problem: DesignProblem) -> np.ndarray:
    return transmit_basis(problem, problem.blocks[0])


def given_guides(problem: DesignProblem, seed: int, powers: tuple[float, ...]) -> DesignProblem:
    """Same problem with random guides whose powers are given relative to those of the first budget."""
    rng, n_blocks = np.random.default_rng(seed), len(problem.blocks)
    guides = [
        random_transmission(rng, problem.antennas, power_w=power * power_of(problem) / n_blocks) for power in powers
    ]
    return replace(problem, guides=tuple(guides))


def distance(found: np.ndarray, expected: np.ndarray) -> float:
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))


def blend_of(shares: list[float], parts: list[np.ndarray]) -> np.ndarray:
    return sum((share * part for share, part in zip(shares, parts, strict=True)), np.zeros_like(parts[0]))


def covariance(factor: np.ndarray) -> np.ndarray:
    return factor @ factor.conj().T


def whole(transmission: Transmission) -> np.ndarray:
    """All blocks as one matrix."""
    return block_diagonal(list(transmission.values()))


def block_diagonal(blocks: list[np.ndarray]) -> np.ndarray:
    from scipy.linalg import block_diag

    return np.asarray(block_diag(*blocks))


def two_blocks(*, separate: bool, codebooks: bool) -> DesignProblem:
    rng = np.random.default_rng(10)
    problem = two_stage_problem(random_scenario(rng, n_targets=1, n_antennas=8, subcarriers=16), weight=0.4)
    power_w = power_of(problem)
    if separate:
        budgets = (PowerBudget(("first",), power_w), PowerBudget(("second",), 0.5 * power_w))
        problem = replace(problem, constraints=budgets)
    if not codebooks:
        return problem
    words = rng.standard_normal((2, 8, 5)) + 1j * rng.standard_normal((2, 8, 5))
    return problem.with_constraints(Codebook("first", words[0]), Codebook("second", words[1]))
