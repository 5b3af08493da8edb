"""Bounds of a moving user that lose their digits in a Fisher matrix, by QR of every derivative and in 60 digits.

Numbers of scenes with many symbols are roots of the diagonal of the inverse Fisher matrix in 60-digit arithmetic, its
sums over subcarriers and symbols in closed form, all angles, delays, Doppler shifts and their gradients written out
from the scenario; only the gains of the paths are the library's.
"""

from pathlib import Path

import numpy as np
import pytest
from tests.laws.moving_channel import STEP, channels, state_of

from crbeam import evaluate, read_scenario
from crbeam.systems import isotropic_transmission

NARROW = Path(__file__).parent / "data" / "narrow_moving.yaml"
NARROWBAND = ("waveform.bandwidth=2 MHz", "stations.bs.total_power=30 dBm")
FAST = ("waveform.symbols_per_slot=1000", "user.velocity=[250 m/s,-5 m/s]")
QUANTITIES = ("user_position_m", "user_velocity_mps", "user_orientation_rad", "clock_bias_s")
#: By source, overrides and link: `QUANTITIES`, then the positions of the targets.
SIXTY_DIGITS = [
    ("hamrouni2026", NARROWBAND, "bistatic",
     (0.569453654168, 0.000901481174428, 0.000138778650602, 1.89997555378e-09),
     (0.493336197469, 0.63761195904, 0.50935947774)),
    ("hamrouni2026", NARROWBAND, "fused",
     (0.195268938727, 0.000901410403439, 0.000138775851486, 6.51732084919e-10),
     (0.16916903482, 0.218686874982, 0.174670589514)),
    ("hamrouni2026", FAST, "bistatic",
     (8.49615544062, 19.7994376803, 0.0981990818278, 2.83454041779e-08),
     (10.474789315, 9.37008594403, 7.97308475575)),
    ("hamrouni2026", FAST, "fused",
     (3.09622280716, 11.9709931957, 0.0947341871552, 1.03318277291e-08),
     (3.63312177636, 4.04356710145, 2.95049837226)),
    (NARROW, (), "bistatic",
     (0.0181519564186, 0.00037521066053, 3.17020493269e-05, 6.06668184228e-11),
     (0.0156564482866,)),
    (NARROW, (), "fused",
     (0.00401153967332, 0.000370998429645, 3.14895113661e-05, 1.35375266667e-11),
     (0.00344483813876,)),
]  # fmt: skip


def isotropic(scenario):
    return evaluate(scenario, isotropic_transmission(scenario)).links


@pytest.mark.parametrize(("source", "overrides", "link", "user", "targets"), SIXTY_DIGITS)
def test_bounds_have_the_digits_that_the_observations_have(source, overrides, link, user, targets):
    found = isotropic(read_scenario(source, overrides=overrides))[link]
    assert found.unidentifiable == ()
    # Safely regular matrices are right to some 1e-7; what was refused for want of digits, to many more.
    tolerance = 1e-7 if overrides == FAST and link == "fused" else 1e-9
    assert [found.quantities[name] for name in QUANTITIES] == pytest.approx(user, rel=tolerance)
    assert found.quantities["target_positions_m"] == pytest.approx(targets, rel=tolerance)


def test_fused_positions_are_no_worse_than_those_of_echoes_alone():
    for source, overrides in (("hamrouni2026", NARROWBAND), ("hamrouni2026", FAST), (NARROW, ())):
        links = isotropic(read_scenario(source, overrides=overrides))
        assert links["fused"].quantities["user_position_m"] < links["monostatic"].quantities["user_position_m"]
    assert isotropic(read_scenario("hamrouni2026", overrides=NARROWBAND))["monostatic"].quantities[
        "user_position_m"
    ] == pytest.approx(0.4816, rel=1e-4)


def sparse():
    """The narrowband car with a hundredth of a percent of its symbols over the same second."""
    return read_scenario(
        NARROW,
        overrides=["waveform.symbols_per_slot=20", "waveform.cyclic_prefix=6.384 ms", "stations.bs.total_power=50 dBm"],
    )


def derivatives(scenario, link):
    """Every derivative of every sample under isotropic beams, real and imaginary parts as rows; and their names."""
    state = state_of(scenario, link)
    (station,) = scenario.stations
    beams_w = scenario.power_per_subcarrier_w(station) / scenario.waveform.slots
    beams_w /= scenario.stations[station].transmit_array.elements
    columns, names = [], []
    for name, value in state.items():
        for component in range(value.size):
            stepped = {key: entry.astype(complex) for key, entry in state.items()}
            stepped[name][component] += 1j * STEP
            parts = [np.imag(part).ravel() / STEP for part in channels(scenario, link, stepped)]
            columns.append(np.sqrt(2.0 * beams_w / scenario.noise_power_w) * np.concatenate(parts))
            names.append(name)
    return np.stack(columns, axis=1), names


def root_bounds(rows, names):
    """Roots of the traces of the diagonal blocks of the inverse of `rows^T rows`, by QR."""
    lengths = np.linalg.norm(rows, axis=0)
    upper = np.linalg.qr(rows / lengths, mode="r")
    variances = np.sum(np.linalg.inv(upper) ** 2, axis=1) / lengths**2
    found = {}
    for name, variance in zip(names, variances, strict=True):
        found[name] = found.get(name, 0.0) + variance
    return {name: np.sqrt(variance) for name, variance in found.items()}


@pytest.mark.slow
def test_a_narrowband_car_has_the_bounds_of_a_factorisation_of_every_derivative():
    scenario = sparse()
    (direct, direct_names), (echo, echo_names) = (derivatives(scenario, link) for link in ("bistatic", "monostatic"))
    assert np.linalg.cond(direct / np.linalg.norm(direct, axis=0)) > 5e5
    direct, echo = np.linalg.qr(direct, mode="r"), np.linalg.qr(echo, mode="r")
    names = list(dict.fromkeys(direct_names + echo_names))
    place = {name: [index for index, each in enumerate(direct_names) if each == name] for name in direct_names}
    both = np.zeros((len(direct) + len(echo), len(direct_names) + sum("monostatic/" in name for name in echo_names)))
    both[: len(direct), : len(direct_names)] = direct
    free = len(direct_names)
    labels = list(direct_names)
    for name in names:
        columns = [index for index, each in enumerate(echo_names) if each == name]
        if not columns:
            continue
        if name not in place:
            place[name] = list(range(free, free + len(columns)))
            labels += [name] * len(columns)
            free += len(columns)
        both[len(direct) :, place[name]] = echo[:, columns]
    links = isotropic(scenario)
    for link, exact in (("bistatic", root_bounds(direct, direct_names)), ("fused", root_bounds(both, labels))):
        quantities = links[link].quantities
        assert quantities["user_position_m"] == pytest.approx(exact["user_position"], rel=1e-7)
        assert quantities["user_velocity_mps"] == pytest.approx(exact["user_velocity"], rel=1e-7)
        assert quantities["clock_bias_s"] == pytest.approx(exact["clock_bias"], rel=1e-7)
        assert quantities["target_positions_m"][0] == pytest.approx(exact["target_position[0]"], rel=1e-7)
