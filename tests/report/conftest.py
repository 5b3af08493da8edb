"""A small scene, a transmission and its bounds, shared by the tests of reports."""

import numpy as np
import pytest

from crbeam.design import Design, Status, beamformers_from_covariance
from crbeam.evaluation import evaluate
from crbeam.information import Transmission
from crbeam.scenario import read_scenario
from crbeam.systems import design_problem


def hand_made_design(covariances: Transmission, *, lower_bound: float | None = 0.9, seconds: float = 1.0) -> Design:
    beams = {block: beamformers_from_covariance(part) for block, part in covariances.items()}
    return Design(
        method="hand-made",
        covariances=covariances,
        stream_covariances={"pilot": covariances},
        beamformers=beams,
        beamforming_loss=0.0,
        status=Status.FEASIBLE,
        objective=1.0,
        objective_unit="m^2",
        lower_bound=lower_bound,
        bound_note="a test",
        trace=(1.5, 1.2, 1.0),
        iterations=3,
        seconds=seconds,
        details={"evaluations": 7.0, "solver_seconds": seconds},
    )


@pytest.fixture(scope="session")
def scenario():
    return read_scenario("zhang2025")


@pytest.fixture(scope="session")
def covariances(scenario):
    rng = np.random.default_rng(11)
    power_w = scenario.power_per_subcarrier_w("bs")
    factor = rng.normal(size=(16, 5)) + 1j * rng.normal(size=(16, 5))
    spread = factor @ factor.conj().T
    whole = Transmission({"bs": power_w * spread / np.trace(spread).real})
    return 0.5 * design_problem(scenario).isotropic() + 0.5 * whole


@pytest.fixture(scope="session")
def evaluation(scenario, covariances):
    return evaluate(scenario, covariances)


@pytest.fixture
def design(covariances):
    return hand_made_design(covariances)


@pytest.fixture
def make_design():
    return hand_made_design
