"""Beamformers: eigenbeams of covariances, one or many together, and powers of given beams."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Complex, Float

from crbeam.linalg import hermitian_part, side_by_side

if TYPE_CHECKING:
    from crbeam.design.result import Proposal

#: Share of the strongest eigenvalue below which a beam carries no power.
RANK_TOLERANCE = 1e-9
#: Negative eigenvalue of a covariance, or error of its factors, relative to the largest, that counts as rounding.
EIGENVALUE_TOLERANCE = 1e-9


@dataclass(frozen=True, eq=False)
class Beamformers:
    """Beams of one block: eigenbeams of its covariance, or codewords with their powers where it has a codebook.

    Attributes:
        matrix: one beam `f_l` per column, in sqrt(watt per subcarrier), strongest first; `F F^H` is the covariance.
        is_exact: False if there were fewer slots than the covariance's rank and the weakest beams were given up.
    """

    matrix: Complex[np.ndarray, "tx beam"]
    is_exact: bool

    @property
    def covariance(self) -> Complex[np.ndarray, "tx tx"]:
        """`F F^H`."""
        return self.matrix @ self.matrix.conj().T


def beamformers_from_covariance(covariance: Complex[np.ndarray, "tx tx"], n_slots: int | None = None) -> Beamformers:
    """Eigenbeams F with `F F^H = R`, strongest first, in at most `n_slots` columns.

    With at least as many slots as the rank of R this is exact. With fewer, it is the projection of R on its
    strongest eigenvectors (nearest in Frobenius norm among matrices of that rank), scaled back to the power of R.

    Reference: zhang2025 section III-A.
    """
    eigenvalues, vectors = np.linalg.eigh(hermitian_part(covariance))
    return strongest_beams(np.maximum(eigenvalues[::-1], 0.0), vectors[:, ::-1], n_slots)


def codeword_beams(
    powers_w: Float[np.ndarray, " word"], unit_codewords: Complex[np.ndarray, "tx word"], n_slots: int | None
) -> Beamformers:
    """Beamformers `sqrt(rho_l) u_l` from the powers of a codebook's unit-norm beams."""
    order = np.argsort(-powers_w, kind="stable")
    return strongest_beams(powers_w[order], unit_codewords[:, order], n_slots)


def strongest_beams(
    powers_w: Float[np.ndarray, " beam"], unit_beams: Complex[np.ndarray, "tx beam"], n_slots: int | None
) -> Beamformers:
    """The strongest of given beams that fit into the slots, scaled back to the power of all of them."""
    powers = powers_w.tolist()
    rank = sum(power > RANK_TOLERANCE * powers[0] for power in powers)
    kept = rank if n_slots is None else min(rank, n_slots)
    kept_w = sum(powers[:kept])
    rescale = np.sqrt(sum(powers) / kept_w) if kept_w > 0.0 else 1.0
    return Beamformers(unit_beams[:, :kept] * (np.sqrt(powers_w[:kept]) * rescale), kept == rank)


def nearest_powers_w(
    beams: Complex[np.ndarray, "tx beam"], covariance: Complex[np.ndarray, "tx tx"], power_w: float
) -> Float[np.ndarray, " beam"]:
    """Powers of unit beams, adding up to `power_w`, that bring their covariance nearest to a wanted one.

    Minimises `|| sum_l rho_l u_l u_l^H - R ||_F^2` over `rho >= 0, sum_l rho_l = power_w`, a convex quadratic program
    on a simplex. As the shares x add up to 1, the distance is `|| sum_l x_l (u_l u_l^H - R / power_w) ||`: the point of
    least norm in a polytope, which is the direction of the nonnegative least-squares solution of
    `sum_l x_l (u_l u_l^H - R / power_w) = 0, sum_l x_l = 1`.

    Args:
        beams: the directions `u_l` as columns, of any norm.
        covariance: the wanted one, Hermitian, of any power.
        power_w: power to share out.

    Reference: zhang2025 section IV-B-2 and eq. (25).
    """
    from scipy.optimize import nnls

    unit = beams / np.linalg.norm(beams, axis=0)
    corners = np.einsum("il,jl->ijl", unit, unit.conj()) - (covariance / power_w)[:, :, None]
    rows = corners.reshape(-1, beams.shape[1])
    triangle = np.linalg.qr(np.concatenate([rows.real, rows.imag]), mode="r")
    target = np.zeros(len(triangle) + 1)
    target[-1] = 1.0
    shares, _ = nnls(np.concatenate([triangle, np.ones((1, beams.shape[1]))]), target)
    return power_w * shares / shares.sum()


def powers_of_beams_w(
    beams: Complex[np.ndarray, "tx beam"], covariance: Complex[np.ndarray, "tx tx"]
) -> tuple[Float[np.ndarray, " beam"], float]:
    """Powers `rho >= 0` of unit beams with `sum_l rho_l u_l u_l^H = R`, and the relative distance that is left.

    Args:
        beams: the directions `u_l` as columns, of any norm.
        covariance: R, Hermitian; zero takes no power.
    """
    from scipy.optimize import nnls

    if not covariance.any():
        return np.zeros(beams.shape[1]), 0.0
    unit = beams / np.linalg.norm(beams, axis=0)
    atoms = np.einsum("il,jl->ijl", unit, unit.conj()).reshape(-1, beams.shape[1])
    scale = float(np.linalg.norm(covariance))
    flat = covariance.ravel() / scale
    shares, distance = nnls(np.concatenate([atoms.real, atoms.imag]), np.concatenate([flat.real, flat.imag]))
    return scale * shares, float(distance)


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


def eigenbeams_of(proposals: Sequence["Proposal"]) -> dict[str, Eigenbeams]:
    """Eigenbeams of each block of proposals of one shape; no item's numbers depend on the others."""
    return {block: _of_block(proposals, block) for block in proposals[0].covariances}


def _of_block(proposals: Sequence["Proposal"], block: str) -> Eigenbeams:
    covariances = hermitian_part(side_by_side([proposal.covariances[block] for proposal in proposals]))
    is_finite = np.logical_and.reduce(np.isfinite(covariances), axis=(1, 2))
    finite = np.where(is_finite[:, None, None], covariances, 0.0)
    factors = [proposal.factors[block] for proposal in proposals if proposal.factors is not None]
    if factors:
        powers_w, vectors, errors_w, sizes_w = _of_factors(side_by_side(factors), finite)
    else:
        eigenvalues, vectors = np.linalg.eigh(finite)
        powers_w, vectors = np.maximum(eigenvalues[:, ::-1], 0.0), vectors[:, :, ::-1]
        errors_w, sizes_w = np.maximum(-eigenvalues[:, 0], 0.0), powers_w[:, 0]
    used_w = np.trace(covariances, axis1=1, axis2=2).real
    is_sound = errors_w <= EIGENVALUE_TOLERANCE * sizes_w
    return Eigenbeams(covariances, is_finite, used_w, powers_w, vectors, errors_w, is_sound)


def _of_factors(factors: np.ndarray, covariances: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Powers, eigenbeams, errors and sizes of `R = F F^H` from the eigenvectors of `F^H F`."""
    errors = np.linalg.norm(factors @ factors.conj().swapaxes(1, 2) - covariances, axis=(1, 2))
    finite = np.where(np.isfinite(errors)[:, None, None], factors, 0.0)
    eigenvalues, rotation = np.linalg.eigh(finite.conj().swapaxes(1, 2) @ finite)
    powers_w = np.maximum(eigenvalues[:, ::-1], 0.0)
    roots = np.sqrt(np.where(powers_w > 0.0, powers_w, 1.0))
    beams = (finite @ rotation[:, :, ::-1]) / roots[:, None, :]
    return powers_w, beams, errors, np.abs(covariances).max(axis=(1, 2), initial=0.0)
