"""Studies of served users: their ratios as a metric, and bounds that go through analog networks."""

import numpy as np
import pytest

from crbeam.scenario.reading import scenario_source
from crbeam.studies import Study, read_results, run_study

SMALL = ("stations.main.transmit_array.elements=8", "stations.assisting.transmit_array.elements=4")


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    overrides = [*SMALL, "stations.main.transmit_array.spacing=6.67", "served_users.count=1"]
    study = Study.model_validate(
        {
            "scenario": scenario_source("li2024-uplink", overrides=overrides).value,
            "axes": {
                "method": ["digital", "hybrid:starts=1,max_iterations=20"],
                "realisations": 2,
                "fields": {"sinr": {"field": "served_users.minimum_sinr", "values": ["0 dB", "6 dB"]}},
            },
            "random": {"phases": True},
            "metrics": ["objective", "worst_sinr_db", "uplink.target_position_m"],
        }
    )
    store = tmp_path_factory.mktemp("served") / "served.sqlite"
    run_study(study, store, workers=1)
    return read_results(store)


def test_the_least_ratio_is_at_least_what_is_needed(results):
    worst_db = results["worst_sinr_db"].transpose(..., "sinr").to_numpy()
    assert np.all(worst_db >= np.array([0.0, 6.0]) - 1e-5)
    assert results["worst_sinr_db"].attrs["units"] == "dB"


def test_bounds_of_hybrid_receivers_are_those_behind_their_networks(results):
    """The objective is the squared position error bound; a digital receiver would hear more."""
    found = results["uplink.target_position_m"].to_numpy()
    assert found**2 == pytest.approx(results["objective"].to_numpy(), rel=1e-6)
    digital, hybrid = results["objective"].transpose("design_method", ...).to_numpy()
    assert np.all(hybrid > digital * (1.0 + 1e-3))
