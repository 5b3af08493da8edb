"""What a link receives, and how strong it is."""

from dataclasses import replace

import numpy as np
import pytest

from crbeam.errors import InvalidInput
from crbeam.estimation import mean_observation, signal_to_noise, simulate
from crbeam.evaluation import evaluate
from crbeam.evaluation.estimator_check import own_snr_db
from crbeam.scenario import read_scenario

from .trials import designed

PILOTS, SUBCARRIERS = 7, 12
SMALL = [f"waveform.subcarriers={SUBCARRIERS}", f"waveform.symbols_per_slot={PILOTS}", "targets.count=2"]


@pytest.fixture(scope="module")
def scene():
    return designed("zhang2025", overrides=[*SMALL, "user.combiner.dft_beams=[0, 3, 5, 7, 11]"], seed=5)


def test_a_moving_user_needs_the_times_of_its_symbols(scene):
    model = scene.model("bistatic")
    with pytest.raises(InvalidInput, match="symbol times and a wavelength, since something moves"):
        replace(model, names=replace(model.names, velocity="user_velocity"))


def channel(scene, link, subcarrier):
    """Channel matrix of the paper, element by element."""
    parameters = scene.parameters(link)
    index = np.arange(16) - 7.5
    frequency_hz = (1 + subcarrier) * scene.scenario.waveform.subcarrier_spacing_hz
    return sum(
        gain
        * np.exp(-2j * np.pi * frequency_hz * delay)
        * np.outer(np.exp(1j * np.pi * index * np.cos(arrival)), np.exp(-1j * np.pi * index * np.cos(departure)))
        for gain, delay, arrival, departure in zip(
            scene.gain(link), parameters.delay_s, parameters.arrival_rad, parameters.departure_rad, strict=True
        )
    )


@pytest.mark.parametrize("link", ["bistatic", "monostatic"])
def test_the_mean_is_the_average_over_pilots_after_the_combiner_in_units_of_its_noise(scene, link):
    model = scene.model(link)
    mean = scene.mean(model).reshape(SUBCARRIERS, scene.beams.shape[1], model.n_chains)
    basis = np.eye(16) if model.combiner is None else model.combiner
    assert model.n_chains == (16 if link == "monostatic" else 5)
    unit = np.sqrt(scene.scenario.noise_power_w / PILOTS)
    for subcarrier in (0, 5):
        received = basis.conj().T @ channel(scene, link, subcarrier) @ scene.beams / unit
        assert np.allclose(mean[subcarrier], received.T, rtol=1e-9)
        assert not np.allclose(mean[subcarrier], received.conj().T, rtol=1e-2)


def test_noise_is_circular_of_unit_power_and_from_the_seed_alone(scene):
    mean = scene.mean(scene.model("bistatic"))
    noise = np.concatenate([simulate(mean, np.random.default_rng([1, trial])) - mean for trial in range(60)])
    count = noise.size
    assert np.mean(np.abs(noise) ** 2) == pytest.approx(1.0, abs=5.0 / np.sqrt(count))
    assert abs(np.mean(noise**2)) < 5.0 / np.sqrt(count)
    again = simulate(mean, np.random.default_rng([1, 3]))
    assert np.array_equal(again, simulate(mean, np.random.default_rng([1, 3])))
    assert not np.array_equal(again, simulate(mean, np.random.default_rng([1, 4])))


@pytest.mark.parametrize("link", ["bistatic", "monostatic"])
def test_signal_to_noise_is_energy_of_all_pilots_and_slots_per_antenna_and_subcarrier(scene, link):
    scenario = scene.scenario
    power_w = scenario.power_per_subcarrier_w("bs")
    slots = np.sqrt(power_w / 16.0) * np.eye(16)
    energy = sum(
        PILOTS * np.sum(np.abs(channel(scene, link, subcarrier) @ slots) ** 2) for subcarrier in range(SUBCARRIERS)
    )
    expected = energy / (16 * SUBCARRIERS * scenario.noise_power_w)
    found = signal_to_noise(scene.model(link), scene.parameters(link), scene.gain(link), power_w)
    assert found == pytest.approx(expected, rel=1e-9)
    assert own_snr_db(scenario, scene.covariances)[link] == pytest.approx(10.0 * np.log10(expected), abs=1e-9)
    assert found != pytest.approx(expected / PILOTS, rel=0.1)


def test_the_ratio_of_all_links_is_their_mean_over_antennas(scene):
    own = {name: 10.0 ** (value / 10.0) for name, value in own_snr_db(scene.scenario, scene.covariances).items()}
    assert own["fused"] == pytest.approx(0.5 * (own["bistatic"] + own["monostatic"]))


def test_bounds_scale_with_the_noise_as_the_check_assumes():
    plain = read_scenario("zhang2025")
    noisier = read_scenario("zhang2025", overrides=["noise.figure=16 dB"])
    covariances = {"bs": 1e-10 * np.eye(16, dtype=complex)}
    factor = noisier.noise_power_w / plain.noise_power_w
    for link in ("bistatic", "fused"):
        first, second = (
            evaluate(each, covariances).links[link].quantities["user_position_m"] for each in (plain, noisier)
        )
        assert second == pytest.approx(first * np.sqrt(factor), rel=1e-9)


def test_silent_slots_tell_nothing(scene):
    model = scene.model("bistatic")
    silent = replace(model, beams=np.concatenate([scene.beams, np.zeros((16, 1))], axis=1))
    seen = mean_observation(silent, scene.parameters("bistatic"), scene.gain("bistatic"))
    assert not seen.reshape(SUBCARRIERS, -1, model.n_chains)[:, -1].any()
