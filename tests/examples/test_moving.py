"""The passing car: small observations, and estimates that reach their bounds."""

from pathlib import Path

import numpy as np
import pytest

from crbeam.evaluation import TrialPlan, check_estimator
from crbeam.propagation.jacobians import doppler_shifts_hz
from crbeam.scenario import read_scenario
from crbeam.systems import isotropic_transmission, paths_of

EXAMPLE = str(Path(__file__).resolve().parents[2] / "examples" / "moving" / "moving.yaml")
LINKS = ("bistatic", "monostatic", "fused", "posterior")


@pytest.fixture(scope="module")
def scenario():
    return read_scenario(EXAMPLE)


def test_the_scene_is_as_the_readme_says(scenario):
    """No path arrives near the line of the user's array; the user drives away aslant; Doppler shifts are resolved."""
    paths = paths_of(scenario)["bistatic"]
    arrival_rad = paths.arrival_rad + scenario.user.orientation_rad
    assert np.all(np.abs(np.cos(arrival_rad)) < 0.95)
    assert np.degrees(np.arccos(np.abs(np.cos(arrival_rad[0])))) == pytest.approx(52.0, abs=0.5)
    velocity_mps = np.array(scenario.user.velocity_mps)
    away = np.array(scenario.user.position_m) / np.hypot(*scenario.user.position_m)
    assert velocity_mps @ away == pytest.approx(9.28, abs=0.01)
    assert np.hypot(*velocity_mps) == pytest.approx(11.66, abs=0.01)
    symbols = scenario.waveform.slots * scenario.waveform.symbols_per_slot
    duration_s = symbols * (1.0 / scenario.waveform.subcarrier_spacing_hz + scenario.waveform.cyclic_prefix_s)
    assert duration_s == pytest.approx(6.4e-3, rel=0.01)
    shifts_hz = doppler_shifts_hz(paths)
    assert np.min(np.abs(np.diff(np.sort(shifts_hz)))) * duration_s > 1.0


@pytest.mark.slow
def test_estimates_reach_their_bounds_at_the_own_ratio(scenario):
    transmission = isotropic_transmission(scenario)
    check = check_estimator(scenario, transmission, plan=TrialPlan(("own",), trials=15), links=LINKS)
    for link, each in check.links.items():
        (point,) = each.points
        assert point.failure_rate.value == 0.0, link
        assert point.is_regular, link
        assert point.is_efficient, {name: part.ratio for name, part in point.quantities.items()}
        assert each.below_bound == ()
