"""From samples to the place: several receivers, one receiver, section V, and what decides between two places."""

from dataclasses import replace

import numpy as np
import pytest
from tests.estimation.pulse_scenes import MONOSTATIC, THREE, heard, lit, scene, spread

from crbeam.errors import InvalidInput
from crbeam.estimation import Failure, simulate
from crbeam.estimation.matched_filter import matched_filter
from crbeam.estimation.multistatic_fix import (
    MultistaticObservations,
    distance_from_departure_m,
    doppler_direction,
    fix_from_arrival_m,
    fix_from_dopplers,
    least_squares_fix,
)
from crbeam.estimation.pulse_receiver import draw_symbols, mean_pulses
from crbeam.estimation.target_fix import (
    TargetFix,
    direction_misfit,
    fix_failure,
    likely_places_m,
    locate_target,
    observations,
)
from crbeam.scenario import SPEED_OF_LIGHT_MPS
from crbeam.systems import paths_of
from crbeam.systems.wang2024 import Wang2024

ORIGIN = np.zeros(2)


def received(scenario, rng, covariance=None, *, factor=1e-4):
    """What all receivers find in one trial, by default 40 dB above the noise of the scenario."""
    receivers, echoes, gains = heard(scenario, lit(scenario) if covariance is None else covariance)
    symbols = draw_symbols(next(iter(receivers.values())), rng)
    found = {}
    for name, each in receivers.items():
        quiet = each.with_noise(each.noise_power_w * factor)
        mean = mean_pulses(quiet, symbols, echoes[name].delay_s, echoes[name].doppler_hz, gains[name])
        found[name] = matched_filter(quiet, symbols, simulate(mean, rng))
    return receivers, found


def truth_of(scenario):
    state = Wang2024(scenario).true_state()
    return TargetFix(state["target_position[0]"], np.array(scenario.multistatic.target_velocity_mps), True)


@pytest.mark.parametrize(
    ("places", "overrides"),
    [(THREE, ()), (THREE[:2], ()), (THREE[1:], ()), (THREE[:1], (MONOSTATIC,)), ((*THREE, (90.0, 5.0)), ())],
)
def test_the_target_is_found_from_samples(rng, places, overrides):
    scenario = scene(*overrides, places=places)
    receivers, found = received(scenario, rng, spread(scenario, rng))
    fix = locate_target([*receivers.values()], [*found.values()])
    truth = truth_of(scenario)
    assert fix.position_m == pytest.approx(truth.position_m, abs=1e-3)
    assert fix.velocity_mps == pytest.approx(truth.velocity_mps, abs=4.0)
    assert fix_failure([*receivers.values()], fix, truth) is None


def test_a_known_heading_is_kept(rng):
    scenario = scene("multistatic.target_velocity=[12, -7]", places=THREE[:2])
    receivers, found = received(scenario, rng)
    heading = np.arctan2(-7.0, 12.0)
    fix = locate_target([*receivers.values()], [*found.values()], heading_rad=heading)
    assert fix.velocity_mps[1] / fix.velocity_mps[0] == pytest.approx(-7.0 / 12.0)
    assert fix.position_m == pytest.approx(truth_of(scenario).position_m, abs=1e-3)
    back = locate_target([*receivers.values()], [*found.values()], heading_rad=heading + np.pi)
    assert back.velocity_mps == pytest.approx(fix.velocity_mps, rel=1e-6), "a speed may be negative"
    other = locate_target([*receivers.values()], [*found.values()], heading_rad=heading + 1.0)
    observed = observations([*receivers.values()], [*found.values()])
    assert observed.misfit(other.position_m, other.velocity_mps) > 10.0 * observed.misfit(
        fix.position_m, fix.velocity_mps
    )


def test_two_delays_and_two_shifts_have_two_places_and_directions_decide(rng):
    scenario = scene(places=THREE[:2])
    receivers, found = received(scenario, rng)
    observed = observations([*receivers.values()], [*found.values()])
    fixes = [least_squares_fix(observed, start_m) for start_m in likely_places_m(observed)]
    misfits = [observed.misfit(*fix) for fix in fixes]
    both = [place for (place, _), misfit in zip(fixes, misfits, strict=True) if misfit < 1e-3]
    assert max(np.hypot(*(place - both[0])) for place in both) > 20.0, "two places explain all delays and shifts"
    costs = {
        tuple(place.round(1)): sum(direction_misfit(each, found[name], place) for name, each in receivers.items())
        for place in both
    }
    (right, least), (wrong, most) = sorted(costs.items(), key=lambda item: item[1])
    assert right == pytest.approx(tuple(truth_of(scenario).position_m), abs=0.1)
    assert most > 1e3 > 50.0 > least
    strayed = TargetFix(np.array(wrong), np.zeros(2), True)
    kind = fix_failure([*receivers.values()], strayed, truth_of(scenario))
    assert kind is Failure.WRONG_LOBE


def test_gains_of_the_other_place_lead_to_it(rng):
    """With the gains of an echo from the mirrored place, the mirrored place is taken: nothing else decides."""
    scenario = scene(places=THREE[:2])
    receivers, found = received(scenario, rng)
    observed = observations([*receivers.values()], [*found.values()])
    places = [least_squares_fix(observed, start_m)[0] for start_m in likely_places_m(observed)]
    truth_m = truth_of(scenario).position_m
    other_m = max(places, key=lambda place: np.hypot(*(place - truth_m)))
    size = {name: np.linalg.norm(each.gains) for name, each in found.items()}
    turned = {
        name: replace(
            found[name], gains=each.beam_gains(other_m) * size[name] / np.linalg.norm(each.beam_gains(other_m))
        )
        for name, each in receivers.items()
    }
    fix = locate_target([*receivers.values()], [*turned.values()])
    assert fix.position_m == pytest.approx(other_m, abs=1e-3)


def test_errors_that_belong_together_are_weighed_together(rng):
    count = 3
    places = np.array(THREE)
    errors = (np.full(count, 2e-10), np.full(count, 40.0))
    correlation = np.array([0.9, -0.6, 0.3])
    truth, velocity = np.array([20.0, 40.0]), np.array([20.0, 0.0])
    plain = MultistaticObservations(ORIGIN, places, np.zeros(count), np.zeros(count), *errors, 0.1)
    expected = [-each for each in _expected(plain, truth, velocity)]
    draws = rng.standard_normal((60, 2, count))
    draws[:, 1] = correlation * draws[:, 0] + np.sqrt(1.0 - correlation**2) * draws[:, 1]
    misfits, fits = [], {True: [], False: []}
    for draw in draws:
        observed = replace(
            plain,
            delay_s=expected[0] + draw[0] * errors[0],
            doppler_hz=expected[1] + draw[1] * errors[1],
            correlation=correlation,
        )
        matrices = [np.linalg.inv([[1.0, r], [r, 1.0]]) for r in correlation]
        wanted = sum(float(draw[:, k] @ matrices[k] @ draw[:, k]) for k in range(count))
        misfits.append(observed.misfit(truth, velocity) / wanted)
        for known in (True, False):
            each = observed if known else replace(observed, correlation=None)
            fits[known].append(np.sum((least_squares_fix(each, truth)[1] - velocity) ** 2))
    assert misfits == pytest.approx(np.ones(len(misfits)), rel=1e-6)
    assert np.mean(fits[True]) < 0.9 * np.mean(fits[False])


def _expected(observed, place_m, velocity):
    """What residuals are when nothing is observed, with the errors taken out."""
    legs = [place_m - observed.transmitter_m, place_m - observed.receivers_m]
    sizes = [np.hypot(*np.atleast_2d(leg).T) for leg in legs]
    rates = [np.atleast_2d(leg) @ velocity / size for leg, size in zip(legs, sizes, strict=True)]
    return -(sizes[0] + sizes[1]) / SPEED_OF_LIGHT_MPS, (rates[0] + rates[1]) / observed.wavelength_m


def section_v(scenario, rng):
    """Two receivers that know directions of arrival and the heading."""
    receivers, found = received(scenario, rng, factor=1e-8)
    arrivals = np.array([paths_of(scenario)[name].arrival_rad[0] for name in found])
    places = np.stack([each.receiver.place_m for each in receivers.values()])
    lengths_m = SPEED_OF_LIGHT_MPS * np.array([each.delay_s for each in found.values()])
    shifts_hz = np.array([each.doppler_hz for each in found.values()])
    return lengths_m, shifts_hz, arrivals, places


def test_section_v_put_right_goes_all_the_way_and_as_printed_does_not(rng):
    scenario = scene(places=THREE[:2])
    lengths_m, shifts_hz, arrivals, places = section_v(scenario, rng)
    direction = doppler_direction(shifts_hz, arrivals, scenario.waveform.carrier_frequency_hz)
    fix = fix_from_dopplers(lengths_m, direction, arrivals, ORIGIN, places)
    truth = truth_of(scenario)
    departure = np.arctan2(truth.position_m[1], truth.position_m[0])
    assert fix.departure_rad == pytest.approx(departure, abs=1e-3)
    assert fix.speed_mps == pytest.approx(20.0, abs=0.02)
    assert fix.position_m == pytest.approx(truth.position_m, abs=0.1)
    assert fix.mismatch_m < 0.2 < 10.0 < fix.other_mismatch_m, "a second receiver tells the sign of the direction"
    for halves in (arrivals / 2.0, (departure - arrivals) / 2.0):
        printed = _printed_direction(shifts_hz, arrivals, halves)
        assert np.abs(np.angle(np.exp(1j * (np.array([printed, -printed]) - departure)))).min() > 0.05
    base = float(np.arctan2(places[0, 1], places[0, 0]))
    along = float(np.hypot(*places[0])) * np.cos(departure - base)
    right_m = float(np.hypot(*(truth.position_m - places[0])))
    assert distance_from_departure_m(lengths_m[0], np.hypot(*places[0]), departure - base) == pytest.approx(
        right_m, abs=1e-3
    )
    printed_m = (lengths_m[0] ** 2 - 2.0 * lengths_m[0] * along) / (2.0 * lengths_m[0] - 2.0 * along)
    assert abs(printed_m - right_m) > 10.0


def _printed_direction(shifts_hz, arrivals, halves):
    """(52) with `Xi_k = f_k cos(halves_k)`: as printed, or as in Appendix B with the unknown departure put in."""
    half = 0.5 * (arrivals[0] - arrivals[1])
    weighed = shifts_hz * np.cos(halves)
    upper, lower = weighed[1] - weighed[0] * np.cos(half), weighed[0] * np.sin(half)
    return 2.0 * np.arctan(lower / upper) - arrivals[0]


def test_one_receiver_that_knows_the_arrival_needs_no_shift(rng):
    scenario = scene()
    lengths_m, _, arrivals, places = section_v(scenario, rng)
    truth_m = truth_of(scenario).position_m
    for length_m, arrival, place_m in zip(lengths_m, arrivals, places, strict=True):
        assert fix_from_arrival_m(length_m, arrival, ORIGIN, place_m) == pytest.approx(truth_m, abs=1e-4)
        assert np.hypot(*(fix_from_arrival_m(length_m, arrival + np.pi, ORIGIN, place_m) - truth_m)) > 1.0


def test_one_receiver_without_an_arrival_does_not_locate(rng):
    receivers, found = received(scene(places=THREE[:1]), rng)
    with pytest.raises(InvalidInput, match="two receivers"):
        locate_target([*receivers.values()], [*found.values()])


def test_failures_have_reasons(rng):
    scenario = scene()
    receivers, found = received(scenario, rng)
    listening, truth = [*receivers.values()], truth_of(scenario)
    fix = locate_target(listening, [*found.values()])
    far = replace(fix, position_m=fix.position_m + np.array([40.0, 0.0]))
    fast = replace(fix, velocity_mps=fix.velocity_mps + np.array([0.0, 2e4]))
    assert fix_failure(listening, far, truth) is Failure.LOST_PATH
    assert fix_failure(listening, fast, truth) is Failure.LOST_PATH
    assert fix_failure(listening, replace(fix, has_converged=False), truth) is Failure.NOT_CONVERGED
