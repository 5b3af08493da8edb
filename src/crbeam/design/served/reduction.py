"""Exact reduction of a problem with service requirements to a few dimensions, whitened and scaled.

Information and requirements see a covariance only through the transmit vectors of the maps and the vectors of the
requirements, so each is restricted to their span: K users and one near-field target make K + 3 dimensions, whatever
the number of antennas. Behind a fixed analog network the span is taken of what the network passes on. Powers are in
units of the budgets, parameters are those in which the information at the isotropic covariance is the identity, and the
objective is in units of its value there.
"""

from dataclasses import dataclass

import numpy as np

from crbeam.design.problem import Criterion, DesignProblem
from crbeam.design.served.requirements import networks_of, requirements_of
from crbeam.design.service_constraints import Requirement
from crbeam.information import Transmission

#: Directions of the unit vectors below this relative size are dropped.
RANK_TOLERANCE = 1e-12


@dataclass(frozen=True, eq=False)
class SeenBlock:
    """A block in the span of what sees it.

    Attributes:
        basis: Q with `R = P Q X Q^H`, `[tx, size]`.
        power_w: P of its budget.
        budget: number of its budget.
        streams: names of the streams that it carries.
        rows: coefficient matrix of each stream in each requirement, `[stream, requirement, size, size]`.
    """

    basis: np.ndarray
    power_w: float
    budget: int
    streams: tuple[str, ...]
    rows: np.ndarray


@dataclass(frozen=True, eq=False)
class SeenPart:
    """A contribution of a map in reduced coordinates.

    Attributes:
        block: number of the block that it sees.
        transmit: `sqrt(P) Q^H T`, `[size, term]`.
        weight: `O o (Z^H Q Z)`, `[term, term]`.
        jacobian: `J V`, `[term, parameter]`.
    """

    block: int
    transmit: np.ndarray
    weight: np.ndarray
    jacobian: np.ndarray


@dataclass(frozen=True, eq=False)
class SeenCriterion:
    """A criterion in whitened parameters.

    Attributes:
        transform: V, from whitened to the original parameters, `[parameter, whitened]`.
        constant: `V^T I0 V`.
        selection: `V^T E / sqrt(scale)`.
        parts: its contributions.
    """

    transform: np.ndarray
    constant: np.ndarray
    selection: np.ndarray
    parts: tuple[SeenPart, ...]


@dataclass(frozen=True, eq=False)
class ServedProblem:
    """Reduced form of a problem.

    Attributes:
        problem: the problem itself.
        requirements: its inequalities.
        blocks: in the order of the problem.
        criteria: the active ones.
        floors: scaled right-hand sides of the requirements.
        row_scales: by which requirements were divided.
        n_budgets: number of power budgets, all of size 1.
        scale: objective at the isotropic covariance.
        ceiling: price of missing a scaled requirement by one; infinite if none may be missed.
    """

    problem: DesignProblem
    requirements: tuple[Requirement, ...]
    blocks: tuple[SeenBlock, ...]
    criteria: tuple[SeenCriterion, ...]
    floors: np.ndarray
    row_scales: np.ndarray
    n_budgets: int
    scale: float
    ceiling: float = np.inf


def reduce_served(problem: DesignProblem) -> ServedProblem:
    """Reduced form of a problem.

    Raises:
        Infeasible: an uplink user misses its ratio even without probing.
        Unidentifiable: a parameter with a positive weight is not determined by any covariance.
    """
    requirements = requirements_of(problem)
    networks = networks_of(problem)
    bases = {block: _basis(problem, requirements, block, networks.get(block)) for block in problem.blocks}
    row_scales = np.array([_row_scale(problem, requirement, bases) for requirement in requirements])
    blocks = tuple(_seen_block(problem, requirements, block, bases[block], row_scales) for block in problem.blocks)
    whitened = [_whitening(problem, criterion, bases) for criterion in problem.active_criteria]
    scale = sum(float(np.sum((transform.T @ part.selection) ** 2)) for transform, part in whitened)
    return ServedProblem(
        problem,
        requirements,
        blocks,
        tuple(_seen_criterion(problem, part, transform, blocks, scale) for transform, part in whitened),
        np.array([requirement.floor_w for requirement in requirements]) / row_scales,
        row_scales,
        len(problem.budgets),
        scale,
    )


def _basis(
    problem: DesignProblem, requirements: tuple[Requirement, ...], block: str, network: np.ndarray | None
) -> np.ndarray:
    """Orthonormal basis of all that sees a block."""
    parts = [
        part.transmit
        for criterion in problem.active_criteria
        for part in criterion.map.contributions
        if part.block == block
    ]
    parts += [part.vector[:, None] for one in requirements for part in one.parts if part.block == block]
    if not parts:
        return np.zeros((problem.antennas[block], 0), dtype=complex)
    columns = np.concatenate(parts, axis=1)
    columns = columns if network is None else network.conj().T @ columns
    norms = np.linalg.norm(columns, axis=0)
    left, values, _ = np.linalg.svd(columns[:, norms > 0.0] / norms[norms > 0.0], full_matrices=False)
    basis = left[:, values > RANK_TOLERANCE * values[0]]
    return basis if network is None else network @ basis


def _row_scale(problem: DesignProblem, requirement: Requirement, bases: dict[str, np.ndarray]) -> float:
    """Largest coefficient of an inequality, at full power."""
    sizes = [
        abs(part.factor) * _power_w(problem, part.block) * np.linalg.norm(bases[part.block].conj().T @ part.vector) ** 2
        for part in requirement.parts
    ]
    return float(max(sizes)) or 1.0


def _power_w(problem: DesignProblem, block: str) -> float:
    return next(budget.power_per_subcarrier_w for budget in problem.budgets if block in budget.blocks)


def _seen_block(
    problem: DesignProblem,
    requirements: tuple[Requirement, ...],
    block: str,
    basis: np.ndarray,
    row_scales: np.ndarray,
) -> SeenBlock:
    streams = tuple(stream.name for stream in problem.streams if block in stream.blocks)
    power_w = _power_w(problem, block)
    size = basis.shape[1]
    rows = np.zeros((len(streams), len(requirements), size, size), dtype=complex)
    for number, requirement in enumerate(requirements):
        for part in requirement.parts:
            if part.block != block:
                continue
            vector = basis.conj().T @ part.vector
            matrix = part.factor * power_w / row_scales[number] * np.outer(vector, vector.conj())
            members = [place for place, name in enumerate(streams) if part.stream in (None, name)]
            rows[members, number] += matrix
    budget = next(place for place, one in enumerate(problem.budgets) if block in one.blocks)
    return SeenBlock(basis, power_w, budget, streams, rows)


def _whitening(
    problem: DesignProblem, criterion: Criterion, bases: dict[str, np.ndarray]
) -> tuple[np.ndarray, Criterion]:
    """V with `V^T I V = 1` for what is identifiable at the isotropic covariance of the span."""
    even = [np.sqrt(_power_w(problem, block) / max(basis.shape[1], 1)) * basis for block, basis in bases.items()]
    information = criterion.map.at(Transmission.of_factors(tuple(bases), even))
    return information.whitening(criterion.requested), criterion


def _seen_criterion(
    problem: DesignProblem, criterion: Criterion, transform: np.ndarray, blocks: tuple[SeenBlock, ...], scale: float
) -> SeenCriterion:
    parts = []
    for part in criterion.map.contributions:
        place = problem.blocks.index(part.block)
        transmit = np.sqrt(blocks[place].power_w) * blocks[place].basis.conj().T @ part.transmit
        parts.append(SeenPart(place, transmit, part.weight, part.jacobian @ transform))
    constant = transform.T @ criterion.map.constant @ transform
    return SeenCriterion(transform, constant, transform.T @ criterion.selection / np.sqrt(scale), tuple(parts))
