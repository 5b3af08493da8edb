"""Weighted bound over the powers of a codebook: CPA-WCRB of zhang2025."""

from dataclasses import dataclass

from crbeam.design.constraints import Codebook, TiedBlocks
from crbeam.design.engine_method import EngineMethod


@dataclass(frozen=True)
class CodebookWeightedBound(EngineMethod):
    """Least weighted bound over the powers of the beams of a codebook.

    The problem is convex in the powers; it is solved until the certified gap is below `tolerance`.

    Reference: zhang2025 eq. (16).
    """

    key = "cpa-wcrb"
    summary = "least weighted bound over the powers of given beams, by our own solver (global optimum)"
    uses = frozenset({Codebook})
    keeps = frozenset({TiedBlocks})
