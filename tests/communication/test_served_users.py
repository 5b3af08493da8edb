"""Channels, ratios, least power of served users."""

import cvxpy as cp
import numpy as np
import pytest

from crbeam.communication import (
    UplinkChannel,
    downlink_sinr,
    echo_tolerance,
    least_power,
    mmse_combiners,
    rates_bps_hz,
    uplink_sinr,
)
from crbeam.communication.channels import ServedUser, UserPropagation, user_channels
from crbeam.errors import InvalidInput
from crbeam.propagation.path_loss import NYC_LINE_OF_SIGHT, NYC_SCATTERED, LogDistanceLoss
from crbeam.testing import random_covariance

WAVELENGTH_M = 0.0107
LINE_M = np.stack([np.zeros(12), 0.03 * np.arange(12)], axis=1)


def random_channels(rng, n_antennas=6, n_users=3):
    return rng.standard_normal((n_antennas, n_users)) + 1j * rng.standard_normal((n_antennas, n_users))


def test_new_york_losses():
    """61.4 + 20 log10(r) and 72 + 29.2 log10(r) in decibels."""
    for loss, decibels in (
        (NYC_LINE_OF_SIGHT, 61.4 + 20 * np.log10(25.0)),
        (NYC_SCATTERED, 72 + 29.2 * np.log10(25.0)),
    ):
        assert -20 * np.log10(loss.amplitude(np.array([25.0]))[0]) == pytest.approx(decibels)
    with pytest.raises(InvalidInput, match="at least 1 at one metre"):
        LogDistanceLoss(0.5, 2.0)


@pytest.mark.parametrize("model", ["spherical", "far"])
def test_channel_is_the_sum_of_its_paths(model):
    user = ServedUser((12.0, 20.0), ((8.0, -3.0), (15.0, 5.0)), (0.1, 2.0, -1.0))
    (column,) = user_channels(LINE_M, [user], UserPropagation(WAVELENGTH_M, model)).T
    wavenumber, expected = 2 * np.pi / WAVELENGTH_M, 0.0
    for number, point in enumerate([user.position_m, *user.scatterers_m]):
        range_m = np.hypot(*point)
        second_m = np.hypot(*np.subtract(user.position_m, point))
        decibels = (
            61.4 + 20 * np.log10(range_m)
            if number == 0
            else 72 + 29.2 * np.log10(range_m + second_m) + 10 * np.log10(2)
        )
        distances = np.hypot(*(np.array(point) - LINE_M).T)
        if model == "far":
            distances = range_m - LINE_M @ np.array(point) / range_m
        phase = user.phases_rad[number] - wavenumber * (distances + second_m)
        expected = expected + 10 ** (-decibels / 20) * np.exp(1j * phase)
    assert column == pytest.approx(expected, abs=1e-9 * np.abs(expected).max())


def test_far_channel_has_the_gains_of_the_near_one():
    """They agree at the reference antenna, and nowhere near the other end."""
    user = ServedUser((4.0, 3.0), ((8.0, -3.0),))
    near, far = (user_channels(LINE_M, [user], UserPropagation(WAVELENGTH_M, model)) for model in ("fresnel", "far"))
    assert near[0] == pytest.approx(far[0])
    assert abs(near[-1] / far[-1] - 1.0) > 0.1


def test_users_are_refused_with_wrong_phases_and_may_be_absent():
    with pytest.raises(InvalidInput, match="2 phases"):
        ServedUser((1.0, 2.0), ((3.0, 4.0),), (0.1,))
    assert user_channels(LINE_M, [], UserPropagation(WAVELENGTH_M)).shape == (12, 0)


def test_downlink_ratio_is_that_of_the_signals(rng):
    channels = random_channels(rng)
    users = np.stack([random_covariance(rng, 6) for _ in range(3)])
    total = users.sum(axis=0) + random_covariance(rng, 6)
    found = downlink_sinr(channels, users, total, 0.3)
    for k in range(3):
        power = [np.real(channels[:, k] @ matrix @ channels[:, k].conj()) for matrix in (users[k], total - users[k])]
        assert found[k] == pytest.approx(power[0] / (power[1] + 0.3))
    wrong = downlink_sinr(channels.conj(), users, total, 0.3)
    assert wrong != pytest.approx(found, rel=1e-2)
    assert rates_bps_hz(np.array([3.0])) == pytest.approx([2.0])


@pytest.mark.parametrize("n_chains", [None, 4])
def test_no_combiner_beats_the_best_one(rng, n_chains):
    channels, echo = random_channels(rng), random_channels(rng, n_users=1)[:, 0]
    network = None if n_chains is None else random_channels(rng, n_users=n_chains)
    uplink = UplinkChannel(channels, 0.7, 0.2, network)
    best = mmse_combiners(uplink, echo, 0.5)
    ratios = uplink_sinr(uplink, best, echo, 0.5)
    assert echo_tolerance(uplink, echo).sinr(0.5) == pytest.approx(ratios)
    for _ in range(20):
        other = best + 0.1 * np.abs(best).max() * random_channels(rng, *best.shape)
        assert np.all(uplink_sinr(uplink, other, echo, 0.5) <= ratios)


def test_network_counts_by_what_it_passes_not_by_its_gains(rng):
    channels, echo, network = random_channels(rng), random_channels(rng, n_users=1)[:, 0], random_channels(rng, 6, 4)
    mixed = network @ random_channels(rng, 4, 4)
    tolerances = [echo_tolerance(UplinkChannel(channels, 0.7, 0.2, one), echo) for one in (network, mixed)]
    assert tolerances[0].sinr(0.5) == pytest.approx(tolerances[1].sinr(0.5))


def test_largest_echo_leaves_exactly_the_ratio(rng):
    channels, echo = random_channels(rng), random_channels(rng, n_users=1)[:, 0]
    tolerance = echo_tolerance(UplinkChannel(channels, 0.7, 0.2), echo)
    floor = tolerance.without_echo - tolerance.coupling / tolerance.saturation
    wanted = 0.4 * tolerance.without_echo + 0.6 * floor
    limits = tolerance.largest_echo_w(wanted)
    for k, limit in enumerate(limits):
        assert tolerance.sinr(limit)[k] == pytest.approx(wanted[k])
    assert np.all(np.isinf(tolerance.largest_echo_w(0.99 * floor)))
    with pytest.raises(InvalidInput, match="without echo"):
        tolerance.largest_echo_w(1.01 * tolerance.without_echo)


def beams_at(channels, ratios, noise_w, total_w):
    """Downlink powers that give every user its ratio with the directions of the virtual uplink, by definition."""
    found = least_power(channels, ratios, noise_w, budget_w=total_w)
    virtual = found.shares * found.power_w / noise_w
    directions = np.linalg.solve(np.eye(len(channels)) + (channels * virtual) @ channels.conj().T, channels).conj()
    directions = directions / np.linalg.norm(directions, axis=0)
    coupling = np.abs(channels.T @ directions) ** 2
    system = np.diag(np.diagonal(coupling) * (1 + 1 / ratios)) - coupling
    return found, np.linalg.solve(system, np.full(len(ratios), noise_w)), directions


@pytest.mark.parametrize("ratio", [0.5, 5.0, 100.0])
def test_least_power_is_reached_and_no_less_will_do(rng, ratio):
    """Its beams serve everybody with exactly this power; the balanced ratio at less power is below what is wanted."""
    channels, ratios = random_channels(rng, 5, 3), ratio * np.array([1.0, 2.0, 0.7])
    found, powers, directions = beams_at(channels, ratios, 0.3, 1e4)
    assert np.all(powers > 0.0)
    assert powers.sum() == pytest.approx(found.power_w, rel=1e-8)
    users = np.einsum("k,ik,jk->kij", powers, directions, directions.conj())
    assert downlink_sinr(channels, users, users.sum(axis=0), 0.3) == pytest.approx(ratios, rel=1e-8)
    short = least_power(channels, ratios, 0.3, budget_w=0.999 * found.power_w)
    enough = least_power(channels, ratios, 0.3, budget_w=1.001 * found.power_w)
    assert short.power_w == pytest.approx(found.power_w)
    assert short.power_w * (1.0 - 1e-6) < short.proven_w <= short.power_w
    assert 0.99 < short.balance < 1.0
    assert enough.power_w == pytest.approx(found.power_w)
    assert enough.balance == 1.0


def test_balance_is_the_largest_common_factor(rng):
    """Four users in three directions reach less than a ratio of 3, whatever the power."""
    channels, ratios = random_channels(rng, 3, 4), np.full(4, 3.0)
    short = least_power(channels, ratios, 1.0, budget_w=5.0)
    assert not np.isfinite(short.power_w)
    at_balance = [
        least_power(channels, factor * short.balance * ratios, 1.0, budget_w=5.0) for factor in (0.999, 1.001)
    ]
    assert [one.power_w <= 5.0 for one in at_balance] == [True, False]
    assert [one.proven_w <= 5.0 for one in at_balance] == [True, False]
    assert short.shares.sum() == pytest.approx(1.0)


def test_more_users_than_antennas_cannot_all_have_much(rng):
    """At no power: the fixed point does not exist."""
    channels = random_channels(rng, 2, 4)
    found = least_power(channels, np.full(4, 10.0), 1.0, budget_w=1e12)
    assert not np.isfinite(found.power_w)
    assert found.balance < 0.5
    assert 10.0 * found.reach == pytest.approx(1.0, rel=1e-6), "4 SINR / (1 + SINR) is 2, the number of antennas"


def conic_power_w(channels, ratios):
    """Least power by a semidefinite program, in noise of 1 W."""
    users = range(channels.shape[1])
    covariances = [cp.Variable((len(channels),) * 2, hermitian=True) for _ in users]
    received = [np.outer(channel.conj(), channel) for channel in channels.T]
    kept = [
        cp.real((1.0 + 1.0 / ratios[k]) * cp.trace(received[k] @ covariances[k]))
        - cp.real(cp.trace(received[k] @ sum(covariances)))
        >= 1.0
        for k in users
    ]
    program = cp.Problem(
        cp.Minimize(cp.real(cp.trace(sum(covariances)))), [*kept, *(each >> 0 for each in covariances)]
    )
    return program.solve(solver=cp.CLARABEL)


@pytest.mark.parametrize("seed", range(4))
def test_least_power_agrees_with_a_conic_solver(seed):
    """Also where there are more users than antennas, or two in one direction, which must do with little."""
    rng = np.random.default_rng(seed)
    channels = random_channels(rng, 3, 4)
    channels[:, 3] = (2.0 - 1j) * channels[:, 2]
    for users, ratios in ((2, [20.0, 3.0]), (3, [2.0, 0.5, 30.0]), (4, [0.4, 2.0, 0.3, 0.6])):
        found = least_power(channels[:, :users], np.array(ratios), 1.0, budget_w=1e-3)
        assert found.power_w == pytest.approx(conic_power_w(channels[:, :users], ratios), rel=1e-5)
        assert found.power_w * (1.0 - 1e-9) <= found.proven_w <= found.power_w


def test_two_users_in_one_direction_have_ratios_whose_product_is_below_one():
    channels = np.array([[1.0, 3.0], [1.0j, 3.0j]])
    found = least_power(channels, np.array([10.0, 100.0]), 1.0, budget_w=1.0)
    assert (found.directions, found.power_w) == (1, np.inf)
    assert found.reach == pytest.approx(1000.0**-0.5, rel=1e-6)


def test_enough_power_serves_users_that_differ_however_much_they_ask_for(rng):
    """Zero forcing takes `gamma_k [(H^H H)^-1]_kk`, and nothing much less does at ratios as large as these."""
    channels, ratios = random_channels(rng, 5, 3), np.full(3, 2.0**60)
    forced_w = float(ratios @ np.real(np.diagonal(np.linalg.inv(channels.conj().T @ channels))))
    found = least_power(channels, ratios, 1.0, budget_w=1.0)
    assert found.power_w == pytest.approx(forced_w, rel=1e-12)
    assert found.proven_w == pytest.approx(forced_w, rel=1e-9)


def test_a_user_without_a_channel_cannot_be_served(rng):
    channels = random_channels(rng, 4, 2)
    channels[:, 1] = 0.0
    found = least_power(channels, np.full(2, 1.0), 1.0, budget_w=10.0)
    assert not np.isfinite(found.power_w)
    assert found.costliest_user == 1
    assert found.balance < 1e-9


@pytest.mark.parametrize("distance", 10.0 ** -np.arange(3.0, 13.0))
def test_users_that_hardly_differ_take_the_power_that_they_take(rng, distance):
    """At a small angle d the power grows as `1 / d^2`, below `noise sum gamma / d^2`, that of zero forcing."""
    first, other = np.linalg.qr(random_channels(rng, n_users=2))[0].T

    def found_at(angle):
        channels = np.stack([first, (first + angle * other) / np.hypot(1.0, angle)], axis=1)
        return least_power(channels, np.array([10.0, 20.0]), 1.0, budget_w=1.0)

    found, wide = found_at(distance), found_at(1e-2)
    assert found.proven_w <= found.power_w
    if np.isfinite(found.power_w):
        assert found.power_w == pytest.approx(wide.power_w * (1e-2 / distance) ** 2, rel=1e-3)
        assert found.power_w < 30.0 / distance**2
        assert found.proven_w > 0.99 * found.power_w
        assert found.balance < 1.0
    else:
        assert distance < 3e-10
