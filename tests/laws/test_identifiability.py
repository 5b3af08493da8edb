"""What counts as identifiable depends on the observations, not on axes, names or rounding."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings

from crbeam import InvalidInput, Unidentifiable, design_problem, evaluate, link_maps, read_scenario
from crbeam.information import Information, InformationMap, ParameterLayout
from crbeam.information.information import ACCURACY
from crbeam.linalg import hermitian_part
from crbeam.propagation import steering_response, trace_paths
from crbeam.scenario import Scenario, scenario_document
from crbeam.systems.zhang2025 import Zhang2025
from crbeam.testing import (
    assert_invariant,
    echo_root_bounds_m,
    link_names,
    random_covariance,
    random_scenario,
    random_transmission,
    station_name,
)
from crbeam.testing.strategies import generators

LAYOUT = ParameterLayout.of({"user_position": 2, "gain": 2, "clock_bias": 1})
GAINS = ParameterLayout.of({"clock_bias": 1, "gain[0]": 1, "gain[1]": 1, "gain[2]": 1})


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


POSITIONS = ("user_position", "target_position[0]", "target_position[1]", "target_position[2]")


def turned(scenario, angle, shift_m):
    """The same scene written in axes that are turned by an angle and shifted."""
    document = scenario_document(scenario)
    matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])

    def place(point_m):
        return (matrix @ point_m + shift_m).tolist()

    station = document["stations"]["bs"]
    station.update(position=place(station["position"]), orientation=station["orientation"] + angle)
    document["user"]["position"] = place(document["user"]["position"])
    document["targets"]["positions"] = [place(point_m) for point_m in document["targets"]["positions"]]
    return Scenario.model_validate(document)


def echoes(scenario):
    return link_maps(scenario)["monostatic"].at(design_problem(scenario).isotropic())


def lost(information):
    return [name for name in POSITIONS[:3] if not information.is_identifiable([name])]


def lost_by_own_scale(information):
    """Wrong: each component scaled by its own entry, and whatever is positive definite has a bound."""
    scale = 1.0 / np.sqrt(np.abs(np.diagonal(information.matrix)) + 1e-300)
    is_definite = np.linalg.eigvalsh(information.matrix * np.outer(scale, scale))[0] > 0.0
    return [] if is_definite else ["user_position"]


def end_fire_scenes(rng, *, off_rad=0.0):
    """A user on the line of the array, or off it by an angle, in turned and shifted axes, right angles included."""
    x_m, y_m = float(-10.0 * np.cos(off_rad)), float(10.0 * np.sin(off_rad))
    overrides = [f"user.position=[{x_m!r}, {y_m!r}]", "waveform.subcarriers=8", "targets.count=2"]
    scenario = read_scenario("zhang2025", overrides=overrides)
    angles = [0.0, np.pi / 2, -np.pi / 2, np.pi, *rng.uniform(-np.pi, np.pi, 6)]
    return [turned(scenario, float(a), s * rng.standard_normal(2)) for a in angles for s in (0.0, 100.0)]


@pytest.mark.slow
def test_an_object_at_the_end_of_the_array_stays_unidentifiable_in_turned_and_shifted_axes(rng):
    scenes = end_fire_scenes(rng)
    assert [lost(echoes(scene)) for scene in scenes] == [["user_position"]] * len(scenes)
    assert len({str(lost_by_own_scale(echoes(scene))) for scene in scenes}) > 1


@pytest.mark.parametrize(
    "off_rad", [1e-2, pytest.param(1e-4, marks=pytest.mark.slow), pytest.param(1e-6, marks=pytest.mark.slow), 1e-8]
)
def test_just_off_the_end_of_the_array_bounds_are_those_of_many_digits_or_refused(rng, off_rad):
    refused = 0
    for scene in end_fire_scenes(rng, off_rad=off_rad)[3:15:5]:
        information, exact = echoes(scene), echo_root_bounds_m(scene)
        refused += lost(information) == ["user_position"]
        for name, bound_m in zip(POSITIONS[:3], exact, strict=True):
            if name not in lost(information):
                assert information.root_bound([name]) == pytest.approx(bound_m, rel=ACCURACY)
        assert lost(information) in ([], ["user_position"])
    assert not refused or off_rad < 1e-4


def test_the_digits_can_tell_a_wrong_angle(rng):
    (scene, *_), (other, *_) = end_fire_scenes(rng, off_rad=1e-4), end_fire_scenes(rng, off_rad=1.01e-4)
    bound_m = echoes(scene).root_bound(["user_position"])
    assert bound_m == pytest.approx(echo_root_bounds_m(scene)[0], rel=1e-6)
    assert bound_m != pytest.approx(echo_root_bounds_m(other)[0], rel=ACCURACY)


@given(generators())
@settings(max_examples=4)
def test_many_digits_agree_with_double_precision_in_random_scenes(rng):
    scenario = random_scenario(rng, n_targets=2, n_antennas=6, subcarriers=8)
    _, link = link_names(scenario)
    information = link_maps(scenario)[link].at(design_problem(scenario).isotropic())
    found = [information.root_bound([name]) for name in POSITIONS[:3]]
    assert found == pytest.approx(echo_root_bounds_m(scenario, digits=40), rel=1e-8)


@pytest.mark.parametrize("distance_m", [0.1, 0.02, 0.01, 0.005, 0.002, 0.0011])
def test_close_targets_have_the_bound_of_exact_arithmetic(distance_m):
    overrides = (f"targets.positions=[[-10, 15], [5, 15], [{5 + distance_m}, 15]]", "waveform.subcarriers=16")
    information = monostatic(*overrides)
    exact = echo_root_bounds_m(read_scenario("zhang2025", overrides=overrides))
    assert [information.root_bound([name]) for name in POSITIONS] == pytest.approx(exact, rel=1e-5)
    assert exact[2] > 30.0
    # The matrix alone has too few digits for the closer ones, and says so.
    alone = Information(information.matrix, information.layout)
    assert alone.is_identifiable(["target_position[1]"]) == (distance_m > 0.015)
    assert alone.root_bound(["user_position"]) == pytest.approx(exact[0], rel=1e-6)


def unlit(scenario, rng):
    """Transmission whose beams have a null, and a stationary one, towards the last target."""
    name = station_name(scenario)
    station = scenario.stations[name]
    departure = trace_paths(scenario)[link_names(scenario)[1]].departure_rad[-1:] - station.orientation_rad
    seen = np.concatenate(steering_response(station.transmit_array.positions_wavelengths, departure), axis=1)
    basis, _ = np.linalg.qr(seen)
    away = np.eye(len(basis)) - basis @ basis.conj().T
    covariance = random_covariance(rng, len(basis), power_w=scenario.power_per_subcarrier_w(name))
    return {name: hermitian_part(away @ covariance @ away)}


def without(information, names):
    kept = [name for name in information.layout if name not in names]
    index = information.layout.indices(kept)
    return Information(information.matrix[np.ix_(index, index)], information.layout.select(kept))


class RoundingCounts(InformationMap):
    """Wrong: what rounding leaves in the direction of a null passes for illumination."""

    def at(self, covariances):
        matrix = sum(part.at(covariances[part.block]) for part in self.contributions)
        return Information(hermitian_part(matrix), self.layout)


def assert_dark_target_drops_out(information_map, covariances, dark):
    information = information_map.at(covariances)
    assert not information.is_identifiable(["target_position[2]"])
    rest = without(information, ["target_position[2]", *dark])
    assert_invariant(rest.bound(["user_position"]), information.bound(["user_position"]))


@given(generators())
@settings(max_examples=15)
def test_a_target_in_the_dark_up_to_rounding_tells_nothing_and_hides_nothing(rng):
    scenario = random_scenario(rng, n_targets=3, n_antennas=12, subcarriers=16)
    _, link = link_names(scenario)
    assert_dark_target_drops_out(link_maps(scenario)[link], unlit(scenario, rng), [f"{link}/gain[3]"])


def test_the_dark_of_rounding_is_rejected_if_it_counts():
    failures = 0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        scenario = random_scenario(rng, n_targets=3, n_antennas=12, subcarriers=16)
        _, link = link_names(scenario)
        right = link_maps(scenario)[link]
        wrong = RoundingCounts(right.layout, right.contributions, right.constant, right.antennas)
        try:
            assert_dark_target_drops_out(wrong, unlit(scenario, rng), [f"{link}/gain[3]"])
        except (AssertionError, Unidentifiable):
            failures += 1
    assert failures >= 4


@given(generators())
@settings(max_examples=8)
def test_an_arrival_that_the_combiner_does_not_pass_drops_out(rng):
    """All but one dimension of the receiver: the gain of the blocked path is unseen, and no rounding of it counts."""
    scenario = random_scenario(rng, n_targets=2, n_antennas=8, subcarriers=16)
    link, _ = link_names(scenario)
    right = Zhang2025(scenario).path_maps()[link]
    (part,) = right.contributions
    blocked = part.receive[:, 0:1] / np.linalg.norm(part.receive[:, 0])
    away = hermitian_part(np.eye(len(blocked)) - blocked @ blocked.conj().T)
    behind = replace(right, contributions=(replace(part, projector=away),))
    information = behind.at(random_transmission(rng, behind.antennas))
    gain = information.layout[f"{link}/gain[0]"]
    assert np.all(information.matrix[gain, :] == 0.0)
    assert not information.is_identifiable([f"{link}/gain[0]"])
    assert np.any(part.at(np.eye(8) + 0j)[gain, gain] > 0.0)


def exact_bound(columns, n_kept):
    """First entry of the inverse of `columns^T columns`, by fractions of the very numbers."""
    exact = [[Fraction(float(entry)) for entry in row] for row in columns.T]
    matrix = [[sum(a * b for a, b in zip(x, y, strict=True)) for y in exact] for x in exact]
    for pivot in reversed(range(n_kept, len(matrix))):
        for i in range(pivot):
            factor = matrix[i][pivot] / matrix[pivot][pivot]
            matrix[i] = [a - factor * b for a, b in zip(matrix[i], matrix[pivot], strict=True)]
    return float(1 / matrix[0][0])


def nearly_unseen(seed, likeness, decades, share=0.3):
    """Observations of a clock and three gains, of which two differ by a little that looks like the clock in part."""
    columns = np.random.default_rng(seed).standard_normal((9, 4))
    look = columns[:, 0] + 0.3 * columns[:, 3] + share * np.random.default_rng([seed, 1]).standard_normal(9)
    columns[:, 2] = columns[:, 1] + likeness * look
    columns = columns * 10.0 ** np.array([0.0, decades, decades, -decades])
    return columns, Information(columns.T @ columns, GAINS)


@pytest.mark.parametrize("likeness", [1e-1, 1e-3, 1e-5, 1e-6, 1e-7, 1e-8])
@pytest.mark.parametrize("decades", [0.0, 6.0])
def test_nuisances_nearly_unseen_but_coupled_hide_what_they_hide_exactly(likeness, decades):
    """The bound is that of exact arithmetic on the observations, or refused, and refused only for want of digits."""
    refused = hidden = 0
    for seed in range(20):
        columns, information = nearly_unseen(seed, likeness, decades)
        exact = exact_bound(columns, 1)
        hidden += exact > 3.0 * exact_bound(columns[:, [0, 1, 3]], 1)
        if not information.is_identifiable(["clock_bias"]):
            refused += 1
            continue
        assert information.bound(["clock_bias"])[0, 0] == pytest.approx(exact, rel=ACCURACY)
    assert hidden > 10
    assert refused == 0 or likeness < 1e-4


@pytest.mark.parametrize("likeness", [1e-2, 1e-5, 1e-8])
def test_nuisances_nearly_unseen_that_hide_everything_are_noticed(likeness):
    for seed in range(20):
        _, information = nearly_unseen(seed, likeness, 0.0, share=0.0)
        assert not information.is_identifiable(["clock_bias"])
        with pytest.raises(Unidentifiable):
            information.bound(["clock_bias"])
        # Dropping the direction because it is hardly seen, as a pseudo-inverse does, gives a number.
        nuisance = information.matrix[1:, 1:]
        kept = information.matrix[0, 0] - information.matrix[0, 1:] @ (
            np.linalg.pinv(nuisance, rcond=max(1e-14, 10 * likeness**2)) @ information.matrix[1:, 0]
        )
        assert kept > 0.01 * information.matrix[0, 0]


def test_mirror_images_that_differ_by_a_millimetre_have_the_bound_of_exact_arithmetic():
    overrides = ("targets.positions=[[-10, 15], [5, 15], [5, -15.001]]", "waveform.subcarriers=16")
    scenario = read_scenario("zhang2025", overrides=overrides)
    link = evaluate(scenario, design_problem(scenario).isotropic()).links["monostatic"]
    exact = echo_root_bounds_m(scenario)
    assert link.unidentifiable == ()
    assert link.quantities["user_position_m"] == pytest.approx(exact[0], rel=1e-6)
    assert link.quantities["target_positions_m"] == pytest.approx(exact[1:], rel=1e-6)
    assert link.quantities["all_positions_m"] == pytest.approx(np.linalg.norm(exact), rel=1e-6)


def test_exact_mirror_images_are_lost_and_spare_the_others():
    scenario = read_scenario("zhang2025", overrides=["targets.positions=[[-10, 15], [5, 15], [5, -15]]"])
    link = evaluate(scenario, design_problem(scenario).isotropic()).links["monostatic"]
    assert link.quantities["user_position_m"] == pytest.approx(0.27, rel=0.01)
    assert link.quantities["all_positions_m"] is None
    assert set(link.unidentifiable) == {"target_position[1]", "target_position[2]"}
    assert link.reason


def test_a_parameter_with_a_bound_of_its_own_is_not_lost_by_asking_for_others_too():
    """Of all positions together each has the bound that it has alone, and those that have none are named."""
    information = monostatic("targets.positions=[[-10, 15], [5, 15], [5, -15]]")
    with pytest.raises(Unidentifiable) as caught:
        information.bound(POSITIONS)
    assert set(caught.value.names) == {"target_position[1]", "target_position[2]"}
    rest = information.bound(POSITIONS[:2])
    alone = [information.bound([name]) for name in POSITIONS[:2]]
    assert_invariant(rest[:2, :2], alone[0])
    assert_invariant(rest[2:, 2:], alone[1])


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
