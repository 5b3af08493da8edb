"""What counts as identifiable depends on the observations, not on axes, names or rounding."""

import numpy as np
import pytest

from crbeam import InvalidInput, Unidentifiable, design_problem, evaluate, link_maps, read_scenario
from crbeam.information import Information, ParameterLayout

LAYOUT = ParameterLayout.of({"user_position": 2, "gain": 2, "clock_bias": 1})


def monostatic(*overrides):
    scenario = read_scenario("zhang2025", overrides=overrides)
    return link_maps(scenario)["monostatic"].at(design_problem(scenario).isotropic())


@pytest.mark.parametrize(
    "overrides",
    [
        ("stations.bs.transmit_array.axis=y",),
        ("stations.bs.orientation=90 deg",),
        ("stations.bs.orientation=-90 deg",),
    ],
)
def test_an_object_at_the_end_of_the_array_is_unidentifiable_however_the_array_is_written(overrides):
    information = monostatic(*overrides)
    assert not information.is_identifiable(["target_position[2]"])
    assert information.is_identifiable(["target_position[0]"])
    with pytest.raises(Unidentifiable) as caught:
        information.bound(["user_position", "target_position[2]"])
    assert caught.value.names == ("target_position[2]",)


@pytest.mark.parametrize("position", ["[-10, 0]", "[10, 0]", "[0.1, 0]", "[-3.3, 0]"])
def test_the_end_fire_law_holds_on_both_sides(position):
    assert not monostatic(f"user.position={position}").is_identifiable(["user_position"])


def test_entries_of_rounding_size_are_no_information():
    matrix = np.diag([1e4, 1e-28, 1.0, 1.0, 1.0])
    assert not Information(matrix, LAYOUT).is_identifiable(["user_position"])
    # Scaling each component by its own entry, as one might, would call this well-conditioned.
    assert np.linalg.eigvalsh(matrix / np.sqrt(np.outer(np.diag(matrix), np.diag(matrix))))[0] > 0.5


# Root bounds of the two targets at (5, 15) and (5 + d, 15) by isotropic transmission, computed with 60 digits.
CLOSE = {0.02: (107.639, 107.803)}


@pytest.mark.parametrize("distance_m", CLOSE)
def test_close_targets_have_the_bound_of_exact_arithmetic(distance_m):
    information = monostatic(f"targets.positions=[[-10, 15], [5, 15], [{5 + distance_m}, 15]]")
    found = [information.root_bound([f"target_position[{index}]"]) for index in (1, 2)]
    assert found == pytest.approx(CLOSE[distance_m], rel=1e-3)


@pytest.mark.parametrize("distance_m", [0.01, 0.005, 0.002, 0.0011])
def test_targets_too_close_for_double_precision_are_refused_and_spare_the_others(distance_m):
    information = monostatic(f"targets.positions=[[-10, 15], [5, 15], [{5 + distance_m}, 15]]")
    assert not information.is_identifiable(["target_position[1]"])
    assert not information.is_identifiable(["target_position[2]"])
    assert information.root_bound(["user_position"]) == pytest.approx(0.27036, rel=1e-4)


def test_positions_that_are_determined_alone_but_not_together_are_reported():
    scenario = read_scenario("zhang2025", overrides=["targets.positions=[[-10, 15], [5, 15], [5, -15.001]]"])
    links = evaluate(scenario, design_problem(scenario).isotropic()).links
    assert links["monostatic"].quantities["user_position_m"] == pytest.approx(0.27, rel=0.01)
    assert links["monostatic"].quantities["all_positions_m"] is None
    assert set(links["monostatic"].unidentifiable) == {"target_position[1]", "target_position[2]"}
    assert links["monostatic"].reason


def test_names_must_exist_and_differ():
    information = monostatic()
    for names in (["nope"], [], ["user_position", "user_position"]):
        with pytest.raises(InvalidInput):
            information.bound(names)
        with pytest.raises(InvalidInput):
            information.is_identifiable(names)
    information_map = link_maps(read_scenario("zhang2025"))["fused"]
    for call in (
        lambda: information_map.known(["user_positon"]),
        lambda: information_map.renamed_blocks({"bss": "first"}),
        lambda: information_map.with_receive({"user": np.eye(16)}),
        lambda: information_map.renamed({"user_positon": "x"}),
    ):
        with pytest.raises(InvalidInput, match="no"):
            call()
