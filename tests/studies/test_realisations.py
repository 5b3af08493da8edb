"""Draws depend on the seed, the realisation, the field and the item, and on nothing else."""

import math
from functools import lru_cache

import numpy as np
import pytest
from tests.studies.small_studies import REGION, small_scenario, small_study

from crbeam import Infeasible
from crbeam.scenario.reading import scenario_source
from crbeam.studies.realisations import drawn_fields, stream
from crbeam.studies.scenes import scene
from crbeam.studies.study import Randomness, Study

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


POLAR = {
    "targets.count": {"choice": [2, 3, 4]},
    "user.position": {"polar": [["5 m", "30 deg"], ["100 m", "150 deg"]]},
    "user.velocity": {"polar": [["5 m/s", "0 deg"], ["30 m/s", "360 deg"]]},
    "targets.positions": {"polar": [["5 m", "30 deg"], ["100 m", "150 deg"]], "cosines_apart": 0.1},
}


def moving(*overrides):
    return scenario_source("hamrouni2026", overrides=overrides).value


def cosines(place, others, orientation_rad=0.0, station=(0.0, 0.0)):
    def cosine(point):
        return math.cos(math.atan2(point[1] - station[1], point[0] - station[0]) - orientation_rad)

    return [abs(cosine(place) - cosine(other)) for other in others]


def test_polar_laws_are_uniform_in_size_and_direction():
    random = Randomness.model_validate({"fields": POLAR})
    draws = [dict(drawn_fields(random, moving(), number)) for number in range(300)]
    for name, (low, high) in {"user.position": (5.0, 100.0), "user.velocity": (5.0, 30.0)}.items():
        sizes = np.hypot(*np.array([found[name] for found in draws]).T)
        assert np.all((low <= sizes) & (sizes <= high))
        assert np.mean(sizes) == pytest.approx((low + high) / 2.0, abs=4 * (high - low) / math.sqrt(12 * 300))
    azimuths = np.arctan2(*np.array([found["user.position"] for found in draws]).T[::-1])
    assert np.all(np.abs(azimuths - np.pi / 2.0) <= np.pi / 3.0)
    headings = np.arctan2(*np.array([found["user.velocity"] for found in draws]).T[::-1])
    assert abs(np.mean(np.exp(1j * headings))) < 4.0 / math.sqrt(300)
    counts = [found["targets.count"] for found in draws]
    assert min(counts.count(k) for k in (2, 3, 4)) > 60
    assert all(len(found["targets.positions"]) == found["targets.count"] for found in draws)


DISC = {
    "network.user_positions": {"disc": [["10 m", "0 m"], "150 m"], "apart": "1 m"},
    "targets.positions": {"disc": [["10 m", "0 m"], "150 m"], "apart": "1 m"},
}


def test_a_disc_is_filled_evenly_by_as_many_users_as_are_listed():
    base = scenario_source("xu2023").value
    random = Randomness.model_validate({"fields": DISC})
    draws = [dict(drawn_fields(random, base, number)) for number in range(200)]
    assert all(len(found["network.user_positions"]) == 5 for found in draws)
    assert all(len(found["targets.positions"]) == 1 for found in draws)
    offsets = np.concatenate([found["network.user_positions"] for found in draws]) - np.array([10.0, 0.0])
    shares = np.sum(offsets**2, axis=1) / 150.0**2
    assert np.all(shares <= 1.0)
    assert np.mean(shares) == pytest.approx(0.5, abs=4.0 / math.sqrt(12 * 1000))  # radii that are uniform have 1/3
    assert abs(np.mean(np.exp(1j * np.arctan2(*offsets.T[::-1])))) < 4.0 / math.sqrt(1000)


@pytest.mark.parametrize("orientation_deg", [0.0, 50.0])
def test_cosines_are_those_that_the_array_of_the_station_sees(orientation_deg):
    base = moving(f"stations.bs.orientation={orientation_deg} deg", "stations.bs.position=[3 m, -2 m]")
    random = Randomness.model_validate({"fields": POLAR})
    seen = []
    for number in range(60):
        found = dict(drawn_fields(random, base, number))
        places = [found["user.position"], *found["targets.positions"]]
        for index, place in enumerate(places):
            seen += cosines(place, places[:index], math.radians(orientation_deg), (3.0, -2.0))
    assert min(seen) >= 0.1
    wrong = {**POLAR, "targets.positions": {**POLAR["targets.positions"], "cosines_apart": 1e-6}}
    found = [dict(drawn_fields(Randomness.model_validate({"fields": wrong}), base, number)) for number in range(60)]
    assert (
        min(
            gap
            for each in found
            for gap in cosines(each["user.position"], each["targets.positions"], station=(3.0, -2.0))
        )
        < 0.1
    )


def test_cosines_that_cannot_keep_apart_are_infeasible():
    fields = {"targets.positions": {**POLAR["targets.positions"], "cosines_apart": 1.5}}
    with pytest.raises(Infeasible, match=r"1\.5 in cosine apart"):
        dict(drawn_fields(Randomness.model_validate({"fields": fields}), moving(), 0))


def test_a_drawn_scene_of_a_moving_user_is_a_scenario():
    study = Study.model_validate(
        {"scenario": "hamrouni2026", "axes": {"realisations": 3, "weight": [1.0]}, "random": {"fields": POLAR}}
    )
    scenes = [scene(study, (), number) for number in range(3)]
    assert {each.targets.count for each in scenes} <= {2, 3, 4}
    assert len({each.user.position_m for each in scenes}) == 3
