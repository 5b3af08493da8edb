"""Keys that a system accepts and does not use are said, and only those; bandwidths that a model leaves aside."""

import numpy as np
import pytest

from crbeam import evaluate, read_scenario
from crbeam.systems import isotropic_transmission, system_of

PRESETS = ("zhang2025", "li2024-downlink", "li2024-uplink", "wang2024", "xu2023")
#: Settings, and the key that a caution says does not enter.
UNUSED = {
    "zhang2025": {"waveform.cyclic_prefix=1 us": "waveform.cyclic_prefix", "propagation.shadowing_deviation=8 dB": ""},
    "hamrouni2026": {"protocol.reference_speed=7 m/s": "protocol.reference_speed"},
    "li2024-downlink": {
        "waveform.cyclic_prefix=1 us": "",
        "waveform.first_subcarrier=5": "",
        "propagation.path_loss_exponent=3": "",
        "propagation.rcs_amplitude=as_printed": "",
        "propagation.path_coupling=within_paths": "",
        "propagation.shadowing_deviation=4 dB": "",
        "targets.rcs=10 m^2": "",
        "stations.main.receive_array={elements: 8}": "stations.NAME.receive_array",
        "sensing.reflection=3 dB": "",
        "served_users.power=23 dBm": "",
    },
    "wang2024": {
        "waveform.cyclic_prefix=1 us": "",
        "waveform.first_subcarrier=5": "",
        "propagation.rcs_amplitude=as_printed": "",
        "propagation.path_coupling=within_paths": "",
        "propagation.shadowing_deviation=4 dB": "",
        "stations.transmitter.receive_array={elements: 8}": "stations.NAME.receive_array",
        "receivers.array.spacing=0.7": "",
        "receivers.target_share=0.7": "",
        "multistatic.printed_rician_factor=2": "",
    },
    "xu2023": {
        "waveform.cyclic_prefix=1 us": "",
        "waveform.first_subcarrier=5": "",
        "propagation.path_loss_exponent=3": "",
        "propagation.rcs_amplitude=as_printed": "",
        "propagation.path_coupling=within_paths": "",
        "propagation.shadowing_deviation=4 dB": "",
    },
}
CASES = [(preset, setting, key) for preset, each in UNUSED.items() for setting, key in each.items()]


def scene_cautions(scenario):
    return system_of(scenario).scene_cautions()


def bounds(scenario):
    found = evaluate(scenario, isotropic_transmission(scenario)).links
    return [np.array(value, dtype=float) for link in found.values() for value in link.quantities.values()]


@pytest.mark.parametrize(("preset", "setting", "key"), CASES)
def test_a_key_that_does_not_enter_is_said(preset, setting, key):
    before, after = read_scenario(preset), read_scenario(preset, overrides=[setting])
    for first, second in zip(bounds(before), bounds(after), strict=True):
        np.testing.assert_allclose(first, second, rtol=1e-12)
    said = [each for each in scene_cautions(after) if each not in scene_cautions(before)]
    assert [each.startswith(f"`{key or setting.partition('=')[0]}`") for each in said] == [True]
    assert "does not enter" in said[0]


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_use_all_that_they_set(preset):
    assert not scene_cautions(read_scenario(preset))


def test_shadowing_without_a_seed_is_said():
    (said,) = scene_cautions(read_scenario("hamrouni2026"))
    assert said.startswith("`propagation.shadowing_deviation` does not enter: without a `seed`")
    assert not scene_cautions(read_scenario("hamrouni2026", seed=1))


def test_keys_that_enter_are_not_said():
    used = {
        "hamrouni2026": ["waveform.cyclic_prefix=1 us", "propagation.path_coupling=within_paths"],
        "li2024-uplink": ["served_users.power=23 dBm"],
        "wang2024": ["propagation.path_loss_exponent=3", "receivers.cost_budget=100 m", "receivers.target_share=0.7"],
    }
    for preset, overrides in used.items():
        scenario = read_scenario(preset, overrides=overrides)
        assert scene_cautions(scenario) == scene_cautions(read_scenario(preset))


@pytest.mark.parametrize("preset", ["li2024-downlink", "li2024-uplink"])
def test_a_band_whose_delays_would_tell_more_than_curved_waves(preset):
    wide = read_scenario(preset, overrides=["waveform.bandwidth=100 MHz"])
    (said,) = scene_cautions(wide)
    assert "The bandwidth of 100 MHz enters the noise alone" in said
    assert "c / (2 bandwidth) = 1.5 m" in said
    bound_m = bounds(wide)[2]
    assert f"bound the range to {bound_m:.3g} m" in said
    assert bound_m > 1.5


def test_a_band_whose_delays_a_network_leaves_out():
    wide = read_scenario("xu2023", overrides=["waveform.bandwidth=100 MHz"])
    (said,) = scene_cautions(wide)
    counted = read_scenario("xu2023", overrides=["waveform.bandwidth=100 MHz", "network.rms_bandwidth=28867513.459"])
    assert not scene_cautions(counted)
    without_m, with_m = (min(float(each) for each in bounds(one) if each.ndim == 0) for one in (wide, counted))
    assert f"from {without_m:.3g} m to {with_m:.3g} m" in said


def test_beams_that_squint():
    (said,) = scene_cautions(read_scenario("wang2024", overrides=["waveform.bandwidth=300 MHz"]))
    assert said.startswith("Bandwidth x aperture / c is 0.45 (300 MHz, 0.45 m of station `transmitter`)")
    assert not scene_cautions(read_scenario("wang2024", overrides=["waveform.bandwidth=150 MHz"]))
