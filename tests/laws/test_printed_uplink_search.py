"""The uplink search over the angle as printed in li2024, eqs. (48) and (49), does not depend on the angle."""

import numpy as np
import pytest

from crbeam.propagation.near_field import near_field_response

WAVELENGTH_M, SPACING_M, N_ANTENNAS, PER_CHAIN = 0.0107, 0.5 / 15, 16, 2
LINE_M = np.stack([np.zeros(N_ANTENNAS), SPACING_M * np.arange(N_ANTENNAS)], axis=1)
ANGLES_RAD = np.linspace(-1.2, 1.2, 41)
TRUE_RAD, TRUE_M = 0.6, 5.0


def response(angle_rad, range_m):
    place = np.array([angle_rad]), np.array([range_m])
    return near_field_response(LINE_M, *place, wavelength_m=WAVELENGTH_M, model="fresnel").value[:, 0]


@pytest.fixture
def spectrum(rng):
    """`A = F U U^H F^H` with the noise subspace U of what the chains receive from the target without noise."""
    phases = np.exp(1j * rng.uniform(-np.pi, np.pi, (N_ANTENNAS, 1)))
    network = np.kron(np.eye(N_ANTENNAS // PER_CHAIN), np.ones((PER_CHAIN, 1))) * phases / np.sqrt(PER_CHAIN)
    signal = network.conj().T @ response(TRUE_RAD, TRUE_M)
    noise_space = np.linalg.svd(signal[:, None])[0][:, 1:]
    return network @ noise_space @ noise_space.conj().T @ network.conj().T


def linear_phases(angle_rad):
    """The part of the response that depends on the angle alone, `exp(j k n d sin(angle))`."""
    return np.exp(2j * np.pi / WAVELENGTH_M * SPACING_M * np.arange(N_ANTENNAS) * np.sin(angle_rad))


def printed(spectrum, angle_rad, ridge):
    """`e1^H (D^H A D + ridge)^-1 e1`, D the diagonal matrix of the linear phases."""
    phases = linear_phases(angle_rad)
    matrix = phases.conj()[:, None] * spectrum * phases + ridge * np.eye(N_ANTENNAS)
    return np.linalg.inv(matrix)[0, 0].real


def test_the_matrix_never_has_an_inverse(spectrum):
    assert np.linalg.matrix_rank(spectrum, tol=1e-10) == N_ANTENNAS // PER_CHAIN - 1


@pytest.mark.parametrize("ridge", [1.0, 1e-3, 1e-5])
def test_the_printed_criterion_is_constant_in_the_angle(spectrum, ridge):
    """D is unitary and leaves the first unit vector alone, so the criterion is that of A itself."""
    values = np.array([printed(spectrum, angle, ridge) for angle in ANGLES_RAD])
    assert np.ptp(values) < 1e-8 * values.mean()
    assert values[0] == pytest.approx(np.linalg.inv(spectrum + ridge * np.eye(N_ANTENNAS))[0, 0].real, rel=1e-8)


def test_a_subspace_of_the_curvatures_makes_it_depend_on_the_angle(spectrum):
    """With quadratic phases confined to those of possible ranges the true angle has the least eigenvalue."""

    def curvatures(angle_rad):
        ranges_m = np.linspace(2.0, 30.0, 60)
        columns = np.stack([response(angle_rad, range_m) for range_m in ranges_m], axis=1)
        left, _, _ = np.linalg.svd(columns, full_matrices=False)
        return left[:, :4]

    def least(angle_rad):
        basis = curvatures(angle_rad)
        return np.linalg.eigvalsh(basis.conj().T @ spectrum @ basis)[0]

    values = {angle: least(angle) for angle in (TRUE_RAD - 0.15, TRUE_RAD, TRUE_RAD + 0.15)}
    assert min(values, key=values.__getitem__) == TRUE_RAD
    assert values[TRUE_RAD] < 0.1 * values[TRUE_RAD + 0.15]
