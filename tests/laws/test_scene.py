"""What must and must not change a bound of a scene."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings

from crbeam.design import beamformers_from_covariance
from crbeam.errors import Unidentifiable
from crbeam.evaluation import evaluate
from crbeam.information import InformationMap
from crbeam.propagation import steering_response, trace_paths
from crbeam.scenario import Scenario, scenario_document
from crbeam.systems import link_maps
from crbeam.systems.zhang2025 import transmit_directions
from crbeam.testing import (
    assert_bounds_scale,
    assert_invariant,
    assert_knowledge_helps,
    random_covariance,
    random_scenario,
    two_stage_problem,
)
from crbeam.testing.strategies import generators

LINKS = ("bistatic", "monostatic", "fused")
N_TX = 12

Edit = Callable[[dict], None]


def edited(scenario: Scenario, *edits: Edit) -> Scenario:
    document = scenario_document(scenario)
    for edit in edits:
        edit(document)
    return Scenario.model_validate(document)


def scene(rng, n_targets=3):
    return random_scenario(rng, n_targets=n_targets, n_antennas=N_TX, subcarriers=32)


def bounds(scenario, covariances, names=("user_position",)):
    return {link: link_maps(scenario)[link].at(covariances).bound(names) for link in LINKS}


def assert_same_bounds(scenario, other, covariances, turned=None):
    """User bounds agree for every link, up to a turn (or mirror) of the plane."""
    turned = np.eye(2) if turned is None else turned
    changed = bounds(other, covariances)
    for link, bound in bounds(scenario, covariances).items():
        assert_invariant(turned @ bound @ turned.T, changed[link])


def covariance_of(rng, scenario):
    return random_covariance(rng, N_TX, power_w=scenario.power_per_subcarrier_w("bs"))


def move_points(transform):
    def edit(document):
        station, user, targets = document["stations"]["bs"], document["user"], document["targets"]
        station["position"] = list(transform(np.array(station["position"])))
        user["position"] = list(transform(np.array(user["position"])))
        targets["positions"] = [list(transform(np.array(point))) for point in targets["positions"]]

    return edit


def turn_station(angle):
    def edit(document):
        document["stations"]["bs"]["orientation"] += angle

    return edit


def turn_user(angle):
    def edit(document):
        document["user"]["orientation"] -= document["user"]["orientation_sign"] * angle

    return edit


def flip_frames(document):
    document["user"]["orientation"] *= -1.0
    document["stations"]["bs"]["orientation"] *= -1.0


def phases_of(change):
    """Edit that gives each path the phase of its gain times `change(link, paths, scenario)`."""

    def apply(scenario):
        listed = {
            link: np.angle(paths.gain * np.exp(1j * change(link, paths, scenario))).tolist()
            for link, paths in trace_paths(scenario).items()
        }

        def edit(document):
            document["propagation"]["phases"] = listed

        return edit

    return apply


@given(generators())
@settings(max_examples=10)
def test_moving_the_whole_scene_changes_no_bound(rng):
    scenario, shift = scene(rng), rng.uniform(-50.0, 50.0, 2)
    assert_same_bounds(scenario, edited(scenario, move_points(lambda p: p + shift)), covariance_of(rng, scenario))


@given(generators())
@settings(max_examples=10)
def test_rotating_the_whole_scene_rotates_the_bounds(rng):
    scenario, angle = scene(rng), float(rng.uniform(-2.0, 2.0))
    matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    rotated = edited(scenario, move_points(lambda p: matrix @ p), turn_station(angle), turn_user(angle))
    covariances = covariance_of(rng, scenario)
    assert_same_bounds(scenario, rotated, covariances, matrix)
    root = evaluate(scenario, covariances).links["bistatic"].quantities["user_position_m"]
    assert evaluate(rotated, covariances).links["bistatic"].quantities["user_position_m"] == pytest.approx(root)


@given(generators())
@settings(max_examples=10)
def test_mirroring_the_whole_scene_mirrors_the_bounds(rng):
    scenario = scene(rng)
    mirror = np.diag([1.0, -1.0])
    mirrored = edited(scenario, move_points(lambda p: mirror @ p), flip_frames)
    assert_same_bounds(scenario, mirrored, covariance_of(rng, scenario), mirror)


def test_rotating_points_but_not_orientations_is_noticed(rng):
    scenario, angle = scene(rng), 0.7
    matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    wrong = edited(scenario, move_points(lambda p: matrix @ p))
    with pytest.raises(AssertionError, match="information differs"):
        assert_same_bounds(scenario, wrong, covariance_of(rng, scenario), matrix)
    wrong = edited(scenario, move_points(lambda p: matrix @ p), turn_station(angle))
    with pytest.raises(AssertionError, match="information differs"):
        assert_same_bounds(scenario, wrong, covariance_of(rng, scenario), matrix)


@pytest.mark.parametrize("link", LINKS)
def test_bounds_are_inverse_to_power_and_snapshots(rng, link):
    scenario = scene(rng)
    covariances = covariance_of(rng, scenario)
    names = link_maps(scenario)[link].layout.family("target_position")
    assert_bounds_scale(lambda factor: link_maps(scenario)[link].at(factor * covariances).bound(names))

    def with_snapshots(factor):
        def edit(document):
            document["waveform"]["symbols_per_slot"] *= int(factor)

        return link_maps(edited(scenario, edit))[link].at(covariances).bound(names)

    assert_bounds_scale(with_snapshots)


def test_the_root_of_a_bound_does_not_scale_like_the_bound(rng):
    scenario = scene(rng)
    covariances = covariance_of(rng, scenario)

    def root(factor):
        return np.array([[link_maps(scenario)["fused"].at(factor * covariances).root_bound(["user_position"])]])

    assert_bounds_scale(root, power=-0.5)
    with pytest.raises(AssertionError, match="information differs"):
        assert_bounds_scale(root)


def magnitude_and_phase(information_map: InformationMap, scenario) -> InformationMap:
    """Same map with the gains of every path by magnitude and phase."""
    jacobian = np.eye(information_map.layout.size)
    for link, paths in trace_paths(scenario).items():
        for path, gain in enumerate(paths.gain):
            name = f"{link}/gain[{path}]"
            if name in information_map.layout:
                unit = gain / abs(gain)
                columns = np.array([[unit.real, -gain.imag], [unit.imag, gain.real]])
                jacobian[information_map.layout[name], information_map.layout[name]] = columns
    return information_map.change_parameters(jacobian, information_map.layout)


@pytest.mark.parametrize("link", LINKS)
def test_gains_by_magnitude_and_phase_give_the_same_bounds(rng, link):
    scenario = scene(rng)
    covariances, plain = covariance_of(rng, scenario), link_maps(scenario)[link]
    other = magnitude_and_phase(plain, scenario)
    assert_invariant(plain.at(covariances).bound(["user_position"]), other.at(covariances).bound(["user_position"]))


def test_assuming_the_gains_known_is_rejected(rng):
    scenario = scene(rng)
    covariances, plain = covariance_of(rng, scenario), link_maps(scenario)["monostatic"]
    known = plain.known(plain.layout.family("monostatic/gain"))
    with pytest.raises(AssertionError, match="information differs"):
        assert_invariant(plain.at(covariances).bound(["user_position"]), known.at(covariances).bound(["user_position"]))


def test_the_value_of_the_clock_bias_does_not_matter(rng):
    scenario = scene(rng)

    def edit(document):
        document["user"]["clock_bias"] += 3.7e-6

    # The bias turns all paths of the bistatic link by one phase, which differs by subcarrier and by nothing else.
    assert_same_bounds(scenario, edited(scenario, edit), covariance_of(rng, scenario))


def test_a_phase_common_to_all_paths_of_a_link_does_not_matter_but_single_phases_do(rng):
    scenario = scene(rng)
    covariances = covariance_of(rng, scenario)
    common = phases_of(lambda _, paths, __: np.full(paths.n_paths, 1.3))(scenario)
    assert_same_bounds(scenario, edited(scenario, common), covariances)
    single = phases_of(lambda _, paths, __: np.arange(paths.n_paths) * 1.3)(scenario)
    with pytest.raises(AssertionError, match="information differs"):
        assert_same_bounds(scenario, edited(scenario, single), covariances)


def shift_subcarriers(document):
    document["waveform"]["first_subcarrier"] -= 25


def shift_phases(link, paths, scenario):
    return -25 * 2 * np.pi * scenario.waveform.subcarrier_spacing_hz * paths.delay_s


def refer_to_first(document):
    document["stations"]["bs"]["transmit_array"]["reference"] = "first"
    document["stations"]["bs"]["receive_array"]["reference"] = "first"
    document["user"]["array"]["reference"] = "first"


def reference_phases(link, paths, scenario):
    """Phase between the centre and the first element of both arrays, for half-wavelength lines along local x."""
    user, station = scenario.user, scenario.stations["bs"]
    transmit, receive = station.transmit_array, station.receive_array
    local = paths.arrival_rad - station.orientation_rad
    if link == "bistatic":
        receive, local = user.array, paths.arrival_rad + user.orientation_sign * user.orientation_rad
    out = np.pi * (transmit.elements - 1) / 2 * np.cos(paths.departure_rad - station.orientation_rad)
    return out - np.pi * (receive.elements - 1) / 2 * np.cos(local)


@pytest.mark.parametrize(
    ("edit", "phases"), [(shift_subcarriers, shift_phases), (refer_to_first, reference_phases)], ids=["band", "array"]
)
def test_phase_references_are_absorbed_by_the_gains(rng, edit, phases):
    scenario = scene(rng)
    covariances = covariance_of(rng, scenario)
    with_phases = phases_of(phases)(scenario)
    assert_same_bounds(scenario, edited(scenario, edit, with_phases), covariances)
    with pytest.raises(AssertionError, match="information differs"):
        assert_same_bounds(scenario, edited(scenario, edit), covariances)


@given(generators())
@settings(max_examples=5)
def test_the_order_of_targets_does_not_matter(rng):
    scenario = scene(rng)
    order = [2, 0, 1]

    def edit(document):
        targets = document["targets"]
        for key in ("positions", "rcs", "bistatic_rcs"):
            targets[key] = [targets[key][index] for index in order]
        for phases in document["propagation"]["phases"].values():
            phases[1:] = [phases[1 + index] for index in order]

    other, covariances = edited(scenario, edit), covariance_of(rng, scenario)
    assert_same_bounds(scenario, other, covariances)
    for new, old in enumerate(order):
        before = link_maps(scenario)["fused"].at(covariances).bound([f"target_position[{old}]"])
        assert_invariant(before, link_maps(other)["fused"].at(covariances).bound([f"target_position[{new}]"]))


def test_the_phases_and_the_mixture_of_beams_do_not_matter(rng):
    scenario = scene(rng)
    covariances = covariance_of(rng, scenario)
    beams = beamformers_from_covariance(covariances[0]).matrix
    unitary, _ = np.linalg.qr(rng.standard_normal((N_TX, N_TX)) + 1j * rng.standard_normal((N_TX, N_TX)))
    for mixed in (beams * np.exp(1j * rng.uniform(-3, 3, N_TX)), beams @ unitary):
        again = (mixed @ mixed.conj().T)[None]
        for link, bound in bounds(scenario, covariances).items():
            assert_invariant(bound, bounds(scenario, again)[link])
    phased = beams * np.exp(1j * rng.uniform(-3, 3, N_TX))[:, None]
    wrong = (phased @ phased.conj().T)[None]
    with pytest.raises(AssertionError, match="information differs"):
        assert_invariant(bounds(scenario, covariances)["fused"], bounds(scenario, wrong)["fused"])


def test_a_link_more_never_hurts(rng):
    scenario = scene(rng)
    covariances = covariance_of(rng, scenario)
    at = {link: link_maps(scenario)[link].at(covariances) for link in LINKS}
    names = ("user_position", "target_position[0]", "target_position[1]", "target_position[2]")
    for link in ("bistatic", "monostatic"):
        assert_knowledge_helps(at[link], at["fused"], names)
        with pytest.raises(AssertionError, match="eigenvalue"):
            assert_knowledge_helps(at["fused"], at[link], names)


def test_a_combiner_of_all_beams_changes_nothing_and_of_fewer_never_helps(rng):
    scenario = scene(rng, n_targets=2)
    n_rx = scenario.user.array.elements

    def with_beams(beams):
        def edit(document):
            document["user"]["combiner"] = {"dft_beams": beams}

        return edited(scenario, edit)

    covariances = covariance_of(rng, scenario)
    assert_same_bounds(scenario, with_beams(list(range(n_rx))), covariances)
    fewer = with_beams(list(range(n_rx - 1)))
    whole, less = (link_maps(s)["bistatic"].at(covariances) for s in (scenario, fewer))
    assert_knowledge_helps(less, whole, ["user_position"])
    with pytest.raises(AssertionError):
        assert_same_bounds(scenario, fewer, covariances)


def test_without_a_target_and_with_unknown_clock_and_orientation_the_user_cannot_be_positioned(rng):
    scenario = scene(rng, n_targets=0)
    bistatic = link_maps(scenario)["bistatic"]
    covariances = covariance_of(rng, scenario)
    with pytest.raises(Unidentifiable) as caught:
        bistatic.at(covariances).bound(["user_position"])
    assert caught.value.names == ("user_position",)
    assert "user_position" in str(caught.value)
    assert "target" in caught.value.remedy
    # Knowing clock and orientation leaves two angles and a delay for two coordinates.
    known = bistatic.known(["clock_bias", "user_orientation"]).at(covariances)
    assert np.all(np.linalg.eigvalsh(known.bound(["user_position"])) > 0.0)


def test_one_target_makes_the_user_identifiable_with_no_equation_to_spare(rng):
    scenario = scene(rng, n_targets=1)
    bistatic = link_maps(scenario)["bistatic"]
    covariances = covariance_of(rng, scenario)
    assert np.trace(bistatic.at(covariances).bound(["user_position"])) > 0.0
    quantities = evaluate(scenario, covariances).links["bistatic"]
    assert quantities.unidentifiable == ()


def test_what_is_not_identifiable_is_null_in_an_evaluation(rng):
    scenario = scene(rng, n_targets=0)
    link = evaluate(scenario, covariance_of(rng, scenario)).links["bistatic"]
    assert set(link.unidentifiable) >= {"user_position"}
    assert link.quantities["user_position_m"] is None
    assert link.reason is not None
    assert "user_position" in link.reason
    fused = evaluate(scenario, covariance_of(rng, scenario)).links["fused"]
    assert fused.unidentifiable == ()


def test_an_unlit_target_drops_out_of_the_echoes(rng):
    scenario = scene(rng, n_targets=3)
    station = scenario.stations["bs"]
    target = trace_paths(scenario)["monostatic"].departure_rad[3:4]
    seen = np.concatenate(steering_response(station.transmit_array.positions_wavelengths, target), axis=1)
    basis, _ = np.linalg.qr(seen)
    away = np.eye(N_TX) - basis @ basis.conj().T
    dark = away @ covariance_of(rng, scenario) @ away
    information = link_maps(scenario)["monostatic"].at(dark)
    assert not information.is_identifiable(["target_position[2]"])

    def without_it(document):
        for key in ("positions", "rcs", "bistatic_rcs"):
            document["targets"][key] = document["targets"][key][:2]
        document["targets"]["count"] = 2
        for phases in document["propagation"]["phases"].values():
            del phases[3]

    smaller = link_maps(edited(scenario, without_it))["monostatic"].at(dark)
    assert_invariant(smaller.bound(["user_position"]), information.bound(["user_position"]))


def test_a_silent_block_is_no_error(rng):
    scenario = scene(rng)
    both = two_stage_problem(scenario).criteria[0].map
    covariances = covariance_of(rng, scenario)
    silent = np.concatenate([covariances, np.zeros_like(covariances)])
    names = ["user_position", "target_position[1]"]
    alone = link_maps(scenario)["monostatic"].at(covariances).bound(names)
    assert_invariant(alone, both.at(silent).bound(names))
    with pytest.raises(Unidentifiable) as caught:
        both.at(np.zeros_like(silent)).bound(names)
    assert set(caught.value.names) == set(names)


def test_transmit_directions_are_the_responses_towards_user_and_targets(rng):
    scenario = scene(rng)
    directions = transmit_directions(scenario)
    cosine = np.array([scenario.user.position_m, *scenario.targets.positions_m])
    cosine = cosine[:, 0] / np.linalg.norm(cosine, axis=1)
    element = np.arange(N_TX) - (N_TX - 1) / 2
    np.testing.assert_allclose(directions, np.exp(1j * np.pi * np.outer(element, cosine)), atol=1e-12)
