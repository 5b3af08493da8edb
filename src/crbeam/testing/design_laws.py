"""Laws that every design must keep, as assertions that others can run on designs of their own."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from crbeam.design import Certificate, ConstantModulus, Criterion, Design, DesignMethod, DesignProblem, Hinge, certify
from crbeam.design.methods import method_named
from crbeam.design.structure import expanded, merged_problem
from crbeam.errors import InvalidInput
from crbeam.information import Transmission
from crbeam.linalg import diagonal_scale
from crbeam.testing.random_worlds import random_covariance


def objective_of(problem: DesignProblem, covariances: Transmission) -> float:
    """Objective of a transmission by plain inversion of every (diagonally scaled) Fisher matrix."""
    total = 0.0
    for criterion in problem.active_criteria:
        information = criterion.map.at(covariances).matrix
        scale = diagonal_scale(information)
        inverse = _inverse(information * np.outer(scale, scale), criterion.selection / scale[:, None])
        inverse = inverse * np.outer(scale, scale)
        if isinstance(problem.objective, Hinge):
            variances = np.diagonal(inverse)
            total += sum(
                level
                * max(0.0, np.sqrt(sum(_weighted_variance(criterion, name, variances) for name in family)) - 1.0) ** 2
                for level, family in zip(criterion.family_levels.tolist(), criterion.families, strict=True)
            )
        else:
            total += float(np.sum(criterion.selection * (inverse @ criterion.selection)))
    return total


def _inverse(matrix: np.ndarray, requested: np.ndarray) -> np.ndarray:
    """Inverse of a scaled Fisher matrix, without directions that it does not see if nothing requested is among them."""
    values, vectors = np.linalg.eigh(matrix)
    unseen = vectors[:, values <= UNSEEN * values[-1]]
    if not unseen.size:
        return np.linalg.inv(matrix)
    hidden = float(np.linalg.norm(unseen.T @ requested)) / float(np.linalg.norm(requested))
    assert hidden <= HIDDEN, f"a requested parameter lies by {hidden:.3g} in directions without information"
    seen = vectors[:, unseen.shape[1] :]
    return (seen / values[unseen.shape[1] :]) @ seen.T


def _weighted_variance(criterion: Criterion, name: str, variances: np.ndarray) -> float:
    """`w_p tr CRB_p` from the diagonal of the inverse information."""
    return criterion.weights[name] * float(variances[criterion.map.layout.indices([name])].sum())


def random_feasible(problem: DesignProblem, rng: np.random.Generator) -> Transmission:
    """Random transmission that uses every power budget fully and keeps to every codebook and tie."""
    if problem.ties:
        return expanded(problem, random_feasible(merged_problem(problem), rng))
    sent: dict[str, np.ndarray] = {}
    for budget in problem.budgets:
        shares = rng.dirichlet(np.ones(len(budget.blocks))) * budget.power_per_subcarrier_w
        for block, share in zip(budget.blocks, shares, strict=True):
            if block in problem.codebooks:
                beams = problem.codebooks[block].unit_codewords
                sent[block] = share * (beams * rng.dirichlet(np.ones(beams.shape[1]))) @ beams.conj().T
            else:
                sent[block] = random_covariance(rng, problem.antennas[block], power_w=share)
    return Transmission(sent).only(problem.blocks)


#: Eigenvalue of a scaled Fisher matrix, relative to the largest, that is rounding, and the part of what is requested
#: that may lie in such directions.
UNSEEN, HIDDEN = 1e-14, 1e-7
#: Certified gap that a transmission must have to count as nearly optimal.
WITNESS_GAP = 1e-3
_ENGINE_METHODS = ("fdb-wcrb", "cpa-wcrb")


def optimal_transmissions(problems: Sequence[DesignProblem], method: DesignMethod | None = None) -> list[Transmission]:
    """Nearly optimal transmission of each problem, which every claimed lower bound must stay below.

    Args:
        problems: independent problems.
        method: what solves them, to a certified gap of `WITNESS_GAP` or less; by default the engine's method for the
            constraints of each problem. For designs of the engine itself use another, such as `conic-wcrb`.

    Raises:
        InvalidInput: the method does not apply to a problem, or ends too far from its optimum.
    """
    result = []
    for problem in map(_without_constant_modulus, problems):
        design = _reference_for(problem, method).solve(problem)
        if design.gap is None or design.gap > WITNESS_GAP:
            raise InvalidInput(
                f"A witness must be optimal to a certified gap of {WITNESS_GAP:g}, but {design.method} ends with the "
                f"gap {design.gap}; give another reference."
            )
        result.append(design.covariances)
    return result


def _without_constant_modulus(problem: DesignProblem) -> DesignProblem:
    """Problem of digital arrays: its optimum stays below every bound that holds without the constraint."""
    kept = tuple(part for part in problem.constraints if not isinstance(part, ConstantModulus))
    return replace(problem, constraints=kept)


def _reference_for(problem: DesignProblem, method: DesignMethod | None) -> DesignMethod:
    candidates = [method_named(key) for key in _ENGINE_METHODS] if method is None else [method]
    able = [candidate for candidate in candidates if candidate.why_not(problem) is None]
    if not able:
        reasons = " ".join(str(candidate.why_not(problem)) for candidate in candidates)
        raise InvalidInput(f"A reference must apply to every problem, but: {reasons}")
    return able[0]


def assert_feasible(problem: DesignProblem, covariances: Transmission, *, tolerance: float = 1e-9) -> None:
    """Covariances are Hermitian, positive semidefinite, within every power budget and equal where they are tied."""
    assert covariances.antennas == problem.antennas, f"covariances are of {covariances.antennas}"
    for block, covariance in covariances.items():
        size = max(float(np.max(np.abs(covariance))), 1e-300)
        skew = float(np.max(np.abs(covariance - covariance.conj().T))) / size
        assert skew <= tolerance, f"the covariance of {block} is not Hermitian (by {skew:.3g})"
        least = float(np.linalg.eigvalsh(covariance)[0]) / size
        assert least >= -tolerance, f"the covariance of {block} has the relative eigenvalue {least:.3g}"
    for budget in problem.budgets:
        used = sum(covariances.powers_w[block] for block in budget.blocks)
        excess = used / budget.power_per_subcarrier_w - 1.0
        assert excess <= tolerance, f"blocks {budget.blocks} exceed their budget by {excess:.3g}"
    for tie in problem.ties:
        first, *others = [covariances[block] for block in tie.blocks]
        apart = max(float(np.max(np.abs(other - first))) for other in others) / float(np.max(np.abs(first)))
        assert apart <= tolerance, f"tied blocks {tie.blocks} differ by {apart:.3g}"


def assert_lower_bound(
    problem: DesignProblem,
    lower_bound: float,
    transmissions: Sequence[Transmission],
    *,
    tolerance: float = 1e-9,
) -> None:
    """No given feasible transmission is better than a claimed lower bound."""
    best = min(objective_of(problem, transmission) for transmission in transmissions)
    assert lower_bound <= best * (1.0 + tolerance), (
        f"the claimed lower bound {lower_bound:.9g} is above the value {best:.9g} of a feasible transmission"
    )


def assert_certificate(
    problem: DesignProblem,
    transmissions: Sequence[Transmission],
    certificate: Callable[[DesignProblem, Transmission], Certificate] = certify,
) -> None:
    """The bound that each transmission proves lies below the value of every transmission, and its objective is true."""
    for transmission in transmissions:
        proof = certificate(problem, transmission)
        expected = objective_of(problem, transmission)
        assert abs(proof.objective - expected) <= 1e-7 * expected, (
            f"the objective is {expected:.9g}, but the certificate says {proof.objective:.9g}"
        )
        assert_lower_bound(problem, proof.lower_bound, transmissions)


def assert_decreasing(trace: Sequence[float], *, tolerance: float = 1e-9) -> None:
    """A descent method's objective never rises along its iterations."""
    for step, (before, after) in enumerate(pairwise(trace)):
        assert after <= before * (1.0 + tolerance), f"step {step + 1} raises the objective {before:.9g} to {after:.9g}"


def assert_sound(problem: DesignProblem, design: Design, *, witnesses: Sequence[Transmission] | None = None) -> None:
    """A design is feasible, its objective is the problem's, and its lower bound is below it and every witness.

    Args:
        problem: what was asked.
        design: what was answered.
        witnesses: feasible transmissions; by default a nearly optimal one (`optimal_transmissions`). Others prove less:
            a bound between the optimum and all witnesses goes unnoticed.
    """
    assert_feasible(problem, design.covariances)
    objective = objective_of(problem, design.covariances)
    spread = np.sqrt(objective) if isinstance(problem.objective, Hinge) else 0.0  # a root less its threshold
    assert abs(design.objective - objective) <= 1e-7 * (objective + spread), (
        f"{design.method} reports {design.objective:.9g}, but its covariances have the objective {objective:.9g}"
    )
    if design.lower_bound is None:
        assert design.bound_note, "a design without a lower bound must say why"
    else:
        witnesses = optimal_transmissions([problem]) if witnesses is None else witnesses
        assert design.lower_bound <= design.objective, f"{design.method} is better than its own lower bound"
        assert_lower_bound(problem, design.lower_bound, [design.covariances, *witnesses])
    assert_decreasing(design.trace)


def assert_same_designs(first: Design, second: Design, *, tolerance: float = 1e-9) -> None:
    """Two designs agree in objective and covariances."""
    size = largest_entry(first.covariances)
    apart = largest_entry(first.covariances - second.covariances) / size
    assert apart <= tolerance, f"covariances of {first.method} differ by {apart:.3g} of their size"
    error = abs(first.objective - second.objective) / (abs(first.objective) or 1.0)
    assert error <= tolerance, f"objectives of {first.method} differ by {error:.3g}"


def largest_entry(covariances: Transmission) -> float:
    """Largest modulus of an entry."""
    return max(float(np.max(np.abs(matrix))) for matrix in covariances.values())
