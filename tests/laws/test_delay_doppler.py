"""Delay and Doppler information: closed form against sampled signals, and laws."""

from dataclasses import replace

import numpy as np
import pytest

from crbeam.information.delay_doppler import (
    MovingEcho,
    PulseTrain,
    delay_doppler_information,
    printed_information,
    shared_parameters,
)
from crbeam.information.pulses import PULSES, pulse_moments, pulse_slope, pulse_value
from crbeam.testing import random_covariance, random_transmission

#: Samples of a symbol, at the midpoints of equal parts.
SAMPLES = 4000
#: Step of the delay in finite differences, in symbols.
DELAY_STEP = 1e-3
TRAIN = PulseTrain("sine_squared", 6, 5e-9)


def random_echo(rng, n_tx=3, n_rx=2, link="receiver0"):
    def vector(n):
        return rng.standard_normal(n) + 1j * rng.standard_normal(n)

    return MovingEcho(link, "transmitter", vector(n_tx), vector(n_rx), complex(vector(1)[0]), 0.3)


def sampled_information(echo, train, symbols, *, origin, with_jumps=True):
    """Fisher matrix of (delay, Doppler shift, gain) from finite differences of the whole sampled observation.

    Without jumps, samples within the step of an edge of a symbol are left out.
    """
    step = train.symbol_duration_s / SAMPLES
    time = (np.arange(train.symbols * SAMPLES) + 0.5) * step
    carried = echo.transmit.conj() @ symbols

    def observed(values):
        delay, doppler, real, imaginary = values
        shifted = (time - delay) / train.symbol_duration_s
        place = np.clip(np.floor(shifted).astype(int), 0, train.symbols - 1)
        inside = (shifted >= 0.0) & (shifted < train.symbols)
        wave = np.where(inside, carried[place] * pulse_value(train.pulse, shifted - place), 0.0)
        wave = wave * np.exp(2j * np.pi * doppler * (time - origin * train.symbol_duration_s))
        return ((real + 1j * imaginary) * echo.receive[:, None] * wave).ravel()

    truth = np.array([0.0, 0.0, echo.gain.real, echo.gain.imag])
    steps = np.array([DELAY_STEP * train.symbol_duration_s, 1e-4 / train.symbol_duration_s, 1e-3, 1e-3])
    slopes = [
        (observed(truth + step * unit) - observed(truth - step * unit)) / (2.0 * step)
        for step, unit in zip(steps, np.eye(4), strict=True)
    ]
    within = time / train.symbol_duration_s % 1.0
    if not with_jumps:
        slopes[0] = slopes[0] * np.tile(np.minimum(within, 1.0 - within) > DELAY_STEP, len(echo.receive))
    density = echo.noise_power_w * SAMPLES
    return 2.0 / density * np.real(np.conj(slopes) @ np.transpose(slopes))


def train_jumps(train):
    return pulse_moments(train.pulse).jumps


def phases(rng, n_tx, n_symbols):
    """Symbols of one beam with random phases: their energy is the same in every symbol."""
    beam = rng.standard_normal(n_tx) + 1j * rng.standard_normal(n_tx)
    return beam, beam[:, None] * np.exp(2j * np.pi * rng.uniform(size=n_symbols))


def sent_by(beam):
    return {"transmitter": np.outer(beam, beam.conj())}


@pytest.mark.parametrize("pulse", PULSES)
@pytest.mark.parametrize("origin", [0.0, 2.0, None])
def test_closed_form_is_that_of_the_sampled_signal(rng, origin, pulse):
    echo, train = random_echo(rng), replace(TRAIN, pulse=pulse)
    beam, symbols = phases(rng, 3, train.symbols)
    time = train.centre if origin is None else origin
    expected = sampled_information(echo, train, symbols, origin=time)
    expected[0, 0] = sampled_information(echo, train, symbols, origin=time, with_jumps=False)[0, 0]
    found = delay_doppler_information(echo, train, origin=origin).at(sent_by(beam)).matrix
    scale = np.sqrt(np.outer(np.diagonal(expected), np.diagonal(expected)))
    assert found[1:, 1:] / scale[1:, 1:] == pytest.approx(expected[1:, 1:] / scale[1:, 1:], abs=2e-5)
    rounded = 4e-3 if train_jumps(train) else 2e-5
    assert found / scale == pytest.approx(expected / scale, abs=rounded)
    wrong = printed_information(echo, train, path_loss=1.0, rician_factor=0.0)
    matrix = wrong.at(sent_by(beam)).matrix
    assert matrix[0, 0] == pytest.approx(found[0, 0]), "the delay is right but for path loss and factor"
    assert expected[1, 1] > 2.0 * matrix[1, 1], "the Doppler shift is that of single pulses"
    assert abs(matrix[0, 1]) / scale[0, 1] > 0.01, "a coupling that is not there"


@pytest.mark.parametrize("pulse", PULSES)
def test_only_pulses_that_jump_tell_more_than_the_closed_form(rng, pulse, monkeypatch):
    """A jump tells about the delay without limit: the more, the finer the differences."""
    echo, train = random_echo(rng), replace(TRAIN, pulse=pulse)
    beam, symbols = phases(rng, 3, train.symbols)
    closed = delay_doppler_information(echo, train).at(sent_by(beam)).matrix[0, 0]
    ratios = []
    for step in (4e-3, 1e-3):
        monkeypatch.setattr(f"{__name__}.DELAY_STEP", step)
        ratios.append(sampled_information(echo, train, symbols, origin=train.centre)[0, 0] / closed)
    if train_jumps(train):
        assert ratios[1] > 2.0 * ratios[0] > 10.0
    else:
        assert ratios == pytest.approx([1.0, 1.0], rel=1e-3)


def test_information_is_that_of_the_average_over_symbols(rng):
    """Independent symbols of a full-rank covariance, averaged over many draws, have no coupling either."""
    echo, train = random_echo(rng), PulseTrain("sine_squared", 40, 1.0)
    covariance = random_covariance(rng, 3)
    root = np.linalg.cholesky(covariance)
    u = (np.arange(64) + 0.5) / 64
    value, slope = pulse_value(train.pulse, u), pulse_slope(train.pulse, u)
    place = np.arange(train.symbols)[:, None] + u - train.centre
    total = np.zeros((2, 2))
    draws = 3000
    for _ in range(draws):
        noise = rng.standard_normal((2, 3, train.symbols)) * np.sqrt(0.5)
        symbols = echo.transmit.conj() @ root @ (noise[0] + 1j * noise[1])
        terms = np.stack([-(symbols[:, None] * slope).ravel(), 2j * np.pi * (place * symbols[:, None] * value).ravel()])
        total += np.real(terms.conj() @ terms.T) / 64
    gain = 2.0 / echo.noise_power_w * abs(echo.gain) ** 2 * np.linalg.norm(echo.receive) ** 2
    found = delay_doppler_information(echo, train, gain="known").at({"transmitter": covariance}).matrix
    scale = np.sqrt(np.outer(np.diagonal(found), np.diagonal(found)))
    assert gain * total / draws / scale == pytest.approx(found / scale, abs=0.02)


def test_bounds_with_an_unknown_gain_do_not_depend_on_the_origin(rng):
    echo, sent = random_echo(rng), random_transmission(rng, {"transmitter": 3})
    words = ("receiver0/delay", "receiver0/doppler")
    bounds = [delay_doppler_information(echo, TRAIN, origin=at).at(sent).bound(words) for at in (None, 0.0, 50.0)]
    for other in bounds[1:]:
        assert other == pytest.approx(bounds[0], rel=1e-9)
    known = delay_doppler_information(echo, TRAIN, gain="known", origin=0.0).at(sent).bound(words)
    assert bounds[0][1, 1] > 3.0 * known[1, 1], "a known gain, counted from the beginning, tells four times as much"
    assert bounds[0][0, 0] == pytest.approx(known[0, 0])


@pytest.mark.parametrize("pulse", PULSES)
def test_pulses_have_unit_power_and_their_slopes(pulse):
    u = (np.arange(20_000) + 0.5) / 20_000
    value, slope = pulse_value(pulse, u), pulse_slope(pulse, u)
    moments = pulse_moments(pulse)
    step = 1e-6
    assert np.mean(value**2) == pytest.approx(1.0, rel=1e-8)
    assert (pulse_value(pulse, u + step) - pulse_value(pulse, u - step)) / (2 * step) == pytest.approx(slope, abs=1e-8)
    means = [np.mean(each) for each in (slope**2, u * value**2, u**2 * value**2, u * value * slope)]
    attributes = (moments.slope_energy, moments.mean, moments.mean_square, moments.slope_moment)
    assert means == pytest.approx(attributes, rel=1e-6)
    assert moments.jumps == (pulse != "sine_squared")


def test_more_symbols_narrow_the_shift_with_the_cube(rng):
    echo, sent = random_echo(rng), random_transmission(rng, {"transmitter": 3})
    few, many = (delay_doppler_information(echo, replace(TRAIN, symbols=n)).at(sent).matrix for n in (100, 200))
    assert many[1, 1] / few[1, 1] == pytest.approx(8.0, rel=1e-4)
    assert many[0, 0] / few[0, 0] == pytest.approx(2.0)


def test_sharing_unlike_unknowns_is_a_renaming(rng):
    first, second = random_echo(rng), random_echo(rng, link="receiver1")
    sent = random_transmission(rng, {"transmitter": 3})
    maps = [delay_doppler_information(each, TRAIN) for each in (first, second)]
    shared = sum(
        (shared_parameters(each, f"receiver{number}") for number, each in enumerate(maps[1:], 1)),
        shared_parameters(maps[0], "receiver0"),
    )
    added = [each.at(sent).bound((f"receiver{number}/delay",)).item() for number, each in enumerate(maps)]
    together = shared.at(sent).bound(("delay",)).item()
    assert 1.0 / together == pytest.approx(1.0 / added[0] + 1.0 / added[1])
    apart = (maps[0] + maps[1]).at(sent)
    assert apart.bound(("receiver0/delay",)).item() == pytest.approx(added[0]), "without it nothing is shared"
