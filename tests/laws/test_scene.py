"""What must and must not change a bound of a scene."""

import numpy as np
import pytest
from hypothesis import given, settings
from tests.laws.scenes import KINDS, N_TX, assert_same_bounds, bounds, covariance_of, edited, maps_of, scene

from crbeam.design import beamformers_from_covariance
from crbeam.evaluation import evaluate
from crbeam.information import InformationMap
from crbeam.propagation import trace_paths
from crbeam.systems.zhang2025 import Zhang2025
from crbeam.testing import (
    assert_bounds_scale,
    assert_invariant,
    link_names,
    station_name,
)
from crbeam.testing.strategies import generators


def station_in(document):
    (station,) = document["stations"].values()
    return station


def move_points(transform):
    def edit(document):
        station, user, targets = station_in(document), document["user"], document["targets"]
        station["position"] = list(transform(np.array(station["position"])))
        user["position"] = list(transform(np.array(user["position"])))
        targets["positions"] = [list(transform(np.array(point))) for point in targets["positions"]]

    return edit


def turn_station(angle):
    def edit(document):
        station_in(document)["orientation"] += angle

    return edit


def turn_user(angle):
    def edit(document):
        document["user"]["orientation"] -= document["user"]["orientation_sign"] * angle

    return edit


def arrays_in(document):
    return [station_in(document)["transmit_array"], station_in(document)["receive_array"], document["user"]["array"]]


def mirror_frames(document):
    """Local angles change sign: arrays along y are then read backwards, and so is what the combiner does to them."""
    document["user"]["orientation"] *= -1.0
    station_in(document)["orientation"] *= -1.0
    combiner, array = document["user"]["combiner"], document["user"]["array"]
    if combiner is None or array["axis"] == "x":
        return
    if combiner["phases"] is not None:
        combiner["phases"] = [chain[::-1] for chain in combiner["phases"]]
    else:
        combiner["dft_beams"] = [-beam % array["elements"] for beam in combiner["dft_beams"]]


def sides(link, paths, scenario):
    """Array and direction cosines along it, of transmitter and receiver of a link."""
    station, user = scenario.stations[station_name(scenario)], scenario.user
    receive, local = station.receive_array, paths.arrival_rad - station.orientation_rad
    if link == link_names(scenario)[0]:
        receive, local = user.array, paths.arrival_rad + user.orientation_sign * user.orientation_rad
    away = paths.departure_rad - station.orientation_rad
    return [
        (a, np.cos(g) if a.axis == "x" else np.sin(g)) for a, g in ((station.transmit_array, away), (receive, local))
    ]


def absorbed(turned):
    """What path phases must gain when each array's responses turn by the phase `turned(array, cosine)`."""

    def change(link, paths, scenario):
        transmit, receive = (turned(array, cosine) for array, cosine in sides(link, paths, scenario))
        return transmit - receive

    return change


def turned_by_mirror(array, cosine):
    backwards = array.axis == "y" and array.reference == "first"
    return -2 * np.pi * array.spacing_wavelengths * (array.elements - 1) * cosine * backwards


def turned_by_reference(array, cosine):
    sign = 1.0 if array.reference == "centre" else -1.0
    return sign * np.pi * array.spacing_wavelengths * (array.elements - 1) * cosine


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
@settings(max_examples=8)
def test_moving_the_whole_scene_changes_no_bound(rng):
    scenario, shift = scene(rng), rng.uniform(-50.0, 50.0, 2)
    assert_same_bounds(scenario, edited(scenario, move_points(lambda p: p + shift)), covariance_of(rng, scenario))


@given(generators())
@settings(max_examples=8)
def test_rotating_the_whole_scene_rotates_the_bounds(rng):
    scenario, angle = scene(rng), float(rng.uniform(-2.0, 2.0))
    matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    rotated = edited(scenario, move_points(lambda p: matrix @ p), turn_station(angle), turn_user(angle))
    covariances = covariance_of(rng, scenario)
    assert_same_bounds(scenario, rotated, covariances, matrix)
    to_user, _ = link_names(scenario)
    root = evaluate(scenario, covariances).links[to_user].quantities["user_position_m"]
    assert evaluate(rotated, covariances).links[to_user].quantities["user_position_m"] == pytest.approx(root)


@given(generators())
@settings(max_examples=8)
def test_mirroring_the_whole_scene_mirrors_the_bounds(rng):
    scenario = scene(rng)
    mirror = np.diag([1.0, -1.0])
    absorbing = phases_of(absorbed(turned_by_mirror))(scenario)
    mirrored = edited(scenario, move_points(lambda p: mirror @ p), mirror_frames, absorbing)
    covariances = covariance_of(rng, scenario)
    is_backwards = scenario.stations[station_name(scenario)].transmit_array.axis == "y"
    turned_over = {block: matrix[::-1, ::-1] for block, matrix in covariances.items()}
    seen, unseen = (turned_over, covariances) if is_backwards else (covariances, turned_over)
    assert_same_bounds(scenario, mirrored, covariances, mirror, seen)
    with pytest.raises(AssertionError, match="information differs"):
        assert_same_bounds(scenario, mirrored, covariances, mirror, unseen)


def test_rotating_points_but_not_orientations_is_noticed(rng):
    scenario, angle = scene(rng), 0.7
    matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    wrong = edited(scenario, move_points(lambda p: matrix @ p))
    with pytest.raises(AssertionError, match="information differs"):
        assert_same_bounds(scenario, wrong, covariance_of(rng, scenario), matrix)
    wrong = edited(scenario, move_points(lambda p: matrix @ p), turn_station(angle))
    with pytest.raises(AssertionError, match="information differs"):
        assert_same_bounds(scenario, wrong, covariance_of(rng, scenario), matrix)


@pytest.mark.parametrize("kind", KINDS)
def test_bounds_are_inverse_to_power_and_snapshots(rng, kind):
    scenario = scene(rng)
    covariances, information_map = covariance_of(rng, scenario), maps_of(scenario)[kind]
    names = information_map.layout.family("target_position")
    assert_bounds_scale(lambda factor: information_map.at(factor * covariances).bound(names))

    def with_snapshots(factor):
        def edit(document):
            document["waveform"]["symbols_per_slot"] *= int(factor)

        return maps_of(edited(scenario, edit))[kind].at(covariances).bound(names)

    assert_bounds_scale(with_snapshots)


def test_the_root_of_a_bound_does_not_scale_like_the_bound(rng):
    scenario = scene(rng)
    covariances, fused = covariance_of(rng, scenario), maps_of(scenario)["fused"]

    def root(factor):
        return np.array([[fused.at(factor * covariances).root_bound(["user_position"])]])

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


@pytest.mark.parametrize("kind", KINDS)
def test_gains_by_magnitude_and_phase_give_the_same_bounds(rng, kind):
    scenario = scene(rng)
    covariances, plain = covariance_of(rng, scenario), maps_of(scenario)[kind]
    other = magnitude_and_phase(plain, scenario)
    assert_invariant(plain.at(covariances).bound(["user_position"]), other.at(covariances).bound(["user_position"]))


def test_assuming_the_gains_known_is_rejected(rng):
    scenario = scene(rng)
    covariances, plain = covariance_of(rng, scenario), maps_of(scenario)["back"]
    known = plain.known(plain.layout.family(f"{link_names(scenario)[1]}/gain"))
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


def swap_references(document):
    """Responses refer to the first element where they referred to the centre, and the other way round."""
    for array in arrays_in(document):
        array["reference"] = "first" if array["reference"] == "centre" else "centre"


@pytest.mark.parametrize(
    ("edit", "phases"),
    [(shift_subcarriers, shift_phases), (swap_references, absorbed(turned_by_reference))],
    ids=["band", "array"],
)
@given(generators())
@settings(max_examples=8)
def test_phase_references_are_absorbed_by_the_gains(edit, phases, rng):
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
        before = maps_of(scenario)["fused"].at(covariances).bound([f"target_position[{old}]"])
        assert_invariant(before, maps_of(other)["fused"].at(covariances).bound([f"target_position[{new}]"]))


def test_the_phases_and_the_mixture_of_beams_do_not_matter(rng):
    scenario = scene(rng)
    covariances, station = covariance_of(rng, scenario), station_name(scenario)
    beams = beamformers_from_covariance(covariances[station]).matrix
    unitary, _ = np.linalg.qr(rng.standard_normal((N_TX, N_TX)) + 1j * rng.standard_normal((N_TX, N_TX)))
    for mixed in (beams * np.exp(1j * rng.uniform(-3, 3, N_TX)), beams @ unitary):
        again = {station: mixed @ mixed.conj().T}
        for link, bound in bounds(scenario, covariances).items():
            assert_invariant(bound, bounds(scenario, again)[link])
    phased = beams * np.exp(1j * rng.uniform(-3, 3, N_TX))[:, None]
    wrong = {station: phased @ phased.conj().T}
    with pytest.raises(AssertionError, match="information differs"):
        assert_invariant(bounds(scenario, covariances)["fused"], bounds(scenario, wrong)["fused"])


def test_transmit_directions_are_the_responses_towards_user_and_targets(rng):
    scenario = scene(rng)
    directions = Zhang2025(scenario).transmit_directions()
    station = scenario.stations[station_name(scenario)]
    array, axis_rad = station.transmit_array, station.orientation_rad
    axis_rad += np.pi / 2 if array.axis == "y" else 0.0
    offset = np.array([scenario.user.position_m, *scenario.targets.positions_m]) - station.position_m
    cosine = offset @ [np.cos(axis_rad), np.sin(axis_rad)] / np.linalg.norm(offset, axis=1)
    element = np.arange(N_TX) - ((N_TX - 1) / 2 if array.reference == "centre" else 0.0)
    expected = np.exp(2j * np.pi * array.spacing_wavelengths * np.outer(element, cosine))
    np.testing.assert_allclose(directions, expected, atol=1e-11)
