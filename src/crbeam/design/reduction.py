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

from crbeam.design.hermitian import real_image, symmetric
from crbeam.design.packing import packed_matrix
from crbeam.design.problem import DesignProblem
from crbeam.design.reduced_information import (
    BlockShape,
    ContributionShape,
    ReducedArrays,
    ReducedShape,
    contribution_information,
    shared,
    term_index,
)
from crbeam.design.whitening import NeedsCare, whitening
from crbeam.errors import CrbeamError, SolverFailed
from crbeam.linalg import hermitian_part

#: Directions of the unit transmit vectors below this relative size are dropped.
RANK_TOLERANCE = 1e-12
#: Pivots of the QR factorisation below which the rank is decided by singular values.
SAFE_PIVOT = 1e-6
#: Problems of one shape that are prepared together.
CHUNK = 64


@dataclass(frozen=True, eq=False)
class ReducedProblem:
    """A design problem in the span of its transmit vectors.

    Attributes:
        problem: where it comes from.
        shape: sizes and structure.
        arrays: whitened numbers.
        bases: Q (or the unit codewords) of each active block, `[tx, size]`.
        active_blocks: index in the problem of each block that some information sees.
        active_budgets: index in the problem of each budget of these blocks.
        scale: objective at the isotropic X; objectives of the reduced problem are relative to it.
    """

    problem: DesignProblem
    shape: ReducedShape
    arrays: ReducedArrays
    bases: tuple[np.ndarray, ...]
    active_blocks: tuple[int, ...]
    active_budgets: tuple[int, ...]
    scale: float

    @property
    def shape_key(self) -> ReducedShape:
        """Problems with equal keys can be solved in one batch."""
        return self.shape

    @cached_property
    def powers_w(self) -> tuple[float, ...]:
        """Power of each active budget, watt per subcarrier summed over slots."""
        return tuple(self.problem.budgets[index].power_per_subcarrier_w for index in self.active_budgets)

    def expand(self, variables: Sequence[np.ndarray]) -> Complex[np.ndarray, "block tx tx"]:
        """Transmit covariances in watt from X of each active block, using every budget exactly.

        Blocks that no information sees get no power, unless their whole budget is unseen: then it is spread
        isotropically.
        """
        problem = self.problem
        stack = np.zeros((len(problem.blocks), problem.n_tx, problem.n_tx), dtype=complex)
        totals = [0.0] * len(self.powers_w)
        for block, variable in zip(self.shape.blocks, variables, strict=True):
            totals[block.budget] += float(np.trace(variable).real)
        for index, block, basis, variable in zip(
            self.active_blocks, self.shape.blocks, self.bases, variables, strict=True
        ):
            scaled = variable * (self.powers_w[block.budget] / totals[block.budget])
            stack[index] = basis @ scaled @ basis.conj().T
        if len(self.active_budgets) < len(problem.budgets):
            isotropic = problem.isotropic()
            for number, budget in enumerate(problem.budgets):
                if number not in self.active_budgets:
                    unseen = [problem.blocks.index(name) for name in budget.blocks]
                    stack[unseen] = isotropic[unseen]
        return stack

    def compress(self, covariances: Complex[np.ndarray, "block tx tx"]) -> list[np.ndarray]:
        """X of each active block from transmit covariances; over a codebook the isotropic powers."""
        result = []
        for index, block, basis in zip(self.active_blocks, self.shape.blocks, self.bases, strict=True):
            if block.is_diagonal:
                result.append(np.eye(block.size) / block.size)
            else:
                power = self.powers_w[block.budget]
                result.append(hermitian_part(basis.conj().T @ covariances[index] @ basis) / power)
        return result


@dataclass(frozen=True, eq=False)
class _Outline:
    """Structure of a problem, found once: what decides whether problems can be prepared together."""

    problem: DesignProblem
    key: tuple
    columns: tuple[np.ndarray, ...]
    active_blocks: tuple[int, ...]
    active_budgets: tuple[int, ...]


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
    outlines = [_outline(problem) for problem in problems]
    groups: dict[tuple, list[int]] = {}
    for index, outline in enumerate(outlines):
        groups.setdefault(outline.key, []).append(index)
    results: list[ReducedProblem | CrbeamError | None] = [None] * len(problems)
    for members in groups.values():
        for start in range(0, len(members), CHUNK):
            chunk = members[start : start + CHUNK]
            for index, reduced in zip(chunk, _reduce_group([outlines[i] for i in chunk]), strict=True):
                results[index] = reduced
    return [reduced for reduced in results if reduced is not None]


def _outline(problem: DesignProblem) -> _Outline:
    names = problem.blocks
    seen: dict[str, dict[bytes, int]] = {name: {} for name in names}
    vectors: dict[str, list[np.ndarray]] = {name: [] for name in names}
    structure = []
    for number, criterion in enumerate(problem.active_criteria):
        for part in criterion.map.contributions:
            columns = _distinct_columns(part.transmit, seen[part.block], vectors[part.block])
            structure.append((number, part.block, columns))
    active = [index for index, name in enumerate(names) if vectors[name]]
    owner = {name: index for index, budget in enumerate(problem.budgets) for name in budget.blocks}
    budgets = sorted({owner[names[index]] for index in active})
    codebooks = problem.codebooks
    blocks = tuple(
        (
            len(vectors[names[index]]),
            codebooks[names[index]].codewords.shape[1] if names[index] in codebooks else 0,
            budgets.index(owner[names[index]]),
        )
        for index in active
    )
    position = {names[index]: place for place, index in enumerate(active)}
    terms = tuple((number, position[name], columns) for number, name, columns in structure)
    selections = tuple(
        (criterion.map.layout.sizes, tuple(np.flatnonzero(criterion.selection.any(axis=1)).tolist()))
        for criterion in problem.active_criteria
    )
    constant = any(criterion.map.constant.any() for criterion in problem.active_criteria)
    columns = tuple(np.stack(vectors[names[index]], axis=1) for index in active)
    key = (problem.n_tx, blocks, terms, selections, constant)
    return _Outline(problem, key, columns, tuple(active), tuple(budgets))


def _distinct_columns(transmit: np.ndarray, seen: dict[bytes, int], vectors: list[np.ndarray]) -> tuple[int, ...]:
    """Index of each transmit vector among the distinct ones, which are collected in `seen` and `vectors`."""
    rows = np.ascontiguousarray(transmit.T)
    numbers = []
    for row in rows:
        key = row.tobytes()
        number = seen.setdefault(key, len(vectors))
        if number == len(vectors):
            vectors.append(row)
        numbers.append(number)
    return tuple(numbers)


def _reduce_group(outlines: list[_Outline]) -> list[ReducedProblem | CrbeamError]:
    try:
        return _prepared(outlines)
    except (NeedsCare, CrbeamError) as reason:
        if len(outlines) == 1:
            return [reason if isinstance(reason, CrbeamError) else SolverFailed(str(reason), status="preparation")]
    return [result for outline in outlines for result in _reduce_group([outline])]


def _prepared(outlines: list[_Outline]) -> list[ReducedProblem | CrbeamError]:
    first = outlines[0]
    problems = [outline.problem for outline in outlines]
    bases, frames, norms = _bases_and_frames(outlines)
    block_shapes = tuple(
        BlockShape(frame.shape[-2], frame.shape[-1], n_words > 0, budget)
        for frame, (_, n_words, budget) in zip(frames, first.key[1], strict=True)
    )
    contributions, weights, jacobians = _sorted_contributions(outlines, norms)
    constants = [
        np.stack([problem.active_criteria[number].map.constant for problem in problems])
        for number in range(len(first.problem.active_criteria))
    ]
    informations = _isotropic_informations(block_shapes, frames, constants, (contributions, weights, jacobians))
    transforms, selections = [], []
    for number, matrix in enumerate(informations):
        criteria = [problem.active_criteria[number] for problem in problems]
        transform, selection = whitening(first.problem, criteria, matrix)
        transforms.append(transform)
        selections.append(selection)
    scales = np.sum([np.sum(selection**2, axis=(1, 2)) for selection in selections], axis=0)
    selections = [selection / np.sqrt(scales)[:, None, None] for selection in selections]
    jacobians = [jacobian @ transforms[part.criterion] for part, jacobian in zip(contributions, jacobians, strict=True)]
    has_constant = first.key[4]
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
    parts: tuple[list[np.ndarray], ...] = ([], weights, jacobians)
    if shape.is_packed:
        parts = ([packed_matrix(shape, frames, weights, jacobians)], [], [])
    arrays = ReducedArrays(tuple(frames), tuple(selections), tuple(whitened), *(tuple(part) for part in parts))
    return _separated(outlines, shape, arrays, bases, scales)


def _isotropic_informations(
    block_shapes: tuple[BlockShape, ...],
    frames: list[np.ndarray],
    constants: list[np.ndarray],
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


def _separated(
    outlines: list[_Outline], shape: ReducedShape, arrays: ReducedArrays, bases: list[np.ndarray], scales: np.ndarray
) -> list[ReducedProblem | CrbeamError]:
    """The problems of a batch one by one."""
    return [
        ReducedProblem(
            outline.problem,
            shape,
            arrays.take(item),
            tuple(basis[item] for basis in bases),
            outline.active_blocks,
            outline.active_budgets,
            float(scales[item]),
        )
        for item, outline in enumerate(outlines)
    ]


def _bases_and_frames(
    outlines: list[_Outline],
) -> tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]]:
    """Basis Q `[item, tx, size]`, frame `S = Q^H T` of the unit transmit vectors and their norms, for each block."""
    bases, frames, norms = [], [], []
    for place, (_, n_words, _) in enumerate(outlines[0].key[1]):
        columns = np.stack([outline.columns[place] for outline in outlines])
        norm = np.linalg.norm(columns, axis=1)
        norm = np.where(norm > 0.0, norm, 1.0)
        unit = columns / norm[:, None, :]
        if n_words:
            name = outlines[0].problem.blocks[outlines[0].active_blocks[place]]
            basis = np.stack([outline.problem.codebooks[name].unit_codewords for outline in outlines])
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
    outlines: list[_Outline], norms: list[np.ndarray]
) -> tuple[tuple[ContributionShape, ...], list[np.ndarray], list[np.ndarray]]:
    """Contributions with terms sorted by column; H(W) carries the column norms and the power of the budget."""
    blocks = outlines[0].key[1]
    powers = np.array(
        [[outline.problem.budgets[i].power_per_subcarrier_w for i in outline.active_budgets] for outline in outlines]
    )
    parts = [
        [part for criterion in outline.problem.active_criteria for part in criterion.map.contributions]
        for outline in outlines
    ]
    shapes, weights, jacobians = [], [], []
    for number, (criterion, block, columns) in enumerate(outlines[0].key[2]):
        order = np.argsort(columns, kind="stable")
        ascending = np.asarray(columns)[order]
        norm = norms[block][:, ascending]
        weight = np.stack([items[number].weight for items in parts])[:, order[:, None], order]
        weight *= norm[:, :, None] * (norm * powers[:, blocks[block][2], None])[:, None, :]
        weights.append(real_image(weight))
        jacobians.append(np.stack([items[number].jacobian for items in parts])[:, order])
        shapes.append(ContributionShape(criterion, block, tuple(ascending.tolist())))
    return tuple(shapes), weights, jacobians


def _isotropic_grams(blocks: tuple[BlockShape, ...], frames: list[np.ndarray]) -> list[np.ndarray]:
    """`H(S^H X S)` of each block at the isotropic X of trace 1 for each budget."""
    sharing = [sum(other.budget == block.budget for other in blocks) for block in blocks]
    return [
        real_image(frame.conj().swapaxes(-1, -2) @ frame) / (block.size * share)
        for block, frame, share in zip(blocks, frames, sharing, strict=True)
    ]
