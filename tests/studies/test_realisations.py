"""Draws depend on the seed, the realisation, the field and the item, and on nothing else."""

import math
from functools import lru_cache

import numpy as np
import pytest
from tests.studies.small_studies import REGION, small_scenario, small_study

from crbeam import Infeasible
from crbeam.studies.realisations import drawn_fields, stream
from crbeam.studies.scenes import scene
from crbeam.studies.study import Randomness

POSITIONS = {"targets.positions": {"uniform": REGION}}


base = lru_cache(small_scenario)


def draw(random, realisation, *overrides):
    return dict(drawn_fields(Randomness.model_validate(random), base(*overrides), realisation))


def test_a_realisation_does_not_depend_on_how_many_there_are():
    few, many = (small_study(axes={"realisations": count}) for count in (3, 300))
    assert scene(few, (), 2) == scene(many, (), 2)
    assert scene(few, (), 2) != scene(few, (), 1)


def test_a_field_does_not_depend_on_what_else_is_drawn():
    alone = draw({"seed": 1, "fields": POSITIONS}, 5)
    others = {"user.position": {"uniform": REGION}, "targets.rcs": {"exponential": "10 m^2"}}
    together = draw({"seed": 1, "phases": True, "fields": {**others, **POSITIONS}}, 5)
    assert together["targets.positions"] == alone["targets.positions"]
    assert set(together) == {"targets.positions", "user.position", "targets.rcs", "seed"}
    assert len(together["targets.rcs"]) == 3


def test_an_item_does_not_depend_on_how_many_there_are():
    one = draw({"fields": POSITIONS}, 0, "targets.count=1")["targets.positions"]
    three = draw({"fields": POSITIONS}, 0)["targets.positions"]
    assert three[:1] == one
    assert len({tuple(place) for place in three}) == 3


def test_one_stream_for_everything_would_be_noticed():
    """The wrong variant: draws one after the other from the stream of the realisation."""
    generator = np.random.default_rng(stream(Randomness(seed=1), 0, "everything"))
    others = generator.uniform(size=2)
    after_others = generator.uniform(size=2)
    alone = np.random.default_rng(stream(Randomness(seed=1), 0, "everything")).uniform(size=2)
    assert not np.array_equal(after_others, alone)
    assert np.array_equal(others, alone)


@pytest.mark.parametrize("change", [{"seed": 2}, {"realisation": 1}, {"item": 1}, {"purpose": "user.position"}])
def test_every_part_of_a_stream_counts(change):
    def words(seed=1, realisation=0, purpose="targets.positions", item=0):
        return stream(Randomness(seed=seed), realisation, purpose, item).generate_state(4).tolist()

    assert words() == words()
    assert words(**change) != words()


def test_values_follow_their_distributions():
    random = {
        "fields": {**POSITIONS, "targets.rcs": {"exponential": "20 m^2"}, "user.clock_bias": {"uniform": [0, "1 us"]}}
    }
    draws = [draw(random, realisation) for realisation in range(400)]
    places = np.array([found["targets.positions"] for found in draws]).reshape(-1, 2)
    assert np.all(places >= [-15.0, 8.0])
    assert np.all(places <= [15.0, 25.0])
    assert places.mean(axis=0) == pytest.approx([0.0, 16.5], abs=4 * 30 / math.sqrt(12 * len(places)))
    areas = np.array([found["targets.rcs"] for found in draws]).ravel()
    assert areas.mean() == pytest.approx(20.0, rel=4 / math.sqrt(areas.size))
    assert areas.std() == pytest.approx(20.0, rel=0.2)
    biases = np.array([found["user.clock_bias"] for found in draws])
    assert 0.4e-6 < biases.mean() < 0.6e-6


def test_positions_keep_apart():
    fields = {
        "targets.positions": {"uniform": REGION, "apart": "6 m"},
        "user.position": {"uniform": REGION, "apart": "6 m"},
    }
    for realisation in range(30):
        found = draw({"fields": fields}, realisation)
        places = [(0.0, 0.0), found["user.position"], *found["targets.positions"]]
        gaps = [math.dist(one, other) for index, one in enumerate(places) for other in places[:index]]
        assert min(gaps) >= 6.0
    close = draw({"fields": {"targets.positions": {"uniform": REGION}}}, 0)
    assert close.keys() == {"targets.positions"}


def test_what_cannot_keep_apart_is_infeasible():
    fields = {"targets.positions": {"uniform": [["0 m", "10 m"], ["1 m", "11 m"]], "apart": "5 m"}}
    with pytest.raises(Infeasible, match="5 m apart") as caught:
        draw({"fields": fields}, 0)
    assert caught.value.requirement == "random.fields.targets.positions.apart"
