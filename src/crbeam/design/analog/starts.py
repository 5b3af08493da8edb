"""Where the search for the least weighted bound over constant-modulus beams begins."""

from collections.abc import Sequence

import numpy as np

from crbeam.design.analog.method import codeword_powers, has_codewords
from crbeam.design.analog.mismatch import (
    AnalogBeams,
    MismatchTarget,
    analog_mismatch,
    eigenvector_beams,
    with_equal_powers,
)
from crbeam.design.engine import solve_reduced
from crbeam.design.engine.reduction import ReducedProblem
from crbeam.design.guides import Guide
from crbeam.design.problem import DesignProblem
from crbeam.information import Transmission


def bound_starts(
    problem: DesignProblem,
    reduced: ReducedProblem,
    guides: Sequence[Guide],
    *,
    seed: np.random.SeedSequence,
    start: Transmission | None,
    count: int,
) -> tuple[AnalogBeams, ...]:
    """Beams of the least mismatch, of the codewords if there are any, and `count` further ones.

    The further ones have the phases of the digital optimum's eigenvectors, then random phases. A given start adds the
    phases of its own eigenvectors.
    """
    mismatch = analog_mismatch(problem, guides, seed=seed, start=start)
    target, rng = mismatch.target, np.random.default_rng([*seed.generate_state(4), 1])
    shape = mismatch.beams.phases_rad.shape
    starts = [mismatch.beams]
    if has_codewords(problem):
        starts.append(_codeword_beams(problem, target, shape, rng))
    if start is not None:
        starts.append(eigenvector_beams(target.filled_up(start), target, shape[2], rng))
    if count > 0:
        starts.append(eigenvector_beams(target.filled_up(solve_reduced(reduced).covariances), target, shape[2], rng))
    while count > 1:
        starts.append(with_equal_powers(rng.uniform(-np.pi, np.pi, shape), target))
        count -= 1
    return tuple(starts)


def _codeword_beams(
    problem: DesignProblem, target: MismatchTarget, shape: tuple[int, ...], rng: np.random.Generator
) -> AnalogBeams:
    """Codewords with their powers; random beams without power where there are more slots than codewords."""
    phases, powers = rng.uniform(-np.pi, np.pi, shape), np.zeros((shape[0], shape[2]))
    for block, (words, values) in enumerate(zip(*codeword_powers(problem, target), strict=True)):
        strongest = np.argsort(-values, kind="stable")[: shape[2]]
        phases[block][: len(words), : strongest.size] = np.angle(words[:, strongest])
        powers[block, : strongest.size] = values[strongest]
    return AnalogBeams(phases, powers, target.antennas)
