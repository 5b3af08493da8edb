"""What presets tell the design methods: where beams point, and which methods apply."""

import numpy as np
import pytest

from crbeam.design.methods import METHODS
from crbeam.errors import CrbeamError
from crbeam.scenario import list_presets, read_scenario
from crbeam.systems import design_problem
from crbeam.systems.li2024 import Li2024

#: Arrays of a size that every published algorithm can bear.
SMALL = ["stations.main.transmit_array.elements=16"]
SCENES = {name: [] for name in list_presets()} | {"li2024-downlink": SMALL, "li2024-uplink": SMALL}


def farthest_from_a_transmit_vector(problem, block, directions) -> float:
    """One less the cosine between the direction that fits worst and the transmit vector nearest to it."""
    parts = [part for each in problem.criteria for part in each.map.contributions if part.block == block]
    vectors = np.concatenate([part.transmit / np.linalg.norm(part.transmit, axis=0) for part in parts], axis=1)
    beams = directions / np.linalg.norm(directions, axis=0)
    return float(1.0 - np.min(np.max(np.abs(vectors.conj().T @ beams), axis=0)))


@pytest.mark.parametrize("preset", [name for name in list_presets() if name != "xu2023"])
def test_steered_beams_point_at_objects(preset):
    problem = design_problem(read_scenario(preset))
    assert problem.directions.keys() == problem.antennas.keys()
    for block, directions in problem.directions.items():
        assert farthest_from_a_transmit_vector(problem, block, directions) < 1e-9
        assert farthest_from_a_transmit_vector(problem, block, directions.conj()) > 0.01


@pytest.mark.parametrize("preset", ["li2024-downlink", "li2024-uplink"])
def test_steered_beam_lights_the_target_of_a_double_array(preset):
    scenario = read_scenario(preset)
    (beam,) = Li2024(scenario).transmit_directions().T
    beam = beam * np.sqrt(Li2024(scenario).power_budgets()[0].power_per_subcarrier_w) / np.linalg.norm(beam)
    assert Li2024(scenario).illumination_share(np.outer(beam, beam.conj())) == pytest.approx(1.0, abs=1e-12)
    assert Li2024(scenario).illumination_share(np.outer(beam.conj(), beam)) < 0.1


@pytest.mark.slow
def test_every_method_applies_to_a_preset():
    scenarios = [read_scenario(name, overrides=overrides) for name, overrides in SCENES.items()]
    chosen = ["receivers.cost_budget=200 m", "multistatic.metric=shared"]
    scenarios.append(read_scenario("wang2024", overrides=chosen))
    known = {}
    for key, kind in METHODS.items():
        assert any(applies(kind(), scenario, known) for scenario in scenarios), key


def applies(method, scenario, known) -> bool:
    place = (id(scenario), method.uses, method.judged_by)
    if place not in known:
        known[place] = problem_or_none(scenario, method)
    return known[place] is not None and method.why_not(known[place]) is None


def problem_or_none(scenario, method):
    try:
        return design_problem(scenario, method=method)
    except CrbeamError:
        return None
