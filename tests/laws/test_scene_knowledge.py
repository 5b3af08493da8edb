"""What more or less observation does to the bounds of a scene."""

import numpy as np
import pytest
from hypothesis import given, settings
from tests.laws.scenes import N_TX, assert_same_bounds, covariance_of, edited, maps_of, scene

from crbeam.errors import Unidentifiable
from crbeam.evaluation import evaluate
from crbeam.information import Transmission
from crbeam.propagation import steering_response, trace_paths
from crbeam.testing import (
    assert_invariant,
    assert_knowledge_helps,
    link_names,
    station_name,
    two_stage_problem,
)
from crbeam.testing.strategies import generators


def test_a_link_more_never_hurts(rng):
    scenario = scene(rng)
    covariances = covariance_of(rng, scenario)
    at = {kind: information_map.at(covariances) for kind, information_map in maps_of(scenario).items()}
    names = ("user_position", "target_position[0]", "target_position[1]", "target_position[2]")
    for kind in ("to user", "back"):
        assert_knowledge_helps(at[kind], at["fused"], names)
        with pytest.raises(AssertionError, match="eigenvalue"):
            assert_knowledge_helps(at["fused"], at[kind], names)


def test_a_combiner_of_all_beams_changes_nothing_and_of_fewer_never_helps(rng):
    scenario = scene(rng, n_targets=2)
    n_rx = scenario.user.array.elements

    def with_beams(beams):
        def edit(document):
            document["user"]["combiner"] = None if beams is None else {"dft_beams": beams}

        return edited(scenario, edit)

    covariances = covariance_of(rng, scenario)
    free, fewer = with_beams(None), with_beams(list(range(n_rx - 1)))
    assert_same_bounds(free, with_beams(list(range(n_rx))), covariances)
    whole, less = (maps_of(s)["to user"].at(covariances) for s in (free, fewer))
    assert_knowledge_helps(less, whole, ["user_position"])
    with pytest.raises(AssertionError):
        assert_same_bounds(free, fewer, covariances)


def test_without_a_target_and_with_unknown_clock_and_orientation_the_user_cannot_be_positioned(rng):
    scenario = scene(rng, n_targets=0)
    bistatic = maps_of(scenario)["to user"]
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
    bistatic = maps_of(scenario)["to user"]
    covariances = covariance_of(rng, scenario)
    assert np.trace(bistatic.at(covariances).bound(["user_position"])) > 0.0
    quantities = evaluate(scenario, covariances).links[link_names(scenario)[0]]
    assert quantities.unidentifiable == ()


def test_what_is_not_identifiable_is_null_in_an_evaluation(rng):
    scenario = scene(rng, n_targets=0)
    link = evaluate(scenario, covariance_of(rng, scenario)).links[link_names(scenario)[0]]
    assert set(link.unidentifiable) >= {"user_position"}
    assert link.quantities["user_position_m"] is None
    assert link.reason is not None
    assert "user_position" in link.reason
    fused = evaluate(scenario, covariance_of(rng, scenario)).links["fused"]
    assert fused.unidentifiable == ()


@given(generators())
@settings(max_examples=8)
def test_an_unlit_target_drops_out_of_the_echoes(rng):
    scenario = scene(rng, n_targets=3)
    name = station_name(scenario)
    station = scenario.stations[name]
    target = trace_paths(scenario)[link_names(scenario)[1]].departure_rad[3:4] - station.orientation_rad
    seen = np.concatenate(steering_response(station.transmit_array.positions_wavelengths, target), axis=1)
    basis, _ = np.linalg.qr(seen)
    away = np.eye(N_TX) - basis @ basis.conj().T
    dark = {name: away @ covariance_of(rng, scenario)[name] @ away}
    information = maps_of(scenario)["back"].at(dark)
    assert not information.is_identifiable(["target_position[2]"])

    def without_it(document):
        for key in ("positions", "rcs", "bistatic_rcs"):
            document["targets"][key] = document["targets"][key][:2]
        document["targets"]["count"] = 2
        for phases in document["propagation"]["phases"].values():
            del phases[3]

    smaller = maps_of(edited(scenario, without_it))["back"].at(dark)
    assert_invariant(smaller.bound(["user_position"]), information.bound(["user_position"]))


def test_a_silent_block_is_no_error(rng):
    scenario = scene(rng)
    both = two_stage_problem(scenario).criteria[0].map
    covariances = covariance_of(rng, scenario)
    (sent,) = covariances.values()
    silent = Transmission.silent(both.antennas)
    first_only = silent.replaced({"first": sent})
    names = ["user_position", "target_position[1]"]
    alone = maps_of(scenario)["back"].at(covariances).bound(names)
    assert_invariant(alone, both.at(first_only).bound(names))
    with pytest.raises(Unidentifiable) as caught:
        both.at(silent).bound(names)
    assert set(caught.value.names) == set(names)
