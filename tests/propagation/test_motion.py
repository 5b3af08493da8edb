"""Doppler shifts and their gradients, path loss, shadowing."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from tests.laws.moving_channel import STEP, doppler_hz
from tests.laws.scenes import edited

from crbeam import InvalidScenario
from crbeam.errors import InvalidInput
from crbeam.propagation import doppler_gradients, doppler_shifts_hz, trace_paths
from crbeam.scenario import read_scenario
from crbeam.systems import isotropic_transmission, link_maps, true_state
from crbeam.testing import link_names, random_moving_scenario
from crbeam.testing.strategies import generators

LIGHT_MPS = 299792458.0
MUNICH = Path(__file__).resolve().parents[2] / "examples" / "munich" / "munich.yaml"


def velocity_of(scenario):
    return np.array(scenario.user.velocity_mps)


def moved(scenario, displacement_m):
    """The scene when the user is somewhere else."""

    def edit(document):
        document["user"]["position"] = (np.array(document["user"]["position"]) + displacement_m).tolist()

    return edited(scenario, edit)


def shrinking_lengths(scenario, time_s=1e-3):
    """Rate at which the paths shrink over the wavelength, from the delays just before and just after."""
    before, after = (trace_paths(moved(scenario, sign * time_s * velocity_of(scenario))) for sign in (-1.0, 1.0))
    return {
        link: scenario.waveform.carrier_frequency_hz * (before[link].delay_s - after[link].delay_s) / (2.0 * time_s)
        for link in before
    }


@given(generators())
@settings(max_examples=10)
def test_a_doppler_shift_is_the_rate_at_which_a_path_shrinks(rng):
    scenario = random_moving_scenario(rng)
    traced, expected = trace_paths(scenario), shrinking_lengths(scenario)
    # The highest shift there may be: an echo of a user that drives along the path.
    most_hz = 2.0 * np.hypot(*velocity_of(scenario)) / scenario.waveform.wavelength_m
    for link, paths in traced.items():
        np.testing.assert_allclose(doppler_shifts_hz(paths), expected[link], atol=1e-5 * most_hz)
    one_way = doppler_shifts_hz(traced[link_names(scenario)[1]])[0] / 2.0
    with pytest.raises(AssertionError):
        np.testing.assert_allclose(one_way, expected[link_names(scenario)[1]][0], atol=1e-5 * most_hz)


def test_a_user_that_comes_closer_raises_the_frequency():
    scenario = read_scenario("hamrouni2026", overrides=["user.position=[0, 20]", "user.velocity=[0, -10]"])
    traced, wavelength_m = trace_paths(scenario), scenario.waveform.wavelength_m
    assert doppler_shifts_hz(traced["bistatic"])[0] == pytest.approx(10.0 / wavelength_m)
    np.testing.assert_allclose(doppler_shifts_hz(traced["monostatic"]), [20.0 / wavelength_m, 0.0, 0.0, 0.0])
    assert doppler_shifts_hz(replace(traced["bistatic"], motion=None)).tolist() == [0.0] * 4


def stepped_gradient(scenario, link, name):
    """Derivative of every Doppler shift by a state parameter, by complex steps of the formula written out."""
    is_bistatic = scenario.links[link].receiver == "user"
    columns = []
    for component in range(2):
        state = {key: np.asarray(value, dtype=complex) for key, value in true_state(scenario).items()}
        state[name][component] += 1j * STEP
        columns.append(np.imag(doppler_hz(scenario, state, is_bistatic=is_bistatic)) / STEP)
    return np.array(columns).T


@given(generators())
@settings(max_examples=15)
def test_gradients_of_doppler_shifts_are_the_complex_step_derivatives(rng):
    """Line of sight, bounces and echoes, wherever the station is and however it is turned."""
    scenario = random_moving_scenario(rng)
    traced, (to_user, back) = trace_paths(scenario), link_names(scenario)
    direct, echo = doppler_gradients(traced[to_user]), doppler_gradients(traced[back])
    for name, analytic in (("user_position", direct.receiver), ("user_velocity", direct.mover)):
        assert_close(analytic, stepped_gradient(scenario, to_user, name))
    for target in range(scenario.targets.count):
        expected = stepped_gradient(scenario, to_user, f"target_position[{target}]")
        np.testing.assert_array_equal(np.delete(expected, 1 + target, axis=0), 0.0)
        assert_close(direct.vertex[1 + target], expected[1 + target])
    assert_close(echo.vertex, stepped_gradient(scenario, back, "user_position")[:1])
    assert_close(echo.mover, stepped_gradient(scenario, back, "user_velocity")[:1])
    assert not np.any(echo.receiver)
    assert not np.any(direct.vertex[0])
    with pytest.raises(AssertionError):
        assert_close(-direct.receiver, stepped_gradient(scenario, to_user, "user_position"))
    with pytest.raises(AssertionError):
        assert_close(0.5 * echo.mover, stepped_gradient(scenario, back, "user_velocity")[:1])


def assert_close(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=1e-11, atol=1e-12 * np.max(np.abs(expected), initial=0.0))


def test_the_radial_velocity_alone_shifts_the_echo_and_its_place_in_it_is_tangential(rng):
    """Why sensing misses the tangential velocity: neither the shift nor its slope along the velocity shows it."""
    scenario = random_moving_scenario(rng, n_targets=1)
    paths = trace_paths(scenario)[link_names(scenario)[1]]
    away = paths.vertex_m[0] - paths.transmitter_m
    tangent = np.array([-away[1], away[0]]) / np.hypot(*away)
    gradients = doppler_gradients(paths)
    assert abs(gradients.mover[0] @ tangent) < 1e-14 * np.hypot(*gradients.mover[0])
    assert abs(gradients.vertex[0] @ away) < 1e-12 * np.hypot(*gradients.vertex[0]) * np.hypot(*away)


def test_nothing_that_moves_has_no_gradients():
    paths = trace_paths(read_scenario("zhang2025"))["bistatic"]
    assert paths.moving == ()
    with pytest.raises(InvalidInput, match="must move"):
        doppler_gradients(paths)


def munich(*overrides):
    return read_scenario(MUNICH, overrides=["system=hamrouni2026", "user.velocity=[9 m/s, -6 m/s]", *overrides])


def test_recorded_paths_of_a_user_that_drives_through_munich():
    """A path that comes from the azimuth g shifts by the speed in that direction over the wavelength."""
    scenario = munich()
    paths = trace_paths(scenario)["bistatic"]
    towards = np.stack([np.cos(paths.arrival_rad), np.sin(paths.arrival_rad)], axis=1)
    expected = towards @ velocity_of(scenario) / scenario.waveform.wavelength_m
    assert paths.n_paths > 4
    assert np.ptp(expected) > 500.0
    np.testing.assert_allclose(doppler_shifts_hz(paths), expected, rtol=1e-9)
    covariances = isotropic_transmission(scenario)
    information = link_maps(scenario)["bistatic"].at(covariances)
    assert information.is_identifiable(["user_position", "user_velocity"])
    assert 0.0 < information.root_bound(["user_velocity"]) < 10.0


def test_recorded_paths_keep_their_own_gains():
    """The exponent, and shadowing drawn from a seed, are for echoes, which the file does not have."""
    drawn = ["propagation.path_loss_exponent=3.5", "propagation.shadowing_deviation=8 dB", "seed=3"]
    plain, other = trace_paths(munich()), trace_paths(munich(*drawn))
    np.testing.assert_array_equal(plain["bistatic"].gain, other["bistatic"].gain)
    assert np.all(np.abs(plain["monostatic"].gain / other["monostatic"].gain) > 2.0)


def free_space(*overrides):
    return read_scenario("hamrouni2026", overrides=["propagation.path_loss_exponent=2", *overrides])


@pytest.mark.parametrize("exponent", [2.0, 2.7, 3.5])
def test_gains_against_the_formula_written_out(exponent):
    scenario = read_scenario("hamrouni2026", overrides=[f"propagation.path_loss_exponent={exponent}"])
    traced, wavelength_m = trace_paths(scenario), LIGHT_MPS / 28e9
    user_m = np.array(scenario.user.position_m)
    targets_m = np.array(scenario.targets.positions_m)
    out_m, back_m = np.linalg.norm(targets_m, axis=1), np.linalg.norm(targets_m - user_m, axis=1)
    direct = (wavelength_m / (4 * np.pi)) ** 2 * np.linalg.norm(user_m) ** -exponent
    bounces = 10.0 * wavelength_m**2 / (4 * np.pi) ** 3 * (out_m * back_m) ** -exponent
    np.testing.assert_allclose(np.abs(traced["bistatic"].gain) ** 2, [direct, *bounces], rtol=1e-12)
    distance_m = np.concatenate([[np.linalg.norm(user_m)], out_m])
    echoes = 10.0 * wavelength_m**2 / (4 * np.pi) ** 3 * distance_m ** (-2.0 * exponent)
    np.testing.assert_allclose(np.abs(traced["monostatic"].gain) ** 2, echoes, rtol=1e-12)


@pytest.mark.parametrize(("exponent", "direct", "bounce"), [(2.0, 4.0, 16.0), (3.5, 2.0**3.5, 2.0**7.0)])
def test_a_scene_of_twice_the_size(exponent, direct, bounce):
    """Power falls by `2^n` on the line of sight, by `2^2n` over a bounce."""
    doubled = ["user.position=[20, 50]", "targets.positions=[[-24, 40], [6, 60], [36, 32]]"]
    own = [f"propagation.path_loss_exponent={exponent}"]
    small = trace_paths(read_scenario("hamrouni2026", overrides=own))
    large = trace_paths(read_scenario("hamrouni2026", overrides=[*own, *doubled]))
    ratio = {link: np.abs(small[link].gain / large[link].gain) ** 2 for link in small}
    np.testing.assert_allclose(ratio["bistatic"], [direct, bounce, bounce, bounce], rtol=1e-12)
    np.testing.assert_allclose(ratio["monostatic"], bounce, rtol=1e-12)


def losses_db(scenario):
    """Power of each path without shadowing over what it is."""

    def without(document):
        document["seed"], document["propagation"]["shadow_losses"] = None, None

    plain = trace_paths(edited(scenario, without))
    return {
        link: 20.0 * np.log10(np.abs(plain[link].gain / paths.gain)) for link, paths in trace_paths(scenario).items()
    }


def test_listed_shadowing_is_a_loss_in_decibels():
    listed = "propagation.shadow_losses={bistatic: [3 dB, -5 dB, 8 dB, 0 dB], monostatic: [1 dB, 2 dB, 3 dB, 4 dB]}"
    found = losses_db(free_space(listed, "seed=1"))
    np.testing.assert_allclose(found["bistatic"], [3.0, -5.0, 8.0, 0.0], atol=1e-12)
    np.testing.assert_allclose(found["monostatic"], [1.0, 2.0, 3.0, 4.0], atol=1e-12)


def test_shadowing_is_drawn_from_the_seed_for_each_path_of_each_link():
    first, again, other = (losses_db(free_space(f"seed={seed}")) for seed in (1, 1, 2))
    for link in first:
        np.testing.assert_array_equal(first[link], again[link])
        assert np.all(np.abs(first[link] - other[link]) > 1e-6)
    assert np.unique(np.concatenate([first["bistatic"], first["monostatic"]]).round(9)).size == 8
    for unshadowed in losses_db(free_space()).values():
        np.testing.assert_allclose(unshadowed, 0.0, atol=1e-12)


def test_shadowing_leaves_phases_alone_and_phases_leave_it_alone():
    with_it, without = (
        trace_paths(free_space("seed=5", f"propagation.shadowing_deviation={deviation} dB")) for deviation in (8, 0)
    )
    for link in with_it:
        np.testing.assert_allclose(np.angle(with_it[link].gain), np.angle(without[link].gain), rtol=1e-12)
    listed = "propagation.phases={bistatic: [0, 1, 2, 3]}"
    np.testing.assert_allclose(
        losses_db(free_space("seed=5", listed))["bistatic"], losses_db(free_space("seed=5"))["bistatic"], atol=1e-12
    )


def test_shadowing_is_normal_in_decibels():
    scenario = free_space()

    def seeded(seed):
        return edited(scenario, lambda document: document.update(seed=seed))

    drawn = np.concatenate([[*losses_db(seeded(seed)).values()] for seed in range(60)]).ravel()
    deviation_db, n = 8.0, drawn.size
    assert n == 480
    assert abs(np.mean(drawn)) < 4.0 * deviation_db / np.sqrt(n)
    assert abs(np.std(drawn) - deviation_db) < 4.0 * deviation_db / np.sqrt(2 * n)
    assert abs(np.mean(np.abs(drawn) < deviation_db) - 0.6827) < 4.0 * np.sqrt(0.6827 * 0.3173 / n)


def test_a_list_of_losses_must_have_one_for_each_path():
    with pytest.raises(InvalidScenario, match="loss"):
        trace_paths(free_space("propagation.shadow_losses={bistatic: [3 dB, -5 dB]}"))


def test_recorded_paths_cannot_be_shadowed_again():
    listed = "propagation.shadow_losses={bistatic: [3 dB, 1 dB, 1 dB, 1 dB, 1 dB, 1 dB]}"
    with pytest.raises(InvalidScenario, match="must be left out for a link whose gains are those of the path file"):
        trace_paths(munich(listed))
    echoes = "propagation.shadow_losses={monostatic: [3 dB, 1 dB, 1 dB, 1 dB, 1 dB, 1 dB]}"
    plain, shadowed = (trace_paths(scenario)["monostatic"].gain for scenario in (munich(), munich(echoes)))
    np.testing.assert_allclose(np.abs(plain / shadowed) ** 2, 10.0 ** np.array([0.3, *[0.1] * 5]), rtol=1e-12)
