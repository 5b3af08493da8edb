"""The optimum of every convex problem, and the names that papers give it under restrictions of their own."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from crbeam.design.constraints import AntennaPower, Codebook, GroupPower, TiedBlocks
from crbeam.design.optimum import EngineMethod
from crbeam.design.problem import DesignProblem, Hinge, Power, Tail, WeightedBound
from crbeam.design.service_constraints import (
    BoundLimit,
    FixedAnalog,
    Illumination,
    MinimumSinr,
    MinimumUplinkSinr,
    PowerCeiling,
    Requirement,
)
from crbeam.design.structure import why_not_lit
from crbeam.information import Contribution


@dataclass(frozen=True)
class Optimum(EngineMethod):
    """Least objective over the covariances of all streams, with everything kept that is convex.

    Reference: zhang2025 eq. (13), li2024 eq. (26), wang2024 eq. (37), xu2023 eq. (8) with given choices.
    """

    key = "optimum"
    summary = "least objective under everything that is convex (global optimum)"
    keeps = frozenset(
        {
            AntennaPower,
            BoundLimit,
            Codebook,
            FixedAnalog,
            GroupPower,
            Illumination,
            MinimumSinr,
            MinimumUplinkSinr,
            PowerCeiling,
            Requirement,
            TiedBlocks,
        }
    )
    takes_any_objective = True


@dataclass(frozen=True)
class FullDimensionalWeightedBound(EngineMethod):
    """Least weighted bound over all transmit covariances within the power budgets.

    The problem is convex; it is solved in the span of the responses that the information sees, where restricting it
    loses nothing, until the certified gap is below `tolerance`. Any other objective of a problem is minimised alike.

    Reference: zhang2025 eq. (13), Remark 2.
    """

    key = "fdb-wcrb"
    summary = "least weighted bound over all covariances, by our own solver (global optimum)"
    keeps = frozenset({TiedBlocks})


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


@dataclass(frozen=True)
class FusedWeightedBound(EngineMethod):
    """Least weighted bound over all transmit covariances when user and station share what they observe.

    The same convex problem as `fdb-wcrb`, in which every criterion sees the observations of all links.

    Reference: zhang2025 Remark 1 and section VII-B.
    """

    key = "fusion"
    summary = "least weighted bound of all links together, by our own solver (global optimum)"
    judge = "fused"

    def why_not(self, problem: DesignProblem) -> str | None:
        """Needs criteria that see the same observations."""
        first, *others = [criterion.map.contributions for criterion in problem.criteria]
        if not all(_same_observations(first, other) for other in others):
            return f"{self.key} needs a problem whose criteria all see the observations of all links together."
        return super().why_not(problem)


def _same_observations(first: Sequence[Contribution], second: Sequence[Contribution]) -> bool:
    if len(first) != len(second):
        return False
    return all(
        one.block == other.block
        and np.array_equal(one.transmit, other.transmit)
        and np.array_equal(one.receive, other.receive)
        and np.array_equal(one.gram, other.gram)
        for one, other in zip(first, second, strict=True)
    )


@dataclass(frozen=True)
class Digital(EngineMethod):
    """Least weighted bound over the covariances of all streams, with every user's SINR and an illumination floor kept.

    The problem is convex. It is solved through its Lagrangian dual in the span of what sees the transmission (K + 3
    dimensions for K users and one near-field target, whatever the number of antennas); users' covariances are then made
    rank one without loss. Whether the ratios of a block can be met within its budget is decided exactly beforehand; all
    that contradicts beyond that is refuted by a ray of the dual.

    Downlink, uplink beside the echo of the probing, and any fixed analog network.

    Reference: li2024 eq. (26), eq. (28), eq. (39), eq. (53).

    Deviation: the paper solves semidefinite programs in the space of all antennas, and alternates between combiners
    and probing in the uplink (Algorithm 4). The programs here have the same optimum; in the uplink best combiners are
    in closed form and make the requirements linear.
    """

    key = "digital"
    summary = "least weighted bound under SINR and illumination requirements, digital beams (global optimum)"
    keeps = frozenset({MinimumSinr, MinimumUplinkSinr, Illumination, FixedAnalog})

    def why_not(self, problem: DesignProblem) -> str | None:
        """Needs a weighted bound as the objective."""
        if not isinstance(problem.objective, WeightedBound):
            others = {Power: "transmit power", Hinge: "thresholds on them", Tail: "the worst of several"}
            return f"{self.key} minimises weighted bounds only, not {others[type(problem.objective)]}."
        return super().why_not(problem)


@dataclass(frozen=True)
class LiftedSdp(EngineMethod):
    """Least weighted bound where all information comes over one direction, under the rates of receivers.

    In a line of sight a rate is a linear inequality on the covariances of all streams, and every bound is proportional
    to one over the power in the one direction, which is linear too: a semidefinite program with one scalar in place of
    all criteria. It is what `optimum` does with such problems; this is the name that the paper gives it. Messages end
    with one stream each, without loss.

    Reference: wang2024 eq. (23), eq. (32), eq. (37).

    Deviation: the paper approximates the rates successively (Algorithm II); in lines of sight there is nothing to
    approximate.
    """

    key = "lifted-sdp"
    summary = "least bound under rates where all information comes over one direction (global optimum)"
    keeps = frozenset({MinimumSinr})

    def why_not(self, problem: DesignProblem) -> str | None:
        """Needs one block whose information comes over one direction."""
        return why_not_lit(self.key, problem) or super().why_not(problem)


@dataclass(frozen=True)
class WeightedLinks(EngineMethod):
    """Least weighted loss of the links over one covariance, neither link knowing what the other observes.

    Reference: hamrouni2026 eq. (15).

    Deviation: (15) adds square metres to squares of speeds; here every bound is in units of its threshold.
    """

    key = "p1-weighted"
    summary = "least weighted loss of both links with one set of beams, each link for itself (global optimum)"

    def why_not(self, problem: DesignProblem) -> str | None:
        """Needs links that see one covariance."""
        if len(problem.blocks) > 1:
            return f"{self.key} needs links that see one covariance, but there are {', '.join(problem.blocks)}."
        return super().why_not(problem)


@dataclass(frozen=True)
class OneLinkMethod(EngineMethod):
    """Least loss of one link alone.

    Attributes:
        symbols: `share`, only the symbols of the link's stage; or `all`, every symbol of the interval.
        link: the link, and the first word of its stage (in concrete methods).
    """

    link: ClassVar[str]

    symbols: str = "share"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_option("symbols", self.symbols in ("share", "all"), "share or all")

    @property
    def judged_by(self) -> str:
        """The stage of the link, or the link with all symbols."""
        return f"{self.link}_stage" if self.symbols == "share" else self.link

    def why_not(self, problem: DesignProblem) -> str | None:
        """Needs a problem of one link."""
        if len(problem.criteria) > 1 or len(problem.blocks) > 1:
            return f"{self.key} needs a problem of one link alone, with one criterion and one block."
        return super().why_not(problem)


@dataclass(frozen=True)
class FullSensing(OneLinkMethod):
    """Least loss of monostatic sensing alone: with its share of the symbols, or with all of them (`symbols=all`).

    Reference: hamrouni2026 section IV-C (the baseline "full MS").
    """

    key = "full-ms"
    summary = "least loss of monostatic sensing alone, with its own or all symbols (baseline)"
    link = "monostatic"


@dataclass(frozen=True)
class FullPositioning(OneLinkMethod):
    """Least loss of bistatic positioning alone: with its share of the symbols, or with all of them (`symbols=all`).

    Reference: hamrouni2026 section IV-C (the baseline "full BP").
    """

    key = "full-bp"
    summary = "least loss of bistatic positioning alone, with its own or all symbols (baseline)"
    link = "bistatic"


@dataclass(frozen=True)
class JointSequential(EngineMethod):
    """Covariances of all stages that together have the least posterior loss: the global optimum.

    The information of the stages adds, and is linear in the covariances, so the posterior loss is convex in all of them
    together. If one power budget is shared by the stages, how they split it is chosen as well; with interleaved symbols
    the share of symbols of a stage is the power of its block over that of all.

    Reference: hamrouni2026 eq. (20).

    Deviation: the paper calls this problem prohibitive, as a search over the beams of one stage around an optimisation
    of the other, and does not solve it.
    """

    key = "joint-sequential"
    summary = "least posterior loss over the beams of both stages together (global optimum)"
    judge = "posterior"

    def why_not(self, problem: DesignProblem) -> str | None:
        """Needs stages with covariances of their own."""
        if len(problem.blocks) < 2:
            return f"{self.key} needs a problem with a covariance for each stage, but there is one in all."
        return super().why_not(problem)


@dataclass(frozen=True)
class SharedSequential(EngineMethod):
    """One covariance for both stages, with the least posterior loss among such: the global optimum.

    A restriction of `joint-sequential`, so never better than that, whose bound is its lower bound: the gap is what one
    set of beams costs. It is solved as a problem with one block that both stages see; the certified gap of that is in
    `details["tied_gap"]`.

    Reference: hamrouni2026 eq. (22).
    """

    key = "shared-sequential"
    summary = "least posterior loss of both stages with one set of beams (global optimum)"
    uses = frozenset({TiedBlocks})
    is_bounded_without_ties = True
    judge = "posterior"
