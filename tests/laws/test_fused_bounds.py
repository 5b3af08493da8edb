"""Observations together tell at least what each of them tells, whatever hides it."""

import numpy as np
import pytest

from crbeam.information import Information
from crbeam.scenario import Scenario, read_scenario, scenario_document
from crbeam.systems import isotropic_transmission, link_maps, system_of
from crbeam.testing import random_scenario

#: Bounds from a matrix that is safely regular are right to this.
SAFE = 1e-6
STATIC_PARTS = {"fused": ("bistatic", "monostatic")}
PARTS = {**STATIC_PARTS, "posterior": ("monostatic_stage", "bistatic_stage")}


def decade(rng, low, high):
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def place(rng):
    return [float(rng.uniform(-40.0, 40.0)), float(rng.uniform(3.0, 60.0))]


def moving_scenario(rng):
    """A user at 1.5 to 80 m/s, seen at 3.5 to 60 GHz over 5 to 400 MHz."""
    document = scenario_document(read_scenario("hamrouni2026"))
    heading_rad, speed_mps = rng.uniform(-np.pi, np.pi), decade(rng, 1.5, 80.0)
    document["stations"]["bs"].update(
        transmit_array={"elements": int(rng.choice([4, 8, 16, 32]))}, total_power=decade(rng, 0.1, 10.0)
    )
    document["user"].update(
        position=place(rng),
        velocity=[float(speed_mps * np.cos(heading_rad)), float(speed_mps * np.sin(heading_rad))],
        orientation=float(rng.uniform(-np.pi, np.pi)),
        array={"elements": int(rng.choice([2, 4, 8]))},
    )
    document["targets"] = {"positions": [place(rng) for _ in range(rng.integers(1, 4))], "rcs": decade(rng, 1.0, 50.0)}
    document["waveform"].update(
        carrier_frequency=decade(rng, 3.5e9, 60e9),
        bandwidth=decade(rng, 5e6, 400e6),
        subcarriers=int(rng.choice([16, 64, 256])),
        symbols_per_slot=int(rng.choice([100, 300, 1000])),
    )
    document["propagation"] = {"path_loss_exponent": document["propagation"]["path_loss_exponent"]}
    return Scenario.model_validate(document)


def static_scenario(rng):
    return random_scenario(rng, plain=True)


def informations(scenario):
    sent = system_of(scenario).completed(isotropic_transmission(scenario))
    return {name: information_map.at(sent) for name, information_map in link_maps(scenario).items()}


def matrices(scenario):
    """Wrong: the matrices alone, in which what hides a parameter counts squared."""
    return {name: Information(each.matrix, each.layout) for name, each in informations(scenario).items()}


def complaints(found):
    """Parameters that a part determines and the whole does not, or does worse."""
    faults = []
    for whole, parts in PARTS.items():
        for part in parts if whole in found else ():
            for name in found[part].layout:
                if "/" in name or not found[part].is_identifiable([name]):
                    continue
                if not found[whole].is_identifiable([name]):
                    faults.append(f"{whole} loses {name} of {part}")
                elif found[whole].root_bound([name]) > found[part].root_bound([name]) * (1.0 + SAFE):
                    faults.append(f"{whole} is worse on {name} than {part}")
    return faults


@pytest.mark.parametrize("seed", range(6))
def test_together_links_lose_nothing_that_one_of_them_tells(seed):
    rng = np.random.default_rng(seed)
    assert complaints(informations(moving_scenario(rng))) == []
    assert complaints(informations(static_scenario(rng))) == []


@pytest.mark.slow
def test_together_links_lose_nothing_in_many_scenes():
    for seed in range(6, 36):
        rng = np.random.default_rng(seed)
        assert complaints(informations(moving_scenario(rng))) == [], seed
        assert complaints(informations(static_scenario(rng))) == [], seed


def test_the_matrices_alone_are_rejected():
    assert any(complaints(matrices(moving_scenario(np.random.default_rng(seed)))) for seed in range(15, 20))
