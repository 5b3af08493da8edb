"""Eigenbeams of proposed covariances, of many proposals together."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Complex, Float

from crbeam.design.result import Proposal
from crbeam.linalg import hermitian_part, side_by_side

#: Negative eigenvalue of a covariance, or error of its factors, relative to the largest, that counts as rounding.
EIGENVALUE_TOLERANCE = 1e-9


@dataclass(frozen=True, eq=False)
class Eigenbeams:
    """What the covariances of proposals of one shape are made of.

    Attributes:
        covariances: their Hermitian parts.
        is_finite: whether all entries of an item are; the rest says nothing about items that are not.
        used_w: power of each block.
        beams: powers, largest first, and unit vectors of the eigenbeams of each block, with the items in front.
        errors_w: how far each block is from being what it has to be: the most negative eigenvalue, without its sign,
            or the largest entry of `F F^H - R` where there are factors; NaN if F is not finite.
        is_sound: whether these are rounding beside the largest eigenvalue or entry of the block.
    """

    covariances: Complex[np.ndarray, "item block tx tx"]
    is_finite: Bool[np.ndarray, " item"]
    used_w: Float[np.ndarray, "item block"]
    beams: list[tuple[np.ndarray, np.ndarray]]
    errors_w: Float[np.ndarray, "item block"]
    is_sound: Bool[np.ndarray, " item"]


def eigenbeams_of(proposals: Sequence[Proposal]) -> Eigenbeams:
    """Eigenbeams of proposals of one shape; no item's numbers depend on the others."""
    covariances = hermitian_part(side_by_side([proposal.covariances for proposal in proposals]))
    is_finite = np.logical_and.reduce(np.isfinite(covariances), axis=(1, 2, 3))
    finite = np.where(is_finite[:, None, None, None], covariances, 0.0)
    factors = [proposal.factors for proposal in proposals if proposal.factors is not None]
    beams, errors, sizes = [], [], []
    for block in range(covariances.shape[1]):
        if factors:
            stack = side_by_side([each[block] for each in factors])
            powers_w, vectors, error, size = _of_factors(stack, finite[:, block])
        else:
            powers_w, vectors, error, size = _of_covariances(finite[:, block])
        beams.append((powers_w, vectors))
        errors.append(error)
        sizes.append(size)
    used_w = np.trace(covariances, axis1=2, axis2=3).real
    errors_w = np.stack(errors, axis=1)
    is_sound = np.logical_and.reduce(errors_w <= EIGENVALUE_TOLERANCE * np.stack(sizes, axis=1), axis=1)
    return Eigenbeams(covariances, is_finite, used_w, beams, errors_w, is_sound)


def _of_covariances(covariances: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    eigenvalues, vectors = np.linalg.eigh(covariances)
    powers_w = np.maximum(eigenvalues[:, ::-1], 0.0)
    return powers_w, vectors[:, :, ::-1], np.maximum(-eigenvalues[:, 0], 0.0), powers_w[:, 0]


def _of_factors(factors: np.ndarray, covariances: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The same for `R = F F^H` from the eigenvectors of `F^H F`."""
    errors = np.abs(factors @ factors.conj().swapaxes(1, 2) - covariances).max(axis=(1, 2), initial=0.0)
    finite = np.where(np.isfinite(errors)[:, None, None], factors, 0.0)
    eigenvalues, rotation = np.linalg.eigh(finite.conj().swapaxes(1, 2) @ finite)
    powers_w = np.maximum(eigenvalues[:, ::-1], 0.0)
    roots = np.sqrt(np.where(powers_w > 0.0, powers_w, 1.0))
    beams = (finite @ rotation[:, :, ::-1]) / roots[:, None, :]
    return powers_w, beams, errors, np.abs(covariances).max(axis=(1, 2), initial=0.0)
