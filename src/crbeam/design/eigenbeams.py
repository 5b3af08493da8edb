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
    """What the covariances of one block of several proposals are made of; all arrays have the items in front.

    Attributes:
        covariances: their Hermitian parts.
        is_finite: whether all entries of an item are; the rest says nothing about items that are not.
        used_w: power.
        powers_w: powers of the eigenbeams, largest first.
        vectors: unit vectors of the eigenbeams.
        errors_w: how far each is from being what it has to be: the most negative eigenvalue, without its sign, or the
            norm of `F F^H - R`, which no eigenvalue exceeds, where there are factors; NaN if F is not finite.
        is_sound: whether that is rounding beside the largest eigenvalue or entry.
    """

    covariances: Complex[np.ndarray, "item tx tx"]
    is_finite: Bool[np.ndarray, " item"]
    used_w: Float[np.ndarray, " item"]
    powers_w: Float[np.ndarray, "item beam"]
    vectors: Complex[np.ndarray, "item tx beam"]
    errors_w: Float[np.ndarray, " item"]
    is_sound: Bool[np.ndarray, " item"]


def eigenbeams_of(proposals: Sequence[Proposal]) -> dict[str, Eigenbeams]:
    """Eigenbeams of each block of proposals of one shape; no item's numbers depend on the others."""
    return {block: _of_block(proposals, block) for block in proposals[0].covariances}


def _of_block(proposals: Sequence[Proposal], block: str) -> Eigenbeams:
    covariances = hermitian_part(side_by_side([proposal.covariances[block] for proposal in proposals]))
    is_finite = np.logical_and.reduce(np.isfinite(covariances), axis=(1, 2))
    finite = np.where(is_finite[:, None, None], covariances, 0.0)
    factors = [proposal.factors[block] for proposal in proposals if proposal.factors is not None]
    parts = _of_factors(side_by_side(factors), finite) if factors else _of_covariances(finite)
    powers_w, vectors, errors_w, sizes_w = parts
    used_w = np.trace(covariances, axis1=1, axis2=2).real
    is_sound = errors_w <= EIGENVALUE_TOLERANCE * sizes_w
    return Eigenbeams(covariances, is_finite, used_w, powers_w, vectors, errors_w, is_sound)


def _of_covariances(covariances: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    eigenvalues, vectors = np.linalg.eigh(covariances)
    powers_w = np.maximum(eigenvalues[:, ::-1], 0.0)
    return powers_w, vectors[:, :, ::-1], np.maximum(-eigenvalues[:, 0], 0.0), powers_w[:, 0]


def _of_factors(factors: np.ndarray, covariances: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The same for `R = F F^H` from the eigenvectors of `F^H F`."""
    errors = np.linalg.norm(factors @ factors.conj().swapaxes(1, 2) - covariances, axis=(1, 2))
    finite = np.where(np.isfinite(errors)[:, None, None], factors, 0.0)
    eigenvalues, rotation = np.linalg.eigh(finite.conj().swapaxes(1, 2) @ finite)
    powers_w = np.maximum(eigenvalues[:, ::-1], 0.0)
    roots = np.sqrt(np.where(powers_w > 0.0, powers_w, 1.0))
    beams = (finite @ rotation[:, :, ::-1]) / roots[:, None, :]
    return powers_w, beams, errors, np.abs(covariances).max(axis=(1, 2), initial=0.0)
