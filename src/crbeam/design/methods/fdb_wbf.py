"""Least mismatch of beamformers: FDB-WBF of zhang2025."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from crbeam.design.guides import Guide
from crbeam.design.mismatch import transmit_basis
from crbeam.design.mismatch_method import MismatchMethod, beamformer_proposal
from crbeam.design.problem import DesignProblem
from crbeam.design.result import Proposal
from crbeam.design.square_roots import aligned, hermitian_root, random_unitary, triangular_root
from crbeam.errors import InvalidInput


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

    def compromise(self, problem: DesignProblem, guides: Sequence[Guide], seed: np.random.SeedSequence) -> Proposal:
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
