"""Constant-modulus beams whose patterns imitate those of given beams."""

import numpy as np
from jaxtyping import Complex, Float

from crbeam.design.constraints import has_constant_modulus
from crbeam.errors import InvalidInput
from crbeam.linalg import one_blas_thread

#: Most steps of the gradient projection from one start.
MAX_STEPS = 3000
#: Relative decrease of the squared pattern error over `CHECKED_STEPS` steps below which a start has converged.
CONVERGED = 1e-9
CHECKED_STEPS = 20


def analog_codewords(
    words: Complex[np.ndarray, "tx word"], sweep: Complex[np.ndarray, "tx angle"], *, starts: int = 8
) -> Complex[np.ndarray, "tx word"]:
    """Beams of unit norm whose entries differ in phase only and whose patterns come near those of given beams.

    Minimises `|| T^H (A exp(j phi) - w) ||^2` over the phases and the amplitude A >= 0 for each word w, where the
    columns of T are the responses over which patterns are compared. Gradient projection,
    `z = f - T T^H (f - w) / lambda_max(T T^H)`, `f <- mean|z| exp(j arg z)`, which never increases the error, from the
    phases of the word itself and from other fixed starts. Words that have one modulus already are only scaled.

    Args:
        words: beams to imitate as columns, none of them zero.
        sweep: array responses over the angles.
        starts: number of starts for each word; results do not depend on any random state.

    Reference: zhang2025 eq. (27).

    Deviation: the box on the phases is vacuous and left out.
    """
    if np.any(np.linalg.norm(words, axis=0) == 0.0):
        raise InvalidInput("Every beam to imitate must have some entry that is not zero; leave out beams of no power.")
    with one_blas_thread():
        gram = sweep @ sweep.conj().T
        beams = np.stack([_imitation(word, gram, starts) for word in words.T], axis=1)
    return beams / np.linalg.norm(beams, axis=0)


def pattern_errors(
    beams: Complex[np.ndarray, "tx word"], words: Complex[np.ndarray, "tx word"], sweep: Complex[np.ndarray, "tx angle"]
) -> Float[np.ndarray, " word"]:
    """Relative distance of patterns, `min_{A >= 0} || T^H (A f - w) || / || T^H w ||` for each pair of beams.

    Reference: zhang2025 eq. (27), Fig. 3.
    """
    gram = sweep @ sweep.conj().T
    sizes = np.real(np.sum(words.conj() * (gram @ words), axis=0))
    return np.sqrt(_squared_errors(beams, gram @ words, gram, sizes) / sizes)


def _squared_errors(beams: np.ndarray, pulled: np.ndarray, gram: np.ndarray, size: np.ndarray | float) -> np.ndarray:
    """`|T^H w|^2 - max(0, Re f^H M w)^2 / f^H M f` for each column, M = T T^H: the error at the best amplitude."""
    overlap = np.maximum(np.real(np.sum(beams.conj() * pulled, axis=0)), 0.0)
    own = np.real(np.sum(beams.conj() * (gram @ beams), axis=0))
    return np.maximum(size - overlap**2 / own, 0.0)


def _imitation(word: np.ndarray, gram: np.ndarray, starts: int) -> np.ndarray:
    """The best beam of constant modulus for one word, all starts at once."""
    if has_constant_modulus(word[:, None]):
        return word
    word = word / np.linalg.norm(word)
    pulled, size = (gram @ word)[:, None], float(np.real(np.vdot(word, gram @ word)))
    step = 1.0 / float(np.linalg.eigvalsh(gram)[-1])
    beams = _first_beams(word, starts)
    errors = _squared_errors(beams, pulled, gram, size)
    for _ in range(MAX_STEPS // CHECKED_STEPS):
        for _ in range(CHECKED_STEPS):
            beams = _projected(beams - step * (gram @ beams - pulled))
        before, errors = errors, _squared_errors(beams, pulled, gram, size)
        if np.all(before - errors <= CONVERGED * size):
            break
    return beams[:, int(np.argmin(errors))]


def _projected(beams: np.ndarray) -> np.ndarray:
    """The nearest beams with entries of one modulus."""
    return np.abs(beams).mean(axis=0) * np.exp(1j * np.angle(beams))


def _first_beams(word: np.ndarray, starts: int) -> np.ndarray:
    """The phases of the word, then with chirps on top of either sign and growing rate."""
    place = np.linspace(-1.0, 1.0, word.size)[:, None]
    number = np.arange(starts)
    rate = np.pi * ((number + 1) // 2) * np.where(number % 2, 1.0, -1.0)
    return _projected(word[:, None] * np.exp(1j * rate * place**2) + 1e-300)
