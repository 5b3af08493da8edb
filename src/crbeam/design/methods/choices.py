"""Methods that choose beside the transmission: by search, by a search that ends early, or by a rule."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool

from crbeam.design.choices import Chosen, Selection
from crbeam.design.method import CertifiedMethod
from crbeam.design.problem import DesignProblem
from crbeam.design.result import Proposal
from crbeam.design.search.boxes import is_associated, receiver_choice, require_programs, roles_of
from crbeam.design.search.branch_and_bound import (
    Effort,
    Found,
    best_transmission,
    bounded,
    relaxed,
    require_feasible,
    require_transmission,
    solved,
)
from crbeam.design.search.grading import RELAXATION_GAP
from crbeam.design.search.members import selection_of
from crbeam.design.search.method import (
    ChoiceMethod,
    RuleOfSelection,
    found_by,
    listing_of_all,
    proposal_of,
    relaxation_proofs,
    require_selection,
)
from crbeam.design.search.rules import k_means_groups, linkage_groups, nearest_sets
from crbeam.design.search.shortage import strongest


@dataclass(frozen=True)
class Exact(ChoiceMethod, CertifiedMethod):
    """Least transmit power under SINR and accuracy requirements, or best accuracy within power budgets.

    Branch and bound over all choices.

    For given choices the problem is convex; its dual is solved in the span of what sees the transmission. The
    relaxation of a box of choices lets every station serve every user without coherence, and members take part as far
    as limits on their number and their prices allow; boxes are split where that leaves a gap. At any end, also by the
    time limit, the leaves of the search prove a lower bound, which grading checks.

    Attributes:
        time_limit_s: seconds after which the best transmission so far is taken, with its proven gap.

    Reference: xu2023 eq. (8), eq. (13), Theorem 1; wang2024 eq. (23), eq. (29).

    Deviation: Algorithm 1 of xu2023 alternates over a penalised relaxation and cannot change who listens; here every
    choice is covered by a proof. The selection of wang2024 is for fixed beams that it does not name; here every set is
    judged with the beams that are best for it.

    Where rounding ends the program of a choice before its gap is closed, as for targets that are nearly at one place,
    the status is `feasible`, with the proven gap, and `details["unclosed"]` counts such sets of choices.
    """

    key = "exact"
    summary = "global optimum over choices and beams: who listens, who serves whom, who takes part"

    tolerance: float = 1e-4
    time_limit_s: float = 300.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_option("time_limit_s", 0.0 < self.time_limit_s < np.inf, "positive and finite")

    def design(self, problem: DesignProblem, seed: np.random.SeedSequence) -> Proposal:  # noqa: ARG002
        """Search all choices."""
        require_selection(problem)
        effort = Effort(0.5 * self.tolerance, self.time_limit_s)
        outcome = best_transmission(problem, roles_of(problem), effort, listing_of_all(problem))
        found = found_by(problem, outcome)
        proofs = tuple(node.proof for node in outcome.leaves)
        numbers = {"programs": outcome.programs, "sets": len(proofs)}
        if not outcome.hit_limit:
            least = (1.0 - self.tolerance) * found.objective
            numbers["unclosed"] = sum(node.lower_bound < least for node in outcome.leaves)
        proposal = proposal_of(found, proofs, **numbers)
        trace = tuple(best for best, _ in outcome.trace)
        return replace(proposal, trace=trace, iterations=outcome.programs, hit_time_limit=outcome.hit_limit)


@dataclass(frozen=True)
class ManyReceivers(ChoiceMethod):
    """Those who take part from few relaxations of their choice, rounded, with their best transmission.

    The search of `exact`, ended after some programs: for hundreds of receivers, of which no search looks at every set.

    Attributes:
        programs: number of convex programs after which the best transmission so far is taken, with its proven gap.

    Reference: wang2024 eq. (29).
    """

    key = "many-receivers"
    summary = "hundreds of receivers from few relaxations, with their best beams, and a proven bound"
    is_global = False

    programs: int = 6

    def __post_init__(self) -> None:
        self.require_option("programs", self.programs >= 2, "at least 2")

    def why_not(self, problem: DesignProblem) -> str | None:
        """Needs receivers or stations to choose from."""
        if selection_of(problem) is None:
            return f"{self.key} needs a problem with a Selection constraint: receivers to choose from, and a budget."
        return super().why_not(problem)

    def design(self, problem: DesignProblem, seed: np.random.SeedSequence) -> Proposal:  # noqa: ARG002
        """Search from the relaxation of everything."""
        require_selection(problem)
        outcome = best_transmission(problem, roles_of(problem), Effort(1e-4, max_programs=self.programs))
        found = found_by(problem, outcome)
        proposal = proposal_of(found, [node.proof for node in outcome.leaves], programs=outcome.programs)
        return replace(proposal, trace=tuple(best for best, _ in outcome.trace), iterations=outcome.programs)


@dataclass(frozen=True)
class RelaxAndRound(ChoiceMethod):
    """For each station that may listen: relax who serves whom, round to the largest contribution, solve again.

    The best of the rounded transmissions is taken; the relaxations bound the gap.

    Reference: xu2023 eq. (8).
    """

    key = "relax-and-round"
    summary = "least power or error of a network after rounding the relaxed association, for every receiver"
    keeps = ChoiceMethod.keeps - {Selection}
    is_global = False

    def design(self, problem: DesignProblem, seed: np.random.SeedSequence) -> Proposal:  # noqa: ARG002
        """Two programs for each role."""
        best: Found | None = None
        programs, relaxations = 0, relaxed(problem, roles_of(problem), gap=RELAXATION_GAP)
        for each in relaxations:
            found, programs = each.found, programs + 1
            node = each.node
            if is_associated(problem) and np.isfinite(node.lower_bound) and node.shares is not None and node.program:
                trial = bounded(node.program.served_by(strongest(node.shares)))
                found, programs = solved(trial, gap=RELAXATION_GAP).found, programs + 1
            if found is not None and (best is None or found.objective < best.objective):
                best = found
        nodes = tuple(each.node for each in relaxations)
        found = require_feasible(problem, best, nodes)
        return proposal_of(found, tuple(node.proof for node in nodes), programs=programs)


@dataclass(frozen=True)
class NearestReceiver(ChoiceMethod):
    """Least power when the first of the stations that may listen does: the nearest to the target.

    Association and beams are optimised exactly. The lower bound is over all receivers.

    Attributes:
        time_limit_s: seconds after which the best transmission so far is taken.

    Reference: xu2023 section IV, Scheme 1.
    """

    key = "nearest-receiver"
    summary = "least power or error of a network when the station nearest to the target listens (scheme 1)"
    keeps = ChoiceMethod.keeps - {Selection}
    is_global = False

    time_limit_s: float = 300.0

    def __post_init__(self) -> None:
        self.require_option("time_limit_s", 0.0 < self.time_limit_s < np.inf, "positive and finite")

    def design(self, problem: DesignProblem, seed: np.random.SeedSequence) -> Proposal:  # noqa: ARG002
        """Search the first role."""
        first, *others = roles_of(problem)
        outcome = best_transmission(problem, (first,), Effort(1e-6, self.time_limit_s))
        found = require_transmission(problem, outcome)
        proofs = (*(node.proof for node in outcome.leaves), *relaxation_proofs(problem, others))
        return proposal_of(found, proofs, programs=outcome.programs + len(others))


@dataclass(frozen=True)
class RandomChoice(ChoiceMethod):
    """Least power when the seed draws who listens and who serves whom, both uniformly.

    Reference: xu2023 section IV, Scheme 2.
    """

    key = "random-choice"
    summary = "least power or error of a network for a receiver and an association drawn from the seed (scheme 2)"
    keeps = ChoiceMethod.keeps - {Selection}
    is_global = False

    def design(self, problem: DesignProblem, seed: np.random.SeedSequence) -> Proposal:
        """One program, and the relaxations for the gap."""
        generator = np.random.default_rng(seed)
        roles = roles_of(problem)
        role = roles[int(generator.integers(len(roles)))]
        (program,) = require_programs(problem, (role,))
        servers = {user: (able[int(generator.integers(len(able)))],) for user, able in role.servers.items()}
        each = solved(bounded(program.served_by(servers)), gap=RELAXATION_GAP)
        found = require_feasible(problem, each.found, (each.node,))
        proofs = relaxation_proofs(problem)
        return proposal_of(found, proofs, programs=1 + len(proofs))


@dataclass(frozen=True)
class OneTransmitter(ChoiceMethod):
    """Least power of a bistatic pair: one station sends everything, another listens, all others are silent.

    Attributes:
        transmitter: name of the block that transmits; by default that of the station nearest to the target, of
            those that can transmit while another listens.
        receiver: name of the set of stations that listens; by default the nearest of the others.

    Reference: xu2023 section IV, Scheme 3.
    """

    key = "one-transmitter"
    summary = "least power or error of a network when one station transmits and another listens (scheme 3)"
    keeps = ChoiceMethod.keeps - {Selection}
    is_global = False

    transmitter: str = ""
    receiver: str = ""

    def design(self, problem: DesignProblem, seed: np.random.SeedSequence) -> Proposal:  # noqa: ARG002
        """One program, and the relaxations for the gap."""
        transmitter = self.transmitter or _nearest(problem)
        self.require_option("transmitter", transmitter in problem.blocks, f"one of {', '.join(problem.blocks)}")
        able = [role for role in roles_of(problem) if transmitter not in role.silent]
        role = next((each for each in able if self.receiver in ("", each.receiver)), None)
        self.require_option("receiver", role is not None, f"one of {', '.join(each.receiver for each in able)}")
        assert role is not None
        (program,) = require_programs(problem, (_alone(problem, role, transmitter),))
        each = solved(bounded(program), gap=RELAXATION_GAP)
        found = require_feasible(problem, each.found, (each.node,))
        proofs = relaxation_proofs(problem)
        return proposal_of(found, proofs, programs=1 + len(proofs))


def _nearest(problem: DesignProblem) -> str:
    """The first station that some role lets transmit, in the order of those that may listen."""
    choice = receiver_choice(problem)
    listed = [] if choice is None else [block for each in choice.options.values() for block in each.silent_blocks]
    able = {block for role in roles_of(problem) for block in problem.blocks if block not in role.silent}
    return next(block for block in (*listed, *problem.blocks) if block in able)


def _alone(problem: DesignProblem, role: Chosen, transmitter: str) -> Chosen:
    """A role in which one block transmits."""
    others = (block for block in problem.blocks if block not in (transmitter, *role.silent))
    servers = {user: (transmitter,) if transmitter in able else () for user, able in role.servers.items()}
    return replace(role, silent=(*role.silent, *others), servers=servers)


@dataclass(frozen=True)
class Linkage(RuleOfSelection):
    """The best of the 2K - 1 groups of the minimax linkage tree, each with its best transmission.

    Reference: wang2024 section IV, Algorithm I.
    """

    key = "linkage"
    summary = "receivers by minimax linkage (Algorithm I of wang2024), with their best beams"

    def candidates(self, selection: Selection) -> Bool[np.ndarray, "set member"]:
        """Every group of the tree."""
        assert selection.costs is not None, "why_not has said so"
        return linkage_groups(selection.costs)


@dataclass(frozen=True)
class KMeans(RuleOfSelection):
    """The best cluster of receivers over all numbers of clusters, each with its best transmission.

    Reference: wang2024 section VI.
    """

    key = "k-means"
    summary = "receivers by k-means over their places, with their best beams"

    def why_not(self, problem: DesignProblem) -> str | None:
        """Needs the places of the receivers too."""
        reason, selection = super().why_not(problem), selection_of(problem)
        if reason is None and selection is not None and selection.positions_m is None:
            return f"{self.key} needs the places of the receivers, not only their prices."
        return reason

    def candidates(self, selection: Selection) -> Bool[np.ndarray, "set member"]:
        """Every cluster."""
        positions_m = selection.positions_m
        assert positions_m is not None, "why_not has said so"
        return k_means_groups(positions_m)


@dataclass(frozen=True)
class NearestSet(RuleOfSelection):
    """The best number of receivers nearest to the target, with their best transmission.

    Reference: wang2024 eq. (29).
    """

    key = "nearest-set"
    summary = "the receivers nearest to the target, as many as the budget allows, with their best beams"

    def candidates(self, selection: Selection) -> Bool[np.ndarray, "set member"]:
        """The n nearest, for every n."""
        assert selection.costs is not None, "why_not has said so"
        return nearest_sets(selection.costs)
