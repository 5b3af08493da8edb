"""Exact reduction of a design problem to a few dimensions, whitened and scaled.

Information sees R_b only through `T_b^H R_b T_b`, so R_b may be restricted to the span of the transmit vectors: with an
orthonormal basis Q, `R_b = P Q X_b Q^H`, and the power stays the trace. Over a codebook the basis is the beams
themselves and X is diagonal. Parameters are changed to those in which the information at the isotropic X is the
identity, and the objective is divided by its value there.

Reference: zhang2025 remark 2.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Complex

from crbeam.design.engine.reduced_bound import unit_factors
from crbeam.design.engine.reduced_information import (
    BlockShape,
    ContributionShape,
    ReducedArrays,
    ReducedShape,
    contribution_information,
    real_image,
    shared,
    symmetric,
    term_index,
)
from crbeam.design.problem import DesignProblem
from crbeam.design.structure import Structure, structures
from crbeam.errors import CrbeamError, SolverFailed, Unidentifiable
from crbeam.information import Transmission
from crbeam.information.transmission import Covariances
from crbeam.linalg import hermitian_part, inverse_factors, span

#: Pivots of the QR factorisation below which the rank is decided by singular values.
SAFE_PIVOT = 1e-6


@dataclass(frozen=True, eq=False)
class ReducedBatch:
    """Reduced problems of one shape; all arrays have the items in front.

    Attributes:
        problems: where they come from.
        shape: sizes and structure.
        arrays: whitened numbers.
        bases: Q (or the unit codewords) of each active block, `[item, tx, size]`.
        active_blocks: index in a problem of each block that some information sees.
        active_budgets: index in a problem of each budget of these blocks.
        powers_w: power of each active budget, `[item, budget]`, watt per subcarrier summed over slots.
        scales: objective at the isotropic X; objectives of the reduced problem are relative to it.
    """

    problems: tuple[DesignProblem, ...]
    shape: ReducedShape
    arrays: ReducedArrays
    bases: tuple[np.ndarray, ...]
    active_blocks: tuple[int, ...]
    active_budgets: tuple[int, ...]
    powers_w: np.ndarray
    scales: np.ndarray

    @cached_property
    def key(self) -> tuple:
        """Batches with equal keys can be joined."""
        antennas = tuple(self.problems[0].antennas.items())
        return self.shape, self.active_blocks, self.active_budgets, antennas

    def take(self, index: np.ndarray) -> "ReducedBatch":
        """The items at `index`."""
        return ReducedBatch(
            tuple(self.problems[item] for item in index),
            self.shape,
            self.arrays.take(index),
            tuple(basis[index] for basis in self.bases),
            self.active_blocks,
            self.active_budgets,
            self.powers_w[index],
            self.scales[index],
        )

    @classmethod
    def joined(cls, batches: Sequence["ReducedBatch"]) -> "ReducedBatch":
        """The items of several batches of equal keys, in order."""
        first = batches[0]
        if len(batches) == 1:
            return first
        return cls(
            tuple(problem for batch in batches for problem in batch.problems),
            first.shape,
            ReducedArrays.joined([batch.arrays for batch in batches]),
            tuple(np.concatenate(bases) for bases in zip(*(batch.bases for batch in batches), strict=True)),
            first.active_blocks,
            first.active_budgets,
            np.concatenate([batch.powers_w for batch in batches]),
            np.concatenate([batch.scales for batch in batches]),
        )

    def factors(self, points: np.ndarray) -> list[Complex[np.ndarray, "item tx beam"]]:
        """F of each active block at one point for each item, with `R = F F^H`; every budget is used exactly."""
        result = []
        for block, basis, unit in zip(self.shape.blocks, self.bases, unit_factors(self.shape, points), strict=True):
            level = np.sqrt(self.powers_w[:, block.budget])
            if block.is_diagonal:
                result.append(basis * (level[:, None] * unit)[:, None, :])
            else:
                result.append(basis @ (level[:, None, None] * unit))
        return result

    def transmissions(self, factors: Sequence[np.ndarray]) -> list[Transmission]:
        """Transmit covariances of each item, in watt, from F of each active block.

        Blocks that no information sees get no power, unless their whole budget is unseen: then it is spread evenly
        over directions, or over the codewords of a codebook.
        """
        blocks = self.problems[0].blocks
        stacks = {
            blocks[place]: factor @ factor.conj().swapaxes(-1, -2)
            for place, factor in zip(self.active_blocks, factors, strict=True)
        }
        if len(stacks) == len(blocks):
            return [
                Transmission({block: stacks[block][item] for block in blocks}) for item in range(len(self.problems))
            ]
        sent = []
        for item, problem in enumerate(self.problems):
            seen = {block: stack[item] for block, stack in stacks.items()}
            unseen = [each for place, each in enumerate(problem.budgets) if place not in self.active_budgets]
            even = problem.even().only(block for budget in unseen for block in budget.blocks)
            sent.append(Transmission.silent(problem.antennas).replaced({**even, **seen}))
        return sent


@dataclass(frozen=True, eq=False)
class ReducedProblem:
    """One item of a batch of reduced problems."""

    batch: ReducedBatch
    item: int

    @property
    def problem(self) -> DesignProblem:
        """Where it comes from."""
        return self.batch.problems[self.item]

    @property
    def active_blocks(self) -> tuple[int, ...]:
        """Index in the problem of each block that some information sees."""
        return self.batch.active_blocks

    @property
    def bases(self) -> tuple[np.ndarray, ...]:
        """Q (or the unit codewords) of each active block, `[tx, size]`."""
        return tuple(basis[self.item] for basis in self.batch.bases)

    @property
    def shape(self) -> ReducedShape:
        """Sizes and structure."""
        return self.batch.shape

    @cached_property
    def arrays(self) -> ReducedArrays:
        """Whitened numbers."""
        return self.batch.arrays.take(self.item)

    @property
    def scale(self) -> float:
        """Objective at the isotropic X."""
        return float(self.batch.scales[self.item])

    def expand(self, point: np.ndarray) -> Transmission:
        """Transmit covariances in watt at a point (see `ReducedBatch.transmissions`)."""
        alone = gathered([self])
        return alone.transmissions(alone.factors(point[None]))[0]

    def compress(self, covariances: Covariances) -> list[np.ndarray]:
        """X of each active block from transmit covariances; over a codebook the isotropic powers."""
        result = []
        for index, block, basis in zip(self.active_blocks, self.shape.blocks, self.bases, strict=True):
            if block.is_diagonal:
                result.append(np.eye(block.size) / block.size)
            else:
                power = self.batch.powers_w[self.item, block.budget]
                sent = covariances[self.problem.blocks[index]]
                result.append(hermitian_part(basis.conj().T @ sent @ basis) / power)
        return result


def gathered(problems: Sequence[ReducedProblem]) -> ReducedBatch:
    """One batch of problems whose batches have equal keys."""
    runs: list[tuple[ReducedBatch, list[int]]] = []
    for problem in problems:
        if not runs or runs[-1][0] is not problem.batch:
            runs.append((problem.batch, []))
        runs[-1][1].append(problem.item)
    parts = [
        batch if items == list(range(len(batch.problems))) else batch.take(np.array(items)) for batch, items in runs
    ]
    return ReducedBatch.joined(parts)


class NeedsCare(Exception):
    """Some item of a batch is close to singular and has to be prepared by itself."""


def reduce_problem(problem: DesignProblem) -> ReducedProblem:
    """Reduced form of one problem.

    Raises:
        Unidentifiable: a parameter with a positive weight is not determined by any covariance (or, with a codebook,
            by any powers of its beams).
    """
    reduced = reduce_problems([problem])[0]
    if isinstance(reduced, CrbeamError):
        raise reduced
    return reduced


def reduce_problems(problems: Sequence[DesignProblem]) -> list[ReducedProblem | CrbeamError]:
    """Reduced forms of independent problems, prepared together where their structure agrees.

    An error stands in place of each problem that has none.
    """
    results: dict[int, ReducedProblem | CrbeamError] = {}
    for members, structure in structures(problems):
        results.update(zip(members, _reduced(structure), strict=True))
    return [results[index] for index in range(len(problems))]


def _reduced(structure: Structure) -> list[ReducedProblem | CrbeamError]:
    try:
        batch = _prepared(structure)
    except (NeedsCare, CrbeamError) as reason:
        if len(structure.problems) > 1:
            return [reduce_problems([problem])[0] for problem in structure.problems]
        return [reason if isinstance(reason, CrbeamError) else SolverFailed(str(reason), status="preparation")]
    return [ReducedProblem(batch, item) for item in range(len(structure.problems))]


def _prepared(structure: Structure) -> ReducedBatch:
    bases, frames, norms = _bases_and_frames(structure)
    blocks = tuple(
        BlockShape(frame.shape[-2], frame.shape[-1], name in structure.problems[0].codebooks, budget)
        for frame, name, budget in zip(frames, structure.names, structure.budgets, strict=True)
    )
    contributions, weights, jacobians = [], [], []
    for part in structure.observations:
        # the weight carries the norms of the columns and the power of the budget
        norm, power = norms[part.block][:, part.columns], structure.powers_w[:, structure.budgets[part.block], None]
        contributions.append(ContributionShape(part.criterion, part.block, part.columns))
        weights.append(real_image(part.weight) * (norm[:, :, None] * (norm * power)[:, None, :]))
        jacobians.append(part.jacobian)
    informations = [constant.copy() for constant in structure.constants]
    grams = _isotropic_grams(blocks, frames)
    for part, weight, jacobian in zip(contributions, weights, jacobians, strict=True):
        seen = term_index(part.columns, blocks[part.block].n_columns).gathered(grams[part.block])
        informations[part.criterion] += symmetric(contribution_information(seen, weight, jacobian))
    isotropic = _isotropic_transmission(structure, bases) if len(structure.problems) == 1 else None
    transforms = [_whitening(structure, *each, isotropic) for each in enumerate(informations)]
    selections = [
        transform.swapaxes(-1, -2) @ np.stack([criterion.selection for criterion in structure.criteria(number)])
        for number, transform in enumerate(transforms)
    ]
    scales = np.sum([np.sum(selection**2, axis=(1, 2)) for selection in selections], axis=0)
    has_constant = any(constant.any() for constant in structure.constants)
    pairs = zip(transforms, structure.constants, strict=True)
    shape = ReducedShape(
        blocks,
        tuple(contributions),
        tuple(transform.shape[-1] for transform in transforms),
        tuple(selection.shape[-1] for selection in selections),
        has_constant,
    )
    arrays = ReducedArrays(
        frames=tuple(frames),
        selections=tuple(selection / np.sqrt(scales)[:, None, None] for selection in selections),
        constants=tuple(t.swapaxes(-1, -2) @ constant @ t for t, constant in pairs) if has_constant else (),
        weights=tuple(weights),
        jacobians=tuple(
            jacobian @ transforms[part.criterion] for part, jacobian in zip(contributions, jacobians, strict=True)
        ),
    )
    places = structure.active_blocks, structure.active_budgets
    return ReducedBatch(structure.problems, shared(shape), arrays, tuple(bases), *places, structure.powers_w, scales)


def _whitening(structure: Structure, number: int, matrices: np.ndarray, isotropic: Transmission | None) -> np.ndarray:
    """V with `V^T I V = 1` for each item, I being the information of a criterion at the isotropic X.

    For a batch of one, directions that observations do not see are left out.

    Args:
        structure: the problems.
        number: of the criterion.
        matrices: I of each item.
        isotropic: for a batch of one, the transmission that I belongs to.

    Raises:
        Unidentifiable: for a batch of one, a requested parameter is not determined.
        NeedsCare: an item of a larger batch is close to singular.
    """
    problem, criterion = structure.problems[0], structure.criteria(number)[0]
    found = inverse_factors(matrices, criterion.map.layout.scales(np.diagonal(matrices, axis1=-2, axis2=-1)))
    if found is not None and np.all(found[1]):
        return found[0].swapaxes(-1, -2)
    if isotropic is None:
        raise NeedsCare("The information of some item is close to singular.")
    try:
        if not problem.codebooks:
            criterion.map.at(problem.isotropic()).bound(criterion.requested)
        return criterion.map.at(isotropic).whitening(criterion.requested)[None]
    except Unidentifiable as error:
        raise error.explained(link=criterion.name) from None


def _isotropic_transmission(structure: Structure, bases: list[np.ndarray]) -> Transmission:
    """The isotropic X of the one item as a transmission; nothing in blocks that no criterion sees."""
    (problem,) = structure.problems
    sent = {}
    for name, basis, budget in zip(structure.names, bases, structure.budgets, strict=True):
        power_w = structure.powers_w[0, budget] / structure.budgets.count(budget)
        sent[name] = power_w / basis.shape[-1] * basis[0] @ basis[0].conj().T
    return Transmission.silent(problem.antennas).replaced(sent)


def _bases_and_frames(structure: Structure) -> tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]]:
    """Basis Q `[item, tx, size]`, frame `S = Q^H T` of the unit transmit vectors and their norms, for each block."""
    bases, frames, norms = [], [], []
    for name, columns in zip(structure.names, structure.columns, strict=True):
        norm = np.linalg.norm(columns, axis=1)
        norm = np.where(norm > 0.0, norm, 1.0)
        unit = columns / norm[:, None, :]
        words = structure.words(name)
        basis, frame = _orthonormal(unit) if words is None else (words, words.conj().swapaxes(-1, -2) @ unit)
        bases.append(basis)
        frames.append(np.ascontiguousarray(frame))
        norms.append(norm)
    return bases, frames, norms


def _orthonormal(unit: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Thin QR factors of a batch of unit columns; rank-revealing for a batch of one."""
    basis, frame = np.linalg.qr(unit)
    if np.abs(np.diagonal(frame, axis1=-2, axis2=-1)).min() >= SAFE_PIVOT:
        return basis, frame
    if unit.shape[0] > 1:
        raise NeedsCare("The transmit vectors of some item are linearly dependent.")
    basis = span(unit[0])[None]
    return basis, basis.conj().swapaxes(-1, -2) @ unit


def _isotropic_grams(blocks: tuple[BlockShape, ...], frames: list[np.ndarray]) -> list[np.ndarray]:
    """`H(S^H X S)` of each block at the isotropic X of trace 1 for each budget."""
    sharing = [sum(other.budget == block.budget for other in blocks) for block in blocks]
    return [
        real_image(frame.conj().swapaxes(-1, -2) @ frame) / (block.size * share)
        for block, frame, share in zip(blocks, frames, sharing, strict=True)
    ]
