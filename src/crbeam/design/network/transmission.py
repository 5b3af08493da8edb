"""Transmissions from points of the central path: scaled so that every requirement holds, and in watt."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float

from crbeam.design.network.barrier import CentralPath
from crbeam.design.network.choices import Role, bound_of, stream_of
from crbeam.design.network.leaf import Leaf
from crbeam.design.network.program import NetworkProgram, informations_at
from crbeam.design.problem import DesignProblem
from crbeam.design.result import Proposal
from crbeam.information import Transmission
from crbeam.linalg import hermitian_part

#: Relative room that a repaired transmission keeps in every requirement.
ROOM = 1e-11
#: Relative excess over a power budget that counts as rounding.
POWER_TOLERANCE = 1e-10
#: Largest number of times that a transmission is scaled until the limit on the bound holds.
MAX_SCALINGS = 50


@dataclass(frozen=True, eq=False)
class RoleTransmission:
    """What every block of a role sends, in units of its program.

    Attributes:
        program: the program.
        unserved: covariance of what serves nobody, of each block.
        beams: beam of each user, by (user, place of the block).
        objective: power of all together in watt, or the sum of the minimised bounds.
    """

    program: NetworkProgram
    unserved: list[np.ndarray]
    beams: dict[tuple[int, int], np.ndarray]
    objective: float

    @property
    def role(self) -> Role:
        """Who listens."""
        return self.program.role


def received_shares(program: NetworkProgram, path: CentralPath) -> Float[np.ndarray, "user place"]:
    """What each block contributes to the wanted power of each user."""
    received = np.zeros((len(program.factors), len(program.blocks)))
    for (user, place), beam in path.beams.items():
        received[user, place] = np.abs(program.blocks[place].channels[:, user].conj() @ beam) ** 2
    return received / np.maximum(received.sum(axis=1, keepdims=True), 1e-300)


def repaired(program: NetworkProgram, path: CentralPath) -> RoleTransmission | None:
    """The covariances of a point, all scaled by the least factor with which every requirement holds.

    Where bounds are minimised, by the largest that the budgets allow. None if a requirement holds at no scale, or the
    scale breaks a power budget.
    """
    totals = _totals(path)
    needed = _sinr_scale(program, path, totals)
    needed = max(needed, _bound_scale(program, totals, needed)) * (1.0 + ROOM)
    used = np.zeros(len(program.budgets))
    for block, total in zip(program.blocks, totals, strict=True):
        used[block.budget] += float(np.trace(total).real)
    allowed = float(np.min(program.budgets[used > 0.0] / used[used > 0.0], initial=np.inf))
    if not np.isfinite(needed) or needed > allowed * (1.0 + POWER_TOLERANCE):
        return None
    scale = max(needed, allowed) if program.role.has_objective else needed
    unserved = [scale * matrix for matrix in path.unserved]
    beams = {key: np.sqrt(scale) * beam for key, beam in path.beams.items()}
    if not program.role.has_objective:
        return RoleTransmission(program, unserved, beams, program.unit_w * scale * float(used.sum()))
    informations = informations_at(program, [scale * total for total in totals])
    value = sum(
        _bound(bound.selection, information)
        for bound, information in zip(program.bounds, informations, strict=True)
        if not bound.is_limited
    )
    return RoleTransmission(program, unserved, beams, program.unit * value) if np.isfinite(value) else None


def least_factor(program: NetworkProgram, path: CentralPath) -> float:
    """Least factor on all budgets with which the covariances of a point, scaled, meet every requirement."""
    totals = _totals(path)
    needed = _sinr_scale(program, path, totals)
    needed = max(needed, _bound_scale(program, totals, needed))
    used = np.zeros(len(program.budgets))
    for block, total in zip(program.blocks, totals, strict=True):
        used[block.budget] += float(np.trace(total).real)
    return needed * float(np.max(used / program.budgets)) * (1.0 + ROOM)


def _totals(path: CentralPath) -> list[np.ndarray]:
    totals = [matrix.copy() for matrix in path.unserved]
    for (_, place), beam in path.beams.items():
        totals[place] = totals[place] + np.outer(beam, beam.conj())
    return totals


def _sinr_scale(program: NetworkProgram, path: CentralPath, totals: list[np.ndarray]) -> float:
    """Least factor on all powers with which every user has its ratio; infinite if none suffices."""
    values = np.zeros(len(program.factors))
    for place, (block, total) in enumerate(zip(program.blocks, totals, strict=True)):
        values -= np.real(np.sum(block.channels.conj() * (total @ block.channels), axis=0))
        for user in range(len(values)):
            if (user, place) in path.beams:
                own = abs(block.channels[:, user].conj() @ path.beams[user, place]) ** 2
                values[user] += program.factors[user] * own
    return np.inf if np.any(values <= 0.0) else float(np.max(1.0 / values, initial=0.0))


def _bound_scale(program: NetworkProgram, totals: list[np.ndarray], start: float) -> float:
    """Factor of at least `start` with which the limits on bounds hold; infinite if none is found."""
    scale = max(start, 1e-12)
    limited = [number for number, bound in enumerate(program.bounds) if bound.is_limited]
    if not limited or not np.isfinite(scale):
        return start
    for _ in range(MAX_SCALINGS):
        informations = informations_at(program, [scale * total for total in totals])
        bound = max(_bound(program.bounds[number].selection, informations[number]) for number in limited)
        if bound <= 1.0 or not np.isfinite(bound):
            return scale if bound <= 1.0 else np.inf
        scale *= bound * (1.0 + ROOM)
    return np.inf


def _bound(selection: np.ndarray, information: np.ndarray) -> float:
    """`tr(E^T I^-1 E)`; infinite if it is not determined."""
    try:
        value = float(np.sum(selection * np.linalg.solve(information, selection)))
    except np.linalg.LinAlgError:
        return np.inf
    return value if value > 0.0 else np.inf


def proposal_of(
    problem: DesignProblem, found: RoleTransmission, leaves: Sequence[Leaf], **numbers: float | int | str
) -> Proposal:
    """Proposal of a transmission, in watt, with the leaves that prove its lower bound."""
    program = found.program
    sent = {stream.name: dict(Transmission.silent(problem.antennas)) for stream in problem.streams}
    rest = next(stream.name for stream in problem.streams if stream.served_user is None)
    for place, block in enumerate(program.blocks):
        sent[rest][block.name] = _watt(program, place, found.unserved[place])
        for user, requirement in enumerate(program.role.users):
            if (user, place) in found.beams:
                beam = np.sqrt(program.unit_w) * block.basis @ found.beams[user, place]
                sent[stream_of(problem, requirement.user)][block.name] = np.outer(beam, beam.conj())
    streams = {name: Transmission(each) for name, each in sent.items()}
    total = Transmission.sum_of(streams.values())
    scale = _scale_to_limits(program.role, total)
    streams = {name: scale * each for name, each in streams.items()}
    return Proposal(
        covariances=scale * total,
        stream_covariances=streams,
        cover=tuple(leaves),
        details=numbers,
    )


def _scale_to_limits(role: Role, covariances: Transmission) -> float:
    """Factor of at least 1 with which limited bounds hold as the problem itself computes them.

    In whitened parameters they held already. Where entries of an information span many decades, as with a target next
    to a station, both computations differ by more than rounding of the limit.
    """
    scale = 1.0
    for _ in range(MAX_SCALINGS):
        limited = [each for each in role.bounds if each.limit is not None]
        misses = [bound_of(each, scale * covariances) / (each.limit or 1.0) for each in limited]
        worst = max(misses, default=0.0)
        if worst <= 1.0 or not np.isfinite(worst):
            break
        scale *= worst * (1.0 + ROOM)
    return scale


def _watt(program: NetworkProgram, place: int, covariance: np.ndarray) -> Complex[np.ndarray, "tx tx"]:
    basis = program.blocks[place].basis
    return hermitian_part(program.unit_w * basis @ covariance @ basis.conj().T)
