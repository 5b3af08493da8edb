"""Localisation from delays, Doppler shifts and directions of several receivers."""

import numpy as np
import pytest
from tests.oracles.multistatic_records import RECORDS, SETTING, record_scenario

from crbeam.errors import InvalidInput
from crbeam.estimation.multistatic_fix import (
    MultistaticObservations,
    distance_from_departure_m,
    doppler_direction,
    fix_from_arrival_m,
    fix_from_dopplers,
    least_squares_fix,
)
from crbeam.evaluation import evaluate
from crbeam.scenario import SPEED_OF_LIGHT_MPS
from crbeam.systems import isotropic_transmission

A = RECORDS["A"]
GEOMETRY, LOCALISATION = A["geometry"], A["localisation"]
PLACES, TARGET = np.array(SETTING["p_re"], dtype=float), np.array(SETTING["p_0"], dtype=float)
ORIGIN = np.zeros(2)
LENGTHS = SPEED_OF_LIGHT_MPS * np.array(LOCALISATION["tau_s"])


def test_distances_from_the_departure():
    angles = GEOMETRY["theta"] - np.array(GEOMETRY["theta_k"])
    found = [
        distance_from_departure_m(*each)
        for each in zip(LENGTHS.tolist(), GEOMETRY["d_bk"], angles.tolist(), strict=True)
    ]
    assert found == pytest.approx(LOCALISATION["d0k_eq93"], rel=1e-9)
    assert found != pytest.approx(LOCALISATION["d0k_eq53_printed"], rel=0.01), "d^2 is missing in (53)"


@pytest.mark.parametrize("pair", [(0, 1), (1, 3), (2, 4)])
def test_two_receivers_find_direction_speed_and_place(pair):
    index = list(pair)
    shifts, arrivals = np.array(LOCALISATION["f_exact_Hz"])[index], np.array(GEOMETRY["phi"])[index]
    direction = doppler_direction(shifts, arrivals, SETTING["f0"])
    assert direction == pytest.approx(LOCALISATION["cos_theta_v_from_pair01_exact"], rel=1e-6)
    fix = fix_from_dopplers(LENGTHS[index], direction, arrivals, ORIGIN, PLACES[index])
    assert fix.position_m == pytest.approx(TARGET, abs=1e-3)
    assert fix.departure_rad == pytest.approx(GEOMETRY["theta"], rel=1e-6)
    assert fix.other_mismatch_m > 1.0 > fix.mismatch_m, "the mirrored direction puts the target at two places"


def test_a_heading_turns_everything(rng):
    turn = 0.9
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    shifts, arrivals = np.array(LOCALISATION["f_exact_Hz"])[:2], np.array(GEOMETRY["phi"])[:2]
    direction = doppler_direction(shifts, arrivals, SETTING["f0"])
    fix = fix_from_dopplers(LENGTHS[:2], direction, arrivals + turn, ORIGIN, PLACES[:2] @ rotation.T, heading_rad=turn)
    assert fix.position_m == pytest.approx(rotation @ TARGET, abs=1e-3)


def test_doppler_shifts_that_tell_no_direction_are_refused():
    with pytest.raises(InvalidInput, match="cosines"):
        doppler_direction(np.array([10.0, 10.0]), np.array([0.4, -0.4]), 3e9)
    with pytest.raises(InvalidInput, match="move"):
        doppler_direction(np.zeros(2), np.array([0.4, 1.4]), 3e9)


def test_one_receiver_finds_the_target_by_its_arrival():
    for index in range(5):
        found = fix_from_arrival_m(float(LENGTHS[index]), GEOMETRY["phi"][index], ORIGIN, PLACES[index])
        assert found == pytest.approx(TARGET, abs=1e-9)


def bounds_of(scenario):
    links = evaluate(scenario, isotropic_transmission(scenario)).links
    errors = [np.array([links[f"receiver{k}"].quantities[key] for k in range(5)]) for key in ("delay_s", "doppler_hz")]
    return links["fused"].quantities, errors


def observations(scenario, errors, rng, *, scale=1.0):
    truths = (np.array(LOCALISATION["tau_s"]), np.array(LOCALISATION["f_approx_Hz"]))
    noisy = [truth + scale * error * rng.standard_normal(5) for truth, error in zip(truths, errors, strict=True)]
    return MultistaticObservations(ORIGIN, PLACES, *noisy, *errors, scenario.waveform.wavelength_m)


def test_all_receivers_together_attain_the_bound(rng):
    scenario = record_scenario()
    wanted = np.array([*TARGET, *scenario.multistatic.target_velocity_mps])
    bound, deviations = bounds_of(scenario)
    errors = []
    for _ in range(300):
        observed = observations(scenario, deviations, rng)
        place_m, velocity = least_squares_fix(observed, TARGET + rng.uniform(-5.0, 5.0, 2))
        errors.append(np.concatenate([place_m, velocity]) - wanted)
    squares = np.mean(np.square(errors), axis=0)
    assert np.sqrt(squares[:2].sum()) == pytest.approx(bound["target_position_m"], rel=0.12)
    assert np.sqrt(squares[2:].sum()) == pytest.approx(bound["target_velocity_mps"], rel=0.12)


def test_exact_observations_give_the_exact_place(rng):
    scenario = record_scenario()
    observed = observations(scenario, bounds_of(scenario)[1], rng, scale=0.0)
    start = fix_from_arrival_m(float(LENGTHS[0]), GEOMETRY["phi"][0] + 0.1, ORIGIN, PLACES[0])
    place_m, velocity = least_squares_fix(observed, start)
    assert place_m == pytest.approx(TARGET, abs=1e-6)
    assert velocity == pytest.approx([SETTING["v"], 0.0], abs=1e-4)
