"""Closed forms of the compromises that differ least from several guides.

A guide is what one criterion would have the transmitter send. With shares `s_c` that add up to 1,

    sum_c s_c |X - X_c|^2 = |X - sum_c s_c X_c|^2 + constant,

so every compromise is the point of a feasible set that is nearest to the blend of the guides: a projection on a
simplex of eigenvalues or powers for covariances, on a sphere for beamformers. Each power budget is a set of its own.
Beamformers of a guide are square roots F of its covariance, `F F^H = X`, which are determined up to a unitary matrix
from the right.

Reference: theory/mismatch#one-square.
"""

from collections.abc import Sequence
from itertools import accumulate

import numpy as np
from jaxtyping import Complex, Float
from scipy.linalg import block_diag

from crbeam.design.beamformers import nearest_powers_w, powers_of_beams_w
from crbeam.design.problem import DesignProblem
from crbeam.errors import SolverFailed
from crbeam.linalg import hermitian_part

#: Eigenvalue, relative to the largest, below which a root has none: its own root would turn rounding into beams.
ROOT_TOLERANCE = 1e-13
#: Part of a transmit vector outside the span of the others, relative to its length, that counts as rounding.
SPAN_TOLERANCE = 1e-10
#: Power of a blend of beamformers, relative to that of the guides, that counts as none.
NO_POWER = 1e-20


def hermitian_root(matrix: Complex[np.ndarray, "n n"]) -> Complex[np.ndarray, "n n"]:
    """The Hermitian positive-semidefinite root `X^(1/2)`."""
    eigenvalues, vectors = np.linalg.eigh(hermitian_part(matrix))
    kept = eigenvalues > ROOT_TOLERANCE * eigenvalues[-1]
    return (vectors * np.sqrt(np.where(kept, eigenvalues, 0.0))) @ vectors.conj().T


def triangular_root(matrix: Complex[np.ndarray, "n n"]) -> Complex[np.ndarray, "n n"]:
    """The Cholesky factor L, lower triangular with a diagonal of at least 0; X may be singular.

    From the QR factors of the Hermitian root, `X^(1/2) = T R`, so that `X = R^H R`.
    """
    _, upper = np.linalg.qr(hermitian_root(matrix))
    diagonal = np.diagonal(upper)
    phases = np.where(diagonal == 0.0, 1.0, diagonal / np.where(diagonal == 0.0, 1.0, np.abs(diagonal)))
    return upper.conj().T * phases


def aligned(
    factor: Complex[np.ndarray, "rows columns"], other: Complex[np.ndarray, "rows columns"]
) -> Complex[np.ndarray, "rows columns"]:
    """`F W` with the unitary W that brings it nearest to G: it maximises `Re tr(G^H F W)`.

    W is the unitary polar factor of `F^H G`, the solution of the orthogonal Procrustes problem.

    Args:
        factor: F.
        other: G.
    """
    left, _, right = np.linalg.svd(factor.conj().T @ other)
    return factor @ left @ right


def random_unitary(rng: np.random.Generator, size: int) -> Complex[np.ndarray, "n n"]:
    """Unitary matrix from the uniform (Haar) distribution."""
    entries = rng.standard_normal((size, size)) + 1j * rng.standard_normal((size, size))
    basis, upper = np.linalg.qr(entries)
    diagonal = np.diagonal(upper)
    return basis * (diagonal / np.abs(diagonal))


def blend(shares: Sequence[float], parts: Sequence[np.ndarray]) -> np.ndarray:
    """`sum_c s_c X_c`."""
    return sum((share * part for share, part in zip(shares[1:], parts[1:], strict=True)), shares[0] * parts[0])


def transmit_basis(problem: DesignProblem, block: str) -> Complex[np.ndarray, "tx size"]:
    """Orthonormal basis Q of the span of the transmit vectors that the maps of a problem have for a block.

    With the distinct transmit vectors `u_1 .. u_n` as columns of U, in the order of the maps, column `u_l` lies in the
    span of `q_l .. q_n`: `U = Q L` with a lower triangular L. Vectors in the span of later ones are dropped before,
    and then it holds for the others only.

    Reference: zhang2025 Remark 2.
    """
    parts = [part for criterion in problem.criteria for part in criterion.map.contributions if part.block == block]
    rows = [row for part in parts for row in np.ascontiguousarray(part.transmit.T) if row.any()]
    columns = np.stack(list({row.tobytes(): row for row in rows}.values())[::-1], axis=1)
    columns = columns / np.linalg.norm(columns, axis=0)
    basis, upper = np.linalg.qr(columns)
    while (pivots := np.abs(np.diagonal(upper))).min() <= SPAN_TOLERANCE:
        columns = np.delete(columns, int(np.argmax(pivots <= SPAN_TOLERANCE)), axis=1)
        basis, upper = np.linalg.qr(columns)
    return (basis * (np.diagonal(upper) / pivots))[:, ::-1]


def nearest_on_simplex(values: Float[np.ndarray, " n"], total: float) -> Float[np.ndarray, " n"]:
    """The nearest `x >= 0` with `sum x = total > 0`: `x = max(values - shift, 0)`.

    Reference: theory/mismatch#covariances.
    """
    descending = np.sort(values)[::-1]
    shifts = (np.cumsum(descending) - total) / np.arange(1, values.size + 1)
    shift = shifts[np.flatnonzero(descending > shifts)[-1]]
    return np.maximum(values - shift, 0.0)


def nearest_covariance_factors(
    wanted: Sequence[Complex[np.ndarray, "..."]], power_w: float
) -> list[Complex[np.ndarray, "..."]]:
    """Factors `F_b` of the positive-semidefinite matrices that are nearest to Hermitian ones and share out a power.

    Minimises `sum_b |F_b F_b^H - A_b|_F^2` subject to `sum_b tr F_b F_b^H = power_w`. The eigenvectors stay, the
    eigenvalues of all blocks together go to the nearest point of a simplex. A blend of guides of full power is such a
    point already: then `F_b F_b^H = A_b`.

    Reference: zhang2025 eq. (22); theory/mismatch#covariances.

    Deviation: (22) is a semidefinite program in the paper; it has this closed form.
    """
    spectra = [np.linalg.eigh(hermitian_part(matrix)) for matrix in wanted]
    powers_w = nearest_on_simplex(np.concatenate([values for values, _ in spectra]), power_w)
    parts = _split(powers_w, [values.size for values, _ in spectra])
    return [vectors * np.sqrt(part) for (_, vectors), part in zip(spectra, parts, strict=True)]


def nearest_word_powers_w(
    words: Sequence[Complex[np.ndarray, "..."]], wanted: Sequence[Complex[np.ndarray, "_ _"]], power_w: float
) -> list[Float[np.ndarray, "..."]]:
    """Powers of unit codewords of several blocks, adding up to `power_w`, nearest to wanted covariances.

    Minimises `sum_b |U_b diag(rho_b) U_b^H - A_b|_F^2` over `rho >= 0`. If the guides are of full power and within the
    codebook, the optimum is the blend of their powers.

    Reference: zhang2025 section IV-B; theory/mismatch#powers-of-codewords.

    Deviation: "replace Lambda by U diag(rho) U^H" reads "by diag(rho)"; otherwise U would be applied twice.
    """
    powers_w = nearest_powers_w(np.asarray(block_diag(*words)), np.asarray(block_diag(*wanted)), power_w)
    return _split(powers_w, [block.shape[1] for block in words])


def word_factors(
    words: Complex[np.ndarray, "tx word"], covariance: Complex[np.ndarray, "tx tx"]
) -> Complex[np.ndarray, "tx word"]:
    """`U diag(v)` with `v >= 0` for a covariance `U diag(v^2) U^H`, of unit codewords U.

    A covariance outside the codebook is replaced by the nearest one within, of any power.
    """
    return words * np.sqrt(powers_of_beams_w(words, covariance)[0])


def nearest_factors(
    shares: Sequence[float], guides: Sequence[Sequence[Complex[np.ndarray, "..."]]], power_w: float
) -> list[Complex[np.ndarray, "..."]]:
    """Beamformers that differ least from those of the guides, `G = sum_c s_c F_c` scaled to full power.

    Minimises `sum_c s_c sum_b |F_b - F_cb|_F^2` subject to `sum_b |F_b|_F^2 = power_w`: the nearest point of a sphere.

    Args:
        shares: of the guides; they add up to 1.
        guides: for each guide, its beamformers `F_cb` in each block.
        power_w: of all blocks together.

    Raises:
        SolverFailed: the blend is zero; then every point of the sphere is as near as any other.

    Reference: zhang2025 eqs. (17), (18) and (20); theory/mismatch#beamformers.

    Deviation: the relaxations (19) and (21) are not needed; their constant is `P + (2K+2)`, not `P + L`.
    """
    blends = [blend(shares, parts) for parts in zip(*guides, strict=True)]
    found_w = sum(float(np.sum(np.abs(part) ** 2)) for part in blends)
    given_w = sum(
        share * float(np.sum(np.abs(part) ** 2)) for share, guide in zip(shares, guides, strict=True) for part in guide
    )
    if found_w <= NO_POWER * given_w:
        raise SolverFailed(
            "The weighted sum of the guides' beamformers must not be zero, but it is, so that all beamformers of full "
            "power are equally good compromises; give other guides, or choose another root of theirs.",
            status="no unique solution",
        )
    return [part * np.sqrt(power_w / found_w) for part in blends]


def mismatch(shares: Sequence[float], found: Sequence[np.ndarray], guides: Sequence[Sequence[np.ndarray]]) -> float:
    """`sum_c s_c sum_b |X_b - X_cb|_F^2`, of beamformers or of covariances.

    Reference: zhang2025 eqs. (17), (20) and (22).
    """
    distances = [
        sum(float(np.sum(np.abs(part - other) ** 2)) for part, other in zip(found, guide, strict=True))
        for guide in guides
    ]
    return float(np.dot(shares, distances))


def _split(values: np.ndarray, sizes: list[int]) -> list[np.ndarray]:
    return np.split(values, list(accumulate(sizes))[:-1])
