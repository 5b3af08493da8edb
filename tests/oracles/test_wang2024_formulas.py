"""Geometry, coefficients and closed forms of wang2024, printed and corrected, against recorded values."""

import numpy as np
import pytest
from tests.oracles.multistatic_records import ARRAYS, RECORDS, SETTING, given_beams, record_scenario

from crbeam.design.methods.optimum import Digital
from crbeam.errors import Infeasible
from crbeam.estimation.multistatic_fix import doppler_direction
from crbeam.information.delay_doppler import (
    delay_doppler_information,
    normalised_trace,
    printed_information,
    printed_trace,
    shared_parameters,
)
from crbeam.information.pulses import PULSES, pulse_slope, pulse_value
from crbeam.systems import link_map, paths_of
from crbeam.systems.receivers import listeners, pulse_train
from crbeam.systems.wang2024 import Wang2024

A = RECORDS["A"]
GEOMETRY = A["geometry"]
BOTH = pytest.mark.parametrize(("key", "pulse"), [("cos", "cosine"), ("sinc", "sinc")])
SETS = [(0,), (0, 1), (0, 1, 2, 3, 4)]


def sent():
    """The recorded beams of all streams together."""
    return {"transmitter": given_beams().sum(axis=0)}


def printed(scenario, listener, *, path_loss):
    echo = Wang2024(scenario).moving_echo(listener.link)
    return printed_information(echo, pulse_train(scenario), path_loss=path_loss, rician_factor=SETTING["alpha"])


def shared_sum(scenario, selected, information):
    """Information of the selected receivers, as if their unknowns were the same."""
    maps = [shared_parameters(information(listeners(scenario)[k]), f"receiver{k}") for k in selected]
    return sum(maps[1:], maps[0]).at(sent())


def test_lengths_and_directions():
    paths = [*paths_of(record_scenario()).values()]
    assert [each.departure_rad[0] for each in paths] == pytest.approx([GEOMETRY["theta"]] * 5, rel=1e-12)
    assert [each.arrival_rad[0] for each in paths] == pytest.approx(GEOMETRY["phi"], rel=1e-12)
    back_m = [np.hypot(*(each.vertex_m[0] - each.receiver_m)) for each in paths]
    assert back_m == pytest.approx(GEOMETRY["d_0k"], rel=1e-12)
    assert np.hypot(*SETTING["p_0"]) == pytest.approx(GEOMETRY["d_b0"], rel=1e-12)
    base_m = np.array(SETTING["p_re"], dtype=float)
    assert np.hypot(*base_m.T) == pytest.approx(GEOMETRY["d_bk"], rel=1e-12)
    assert np.arctan2(base_m[:, 1], base_m[:, 0]) == pytest.approx(GEOMETRY["theta_k"], rel=1e-12)


def test_echoes_are_the_recorded_channels_and_powers():
    scenario = record_scenario()
    echoes = [Wang2024(scenario).moving_echo(each.link) for each in listeners(scenario)]
    channels = np.stack([each.gain * np.outer(each.receive, each.transmit.conj()) for each in echoes])
    assert channels == pytest.approx(ARRAYS["A_Hs"], rel=1e-9, abs=0.0)
    covariance = given_beams().sum(axis=0)
    powers = [np.real(np.trace(each @ covariance @ each.conj().T)) for each in channels]
    assert powers == pytest.approx(A["given_W"]["upsilon"], rel=1e-9, abs=0.0)


@BOTH
def test_corrected_coefficients(key, pulse):
    """Per unit of received power, in symbol durations and shifts per symbol."""
    record, scenario = A["given_W"][key]["corrected_coeffs"], record_scenario(pulse=pulse)
    train = pulse_train(scenario)
    units = np.diag([train.symbol_duration_s, 1.0 / train.symbol_duration_s])
    for listener, power in zip(listeners(scenario), A["given_W"]["upsilon"], strict=True):
        echo = Wang2024(scenario).moving_echo(listener.link)
        unknown, known = (
            units @ delay_doppler_information(echo, train, **options).at(sent()).matrix[:2, :2] @ units / power
            for options in ({}, {"gain": "known", "origin": 0.0})
        )
        assert unknown[0, 0] == pytest.approx(record["iota"], rel=1e-9)
        assert unknown[1, 1] == pytest.approx(record["chi_unknown_gain"], rel=1e-9)
        assert known[1, 1] == pytest.approx(record["chi_known_gain"], rel=1e-9)
        assert unknown[0, 1] == known[0, 1] == record["varsigma"] == 0.0


@BOTH
@pytest.mark.parametrize("selected", SETS)
def test_every_variant_of_the_metric(key, pulse, selected):
    record = A["given_W"][key]["U"]["+".join(map(str, selected))]
    scenario = record_scenario(pulse=pulse)
    train = pulse_train(scenario)
    duration = train.symbol_duration_s
    eta = dict(zip(range(5), A["eta"], strict=True))
    found = {
        "paper": shared_sum(
            scenario, selected, lambda each: printed(scenario, each, path_loss=eta[int(each.link[-1])])
        ),
        "paper_eta_once": shared_sum(scenario, selected, lambda each: printed(scenario, each, path_loss=1.0)),
    }
    values = {name: printed_trace(each, duration) for name, each in found.items()}
    for name, options in (
        ("corrected_known_gain", {"gain": "known", "origin": 0.0}),
        ("corrected_unknown_gain", {}),
    ):
        information = shared_sum(
            scenario,
            selected,
            lambda each, options=options: delay_doppler_information(
                Wang2024(scenario).moving_echo(each.link), train, **options
            ),
        )
        values[name] = normalised_trace(information, duration)
    assert values == pytest.approx(record, rel=1e-9, abs=0.0)


@BOTH
def test_the_printed_metric_factors_into_a_constant_and_a_sum(key, pulse):
    """(18): `(1 + k1) / (k1 - k2^2)` over the Doppler information of those that sense."""
    record = A["given_W"][key]
    first, second = record["kappa1"], record["kappa2"]
    overrides = ("multistatic.metric=shared", "multistatic.formulas=as_printed")
    for selected in SETS:
        scenario = record_scenario(*overrides, selected=selected, pulse=pulse)
        information = link_map(scenario, "fused").at(sent())
        duration = pulse_train(scenario).symbol_duration_s
        matrix = information.matrix / np.outer([1.0, duration], [1.0, duration])
        assert matrix[0, 0] / matrix[1, 1] == pytest.approx(first, rel=1e-9)
        assert matrix[0, 1] / matrix[1, 1] == pytest.approx(second, rel=1e-9)
        gathered = sum(record["chi"][k] * A["given_W"]["upsilon"][k] for k in selected)
        closed = (1.0 + first) / (first - second**2) / gathered
        assert printed_trace(information, duration) == pytest.approx(closed, rel=1e-9, abs=0.0)


@pytest.mark.parametrize("pulse", PULSES)
def test_printed_formulas_as_they_stand(pulse):
    """(13) to (16) with integrals by plain sums over the pulse: what `as_printed` returns, and nothing else."""
    scenario = record_scenario(pulse=pulse)
    train, echo, eta = pulse_train(scenario), Wang2024(scenario).moving_echo(listeners(scenario)[0].link), A["eta"][0]
    count = 200_000
    u, duration = (np.arange(count) + 0.5) / count, train.symbol_duration_s
    value, slope = pulse_value(pulse, u), pulse_slope(pulse, u) / duration
    slope_energy = np.sum(slope**2) / count * duration
    time_energy = np.sum((u * duration) ** 2 * value**2) / count * duration
    coupling = np.sum(u * duration * value * slope) / count * duration
    bandwidth, power = 0.5 / duration, A["given_W"]["upsilon"][0]
    share = eta * train.symbols * power / ((1.0 + SETTING["alpha"]) * echo.noise_power_w)
    expected = share * np.array(
        [
            [4.0 * bandwidth * slope_energy, 16.0 * np.pi * bandwidth**2 * coupling],
            [16.0 * np.pi * bandwidth**2 * coupling, 64.0 * np.pi**2 * bandwidth**3 * time_energy],
        ]
    )
    found = printed(scenario, listeners(scenario)[0], path_loss=eta).at(sent()).matrix
    per_symbol = np.diag([1.0, 1.0 / duration])
    assert per_symbol @ found @ per_symbol == pytest.approx(expected, rel=1e-6, abs=0.0)
    corrected = delay_doppler_information(echo, train, gain="known").at(sent()).matrix
    assert corrected[0, 1] == 0.0 != found[0, 1]
    assert corrected[1, 1] > 1e5 * found[1, 1]


def test_shifts_exact_and_approximate():
    record = A["localisation"]
    arrivals = np.array(GEOMETRY["phi"])[:2]
    exact, approximate = (np.array(record[name])[:2] for name in ("f_exact_Hz", "f_approx_Hz"))
    cosine, speed_mps = doppler_direction(exact, arrivals, SETTING["f0"])
    assert (cosine, speed_mps) == pytest.approx(record["cos_theta_v_from_pair01_exact"], rel=1e-7)
    first, second = np.cos(arrivals)
    weighed = (approximate[0] * second - approximate[1] * first) / (approximate[1] - approximate[0])
    assert weighed == pytest.approx(record["cos_theta_from_pair01_approx"], rel=1e-9)
    assert doppler_direction(approximate, arrivals, SETTING["f0"])[0] == pytest.approx(weighed, rel=1e-6)


@pytest.mark.parametrize("share", [0.98, 1.02])
def test_least_power_for_the_rates(share):
    """At rate 1 ten receivers need 0.356 of the power, at rate 2 five of them 0.0078: a little less does not do."""
    least = RECORDS["infeasible_los"]["min_power_fraction"]["1.0"]
    ten = record_scenario(
        "receivers.count=10",
        f"receivers.positions={RECORDS['infeasible_los']['p_re']}",
        "stations.transmitter.transmit_array.elements=10",
        f"stations.transmitter.total_power={share * least} W",
        rate=1.0,
    )
    record = A["beamforming"][0]
    five = record_scenario(
        f"stations.transmitter.total_power={share * record['min_power_fraction_los']} W",
        selected=[],
        rate=record["Rth"],
    )
    for scenario in (ten, five):
        problem = Wang2024(scenario).design_problem(judged_by="receiver0")
        if share < 1.0:
            with pytest.raises(Infeasible):
                Digital().solve(problem)
        else:
            assert Digital().solve(problem).power_w == pytest.approx(
                scenario.stations["transmitter"].total_power_w, rel=1e-6
            )
