"""Beams in the order in which they are sent, for scenes in which something moves.

A covariance says what is sent on the whole, but not when. Where something moves, the information of a slot depends on
its time, and one beam a slot is not worth the same in every order: beams that are sent once each and followed by
silence tell a velocity badly. Two sequences are made of the beams F of a block, both of the same covariance:

*In turn*: slot l sends beam l modulo the number of beams. The power of a beam is shared out evenly among its pilots.

*Mixed*: slot l sends `F q_l`, all beams at once with phases that change from slot to slot, `q_l` being proportional to
`exp(2j pi k_j l / L)` with a frequency `k_j` of its own for each beam j. With orthogonal phases the covariance is that
of F, every slot has nearly the same power, and no beam is ever off. Blocks that can send given beams only (a codebook,
phase shifters) keep to their turns.

The better of both is taken. A block whose order does not count is left as it is.

Reference: hamrouni2026 eqs. (2), (9).

Deviation: the paper relaxes to a covariance and does not say in which order its beams are sent.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float

from crbeam.design.beamformers import Beamformers
from crbeam.design.certificate import objective_from
from crbeam.design.problem import DesignProblem
from crbeam.errors import InvalidInput, Unidentifiable
from crbeam.information.information_map import slot_block
from crbeam.information.transmission import Covariances

IN_TURN, MIXED = "in turn", "mixed"


@dataclass(frozen=True, eq=False)
class BlockSlots:
    """The slots of a block whose order counts.

    Attributes:
        numbers: of the slots in which it is sent, from 0, in the order of time.
        shares: of its pilots in each; they add up to 1.
    """

    numbers: tuple[int, ...]
    shares: Float[np.ndarray, " slot"]

    @property
    def most_beams(self) -> int:
        """Beams that find room: slots with at least half as many pilots as the fullest."""
        return int(np.sum(self.shares >= 0.5 * np.max(self.shares)))


@dataclass(frozen=True, eq=False)
class BeamSequence:
    """What every slot sends.

    Attributes:
        kind: `in turn` or `mixed`.
        beams: of each block whose order counts, one for each of its slots, on the scale of the block's covariance R:
            with the shares s of the slots, `sum_l s_l f_l f_l^H = R`.
        objective: of the problem.
    """

    kind: str
    beams: Mapping[str, Complex[np.ndarray, "tx slot"]]
    objective: float


def slots_of(problem: DesignProblem) -> dict[str, BlockSlots]:
    """The slots of each block whose order counts in some criterion.

    Raises:
        InvalidInput: criteria disagree about the slots of a block.
    """
    found: dict[str, BlockSlots] = {}
    for criterion in problem.criteria:
        for part in criterion.map.contributions:
            if part.slots is None:
                continue
            slots = BlockSlots(part.slots.numbers, part.slots.shares)
            known = found.setdefault(part.block, slots)
            if known.numbers != slots.numbers or not np.allclose(known.shares, slots.shares, rtol=1e-9, atol=0.0):
                raise InvalidInput(f"All observations of block `{part.block}` must have its pilots in the same slots.")
    return found


def in_turn(
    beams: Complex[np.ndarray, "tx beam"], shares: Float[np.ndarray, " slot"]
) -> Complex[np.ndarray, "tx slot"]:
    """Beam l modulo their number in slot l, each with its power shared out evenly among its pilots."""
    turn = np.arange(len(shares)) % beams.shape[1]
    pilots = np.bincount(turn, weights=shares, minlength=beams.shape[1])
    return beams[:, turn] / np.sqrt(pilots[turn])


def mixed(beams: Complex[np.ndarray, "tx beam"], shares: Float[np.ndarray, " slot"]) -> Complex[np.ndarray, "tx slot"]:
    """All beams in every slot, with phases that make their products vanish over all pilots."""
    n_slots, n_beams = len(shares), beams.shape[1]
    turns = np.outer(np.arange(n_beams) * (n_slots // n_beams), np.arange(n_slots)) / n_slots
    phases = np.exp(2j * np.pi * turns)
    values, vectors = np.linalg.eigh((phases * shares) @ phases.conj().T)
    return beams @ ((vectors / np.sqrt(values)) @ vectors.conj().T) @ phases


def objective_in_slots(
    problem: DesignProblem,
    covariances: Covariances,
    beams: Mapping[str, Complex[np.ndarray, "tx slot"]],
) -> float:
    """Objective of beams as they are sent, those of `BeamSequence`; blocks without any send their covariance.

    Raises:
        Unidentifiable: a parameter with a positive weight is not determined.
    """
    sent = dict(covariances)
    for block, slots in slots_of(problem).items():
        each = [np.outer(beam, beam.conj()) for beam in beams[block].T] if block in beams else None
        for place, number in enumerate(slots.numbers):
            sent[slot_block(block, number)] = covariances[block] if each is None else each[place]
    informations = []
    for criterion in problem.active_criteria:
        by_slot = criterion.map.by_slot()
        informations.append(by_slot.at(sent))
    return objective_from(problem, informations)


def by_slot_of_interval(
    problem: DesignProblem, sequence: BeamSequence | None
) -> dict[str, Complex[np.ndarray, "tx slot"]]:
    """Beams of a sequence by the slots of the whole interval, zero where a block is not sent.

    With L slots the covariance of each pilot in slot l is `f_l f_l^H`; R is summed over slots, so that these are the
    beams of the sequence over the root of L.
    """
    if sequence is None:
        return {}
    slots, found = slots_of(problem), {}
    for block, beams in sequence.beams.items():
        n_slots = problem.n_slots or 1 + slots[block].numbers[-1]
        found[block] = np.zeros((len(beams), n_slots), dtype=complex)
        found[block][:, list(slots[block].numbers)] = beams / np.sqrt(n_slots)
    return found


def best_sequence(problem: DesignProblem, beamformers: Mapping[str, Beamformers]) -> BeamSequence | None:
    """The better sequence of the beams of each block; None if neither determines the objective, or none is sent."""
    slots = slots_of(problem)
    parts = {
        block: (part.matrix, slots[block].shares)
        for block, part in beamformers.items()
        if block in slots and part.matrix.shape[1]
    }
    given = {**problem.codebooks, **problem.analog_blocks}
    turns = {block: in_turn(*part) for block, part in parts.items()}
    free = {block: mixed(*part) for block, part in parts.items() if block not in given and part[0].shape[1] > 1}
    covariances = {block: part.covariance for block, part in beamformers.items()}
    candidates = {IN_TURN: turns, **({MIXED: {**turns, **free}} if free else {})}
    found = []
    for kind, beams in candidates.items():
        try:
            found.append(BeamSequence(kind, beams, objective_in_slots(problem, covariances, beams)))
        except Unidentifiable:
            continue
    return min(found, key=lambda each: each.objective, default=None)
