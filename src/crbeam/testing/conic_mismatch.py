"""The programs of zhang2025 section IV as the paper has them, for a conic solver: references for the closed forms.

Every program takes the matrix U of transmit vectors (or codewords), guides and their shares, and a power. Data are
scaled to unit power and unit columns of U, a change of variables that the solver needs and the optimum does not notice.
They go through CVXPY and Clarabel, and are far slower than the closed forms in `crbeam.design.mismatch`.
"""

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Complex, Float

from crbeam.errors import SolverFailed

if TYPE_CHECKING:
    import cvxpy as cp

#: Clarabel's tolerances; a solution is known to about the root of what it reaches, which may be a little less.
TOLERANCE = 1e-13


def conic_beamformer_mismatch(
    columns: Complex[np.ndarray, "tx column"],
    guides: Sequence[Complex[np.ndarray, "tx beam"]],
    shares: Sequence[float],
    power_w: float,
    *,
    constant: float | None = None,
) -> Complex[np.ndarray, "tx beam"]:
    """Beamformers `F = U Omega` nearest to those of the guides, by the lifted semidefinite program.

    The lifted vectors are real, `[1, Re omega_l, Im omega_l]`: the same program, which the solver finds easier.

    Args:
        columns: U.
        guides: beamformers of each guide, in the span of U, one beam in each column.
        shares: of the guides; they add up to 1.
        power_w: `|F|_F^2`.
        constant: what the power constraint (19b) adds to the power for the entries `[1, 1]`; by default their number.

    Reference: zhang2025 eq. (19).

    Deviation: (19b) adds the number of slots L where it must add the number of beams; with L beams too few or too
    many the power would be wrong.
    """
    import cvxpy as cp

    unit = columns / np.linalg.norm(columns, axis=0)
    blended = _blend(shares, guides) / np.sqrt(power_w)
    gram, linear = _real(unit.conj().T @ unit), _stacked(unit.conj().T @ blended)
    size, n_beams = linear.shape
    lifted = [cp.Variable((size + 1, size + 1), symmetric=True) for _ in range(n_beams)]
    value, power, constraints = cp.Constant(0.0), cp.Constant(0.0), []
    for variable, column in zip(lifted, linear.T, strict=True):
        cost = np.block([[np.zeros((1, 1)), -column[None, :]], [-column[:, None], gram]])
        weight = np.block([[np.ones((1, 1)), np.zeros((1, size))], [np.zeros((size, 1)), gram]])
        value = value + cp.trace(cost @ variable)
        power = power + cp.trace(weight @ variable)
        constraints += [variable[0, 0] == 1.0, variable >> 0]
    constraints.append(power == 1.0 + (n_beams if constant is None else constant))
    _solve(cp.Problem(cp.Minimize(value), constraints))
    inner = np.stack([_value(variable)[1:, 0] for variable in lifted], axis=1)
    return np.sqrt(power_w) * unit @ (inner[: size // 2] + 1j * inner[size // 2 :])


def conic_amplitude_mismatch(
    columns: Complex[np.ndarray, "tx column"],
    guides: Sequence[Complex[np.ndarray, "tx column"]],
    shares: Sequence[float],
    power_w: float,
    *,
    constant: float | None = None,
) -> Complex[np.ndarray, "tx column"]:
    """Beamformers `F = U diag(v)` nearest to those of the guides, by the lifted semidefinite program.

    Args:
        columns: the codewords U.
        guides: `U diag(v_c)` of each guide.
        shares: of the guides; they add up to 1.
        power_w: `|F|_F^2`.
        constant: what the power constraint (21b) adds to the power for the entries `[1, 1]`; by default their number.

    Reference: zhang2025 eq. (21).

    Deviation: (21b) adds the number of slots L where it must add the number of codewords.
    """
    import cvxpy as cp

    unit = columns / np.linalg.norm(columns, axis=0)
    blended = _blend(shares, guides) / np.sqrt(power_w)
    linear = np.sum(unit.conj() * blended, axis=0).real
    lifted = [cp.Variable((2, 2), symmetric=True) for _ in linear]
    value, power, constraints = cp.Constant(0.0), cp.Constant(0.0), []
    for variable, entry in zip(lifted, linear, strict=True):
        value = value + cp.trace(np.array([[0.0, -entry], [-entry, 1.0]]) @ variable)
        power = power + cp.trace(variable)
        constraints += [variable[0, 0] == 1.0, variable >> 0]
    constraints.append(power == 1.0 + (len(linear) if constant is None else constant))
    _solve(cp.Problem(cp.Minimize(value), constraints))
    return np.sqrt(power_w) * unit * np.array([_value(variable)[1, 0] for variable in lifted])


def conic_covariance_mismatch(
    columns: Complex[np.ndarray, "tx column"],
    guides: Sequence[Complex[np.ndarray, "tx tx"]],
    shares: Sequence[float],
    power_w: float,
) -> Complex[np.ndarray, "tx tx"]:
    """Covariance `V = U Lambda U^H` nearest to the guides, by the semidefinite program.

    Args:
        columns: U.
        guides: covariance of each guide.
        shares: of the guides; they add up to 1.
        power_w: `tr V`.

    Reference: zhang2025 eq. (22).
    """
    import cvxpy as cp

    unit = columns / np.linalg.norm(columns, axis=0)
    inner = cp.Variable((unit.shape[1], unit.shape[1]), hermitian=True)
    covariance: Any = unit @ inner @ unit.conj().T
    value = _weighted_squares(covariance, guides, shares, power_w)
    constraints: list[Any] = [cp.real(cp.trace(covariance)) == 1.0, inner >> 0]
    _solve(cp.Problem(cp.Minimize(value), constraints))
    return power_w * unit @ _value(inner) @ unit.conj().T


def conic_power_mismatch(
    columns: Complex[np.ndarray, "tx column"],
    guides: Sequence[Complex[np.ndarray, "tx tx"]],
    shares: Sequence[float],
    power_w: float,
) -> Float[np.ndarray, " column"]:
    """Powers `rho` of unit codewords whose covariance is nearest to the guides, by the convex quadratic program.

    Args:
        columns: the codewords U, of any norm.
        guides: covariance of each guide.
        shares: of the guides; they add up to 1.
        power_w: `sum_l rho_l`.

    Reference: zhang2025 section IV-B.
    """
    import cvxpy as cp

    unit = columns / np.linalg.norm(columns, axis=0)
    powers = cp.Variable(unit.shape[1], nonneg=True)
    covariance: Any = unit @ cp.diag(powers) @ unit.conj().T
    value = _weighted_squares(covariance, guides, shares, power_w)
    constraints: list[Any] = [cp.sum(powers) == 1.0]
    _solve(cp.Problem(cp.Minimize(value), constraints))
    return power_w * _value(powers)


def _real(matrix: np.ndarray) -> np.ndarray:
    """Real form of a Hermitian matrix, acting on stacked real and imaginary parts."""
    real, imaginary = np.real(matrix), np.imag(matrix)
    return np.block([[real, -imaginary], [imaginary, real]])


def _stacked(matrix: np.ndarray) -> np.ndarray:
    return np.concatenate([np.real(matrix), np.imag(matrix)])


def _blend(shares: Sequence[float], parts: Sequence[np.ndarray]) -> np.ndarray:
    return np.tensordot(np.asarray(shares), np.stack(parts), axes=1)


def _weighted_squares(
    covariance: Any, guides: Sequence[np.ndarray], shares: Sequence[float], power_w: float
) -> "cp.Expression":
    import cvxpy as cp

    terms = [
        share * (cp.sum_squares(cp.real(covariance - guide)) + cp.sum_squares(cp.imag(covariance - guide)))
        for share, guide in zip(shares, [guide / power_w for guide in guides], strict=True)
    ]
    return sum(terms[1:], terms[0])


def _solve(program: "cp.Problem") -> None:
    import cvxpy as cp

    try:
        with warnings.catch_warnings():  # tests say how accurate the solution is
            warnings.filterwarnings("ignore", message="Solution may be inaccurate")
            program.solve(solver=cp.CLARABEL, tol_gap_abs=TOLERANCE, tol_gap_rel=TOLERANCE, tol_feas=TOLERANCE)
    except cp.SolverError as error:
        raise SolverFailed(
            f"Clarabel must solve the conic program, but failed: {error}", status="solver error"
        ) from None
    if program.status not in {"optimal", "optimal_inaccurate"}:
        raise SolverFailed(
            f"Clarabel must solve the conic program, but stopped with status {program.status}.",
            status=str(program.status),
        )


def _value(variable: "cp.Variable") -> np.ndarray:
    return np.asarray(variable.value)
