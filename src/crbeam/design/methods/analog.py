"""Methods whose transmission is beams of constant modulus."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float

from crbeam.design.analog.bound import LEAST_SHARE, analog_weighted_bound
from crbeam.design.analog.mismatch import (
    AnalogBeams,
    MismatchSettings,
    MismatchTarget,
    analog_mismatch,
    covariance_mismatch,
    eigenvector_beams,
    phase_slopes,
    shared_powers,
    slots_of,
    target_of,
    with_equal_powers,
)
from crbeam.design.certificate import weighted_bound
from crbeam.design.constraints import ConstantModulus
from crbeam.design.engine import solve_reduced
from crbeam.design.engine.reduction import ReducedProblem, reduce_problem
from crbeam.design.guides import Guide, GuidedMethod
from crbeam.design.problem import DesignProblem
from crbeam.design.result import Proposal
from crbeam.errors import SolverFailed, Unidentifiable
from crbeam.information import Transmission


@dataclass(frozen=True)
class AnalogMethod(GuidedMethod):
    """A method for problems with phase shifters in every block that starts from guides.

    The guides are the digital optima of each criterion alone. Concrete methods propose beams for one problem.
    """

    uses = frozenset({ConstantModulus})

    def why_not(self, problem: DesignProblem) -> str | None:
        """Needs phase shifters in every block."""
        digital = [block for block in problem.blocks if block not in problem.analog_blocks]
        if problem.analog_blocks and digital:
            return f"{self.key} needs a ConstantModulus constraint in every block, but {', '.join(digital)} has none."
        return super().why_not(problem)

    @abstractmethod
    def propose_beams(
        self, problem: DesignProblem, guides: Sequence[Guide], start: Transmission | None, seed: np.random.SeedSequence
    ) -> Proposal:
        """Beams for one problem."""

    def propose_guided(
        self, problem: DesignProblem, guides: Sequence[Guide], start: Transmission | None, seed: np.random.SeedSequence
    ) -> Proposal:
        """Beams that determine what is asked for.

        Raises:
            Unidentifiable: they do not, although some transmission does: the slots are too few.
        """
        proposal = self.propose_beams(problem, guides, start, seed)
        try:
            weighted_bound(problem, proposal.covariances)
        except Unidentifiable as error:
            slots = slots_of(problem)
            remedy = (
                f"Phase shifters send one beam in each slot, at most {slots} here, and those found do not suffice; "
                f"allow more slots, or use another method."
            )
            raise Unidentifiable(error.names, direction=error.direction, remedy=remedy) from None
        return proposal


def sent_beams(
    problem: DesignProblem,
    unit_beams: Sequence[Complex[np.ndarray, "_ _"]],
    powers: Sequence[Float[np.ndarray, " _"]],
) -> dict[str, Complex[np.ndarray, "_ _"]]:
    """Beams of each block in sqrt(watt), without those of no power, each budget used fully.

    A budget in which no beam has power, as no information sees its blocks, is shared equally by all of its beams.

    Args:
        problem: whose budgets are used.
        unit_beams: beams of unit norm of each block.
        powers: their powers in any unit.
    """
    unit, relative = (dict(zip(problem.blocks, each, strict=True)) for each in (unit_beams, powers))
    factors: dict[str, np.ndarray] = {}
    for budget in problem.budgets:
        members = budget.blocks
        total = sum(float(relative[member].sum()) for member in members)
        shared = {member: relative[member] if total > 0.0 else np.ones(relative[member].size) for member in members}
        kept = {member: np.flatnonzero(shared[member] > LEAST_SHARE * total) for member in members}
        used = {member: shared[member][kept[member]] for member in members}
        scale = budget.power_per_subcarrier_w / sum(float(values.sum()) for values in used.values())
        for member in members:
            factors[member] = unit[member][:, kept[member]] * np.sqrt(scale * used[member])
    return {block: factors[block] for block in problem.blocks}


def analog_proposal(
    factors: Mapping[str, np.ndarray], trace: tuple[float, ...], details: dict[str, float | int | str]
) -> Proposal:
    """What is handed over from the beams of each block; the trace has the start and each iteration."""
    beams = sum(factor.shape[1] for factor in factors.values())
    return Proposal(
        Transmission.of_factors(tuple(factors), list(factors.values())),
        factors=factors,
        trace=trace,
        iterations=max(len(trace) - 1, 0),
        details={"beams": beams, **details},
    )


def unit_beams(beams: AnalogBeams) -> list[Complex[np.ndarray, "_ beam"]]:
    """Beams of unit norm of each block."""
    unit = beams.amplitudes * np.exp(1j * beams.phases_rad)
    return [block[:size] for block, size in zip(unit, beams.antennas, strict=True)]


def codeword_powers(
    problem: DesignProblem, target: MismatchTarget
) -> tuple[list[Complex[np.ndarray, "_ _"]], list[Float[np.ndarray, " _"]]]:
    """Analog codewords of each block, at most one a slot and of unit norm, with powers that bring them near the blend.

    Raises:
        SolverFailed: the quadratic program on the powers has not converged.

    Reference: zhang2025 section V-B.
    """
    words = [problem.analog_blocks[block].codewords for block in problem.blocks]
    unit = [word / np.linalg.norm(word, axis=0) for word in words if word is not None]
    try:
        powers = shared_powers(target, unit)
        slots = slots_of(problem)
        if any(np.sum(values > 0.0) > slots for values in powers):
            strongest = [np.sort(np.argsort(-values, kind="stable")[:slots]) for values in powers]
            unit = [word[:, kept] for word, kept in zip(unit, strongest, strict=True)]
            powers = shared_powers(target, unit)
    except RuntimeError as error:
        raise SolverFailed(
            f"The powers of the codewords must converge, but: {error}", status="not converged"
        ) from error
    return unit, powers


def has_codewords(problem: DesignProblem) -> bool:
    """Whether every block has codewords of constant modulus."""
    blocks = problem.analog_blocks.values()
    return bool(blocks) and all(part.codewords is not None for part in blocks)


def bound_starts(
    problem: DesignProblem,
    reduced: ReducedProblem,
    guides: Sequence[Guide],
    *,
    seed: np.random.SeedSequence,
    start: Transmission | None,
    count: int,
) -> tuple[AnalogBeams, ...]:
    """Beams of the least mismatch, of the codewords if there are any, and `count` further ones.

    The further ones have the phases of the digital optimum's eigenvectors, then random phases. A given start adds the
    phases of its own eigenvectors.
    """
    mismatch = analog_mismatch(problem, guides, seed=seed, start=start)
    target, rng = mismatch.target, np.random.default_rng([*seed.generate_state(4), 1])
    shape = mismatch.beams.phases_rad.shape
    starts = [mismatch.beams]
    if has_codewords(problem):
        starts.append(_codeword_beams(problem, target, shape, rng))
    if start is not None:
        starts.append(eigenvector_beams(target.filled_up(start), target, shape[2], rng))
    if count > 0:
        starts.append(eigenvector_beams(target.filled_up(solve_reduced(reduced).covariances), target, shape[2], rng))
    while count > 1:
        starts.append(with_equal_powers(rng.uniform(-np.pi, np.pi, shape), target))
        count -= 1
    return tuple(starts)


def _codeword_beams(
    problem: DesignProblem, target: MismatchTarget, shape: tuple[int, ...], rng: np.random.Generator
) -> AnalogBeams:
    """Codewords with their powers; random beams without power where there are more slots than codewords."""
    phases, powers = rng.uniform(-np.pi, np.pi, shape), np.zeros((shape[0], shape[2]))
    for block, (words, values) in enumerate(zip(*codeword_powers(problem, target), strict=True)):
        strongest = np.argsort(-values, kind="stable")[: shape[2]]
        phases[block][: len(words), : strongest.size] = np.angle(words[:, strongest])
        powers[block, : strongest.size] = values[strongest]
    return AnalogBeams(phases, powers, target.antennas)


@dataclass(frozen=True)
class AnalogMismatch(MismatchSettings, AnalogMethod):
    """Beams of constant modulus whose covariance is near the digital optima of each criterion alone.

    Minimises `sum_c share_c || F F^H - V_c ||_F^2` by alternating between powers and phases from several starts. The
    trace is this sum relative to its value without transmission.

    Reference: zhang2025 eq. (23), Algorithm 1.
    """

    key = "analog-fdb"
    summary = "constant-modulus beams near the digital optima, by alternating power and phase steps"

    def __post_init__(self) -> None:
        self.require_option("starts", self.starts >= 1, "at least 1")
        self.require_option("threshold", 0.0 <= self.threshold < np.inf, "at least 0 and finite")
        self.require_option("max_iterations", self.max_iterations >= 0, "at least 0")
        self.require_option("phase_iterations", self.phase_iterations >= 1, "at least 1")

    def propose_beams(
        self, problem: DesignProblem, guides: Sequence[Guide], start: Transmission | None, seed: np.random.SeedSequence
    ) -> Proposal:
        """The beams of the best start."""
        result = analog_mismatch(problem, guides, seed=seed, start=start, settings=self)
        factors = sent_beams(problem, unit_beams(result.beams), tuple(result.beams.shares))
        slope = float(np.linalg.norm(phase_slopes(result.target, result.beams)))
        details = {"mismatch_gradient": slope / result.trace[-1], "starts": len(result.traces)}
        return analog_proposal(factors, result.trace, details)


@dataclass(frozen=True)
class AnalogCodebookMismatch(AnalogMethod):
    """Powers of given constant-modulus beams whose covariance is nearest to the digital optima's blend.

    The powers are the exact solution of a quadratic program on a simplex.

    Reference: zhang2025 section V-B.
    """

    key = "analog-cpa"
    summary = "powers of given constant-modulus beams near the digital optima"

    def why_not(self, problem: DesignProblem) -> str | None:
        """Needs codewords of constant modulus."""
        reason = super().why_not(problem)
        if reason is None and not has_codewords(problem):
            return f"{self.key} needs codewords in the ConstantModulus constraint of every block."
        return reason

    def propose_beams(
        self,
        problem: DesignProblem,
        guides: Sequence[Guide],
        start: Transmission | None,  # noqa: ARG002
        seed: np.random.SeedSequence,  # noqa: ARG002
    ) -> Proposal:
        """Codewords with their powers."""
        target = target_of(problem, guides)
        words, powers = codeword_powers(problem, target)
        factors = sent_beams(problem, words, powers)
        sent = Transmission.of_factors(problem.blocks, list(factors.values()))
        return analog_proposal(factors, (covariance_mismatch(target, sent),), {})


@dataclass(frozen=True)
class AnalogWeightedBound(AnalogMethod):
    """Least weighted bound found over the phases and powers of beams of constant modulus.

    The problem is not convex: the weighted bound is brought to a stationary point from several starts, among them what
    `analog-fdb` finds with the same seed and default options, and what `analog-cpa` finds, so that the result is never
    worse than theirs.

    Attributes:
        starts: number of further starts: phases of the digital optimum's beams, then random ones.
        max_iterations: iterations from each start; with 0 the best start is returned as it is.
        stationarity: largest derivative of the log of the bound at which a descent ends.
    """

    key = "analog-wcrb"
    summary = "least weighted bound over constant-modulus beams (stationary, from several starts)"

    starts: int = 6
    max_iterations: int = 500
    stationarity: float = 1e-7

    def __post_init__(self) -> None:
        self.require_option("starts", self.starts >= 0, "at least 0")
        self.require_option("max_iterations", self.max_iterations >= 0, "at least 0")
        self.require_option("stationarity", 0.0 <= self.stationarity < np.inf, "at least 0 and finite")

    def propose_beams(
        self, problem: DesignProblem, guides: Sequence[Guide], start: Transmission | None, seed: np.random.SeedSequence
    ) -> Proposal:
        """The best stationary beams."""
        reduced = reduce_problem(problem)
        starts = bound_starts(problem, reduced, guides, seed=seed, start=start, count=self.starts)
        result = analog_weighted_bound(reduced, starts, max_iterations=self.max_iterations, tolerance=self.stationarity)
        factors = sent_beams(problem, unit_beams(result.beams), tuple(_powers_w(problem, result.beams.shares)))
        details = {"phase_gradient": result.phase_gradient, "starts": len(starts), "best_start": result.start}
        return analog_proposal(factors, result.trace, details)


def _powers_w(problem: DesignProblem, shares: np.ndarray) -> np.ndarray:
    """Power of each beam from its share of its block's budget."""
    budget_w = {name: budget.power_per_subcarrier_w for budget in problem.budgets for name in budget.blocks}
    return shares * np.array([budget_w[name] for name in problem.blocks])[:, None]
