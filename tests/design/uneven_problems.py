"""Problems over two blocks with different numbers of antennas, for tests of methods and certificates."""

from dataclasses import replace

import numpy as np

from crbeam.design import Codebook, ConstantModulus, Criterion, DesignProblem, PowerBudget
from crbeam.testing import random_map

SIZES = {"a": 6, "b": 3}
POWERS_W = {"a": 2.0, "b": 0.7}


def random_uneven(rng, *, sizes=SIZES, is_shared=True, prior=0.0):
    """Two criteria, one of which sees both blocks and the other the second only, without any physics."""
    last = list(sizes)[-1]
    both = random_map(rng, antennas=sizes, prior=prior)
    alone = random_map(rng, antennas={last: sizes[last]}, sizes={"position": 2, "other/gain": 1})
    criteria = (
        Criterion(both, {"position": 1.0, "clock": 0.3}, "both", 0.7),
        Criterion(alone, {"position": 1.0}, "alone", 0.3),
    )
    shared = (PowerBudget(tuple(sizes), sum(POWERS_W.values())),)
    return DesignProblem(criteria, shared if is_shared else tuple(PowerBudget((b,), w) for b, w in POWERS_W.items()))


def random_words(rng, problem, count):
    """Codewords of each block, more than span its antennas."""
    return {
        block: rng.standard_normal((size, size + count)) + 1j * rng.standard_normal((size, size + count))
        for block, size in problem.antennas.items()
    }


def with_words(problem, words):
    return problem.with_constraints(*(Codebook(block, each) for block, each in words.items()))


def with_phases(rng, problem, *, slots=5):
    """Phase shifters in both blocks, with codewords for methods that only share out power."""
    words = {block: np.exp(1j * np.angle(each)) for block, each in random_words(rng, problem, 3).items()}
    limits = (ConstantModulus(block, each) for block, each in words.items())
    return replace(problem, n_slots=slots).with_constraints(*limits)


def restricted(rng, method, problem):
    """The problem with what a method is made for."""
    if Codebook in method.uses:
        return with_words(problem, random_words(rng, problem, 2))
    return with_phases(rng, problem) if ConstantModulus in method.uses else problem
