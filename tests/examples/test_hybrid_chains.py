"""The example on chains of hybrid arrays, with results that are put in its stores' place."""

import numpy as np
import pytest
from examples.hybrid_chains import __main__ as example

from crbeam.studies import read_study
from crbeam.studies.cases import Grid


@pytest.mark.parametrize("direction", example.DIRECTIONS)
def test_studies_compare_both_kinds_in_the_same_channels(direction):
    study = read_study(example.HERE / f"{direction}.yaml")
    assert Grid.of(study).n_cases == 2 * 5 * 3 * 3
    assert study.axes.method[0] == "digital"
    assert study.axes.method[1].startswith("hybrid")
    assert study.axes.fields["main_antennas"].values == (example.ANTENNAS,)


def test_excesses_are_of_the_position_error_in_per_cent(monkeypatch, tmp_path):
    import xarray as xr

    shape = (2, 4, 3, 2)
    objective = np.ones(shape)
    objective[1] = 1.21
    objective[1, 3] = np.nan
    names = ("design_method", "realisation", "antennas_per_chain", "least_sinr")
    coordinates = {"design_method": ["digital", "hybrid"], "antennas_per_chain": [8, 4, 2], "least_sinr": [1.0, 100.0]}
    data = xr.Dataset({"objective": (names, objective), "lower_bound": (names, 0.9 * objective)}, coordinates)
    monkeypatch.setattr(example, "run_study", lambda *_: None)
    monkeypatch.setattr(example, "read_results", lambda _: data)
    chains, levels_db, reached, proven = example.excesses("uplink", tmp_path)
    assert chains.tolist() == [4.0, 8.0, 16.0]
    assert levels_db == [0.0, 20.0]
    assert reached == pytest.approx(np.full((3, 2), 10.0))
    assert proven == pytest.approx(np.full((3, 2), 100.0 * (np.sqrt(0.9 * 1.21) - 1.0)))
    medians = example.main(tmp_path)
    assert medians["downlink"] == pytest.approx(reached)
    assert (tmp_path / "hybrid_chains.png").exists()
