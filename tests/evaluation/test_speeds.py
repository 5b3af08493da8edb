"""What bounds say of a velocity that echoes do not determine: its radial part, and the rate of the distance."""

import pytest

from crbeam.evaluation import evaluate
from crbeam.scenario import read_scenario
from crbeam.systems import isotropic_transmission, link_map
from crbeam.systems.hamrouni2026 import Hamrouni2026, radial_speed_map, range_rate_map

FREE_SPACE = ("propagation.path_loss_exponent=2", "propagation.shadowing_deviation=0 dB")
SMALL = ("stations.bs.transmit_array.elements=16", "waveform.subcarriers=64", "waveform.slots=4")


def scene(*overrides):
    return read_scenario("hamrouni2026", overrides=[*FREE_SPACE, *overrides])


@pytest.mark.parametrize("speed_mps", [0.0, 12.0, 200.0, 1000.0])
def test_speeds_of_echoes_have_bounds_at_every_speed(speed_mps):
    scenario = scene("user.position=[10, 25]", f"user.velocity=[{speed_mps}, 0]")
    covariances = isotropic_transmission(scenario)
    found = evaluate(scenario, covariances).links["monostatic"].quantities
    information_map = link_map(scenario, "monostatic")
    radial = radial_speed_map(scenario, information_map).at(covariances).root_bound(["user_radial_speed"])
    rate = range_rate_map(scenario, information_map).at(covariances).root_bound(["user_range_rate"])
    assert found["user_velocity_mps"] is None
    assert found["user_radial_speed_mps"] == pytest.approx(radial, rel=1e-6)
    assert found["user_range_rate_mps"] == pytest.approx(rate, rel=1e-6)
    # Across, the uncertain direction lets the speed leak into the radial part, never into the rate.
    assert rate == pytest.approx(0.04417, rel=1e-3)
    assert (radial > 1.2 * rate) == (speed_mps > 0.0)


def test_what_determines_the_velocity_has_neither():
    links = evaluate(scene(*SMALL), isotropic_transmission(scene(*SMALL))).links
    for name in ("bistatic", "fused", "posterior"):
        assert links[name].quantities["user_velocity_mps"] is not None
        assert "user_radial_speed_mps" not in links[name].quantities
        assert "user_range_rate_mps" not in links[name].quantities


def test_observations_that_see_the_tangential_speed_have_no_radial_one_alone():
    """The wrong way: taking the tangential speed for known, though they see it, would be optimistic."""
    scenario = scene(*SMALL)
    information = link_map(scenario, "bistatic").at(isotropic_transmission(scenario))
    found = Hamrouni2026(scenario).speeds_mps(information)
    assert found == {"user_radial_speed_mps": None, "user_range_rate_mps": None}
    wrong = radial_speed_map(scenario, information.as_prior())
    assert wrong.constant[wrong.layout["user_radial_speed"]].any()


def test_the_line_of_sight_alone_tells_the_rate_but_not_where_from():
    scenario = scene(*SMALL, "targets.count=0")
    link = evaluate(scenario, isotropic_transmission(scenario)).links["bistatic"]
    assert set(link.unidentifiable) >= {"user_position", "user_velocity"}
    assert 0.0 < link.quantities["user_range_rate_mps"] < link.quantities["user_radial_speed_mps"]
