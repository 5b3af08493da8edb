"""Delay, Doppler, rates, beams of wang2024 against independently computed values; see README.md."""

import numpy as np
import pytest
from tests.oracles.multistatic_records import ARRAYS, RECORDS, SETTING, given_beams, record_scenario

from crbeam.communication import mimo_rates_bps_hz
from crbeam.design.methods.optimum import Digital
from crbeam.errors import Infeasible
from crbeam.information.delay_doppler import normalised_trace, printed_trace
from crbeam.information.pulses import pulse_moments
from crbeam.propagation.jacobians import doppler_shifts_hz
from crbeam.systems import design_problem, link_map, link_maps, paths_of
from crbeam.systems.receivers import direct_channels, pulse_train
from crbeam.systems.wang2024 import Wang2024

A = RECORDS["A"]
SHARED = ("multistatic.metric=shared",)
PRINTED = (*SHARED, "multistatic.formulas=as_printed")
PULSES = pytest.mark.parametrize(("key", "pulse"), [("cos", "cosine"), ("sinc", "sinc")])


@PULSES
def test_moments_of_the_pulses(key, pulse):
    moments, record = pulse_moments(pulse), A["pulse"][key]
    found = (moments.slope_energy, moments.mean_square, moments.slope_moment, moments.mean, *moments.edges)
    assert found == pytest.approx(
        [record[name] for name in ("Fg", "Ftg", "Ftgd", "Ft", "g0", "g1")], rel=1e-12, abs=1e-15
    )


def test_delays_shifts_and_lengths():
    paths = paths_of(record_scenario())
    delays = [each.delay_s[0] for each in paths.values()]
    shifts = [doppler_shifts_hz(each)[0] for each in paths.values()]
    assert delays == pytest.approx(A["localisation"]["tau_s"], rel=1e-12)
    assert shifts == pytest.approx(A["localisation"]["f_approx_Hz"], rel=1e-9, abs=0.0)
    losses = [abs(each.gain[0]) ** 2 / SETTING["beta"] for each in paths.values()]
    assert losses == pytest.approx(A["eta"], rel=1e-12)


def test_direct_channels_are_those_of_a_line_of_sight():
    assert direct_channels(record_scenario()) == pytest.approx(ARRAYS["A_Hlos"], rel=1e-9, abs=0.0)


@PULSES
@pytest.mark.parametrize("selected", [(0,), (0, 1), (0, 1, 2, 3, 4)])
def test_the_metric_as_printed_and_corrected(key, pulse, selected):
    record = A["given_W"][key]["U"]["+".join(map(str, selected))]
    sent = {"transmitter": given_beams().sum(axis=0)}
    printed = record_scenario(*PRINTED, selected=selected, pulse=pulse)
    duration = pulse_train(printed).symbol_duration_s
    assert printed_trace(link_map(printed, "fused").at(sent), duration) == pytest.approx(
        record["paper"], rel=1e-9, abs=0.0
    )
    corrected = record_scenario(*SHARED, selected=selected, pulse=pulse)
    found = normalised_trace(link_map(corrected, "fused").at(sent), duration)
    assert found == pytest.approx(record["corrected_unknown_gain"], rel=1e-9, abs=0.0)
    assert found != pytest.approx(record["corrected_known_gain"], rel=1e-9, abs=0.0), "the gain is unknown"


@PULSES
def test_coefficients_as_printed(key, pulse):
    record = A["given_W"][key]
    sent = {"transmitter": given_beams().sum(axis=0)}
    maps = link_maps(record_scenario(*PRINTED, pulse=pulse))
    for index, power in enumerate(A["given_W"]["upsilon"]):
        matrix = maps[f"receiver{index}"].at(sent).matrix
        duration = 0.5 / SETTING["B"]
        assert matrix[0, 0] == pytest.approx(record["iota"][index] * power, rel=1e-9, abs=0.0)
        assert matrix[1, 1] == pytest.approx(record["chi"][index] * power * duration**2, rel=1e-9, abs=0.0)
        assert matrix[0, 1] == pytest.approx(record["varsigma"][index] * power * duration, rel=1e-9, abs=0.0)


@pytest.mark.parametrize(("selected", "key"), [((), "b_all_0"), ((0, 1, 2, 3, 4), "b_all_1")])
@pytest.mark.parametrize(("channels", "record"), [("A_Hlos", "rates_los"), ("A_Hric", "rates_rician")])
def test_rates_of_both_roles(selected, key, channels, record):
    streams = given_beams()
    sent = {f"to receiver{index}": part for index, part in enumerate(streams[1:])} | {"sensing": streams[0]}
    rates = Wang2024(record_scenario(selected=selected)).receiver_rates_bps_hz(ARRAYS[channels], sent)
    assert rates == pytest.approx(A["given_W"][record][key], rel=1e-9, abs=0.0)


def test_rates_with_the_printed_interference_are_wrong():
    """(21) leaves out the other receivers for one that does not sense."""
    streams = given_beams()
    heard = np.stack([streams[0] + own for own in streams[1:]])
    printed = mimo_rates_bps_hz(ARRAYS["A_Hlos"], streams[1:], heard, 1e-9)
    assert np.all(printed > 1.5 * np.array(A["given_W"]["rates_los"]["b_all_0"]))


@pytest.mark.slow
@pytest.mark.parametrize("record", A["beamforming"], ids=lambda each: f"rate{each['Rth']:g}-{each['G']}")
def test_beams_in_lines_of_sight_are_globally_optimal(record):
    scenario = record_scenario(selected=record["G"], rate=record["Rth"])
    problem = Wang2024(scenario).design_problem(judged_by="receiver0")
    design = Digital().solve(problem)
    direction = Wang2024(scenario).transmit_directions()[:, 0]
    lit = float(np.real(direction.conj() @ design.covariances["transmitter"] @ direction)) / len(direction)
    least, most = record["los"]["T_feasible"], record["los"]["ub_certified"]
    assert least * (1 - 1e-6) <= lit <= most * (1 + 1e-6)
    assert design.gap <= 1e-6
    rates = np.log2(1.0 + np.array(list(Wang2024(scenario).served_sinr(design).values())))
    assert rates.min() >= record["Rth"] - 1e-8
    for name, stream in design.stream_covariances.items():
        values = np.linalg.eigvalsh(stream["transmitter"])
        assert name == "sensing" or values[-2] <= 1e-9 * values[-1], "users' beams have rank one"


@pytest.mark.parametrize("rate", [2.0, 4.0])
def test_places_for_which_no_transmission_suffices(rate):
    places = RECORDS["infeasible_los"]["p_re"]
    assert RECORDS["infeasible_los"]["min_power_fraction"][f"{rate:.1f}"] is None
    overrides = (
        "receivers.count=10",
        f"receivers.positions={places}",
        "stations.transmitter.transmit_array.elements=10",
    )
    with pytest.raises(Infeasible, match="must reach their rate"):
        Digital().solve(design_problem(record_scenario(*overrides, rate=rate)))
