"""Sharing out power among given beams so that their covariance comes near a wanted one."""

import numpy as np
from jaxtyping import Complex, Float


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
