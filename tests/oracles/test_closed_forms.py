"""One monostatic target with angle, delay and complex gain: everything in closed form.

Channel `H_m = g a_r a_t^H exp(-2j pi m df tau)` over subcarriers m = -(M-1)/2 .. (M-1)/2, arrays about their centres:
slopes are orthogonal to responses and the delay is orthogonal to the gain. With the transmit covariance
`V = P (rho a a^H / |a|^2 + (1 - rho) b b^H / |b|^2)`, b the slope of a, and `s = 2 |g|^2 P M / noise`,

    J_angle = rho A + (1 - rho) B,   A = s |b_r|^2 |a_t|^2,   B = s |a_r|^2 |b_t|^2,
    J_delay = rho C,                 C = s |a_r|^2 |a_t|^2 (2 pi df)^2 mean(m^2).

`w_a / J_angle + w_d / J_delay` is least at rho = 1 if A >= B, else at
`rho = min(1, B sqrt(w_d / C) / (sqrt(w_a (B - A)) + (B - A) sqrt(w_d / C)))`. No other covariance is better: the
certificate of this one says so.
"""

from dataclasses import dataclass

import numpy as np
import pytest

from crbeam.design import Criterion, DesignProblem, PowerBudget, certify, weighted_bound
from crbeam.design.methods import method_named
from crbeam.information import Contribution, InformationMap, ParameterLayout
from crbeam.propagation import steering_response

SPACING_HZ, N_SUBCARRIERS = 1e5, 33
GAIN, NOISE_POWER_W, POWER_W = 2e-4 * np.exp(0.8j), 1e-9, 0.5
ANGLE_RAD = 1.1
INDEX = np.arange(N_SUBCARRIERS) - (N_SUBCARRIERS - 1) / 2


def line(n):
    return np.stack([0.5 * (np.arange(n) - (n - 1) / 2), np.zeros(n)], axis=1)


@dataclass(frozen=True, eq=False)
class Echo:
    """The target with its transmit response and slope, map and the three closed-form constants."""

    response: np.ndarray
    slope: np.ndarray
    map: InformationMap
    angle_by_receiver: float
    angle_by_transmitter: float
    delay: float


def echo(n_tx, n_rx):
    (transmit, transmit_slope), (receive, receive_slope) = (
        [vector[:, 0] for vector in steering_response(line(n), np.array([ANGLE_RAD]))] for n in (n_tx, n_rx)
    )
    ramp = -2j * np.pi * SPACING_HZ * INDEX
    flat = np.ones_like(INDEX)
    functions = np.stack([GAIN * flat, GAIN * flat, GAIN * ramp, flat, 1j * flat], axis=1)
    contribution = Contribution(
        block="array",
        transmit=np.stack([transmit, transmit_slope, transmit, transmit, transmit], axis=1),
        receive=np.stack([receive_slope, receive, receive, receive, receive], axis=1),
        gram=(2.0 / NOISE_POWER_W) * functions.conj().T @ functions,
        jacobian=np.eye(5)[:, [0, 2, 3, 4]] + np.eye(5)[:, [1, 1, 1, 1]] * np.array([1.0, 0.0, 0.0, 0.0]),
    )
    layout = ParameterLayout.of({"angle": 1, "delay": 1, "gain": 2})
    scale = 2.0 * abs(GAIN) ** 2 * POWER_W * N_SUBCARRIERS / NOISE_POWER_W
    squared = [float(np.vdot(v, v).real) for v in (transmit, transmit_slope, receive, receive_slope)]
    return Echo(
        response=transmit,
        slope=transmit_slope,
        map=InformationMap(layout, (contribution,)),
        angle_by_receiver=scale * squared[3] * squared[0],
        angle_by_transmitter=scale * squared[2] * squared[1],
        delay=scale * squared[2] * squared[0] * (2 * np.pi * SPACING_HZ) ** 2 * float(np.mean(INDEX**2)),
    )


def transmission(target, share):
    parts = [np.outer(v, v.conj()) / np.vdot(v, v).real for v in (target.response, target.slope)]
    return {"array": POWER_W * (share * parts[0] + (1.0 - share) * parts[1])}


def problem_of(target, angle_weight, delay_weight):
    weights = {"angle": angle_weight, "delay": delay_weight}
    return DesignProblem((Criterion(target.map, weights),), (PowerBudget(("array",), POWER_W),))


def best_share(target, angle_weight, delay_weight):
    a, b = target.angle_by_receiver, target.angle_by_transmitter
    if a >= b:
        return 1.0
    root = np.sqrt(delay_weight / target.delay)
    return min(1.0, b * root / (np.sqrt(angle_weight * (b - a)) + (b - a) * root))


def best_objective(target, angle_weight, delay_weight):
    share = best_share(target, angle_weight, delay_weight)
    angle = share * target.angle_by_receiver + (1.0 - share) * target.angle_by_transmitter
    return angle_weight / angle + delay_weight / (share * target.delay)


CASES = [(8, 8, 1.0), (12, 4, 1.0), (12, 4, 30.0), (16, 5, 0.05), (6, 12, 1.0)]


def weights_of(target, ratio):
    """Weights under which angle and delay count about alike, times the given ratio for the angle."""
    return ratio * target.angle_by_transmitter, target.delay


@pytest.mark.parametrize(("n_tx", "n_rx"), [(8, 8), (12, 4), (4, 9)])
@pytest.mark.parametrize("share", [1.0, 0.6, 0.1])
def test_bounds_of_angle_and_delay(n_tx, n_rx, share):
    target = echo(n_tx, n_rx)
    information = target.map.at(transmission(target, share))
    angle = share * target.angle_by_receiver + (1.0 - share) * target.angle_by_transmitter
    assert information.bound(["angle"])[0, 0] == pytest.approx(1.0 / angle, rel=1e-10)
    assert information.bound(["delay"])[0, 0] == pytest.approx(1.0 / (share * target.delay), rel=1e-10)


@pytest.mark.parametrize(("n_tx", "n_rx", "ratio"), CASES)
def test_the_closed_form_is_optimal_by_its_own_certificate(n_tx, n_rx, ratio):
    target = echo(n_tx, n_rx)
    weights = weights_of(target, ratio)
    proof = certify(problem_of(target, *weights), transmission(target, best_share(target, *weights)))
    assert proof.objective == pytest.approx(best_objective(target, *weights), rel=1e-9)
    assert proof.gap == pytest.approx(0.0, abs=1e-9)


def test_a_wrong_share_is_not_optimal_and_is_seen_to_be_so():
    target = echo(16, 5)
    weights = weights_of(target, 1.0)
    share = best_share(target, *weights)
    assert 0.05 < share < 0.95
    for wrong in (share - 0.04, share + 0.04):
        proof = certify(problem_of(target, *weights), transmission(target, wrong))
        assert proof.objective > best_objective(target, *weights)
        assert proof.gap > 1e-3
        assert proof.lower_bound <= best_objective(target, *weights)


@pytest.mark.parametrize(("n_tx", "n_rx", "ratio"), CASES)
def test_the_engine_finds_the_closed_form(n_tx, n_rx, ratio):
    target = echo(n_tx, n_rx)
    weights = weights_of(target, ratio)
    design = method_named("fdb-wcrb").solve(problem_of(target, *weights))
    assert design.gap <= 1e-6
    assert design.objective == pytest.approx(best_objective(target, *weights), rel=1e-6)


def test_isotropic_transmission_is_worse():
    target = echo(12, 4)
    weights = weights_of(target, 1.0)
    problem = problem_of(target, *weights)
    assert weighted_bound(problem, problem.isotropic()) > 2.0 * best_objective(target, *weights)
