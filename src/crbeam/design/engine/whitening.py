"""Parameters in which the information at the isotropic transmission is the identity."""

import numpy as np

from crbeam.design.problem import Criterion, DesignProblem
from crbeam.errors import SolverFailed, Unidentifiable
from crbeam.information import Transmission
from crbeam.linalg import eliminate, hermitian_part

#: The scaled information is certainly regular if the squared norm of its inverse Cholesky factor is below this.
SAFE_INVERSE = 1e10


class NeedsCare(Exception):
    """Some item of a batch is close to singular and has to be prepared by itself."""


def whitening(
    problem: DesignProblem, criteria: list[Criterion], matrices: np.ndarray, isotropic: Transmission | None
) -> tuple[np.ndarray, np.ndarray]:
    """Change of parameters Z with `Z^T I Z = 1` for each item, and `E` in these parameters.

    Args:
        problem: the first item.
        criteria: one of each item.
        matrices: I of each item.
        isotropic: for a batch of one, the transmission that I belongs to.

    Raises:
        Unidentifiable: for a batch of one, a requested parameter is not determined.
        NeedsCare: an item of a larger batch is close to singular.
    """
    scale = criteria[0].map.layout.scales(np.diagonal(matrices, axis1=-2, axis2=-1))
    scaled = matrices * (scale[:, :, None] * scale[:, None, :])
    selections = np.stack([criterion.selection for criterion in criteria])
    inverse = _safe_inverse_factor(scaled)
    if inverse is not None:
        transform = scale[:, :, None] * inverse.swapaxes(-1, -2)
    elif isotropic is None:
        raise NeedsCare("The information of some item is close to singular.")
    else:
        transform = _careful_whitening(problem, criteria[0], matrices[0], isotropic)[None]
    return transform, transform.swapaxes(-1, -2) @ selections


def _safe_inverse_factor(scaled: np.ndarray) -> np.ndarray | None:
    """Inverse Cholesky factors, or None if any of the matrices is close to singular."""
    try:
        inverse = np.linalg.inv(np.linalg.cholesky(scaled))
    except np.linalg.LinAlgError:
        return None
    return inverse if np.max(np.sum(inverse**2, axis=(1, 2))) < SAFE_INVERSE else None


def _careful_whitening(
    problem: DesignProblem, criterion: Criterion, matrix: np.ndarray, isotropic: Transmission
) -> np.ndarray:
    """Whitening of one information matrix without the nuisance directions that it does not see."""
    layout = criterion.map.layout
    information = criterion.map.at(isotropic)
    try:
        information.bound(criterion.requested)
        if not problem.codebooks:
            criterion.map.at(problem.isotropic()).bound(criterion.requested)
    except Unidentifiable as error:
        raise error.explained(link=criterion.name) from None
    if information.needs_root(criterion.requested):
        return information.whitening(criterion.requested)
    kept = np.asarray(layout.indices(criterion.requested), dtype=int)
    nuisance = np.setdiff1d(np.arange(layout.size), kept)
    scale = layout.scales(np.diagonal(matrix))
    eliminated = eliminate(hermitian_part(matrix) * np.outer(scale, scale), kept)
    change = np.zeros((layout.size, eliminated.nuisance_root.shape[1]))
    change[nuisance] = eliminated.nuisance_root
    requested = np.zeros((layout.size, kept.size))
    requested[kept, np.arange(kept.size)] = 1.0
    requested[nuisance] = -eliminated.response
    try:
        inverse = np.linalg.inv(np.linalg.cholesky(eliminated.schur))
    except np.linalg.LinAlgError:
        raise SolverFailed(
            "The information must be numerically regular, but its Cholesky factorisation failed; "
            "move objects apart or add a prior.",
            status="preparation",
        ) from None
    return scale[:, None] * np.concatenate([requested @ inverse.T, change], axis=1)
