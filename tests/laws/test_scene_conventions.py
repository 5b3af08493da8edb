"""A scenario means the same however it is written down."""

import numpy as np
import pytest

from crbeam import InvalidScenario, design_problem, link_maps, method_named, paths_of, read_scenario
from crbeam.propagation.tracing import require_resolvable

SWAPPED = "links={echo: {transmitter: bs, receiver: bs}, access: {transmitter: bs, receiver: user}}"
MUNICH = "examples/munich/munich.yaml"


def test_links_are_told_by_their_ends_not_by_name_or_order():
    plain = design_problem(read_scenario("zhang2025"), weight=0.3)
    swapped = design_problem(read_scenario("zhang2025", overrides=[SWAPPED]), weight=0.3)
    first, second = (method_named("fdb-wcrb").solve(problem).objective for problem in (plain, swapped))
    assert first == pytest.approx(second, rel=1e-6)
    exchanged = method_named("fdb-wcrb").solve(design_problem(read_scenario("zhang2025"), weight=0.7)).objective
    assert abs(exchanged / first - 1.0) > 1e-2


def test_drawn_phases_do_not_depend_on_the_order_of_links():
    plain = paths_of(read_scenario("zhang2025", seed=1))
    swapped = paths_of(read_scenario("zhang2025", overrides=[SWAPPED], seed=1))
    np.testing.assert_array_equal(plain["bistatic"].gain, swapped["access"].gain)
    np.testing.assert_array_equal(plain["monostatic"].gain, swapped["echo"].gain)
    assert np.max(np.abs(np.angle(plain["bistatic"].gain) - np.angle(plain["monostatic"].gain))) > 0.1


def test_recorded_phases_stay_and_a_seed_draws_only_the_others():
    plain, seeded = paths_of(read_scenario(MUNICH)), paths_of(read_scenario(MUNICH, seed=1))
    np.testing.assert_array_equal(plain["bistatic"].gain, seeded["bistatic"].gain)
    assert np.all(np.angle(plain["monostatic"].gain) == 0.0)
    assert np.max(np.abs(np.angle(seeded["monostatic"].gain))) > 0.1


@pytest.mark.parametrize("link", ["bistatic", "monostatic"])
def test_one_link_is_enough_for_bounds_and_too_little_for_a_trade_off(link):
    receiver = "user" if link == "bistatic" else "bs"
    scenario = read_scenario("zhang2025", overrides=[f"links={{{link}: {{transmitter: bs, receiver: {receiver}}}}}"])
    assert set(link_maps(scenario)) == {link, "fused"}
    with pytest.raises(InvalidScenario, match="back to the station" if link == "bistatic" else "to the user"):
        design_problem(scenario)


def test_paths_mirrored_about_the_line_of_the_array_are_refused_for_echoes_only_where_they_coincide():
    mirrored = read_scenario("zhang2025", overrides=["targets.count=2", "targets.positions=[[5, 15], [5, -15]]"])
    with pytest.raises(InvalidScenario, match="monostatic paths 1 and 2"):
        require_resolvable(paths_of(mirrored)["monostatic"], mirrored)
    require_resolvable(paths_of(mirrored)["bistatic"], mirrored)
    apart = read_scenario("zhang2025")
    for paths in paths_of(apart).values():
        require_resolvable(paths, apart)
