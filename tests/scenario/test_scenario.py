"""Scenario models: derived values, defaults, immutability, round trips."""

import json

import numpy as np
import pytest
from pydantic import ValidationError

from crbeam.errors import InvalidInput
from crbeam.scenario import (
    AnalogCombiner,
    Link,
    Noise,
    Scenario,
    Station,
    Targets,
    UniformLinearArray,
    User,
    Waveform,
    read_scenario,
    scenario_document,
)
from crbeam.units import watt_to_dbm


def small_scenario(**changes):
    parts = {
        "system": "zhang2025",
        "stations": {
            "bs": Station(position_m=(0, 0), transmit_array=UniformLinearArray(elements=4), total_power_w="1 mW")
        },
        "user": User(position_m=(3.0, 4.0), rcs_m2=10.0, array=UniformLinearArray(elements=2)),
        "waveform": Waveform(carrier_frequency_hz=28e9, bandwidth_hz=1e8, subcarriers=64, slots=4, symbols_per_slot=10),
        "noise": Noise(density_w_per_hz=4e-21, figure="10 dB"),
        "links": {"bistatic": Link(transmitter="bs", receiver="user")},
    }
    return Scenario(**{**parts, **changes})


def test_the_preset_has_the_values_of_the_paper():
    scenario = read_scenario("zhang2025")
    station = scenario.stations["bs"]
    assert watt_to_dbm(scenario.noise_power_w) == pytest.approx(-113.17, abs=0.005)
    assert scenario.power_per_subcarrier_w("bs") == pytest.approx(9.765625e-9, rel=1e-12)
    assert scenario.waveform.wavelength_m == pytest.approx(0.0107068735, abs=1e-12)
    assert scenario.waveform.subcarrier_spacing_hz == 117187.5
    assert scenario.waveform.subcarrier_indices[[0, -1]].tolist() == [1, 1024]
    assert scenario.user.orientation_rad == pytest.approx(np.deg2rad(110), rel=1e-15)
    assert scenario.user.clock_bias_s == 1e-6
    assert scenario.targets.positions_m == ((-10.0, 15.0), (5.0, 15.0), (0.0, 17.0))
    assert scenario.targets.monostatic_rcs_m2 == scenario.targets.bistatic_rcs_m2 == (100.0, 100.0, 100.0)
    assert station.receive_array == station.transmit_array
    assert scenario.seed is scenario.propagation.phases_rad is scenario.propagation.paths_file is None


@pytest.mark.parametrize(("axis", "column"), [("x", 0), ("y", 1)])
@pytest.mark.parametrize("elements", [1, 4, 5])
def test_elements_lie_on_the_axis_around_the_reference(axis, column, elements):
    centred = UniformLinearArray(elements=elements, spacing_wavelengths=0.7, axis=axis).positions_wavelengths
    first = UniformLinearArray(
        elements=elements, spacing_wavelengths=0.7, axis=axis, reference="first"
    ).positions_wavelengths
    assert centred.shape == first.shape == (elements, 2)
    assert not centred[:, 1 - column].any()
    np.testing.assert_allclose(centred.sum(axis=0), 0.0, atol=1e-14)
    np.testing.assert_allclose(np.diff(centred[:, column]), 0.7)
    np.testing.assert_allclose(first[:, column], 0.7 * np.arange(elements))
    assert elements == 1 or abs(first.sum()) > 0.1


def test_a_dft_combiner_has_orthonormal_columns_of_the_dft_matrix():
    combiner = AnalogCombiner(dft_beams=(0, 3, 5)).matrix(8)
    dft = np.fft.fft(np.eye(8), norm="ortho").conj()
    np.testing.assert_allclose(combiner, dft[:, [0, 3, 5]], atol=1e-14)
    np.testing.assert_allclose(combiner.conj().T @ combiner, np.eye(3), atol=1e-14)
    assert not np.allclose(combiner, dft[:, [0, 3, 5]].conj()), "the sign of the exponent must matter"


def test_a_combiner_of_given_phases_has_constant_modulus():
    combiner = AnalogCombiner(phases_rad=[["0 deg", "90 deg"], [0.0, 0.0]])
    assert combiner.matrix(2).shape == (2, 2)
    np.testing.assert_allclose(combiner.matrix(2) * np.sqrt(2), [[1, 1], [1j, 1]], atol=1e-14)
    with pytest.raises(InvalidInput, match="each of the 3 antennas"):
        combiner.matrix(3)


def test_targets_are_cut_to_the_first_ones():
    targets = Targets(count=2, positions_m=[[1, 2], [3, 4], [5, 6]], rcs_m2=[1, 2, 3], bistatic_rcs_m2="5 m^2")
    assert targets.positions_m == ((1.0, 2.0), (3.0, 4.0))
    assert targets.monostatic_rcs_m2 == (1.0, 2.0)
    assert targets.bistatic_rcs_m2 == (5.0, 5.0)
    assert Targets(positions_m=np.eye(2), rcs_m2=1.0).count == 2


def test_targets_of_a_path_file_keep_a_single_cross_section():
    targets = Targets(rcs_m2=100.0)
    assert (targets.count, targets.monostatic_rcs_m2, targets.bistatic_rcs_m2) == (None, 100.0, 100.0)
    scenario = small_scenario(targets=targets, propagation={"paths_file": "street.nc"})
    assert Scenario.model_validate(scenario_document(scenario)) == scenario


@pytest.mark.parametrize("targets", [None, {"count": 0}, Targets(count=0)])
def test_a_scenario_may_have_no_target(targets):
    scenario = small_scenario(targets=targets)
    assert scenario.targets.count == 0
    assert scenario.targets.positions_m == scenario.targets.monostatic_rcs_m2 == ()


def test_a_receive_array_may_differ():
    station = Station(
        position_m=(0, 0),
        transmit_array=UniformLinearArray(elements=4),
        receive_array=UniformLinearArray(elements=8, axis="y"),
        total_power_w=1.0,
    )
    assert (station.receive_array.elements, station.receive_array.axis) == (8, "y")


def test_constructors_take_attribute_names_or_file_keys():
    attributes = Noise(density_w_per_hz=4e-21, figure=10.0)
    assert attributes == Noise(**{"density": 4e-21, "figure": "10 dB"})
    with pytest.raises(ValidationError):
        Noise(density=4e-21, figure=10.0, colour="white")


def test_a_scenario_does_not_change():
    scenario = small_scenario()
    with pytest.raises(ValidationError):
        scenario.seed = 3
    with pytest.raises(ValidationError):
        scenario.waveform.slots = 3


def test_the_power_of_an_unknown_station_is_refused():
    with pytest.raises(InvalidInput, match=r"one of bs, found `bss`. Did you mean `bs`"):
        small_scenario().power_per_subcarrier_w("bss")


@pytest.mark.parametrize(
    "overrides",
    [
        [],
        ["targets.count=1"],
        ["targets=null"],
        ["seed=7", "user.combiner={phases: [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]]}"],
        ["propagation.phases={monostatic: [0.1, 0.2, 0.3, 0.4]}", "targets.bistatic_rcs=[1, 2, 3]"],
        ["stations.bs.receive_array={elements: 5, axis: y, reference: first}"],
    ],
)
def test_the_document_of_a_scenario_gives_it_back(overrides, tmp_path):
    scenario = read_scenario("zhang2025", overrides=overrides)
    document = scenario_document(scenario)
    assert Scenario.model_validate(document) == scenario
    file = tmp_path / "again.yaml"
    file.write_text(json.dumps(document), encoding="utf-8")
    assert read_scenario(file) == scenario
    assert json.loads(file.read_text(encoding="utf-8")) == document
    document["user"]["clock_bias"] = 2e-6
    assert Scenario.model_validate(document) != scenario
