"""Methods that compromise between the transmissions that are best for each criterion alone."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from crbeam.design.constraints import Codebook
from crbeam.design.guides import Guide, GuidedMethod
from crbeam.design.mismatch import (
    aligned,
    hermitian_root,
    mismatch,
    nearest_covariance_factors,
    nearest_factors,
    nearest_word_powers_w,
    random_unitary,
    transmit_basis,
    triangular_root,
    word_factors,
)
from crbeam.design.problem import DesignProblem
from crbeam.design.result import Proposal
from crbeam.errors import InvalidInput
from crbeam.information import Transmission


@dataclass(frozen=True)
class MismatchMethod(GuidedMethod):
    """A method that computes a compromise from guides; concrete methods say what is compared, and over which beams.

    The trace of a design is the mismatch that it minimises, relative to the power of all budgets (of beamformers) or
    to its square (of covariances).
    """

    def why_not(self, problem: DesignProblem) -> str | None:
        """Needs a codebook in every block if it needs codebooks at all."""
        reason = super().why_not(problem)
        if reason is None and self.uses and len(problem.codebooks) < len(problem.blocks):
            without = ", ".join(block for block in problem.blocks if block not in problem.codebooks)
            return f"{self.key} needs a codebook in every block, but there is none in {without}."
        return reason


def factors_by_budget(
    problem: DesignProblem, nearest: Callable[[Sequence[str], float], Sequence[np.ndarray]]
) -> dict[str, np.ndarray]:
    """Beamformers of every block, found for one power budget after the other.

    Args:
        problem: whose budgets are used fully.
        nearest: beamformers of the named blocks, which share a power in watt.
    """
    factors: dict[str, np.ndarray] = {}
    for budget in problem.budgets:
        factors.update(zip(budget.blocks, nearest(budget.blocks, budget.power_per_subcarrier_w), strict=True))
    return {block: factors[block] for block in problem.blocks}


def beamformer_proposal(
    problem: DesignProblem,
    guides: Sequence[Guide],
    guide_factors: Sequence[Mapping[str, np.ndarray]],
) -> Proposal:
    """Proposal of the beamformers nearest to those that stand for the guides, with their mismatch."""
    shares = [guide.share for guide in guides]

    def nearest(blocks: Sequence[str], power_w: float) -> Sequence[np.ndarray]:
        return nearest_factors(shares, [[factors[block] for block in blocks] for factors in guide_factors], power_w)

    factors = factors_by_budget(problem, nearest)
    power_w = sum(budget.power_per_subcarrier_w for budget in problem.budgets)
    value = _mismatch(shares, factors, guide_factors)
    return Proposal(_covariances(factors), factors=factors, trace=(value / power_w,))


def covariance_proposal(problem: DesignProblem, guides: Sequence[Guide], factors: Mapping[str, np.ndarray]) -> Proposal:
    """Proposal of covariances `F_b F_b^H`, with their mismatch to those of the guides."""
    power_w = sum(budget.power_per_subcarrier_w for budget in problem.budgets)
    covariances = _covariances(factors)
    value = _mismatch([guide.share for guide in guides], covariances, [guide.covariances for guide in guides])
    return Proposal(covariances, factors=factors, trace=(value / power_w**2,))


def _covariances(factors: Mapping[str, np.ndarray]) -> Transmission:
    return Transmission.of_factors(tuple(factors), list(factors.values()))


def _mismatch(
    shares: Sequence[float], found: Mapping[str, np.ndarray], guides: Sequence[Mapping[str, np.ndarray]]
) -> float:
    """`mismatch` of matrices by block."""
    return mismatch(shares, list(found.values()), [[guide[block] for block in found] for guide in guides])


@dataclass(frozen=True)
class BeamformerMismatch(MismatchMethod):
    """Beamformers that differ least from those of the guides, `sum_c s_c |F - F_c|_F^2`.

    The solution is `sum_c s_c F_c` scaled to full power. Guides are taken within the span of the transmit vectors.

    Attributes:
        root: which beamformers F_c with `F_c F_c^H = V_c` stand for a guide V_c. `hermitian`: its Hermitian root.
            `cholesky`: `U chol(Lambda_c)` for `V_c = U Lambda_c U^H` with the distinct transmit vectors U of the maps,
            in their order. `procrustes`: Hermitian roots, all of them rotated from the right to be nearest to the
            first. `random`: Hermitian roots, each rotated by a random unitary matrix from the seed.

    Reference: zhang2025 eq. (17), Remark 3.

    Deviation: Remark 3 leaves F_c open up to a unitary from the right, on which the result depends; `root` says which.
    """

    ROOTS: ClassVar[tuple[str, ...]] = ("hermitian", "cholesky", "procrustes", "random")

    key = "fdb-wbf"
    summary = "beamformers nearest to those that are best for each criterion alone (closed form)"

    root: str = "hermitian"

    def __post_init__(self) -> None:
        if self.root not in self.ROOTS:
            raise InvalidInput(f"The root of {self.key} must be one of {', '.join(self.ROOTS)}, found `{self.root}`.")

    def propose_guided(
        self,
        problem: DesignProblem,
        guides: Sequence[Guide],
        start: Transmission | None,  # noqa: ARG002
        seed: np.random.SeedSequence,
    ) -> Proposal:
        """The blend of the guides' beamformers, at full power in each budget."""
        bases = {block: transmit_basis(problem, block) for block in problem.blocks}
        inner = [
            [basis.conj().T @ guide.covariances[block] @ basis for block, basis in bases.items()] for guide in guides
        ]
        roots = self._roots(inner, np.random.default_rng(seed))
        return beamformer_proposal(problem, guides, [_in(bases, guide) for guide in roots])

    def _roots(self, inner: list[list[np.ndarray]], rng: np.random.Generator) -> list[list[np.ndarray]]:
        """Roots of each guide in each block."""
        if self.root == "cholesky":
            return [[triangular_root(matrix) for matrix in guide] for guide in inner]
        roots = [[hermitian_root(matrix) for matrix in guide] for guide in inner]
        if self.root == "procrustes":
            first, *others = roots
            return [first, *([aligned(*pair) for pair in zip(other, first, strict=True)] for other in others)]
        if self.root == "random":
            return [[root @ random_unitary(rng, len(root)) for root in guide] for guide in roots]
        return roots


def _in(bases: Mapping[str, np.ndarray], factors: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    return {block: basis @ factor for (block, basis), factor in zip(bases.items(), factors, strict=True)}


@dataclass(frozen=True)
class CodebookBeamformerMismatch(MismatchMethod):
    """Codewords with amplitudes that differ least from those of the guides, `sum_c s_c |U diag(v - v_c)|_F^2`.

    The solution is `sum_c s_c v_c` with `v_c >= 0`, scaled to full power.

    Reference: zhang2025 eq. (20).
    """

    key = "cpa-wbf"
    summary = "amplitudes of given beams nearest to those that are best for each criterion alone (closed form)"
    uses = frozenset({Codebook})

    def propose_guided(
        self,
        problem: DesignProblem,
        guides: Sequence[Guide],
        start: Transmission | None,  # noqa: ARG002
        seed: np.random.SeedSequence,  # noqa: ARG002
    ) -> Proposal:
        """The blend of the guides' amplitudes, at full power in each budget."""
        words = {block: problem.codebooks[block].unit_codewords for block in problem.blocks}
        guide_factors = [
            {block: word_factors(word, guide.covariances[block]) for block, word in words.items()} for guide in guides
        ]
        return beamformer_proposal(problem, guides, guide_factors)


@dataclass(frozen=True)
class CovarianceMismatch(MismatchMethod):
    """Covariances of full power that differ least from those of the guides, `sum_c s_c |V - V_c|_F^2`.

    The solution is the blend `sum_c s_c V_c` if the guides use their full power, and otherwise the nearest covariance
    to it within the span of the transmit vectors.

    Reference: zhang2025 eq. (22).
    """

    key = "fdb-wcm"
    summary = "covariance nearest to those that are best for each criterion alone (closed form)"

    def propose_guided(
        self,
        problem: DesignProblem,
        guides: Sequence[Guide],
        start: Transmission | None,  # noqa: ARG002
        seed: np.random.SeedSequence,  # noqa: ARG002
    ) -> Proposal:
        """The blend of the guides, at full power in each budget."""
        blended = Transmission.sum_of(guide.share * guide.covariances for guide in guides)

        def nearest(blocks: Sequence[str], power_w: float) -> list[np.ndarray]:
            bases = [transmit_basis(problem, block) for block in blocks]
            inner = [basis.conj().T @ blended[block] @ basis for basis, block in zip(bases, blocks, strict=True)]
            found = nearest_covariance_factors(inner, power_w)
            return [basis @ factor for basis, factor in zip(bases, found, strict=True)]

        return covariance_proposal(problem, guides, factors_by_budget(problem, nearest))


@dataclass(frozen=True)
class CodebookCovarianceMismatch(MismatchMethod):
    """Powers of codewords whose covariance differs least from the guides, `sum_c s_c |U diag(rho) U^H - V_c|_F^2`.

    The solution is the blend of the guides' powers if they use their full power and send codewords only, and otherwise
    the nearest covariance to their blend within the codebook.

    Reference: zhang2025 section IV-B.
    """

    key = "cpa-wcm"
    summary = "powers of given beams nearest to those that are best for each criterion alone (closed form)"
    uses = frozenset({Codebook})

    def propose_guided(
        self,
        problem: DesignProblem,
        guides: Sequence[Guide],
        start: Transmission | None,  # noqa: ARG002
        seed: np.random.SeedSequence,  # noqa: ARG002
    ) -> Proposal:
        """The blend of the guides' powers, at full power in each budget."""
        blended = Transmission.sum_of(guide.share * guide.covariances for guide in guides)

        def nearest(blocks: Sequence[str], power_w: float) -> list[np.ndarray]:
            words = [problem.codebooks[block].unit_codewords for block in blocks]
            found = nearest_word_powers_w(words, [blended[block] for block in blocks], power_w)
            return [word * np.sqrt(powers_w) for word, powers_w in zip(words, found, strict=True)]

        return covariance_proposal(problem, guides, factors_by_budget(problem, nearest))
