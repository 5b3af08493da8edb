"""Exact reduction of a design problem to a few dimensions, whitened and scaled.

Information sees R_b only through `T_b^H R_b T_b`, so R_b may be restricted to the span of the transmit vectors: with an
orthonormal basis Q, `R_b = P Q X_b Q^H`, and the power stays the trace. Over a codebook the basis is the beams
themselves and X is diagonal. Parameters are changed to those in which the information at the isotropic X is the
identity, and the objective is divided by its value there.

Reference: zhang2025 remark 2.
"""

from collections.abc import Sequence

import numpy as np

from crbeam.design.engine.hermitian import real_image, symmetric
from crbeam.design.engine.reduced_information import (
    BlockShape,
    ContributionShape,
    ReducedArrays,
    ReducedShape,
    contribution_information,
    shared,
    term_index,
)
from crbeam.design.engine.reduced_problem import ReducedBatch, ReducedProblem
from crbeam.design.engine.structure import Structure, structures
from crbeam.design.engine.whitening import NeedsCare, whitening
from crbeam.design.problem import DesignProblem
from crbeam.errors import CrbeamError, SolverFailed
from crbeam.information import Transmission
from crbeam.linalg import side_by_side

#: Directions of the unit transmit vectors below this relative size are dropped.
RANK_TOLERANCE = 1e-12
#: Pivots of the QR factorisation below which the rank is decided by singular values.
SAFE_PIVOT = 1e-6


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
    n_items = len(structure.problems)
    try:
        batch = _prepared(structure)
    except (NeedsCare, CrbeamError) as reason:
        if n_items == 1:
            return [reason if isinstance(reason, CrbeamError) else SolverFailed(str(reason), status="preparation")]
        return [result for item in range(n_items) for result in _reduced(structure.one(item))]
    return [ReducedProblem(batch, item) for item in range(n_items)]


def _prepared(structure: Structure) -> ReducedBatch:
    bases, frames, norms = _bases_and_frames(structure)
    block_shapes = tuple(
        BlockShape(frame.shape[-2], frame.shape[-1], n_words > 0, budget)
        for frame, (_, n_words, budget) in zip(frames, structure.blocks, strict=True)
    )
    contributions, weights, jacobians = _sorted_contributions(structure, norms)
    constants = structure.constants
    informations = _isotropic_informations(block_shapes, frames, constants, (contributions, weights, jacobians))
    isotropic = _isotropic_transmission(structure, bases) if len(structure.problems) == 1 else None
    transforms, selections, scales = _whitenings(structure, informations, isotropic)
    jacobians = [jacobian @ transforms[part.criterion] for part, jacobian in zip(contributions, jacobians, strict=True)]
    has_constant = structure.has_constant
    whitened = [t.swapaxes(-1, -2) @ c @ t for t, c in zip(transforms, constants, strict=True)] if has_constant else []
    shape = shared(
        ReducedShape(
            block_shapes,
            contributions,
            tuple(transform.shape[-1] for transform in transforms),
            tuple(selection.shape[-1] for selection in selections),
            has_constant,
        )
    )
    return ReducedBatch(
        structure.problems,
        shape,
        ReducedArrays(tuple(frames), tuple(selections), tuple(whitened), tuple(weights), tuple(jacobians)),
        tuple(bases),
        structure.active_blocks,
        structure.active_budgets,
        structure.powers_w,
        scales,
    )


def _whitenings(
    structure: Structure, informations: list[np.ndarray], isotropic: Transmission | None
) -> tuple[list[np.ndarray], list[np.ndarray], np.ndarray]:
    """Change of parameters and scaled E of each criterion, and the objective at the isotropic X of each item."""
    transforms, selections = [], []
    for number, matrix in enumerate(informations):
        criteria = [problem.active_criteria[number] for problem in structure.problems]
        transform, selection = whitening(structure.problems[0], criteria, matrix, isotropic)
        transforms.append(transform)
        selections.append(selection)
    scales = np.sum([np.sum(selection**2, axis=(1, 2)) for selection in selections], axis=0)
    return transforms, [selection / np.sqrt(scales)[:, None, None] for selection in selections], scales


def _isotropic_informations(
    block_shapes: tuple[BlockShape, ...],
    frames: list[np.ndarray],
    constants: Sequence[np.ndarray],
    parts: tuple[tuple[ContributionShape, ...], list[np.ndarray], list[np.ndarray]],
) -> list[np.ndarray]:
    """Information `[item, parameter, parameter]` of each criterion at the isotropic X."""
    informations = [constant.copy() for constant in constants]
    grams = _isotropic_grams(block_shapes, frames)
    for part, weight, jacobian in zip(*parts, strict=True):
        index = term_index(part.columns, block_shapes[part.block].n_columns)
        seen = index.gathered(grams[part.block])
        informations[part.criterion] += symmetric(contribution_information(seen, weight, jacobian))
    return informations


def _isotropic_transmission(structure: Structure, bases: list[np.ndarray]) -> Transmission:
    """The isotropic X of the one item as a transmission; nothing in blocks that no criterion sees."""
    (problem,) = structure.problems
    budgets = [budget for *_, budget in structure.blocks]
    sent = {}
    for place, basis, budget in zip(structure.active_blocks, bases, budgets, strict=True):
        power_w = structure.powers_w[0, budget] / budgets.count(budget)
        sent[problem.blocks[place]] = power_w / basis.shape[-1] * basis[0] @ basis[0].conj().T
    return Transmission.silent(problem.antennas).replaced(sent)


def _bases_and_frames(structure: Structure) -> tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]]:
    """Basis Q `[item, tx, size]`, frame `S = Q^H T` of the unit transmit vectors and their norms, for each block."""
    bases, frames, norms = [], [], []
    for place, columns, (_, n_words, _) in zip(
        structure.active_blocks, structure.columns, structure.blocks, strict=True
    ):
        norm = np.linalg.norm(columns, axis=1)
        norm = np.where(norm > 0.0, norm, 1.0)
        unit = columns / norm[:, None, :]
        if n_words:
            name = structure.problems[0].blocks[place]
            basis = side_by_side([problem.codebooks[name].unit_codewords for problem in structure.problems])
            frame = basis.conj().swapaxes(-1, -2) @ unit
        else:
            basis, frame = _orthonormal(unit)
        bases.append(basis)
        frames.append(np.ascontiguousarray(frame))
        norms.append(norm)
    return bases, frames, norms


def _orthonormal(unit: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Thin QR factors of a batch of unit columns; rank-revealing for a batch of one."""
    basis, frame = np.linalg.qr(unit)
    pivots = np.abs(np.diagonal(frame, axis1=-2, axis2=-1))
    if pivots.min() >= SAFE_PIVOT:
        return basis, frame
    if unit.shape[0] > 1:
        raise NeedsCare("The transmit vectors of some item are linearly dependent.")
    left, values, _ = np.linalg.svd(frame[0])
    kept = left[:, : values.size][:, values > RANK_TOLERANCE * values[0]]
    return (basis[0] @ kept)[None], (kept.conj().T @ frame[0])[None]


def _sorted_contributions(
    structure: Structure, norms: list[np.ndarray]
) -> tuple[tuple[ContributionShape, ...], list[np.ndarray], list[np.ndarray]]:
    """Contributions with terms sorted by column; H(W) carries the column norms and the power of the budget."""
    parts = [
        [part for criterion in problem.active_criteria for part in criterion.map.contributions]
        for problem in structure.problems
    ]
    shapes, weights, jacobians = [], [], []
    for same, (criterion, block, columns) in zip(zip(*parts, strict=True), structure.terms, strict=True):
        order = np.argsort(columns, kind="stable")
        ascending = np.asarray(columns)[order]
        norm, power = norms[block][:, ascending], structure.powers_w[:, structure.blocks[block][2], None]
        weight = real_image(side_by_side([part.weight for part in same]))[:, order[:, None], order]
        weights.append(weight * (norm[:, :, None] * (norm * power)[:, None, :]))
        jacobians.append(side_by_side([part.jacobian for part in same])[:, order])
        shapes.append(ContributionShape(criterion, block, tuple(ascending.tolist())))
    return tuple(shapes), weights, jacobians


def _isotropic_grams(blocks: tuple[BlockShape, ...], frames: list[np.ndarray]) -> list[np.ndarray]:
    """`H(S^H X S)` of each block at the isotropic X of trace 1 for each budget."""
    sharing = [sum(other.budget == block.budget for other in blocks) for block in blocks]
    return [
        real_image(frame.conj().swapaxes(-1, -2) @ frame) / (block.size * share)
        for block, frame, share in zip(blocks, frames, sharing, strict=True)
    ]
