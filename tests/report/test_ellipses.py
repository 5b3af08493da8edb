"""Error ellipses hold the probability that they name."""

import numpy as np
import pytest

from crbeam.errors import InvalidInput
from crbeam.information.ellipses import ErrorEllipse, error_ellipse

BOUND_M2 = np.array([[4.0, 1.5], [1.5, 1.0]]) * 1e-2


def share_inside(ellipse: ErrorEllipse, points_m: np.ndarray) -> float:
    cosine, sine = np.cos(ellipse.angle_rad), np.sin(ellipse.angle_rad)
    along = (points_m @ np.array([cosine, sine])) / ellipse.semi_major_m
    across = (points_m @ np.array([-sine, cosine])) / ellipse.semi_minor_m
    return float(np.mean(along**2 + across**2 <= 1.0))


@pytest.mark.parametrize("probability", [0.5, 0.95, 0.99])
def test_an_ellipse_holds_its_probability(probability):
    n = 200_000
    points_m = np.random.default_rng(3).multivariate_normal([0.0, 0.0], BOUND_M2, size=n)
    tolerance = 4.0 * np.sqrt(probability * (1.0 - probability) / n)
    ellipse = error_ellipse(BOUND_M2, probability)
    assert abs(share_inside(ellipse, points_m) - probability) < tolerance

    turned = ErrorEllipse(ellipse.semi_major_m, ellipse.semi_minor_m, -ellipse.angle_rad, probability)
    one_dimensional = ErrorEllipse(
        ellipse.semi_major_m * 0.8, ellipse.semi_minor_m * 0.8, ellipse.angle_rad, probability
    )
    for wrong in (turned, one_dimensional):
        assert abs(share_inside(wrong, points_m) - probability) > tolerance


def test_semi_axes_are_roots_of_the_chi_square_quantile():
    from scipy.stats import chi2

    ellipse = error_ellipse(np.diag([1.0, 9.0]), 0.95)
    np.testing.assert_allclose(
        [ellipse.semi_major_m, ellipse.semi_minor_m], np.sqrt(chi2.ppf(0.95, df=2)) * np.array([3.0, 1.0]), rtol=1e-12
    )
    assert abs(ellipse.angle_rad) == pytest.approx(np.pi / 2)


def test_every_point_of_the_outline_has_one_mahalanobis_distance():
    centre_m = np.array([3.0, -2.0])
    outline_m = error_ellipse(BOUND_M2, 0.95).outline_m(centre_m, magnification=10.0) - centre_m
    distance = np.einsum("pi,ij,pj->p", outline_m, np.linalg.inv(BOUND_M2), outline_m)
    np.testing.assert_allclose(distance, 100.0 * -2.0 * np.log(0.05), rtol=1e-9)


@pytest.mark.parametrize(
    ("bound_m2", "probability"),
    [(BOUND_M2, 0.0), (BOUND_M2, 1.0), (-BOUND_M2, 0.9), (np.array([[1.0, 0.5], [0.0, 1.0]]), 0.9)],
)
def test_what_is_no_covariance_is_refused(bound_m2, probability):
    with pytest.raises(InvalidInput):
        error_ellipse(bound_m2, probability)
