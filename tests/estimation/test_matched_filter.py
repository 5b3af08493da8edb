"""The matched filter of delay and Doppler shift: exact without noise, at its bound with it, and where it may not be."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from tests.estimation.pulse_scenes import heard, lit, scene, spread

from crbeam.errors import InvalidInput
from crbeam.estimation import matched_filter as module
from crbeam.estimation import pulse_receiver, simulate
from crbeam.estimation.matched_filter import matched_filter
from crbeam.estimation.pulse_receiver import draw_symbols, mean_pulses
from crbeam.information.delay_doppler import delay_doppler_information, printed_information
from crbeam.systems.receivers import listeners
from crbeam.systems.wang2024 import Wang2024

WORDS = ("receiver0/delay", "receiver0/doppler")


def one(scenario, covariance):
    receivers, echoes, gains = heard(scenario, covariance)
    return receivers["receiver0"], echoes["receiver0"], gains["receiver0"]


def bound(scenario, covariance, **options):
    echo = Wang2024(scenario).moving_echo(listeners(scenario)[0].link)
    train = one(scenario, covariance)[0].train
    return delay_doppler_information(echo, train, **options).at({"transmitter": covariance}).bound(WORDS)


@pytest.mark.parametrize("beams", [1, 3])
@pytest.mark.parametrize(("late", "cells"), [(0.3, 0.1), (17.62, -3.4), (60.02, 7.9), (127.4, -0.01)])
def test_without_noise_the_echo_is_found_exactly(rng, beams, late, cells):
    scenario = scene("waveform.carrier_frequency=30 GHz")
    covariance = lit(scenario) if beams == 1 else spread(scenario, rng)
    receiver, _, gains = one(scenario, covariance)
    delay_s = receiver.earliest_delay_s + late * receiver.train.symbol_duration_s
    doppler_hz = cells / receiver.block_s
    assert abs(doppler_hz) < receiver.largest_doppler_hz or abs(cells) > 2.0
    receiver = replace(receiver, wavelength_m=1e-3)
    symbols = draw_symbols(receiver, rng)
    found = matched_filter(receiver, symbols, mean_pulses(receiver, symbols, delay_s, doppler_hz, gains))
    assert found.has_converged
    assert found.delay_s == pytest.approx(delay_s, abs=1e-6 * receiver.train.symbol_duration_s)
    assert found.doppler_hz == pytest.approx(doppler_hz, abs=1e-6 / receiver.block_s)
    scale = np.sqrt(receiver.noise_power_w * pulse_receiver.SAMPLES)
    assert found.gains * scale == pytest.approx(gains, rel=1e-5, abs=1e-5 * np.abs(gains).max())


def test_other_symbols_are_not_heard(rng):
    scenario = scene()
    receiver, echo, gains = one(scenario, lit(scenario))
    symbols = draw_symbols(receiver, rng)
    samples = mean_pulses(receiver, symbols, echo.delay_s, echo.doppler_hz, gains)
    right, wrong = (matched_filter(receiver, each, samples) for each in (symbols, symbols.conj()))
    assert right.delay_s == pytest.approx(echo.delay_s, abs=1e-13)
    assert abs(wrong.delay_s - echo.delay_s) > 1e-9 or np.linalg.norm(wrong.gains) < 0.5 * np.linalg.norm(right.gains)


def test_slope_and_curvature_are_those_of_the_energy(rng):
    scenario = scene()
    receiver, echo, gains = one(scenario, spread(scenario, rng))
    symbols = draw_symbols(receiver, rng)
    samples = simulate(mean_pulses(receiver, symbols, echo.delay_s, echo.doppler_hz, gains), rng)
    sequences, _ = module._orthonormal(symbols)
    late = (echo.delay_s - receiver.earliest_delay_s) / receiver.train.symbol_duration_s
    point = np.array([late + 0.04, 0.2])
    score = partial(module._score, receiver, sequences, samples)
    steps = np.diag([1e-5, 1e-4])
    slope = [(score(point + step).energy - score(point - step).energy) / (2.0 * step.sum()) for step in steps]
    assert 2.0 * score(point).gradient == pytest.approx(slope, rel=1e-5)
    clean = mean_pulses(receiver, symbols, echo.delay_s, 0.0, gains)
    top = np.array([late, 0.0])
    score = partial(module._score, receiver, sequences, clean)
    second = [[_second(score, top, a, b) for b in steps] for a in steps]
    assert -0.5 * np.array(second) == pytest.approx(score(top).information, rel=1e-3, abs=1e-4 * abs(np.min(second)))


def _second(score, point, a, b):
    values = [score(point + i * a + j * b).energy * i * j for i in (-1, 1) for j in (-1, 1)]
    return sum(values) / (4.0 * a.sum() * b.sum())


def test_three_samples_of_a_symbol_tell_all_and_two_do_not(rng, monkeypatch):
    scenario = scene(symbols=256)
    covariance = lit(scenario)
    receiver, echo, gains = one(scenario, covariance)
    shares = {}
    for count in (2, 3, 4, 9):
        monkeypatch.setattr(pulse_receiver, "SAMPLES", count)
        monkeypatch.setattr(module, "SAMPLES", count)
        symbols = np.exp(2j * np.pi * rng.uniform(size=(1, 256)))
        samples = mean_pulses(receiver, symbols, echo.delay_s, echo.doppler_hz, gains)
        found = matched_filter(receiver, symbols, samples)
        shares[count] = float(np.linalg.inv(found.information)[0, 0] / bound(scenario, covariance)[0, 0])
    assert [shares[count] for count in (3, 4, 9)] == pytest.approx([1.0] * 3, rel=1e-9)
    assert abs(shares[2] - 1.0) > 0.01


def trials(scenario, covariance, rng, count, *, factor=1.0, streams=None):
    """Errors of delay and Doppler shift, by a filter that knows some of the streams."""
    receiver, echo, gains = one(scenario, covariance)
    receiver = receiver.with_noise(receiver.noise_power_w * factor)
    errors = []
    for _ in range(count):
        symbols = draw_symbols(receiver, rng)
        samples = simulate(mean_pulses(receiver, symbols, echo.delay_s, echo.doppler_hz, gains), rng)
        found = matched_filter(receiver, symbols[:streams], samples)
        errors.append((found.delay_s - echo.delay_s, found.doppler_hz - echo.doppler_hz))
    return np.sqrt(np.mean(np.square(errors), axis=0))


def test_errors_are_those_of_the_corrected_bound_and_of_no_other(rng):
    scenario = scene(symbols=64)
    covariance = lit(scenario)
    errors = trials(scenario, covariance, rng, 150)
    assert errors / np.sqrt(np.diagonal(bound(scenario, covariance))) == pytest.approx([1.0, 1.0], abs=0.15)
    known = np.sqrt(np.diagonal(bound(scenario, covariance, gain="known", origin=0.0)))
    assert errors[1] / known[1] > 1.7, "a gain that is known, with times from the beginning, tells four times as much"
    echo, train = Wang2024(scenario).moving_echo(listeners(scenario)[0].link), one(scenario, covariance)[0].train
    printed = printed_information(echo, train, path_loss=abs(echo.gain) ** 2 / 0.6, rician_factor=0.5)
    ratios = errors / np.sqrt(np.diagonal(printed.at({"transmitter": covariance}).bound(WORDS)))
    assert np.all(ratios < 0.05), "the printed formulas promise far less than the filter finds"


@pytest.mark.slow
def test_several_beams_with_free_gains_attain_the_bound_too(rng):
    scenario = scene(symbols=256)
    covariance = spread(scenario, rng)
    errors = trials(scenario, covariance, rng, 400)
    assert errors / np.sqrt(np.diagonal(bound(scenario, covariance))) == pytest.approx([1.0, 1.0], abs=0.1)


def test_a_filter_that_knows_one_stream_only_has_doppler_errors_that_remain(rng):
    """What users are sent is interference to the filter of the paper, which knows the sensing stream.

    Delays do not suffer: pulses of all streams are in step, so that at the true delay they have no slope.
    """
    scenario = scene(symbols=64)
    covariance = spread(scenario, rng, beams=2)
    roots = np.sqrt(np.diagonal(bound(scenario, covariance)))
    everything, one_stream = (
        [trials(scenario, covariance, rng, 25, factor=factor, streams=streams) / roots for factor in (1.0, 1e-2)]
        for streams in (None, 1)
    )
    assert everything[1] == pytest.approx(0.1 * everything[0], rel=0.5)
    assert one_stream[1][0] == pytest.approx(0.1 * one_stream[0][0], rel=0.5)
    assert one_stream[1][1] > 0.5 * one_stream[0][1]
    assert one_stream[1][1] > 20.0 * everything[1][1]


def test_too_few_symbols_are_refused(rng):
    scenario = scene()
    receiver, _, _ = one(scenario, spread(scenario, rng))
    with pytest.raises(InvalidInput, match="more symbols than beams"):
        matched_filter(receiver, np.ones((3, 2), dtype=complex), np.zeros((2, receiver.n_samples), dtype=complex))
