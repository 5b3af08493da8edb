"""Methods whose transmission is beams of constant modulus."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float

from crbeam.design.analog.bound import LEAST_SHARE
from crbeam.design.analog.mismatch import AnalogBeams, MismatchTarget, shared_powers, slots_of
from crbeam.design.certificate import weighted_bound
from crbeam.design.constraints import ConstantModulus
from crbeam.design.guided_method import GuidedMethod
from crbeam.design.guides import Guide
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
        self,
        problem: DesignProblem,
        guides: Sequence[Guide],
        start: Transmission | None,
        seed: np.random.SeedSequence,
    ) -> Proposal:
        """Beams for one problem."""

    def propose_guided(
        self,
        problem: DesignProblem,
        guides: Sequence[Guide],
        *,
        start: Transmission | None,
        seed: np.random.SeedSequence,
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
