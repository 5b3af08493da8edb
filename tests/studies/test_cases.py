"""Cases, batches, identities."""

from itertools import product
from pathlib import Path

import numpy as np
import pytest
from tests.studies.small_studies import small_scenario, small_study

from crbeam import InvalidScenario
from crbeam.studies.cases import Grid, batches, count_batches, rounds
from crbeam.studies.computing import Job, compute
from crbeam.studies.planning import Plan

POWER = {"power": {"field": "stations.bs.total_power", "values": ["-30 dBm", "-20 dBm"]}}
SHAPES = [
    {"weight": [0.5], "realisations": 1},
    {"weight": "0:1:5", "realisations": 7, "method": ["fdb-wcrb", "uniform"]},
    {"weight": "0:1:3", "realisations": 5, "method": ["fdb-wcrb", "uniform"], "fields": POWER},
]


@pytest.mark.parametrize("axes", SHAPES)
@pytest.mark.parametrize("batch_cases", [1, 4, 1000])
@pytest.mark.parametrize("every", [None, 2])
def test_batches_have_every_case_once(axes, batch_cases, every):
    stop = None if every is None else {"metric": "objective", "relative_half_width": 0.1, "every": every}
    study = small_study(axes=axes, batch_cases=batch_cases, stop=stop)
    grid, found = Grid.of(study), list(batches(study))
    assert [batch.number for batch in found] == list(range(count_batches(study)))
    numbers = [case.number for batch in found for case in batch.cases]
    assert sorted(numbers) == list(range(grid.n_cases))
    assert max(len(batch.cases) for batch in found) <= batch_cases
    for batch in found:
        assert len({case.method for case in batch.cases}) == 1
        first, stop_at = rounds(study)[batch.round]
        assert all(first <= case.realisation < stop_at for case in batch.cases)
    places = {case.number: case for batch in found for case in batch.cases}
    indices = np.stack(grid.indices(np.arange(grid.n_cases)), axis=1)
    for number, (realisation, method, *choice, weight) in enumerate(indices.tolist()):
        case = places[number]
        assert (case.realisation, case.method, case.choice, case.weight) == (realisation, method, tuple(choice), weight)
    assert {case.choice for case in places.values()} == set(product(*(range(n) for n in grid.field_counts)))


def records_of(study):
    columns = Plan.of(study).columns
    found = [record for batch in batches(study) for record in compute(Job(study, batch, columns))]
    return {record.number: record for record in found}, columns


def test_a_case_does_not_depend_on_the_study_around_it():
    """The same case among others, in other batches, under another number: the same identity, the same result."""
    wide, columns = records_of(small_study())
    narrow, narrow_columns = records_of(small_study(axes={"weight": [0.5], "realisations": 2}, batch_cases=1))
    assert narrow_columns == columns
    for realisation in range(2):
        one, other = wide[3 * realisation + 1], narrow[realisation]
        assert one.identity == other.identity
        np.testing.assert_allclose(np.array(one.values, float), np.array(other.values, float), rtol=1e-9, atol=1e-15)
    assert len({record.identity for record in wide.values()}) == len(wide)
    assert wide[0].values != wide[3].values


CHANGES = {
    "scenario": {"scenario": small_scenario("noise.figure=9 dB")},
    "seed": {"random": {"seed": 4, "phases": True}},
    "weight": {"axes": {"weight": [0.4]}},
    "method": {"axes": {"weight": [0.2], "method": "uniform"}},
}


@pytest.mark.parametrize("changed", CHANGES)
def test_an_identity_has_everything_that_the_result_depends_on(changed):
    fixed = {"random": {"seed": 3, "phases": True}, "axes": {"weight": [0.2]}}
    before, _ = records_of(small_study(**fixed))
    after, _ = records_of(small_study(**{**fixed, **CHANGES[changed]}))
    assert before[0].identity != after[0].identity
    again, _ = records_of(small_study(**fixed, title="another title", batch_cases=3))
    assert before[0].identity == again[0].identity


def test_the_meaning_of_metrics_is_part_of_the_identity(monkeypatch):
    before, _ = records_of(small_study(axes={"weight": [0.2]}))
    monkeypatch.setattr("crbeam.studies.computing.METRICS_VERSION", 3)
    after, _ = records_of(small_study(axes={"weight": [0.2]}))
    assert before[0].identity != after[0].identity


def test_a_path_file_counts_by_its_content(tmp_path):
    """Not by its name, so that a study can be moved to another machine."""
    source = Path(__file__).parents[2] / "examples" / "munich" / "munich.nc"
    content = source.read_bytes()
    identities = []
    for folder, data in (("a", content), ("b", content), ("c", content + b" ")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "paths.nc").write_bytes(data)
        from crbeam.studies.scenes import portable_data

        place = {"propagation": {"paths_file": str(tmp_path / folder / "paths.nc")}}
        identities.append(portable_data(place)["propagation"]["paths_file"])
    assert identities[0] == identities[1] != identities[2]


def test_values_that_only_contradict_each_other_are_cases_that_fail():
    fields = {"combiner": {"field": "user.combiner.dft_beams", "values": [[0, 1], [0, 9]]}}
    found, _ = records_of(small_study(axes={"weight": [0.5], "fields": fields}, batch_cases=2))
    assert [record.status for record in found.values()] == ["optimal", "failed"]
    assert found[1].error == InvalidScenario.__name__
    assert "column number from 0 to 3" in str(found[1].reason)
