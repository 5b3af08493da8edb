"""Random scenes for laws, their maps and their bounds, whatever their links are called."""

from collections.abc import Callable

import numpy as np

from crbeam.scenario import Scenario, scenario_document
from crbeam.systems import link_maps
from crbeam.testing import (
    assert_invariant,
    link_names,
    random_scenario,
    random_transmission,
    station_name,
)

KINDS = ("to user", "back", "fused")
N_TX = 12

Edit = Callable[[dict], None]


def edited(scenario: Scenario, *edits: Edit) -> Scenario:
    document = scenario_document(scenario)
    for edit in edits:
        edit(document)
    return Scenario.model_validate(document)


def scene(rng, n_targets=3):
    return random_scenario(rng, n_targets=n_targets, n_antennas=N_TX, subcarriers=32)


def maps_of(scenario):
    """Maps of the link to the user, of the link back and of both, whatever their names."""
    maps, (to_user, back) = link_maps(scenario), link_names(scenario)
    return {"to user": maps[to_user], "back": maps[back], "fused": maps["fused"]}


def bounds(scenario, covariances, names=("user_position",)):
    return {kind: information_map.at(covariances).bound(names) for kind, information_map in maps_of(scenario).items()}


def assert_same_bounds(scenario, other, covariances, turned=None, others=None):
    """User bounds agree for every link, up to a turn (or mirror) of the plane; `others` if the antennas are too."""
    turned = np.eye(2) if turned is None else turned
    changed = bounds(other, covariances if others is None else others)
    for kind, information_map in maps_of(scenario).items():
        information = information_map.at(covariances)
        bound = turned @ information.bound(["user_position"]) @ turned.T
        assert_invariant(bound, changed[kind], tolerance=1e-8 + rounding_of(information))


def rounding_of(information):
    """What rounding of coordinates and entries may do to a bound: it grows with the condition of the scaled matrix."""
    scale = information.layout.scales(np.diagonal(information.matrix))
    return 1e-13 * float(np.linalg.cond(information.matrix * np.outer(scale, scale)))


def covariance_of(rng, scenario):
    station = station_name(scenario)
    return random_transmission(rng, {station: N_TX}, power_w=scenario.power_per_subcarrier_w(station))
