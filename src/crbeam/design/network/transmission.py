"""Transmissions from points of the central path: scaled so that every requirement holds, and in watt."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float

from crbeam.design.network.barrier import CentralPath
from crbeam.design.network.choices import Role, stream_of
from crbeam.design.network.leaf import Leaf
from crbeam.design.network.program import PowerProgram, information_at
from crbeam.design.problem import DesignProblem
from crbeam.design.result import Proposal
from crbeam.linalg import hermitian_part

#: Relative room that a repaired transmission keeps in every requirement.
ROOM = 1e-11
#: Relative excess over a power budget that counts as rounding.
POWER_TOLERANCE = 1e-10
#: Largest number of times that a transmission is scaled until the limit on the bound holds.
MAX_SCALINGS = 50


@dataclass(frozen=True, eq=False)
class Transmission:
    """What every block of a role sends, in units of its program.

    Attributes:
        program: the program.
        unserved: covariance of what serves nobody, of each block.
        beams: beam of each user, by (user, place of the block).
        power_w: of all together.
    """

    program: PowerProgram
    unserved: list[np.ndarray]
    beams: dict[tuple[int, int], np.ndarray]
    power_w: float

    @property
    def role(self) -> Role:
        """Who listens."""
        return self.program.role


def received_shares(program: PowerProgram, path: CentralPath) -> Float[np.ndarray, "user place"]:
    """What each block contributes to the wanted power of each user."""
    received = np.zeros((len(program.factors), len(program.blocks)))
    for (user, place), beam in path.beams.items():
        received[user, place] = np.abs(program.blocks[place].channels[:, user].conj() @ beam) ** 2
    return received / np.maximum(received.sum(axis=1, keepdims=True), 1e-300)


def repaired(program: PowerProgram, path: CentralPath) -> Transmission | None:
    """The covariances of a point, all scaled by the least factor with which every requirement holds.

    None if a requirement holds at no scale, or the scale breaks a power budget.
    """
    totals = _totals(path)
    needed = _sinr_scale(program, path, totals)
    needed = max(needed, _bound_scale(program, totals, needed)) * (1.0 + ROOM)
    used = np.zeros(len(program.budgets))
    for block, total in zip(program.blocks, totals, strict=True):
        used[block.budget] += needed * float(np.trace(total).real)
    if not np.all(np.isfinite(used)) or np.any(used > program.budgets * (1.0 + POWER_TOLERANCE)):
        return None
    unserved = [needed * matrix for matrix in path.unserved]
    beams = {key: np.sqrt(needed) * beam for key, beam in path.beams.items()}
    return Transmission(program, unserved, beams, program.unit_w * float(used.sum()))


def _totals(path: CentralPath) -> list[np.ndarray]:
    totals = [matrix.copy() for matrix in path.unserved]
    for (_, place), beam in path.beams.items():
        totals[place] = totals[place] + np.outer(beam, beam.conj())
    return totals


def _sinr_scale(program: PowerProgram, path: CentralPath, totals: list[np.ndarray]) -> float:
    """Least factor on all powers with which every user has its ratio; infinite if none suffices."""
    values = np.zeros(len(program.factors))
    for place, (block, total) in enumerate(zip(program.blocks, totals, strict=True)):
        values -= np.real(np.sum(block.channels.conj() * (total @ block.channels), axis=0))
        for user in range(len(values)):
            if (user, place) in path.beams:
                own = abs(block.channels[:, user].conj() @ path.beams[user, place]) ** 2
                values[user] += program.factors[user] * own
    return np.inf if np.any(values <= 0.0) else float(np.max(1.0 / values, initial=0.0))


def _bound_scale(program: PowerProgram, totals: list[np.ndarray], start: float) -> float:
    """Factor of at least `start` with which the limit on the bound holds; infinite if none is found."""
    scale = max(start, 1e-12)
    if not program.selection.size or not np.isfinite(scale):
        return start
    for _ in range(MAX_SCALINGS):
        information = information_at(program, [scale * total for total in totals])
        try:
            bound = float(np.sum(program.selection * np.linalg.solve(information, program.selection)))
        except np.linalg.LinAlgError:
            return np.inf
        if bound <= 1.0:
            return scale
        scale *= bound * (1.0 + ROOM)
    return np.inf


def proposal_of(
    problem: DesignProblem, found: Transmission, leaves: Sequence[Leaf], **numbers: float | int | str
) -> Proposal:
    """Proposal of a transmission, in watt, with the leaves that prove its lower bound."""
    program = found.program
    streams = {
        stream.name: np.zeros((len(problem.blocks), problem.n_tx, problem.n_tx), dtype=complex)
        for stream in problem.streams
    }
    rest = next(stream.name for stream in problem.streams if stream.served_user is None)
    for place, block in enumerate(program.blocks):
        row = problem.blocks.index(block.name)
        streams[rest][row] = _watt(program, place, found.unserved[place])
        for user, requirement in enumerate(program.role.users):
            if (user, place) in found.beams:
                beam = np.sqrt(program.unit_w) * block.basis @ found.beams[user, place]
                streams[stream_of(problem, requirement.user)][row] = np.outer(beam, beam.conj())
    return Proposal(
        covariances=sum(streams.values(), np.zeros_like(streams[rest])),
        stream_covariances=streams,
        cover=tuple(leaves),
        details=numbers,
    )


def _watt(program: PowerProgram, place: int, covariance: np.ndarray) -> Complex[np.ndarray, "tx tx"]:
    basis = program.blocks[place].basis
    return hermitian_part(program.unit_w * basis @ covariance @ basis.conj().T)
