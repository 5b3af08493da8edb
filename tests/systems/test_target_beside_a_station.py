"""Targets next to a station, whose information spans many decades: limits hold as the problem itself computes them."""

import pytest

from crbeam import read_scenario
from crbeam.design.methods import method_named
from crbeam.systems import design_problem

CASES = [
    ("[[0.01 m, 100 m]]", "1 m", 0),
    ("[[-0.29684569 m, 100.27606448 m]]", "0.1 m", 8),
]


@pytest.mark.slow
@pytest.mark.parametrize(("place", "error", "seed"), CASES)
def test_the_limit_on_the_bound_is_kept(place, error, seed):
    overrides = [f"targets.positions={place}", f"network.target_error={error}"]
    problem = design_problem(read_scenario("xu2023", overrides=overrides, seed=seed))
    for key in ("exact", "relax-and-round"):
        design = method_named(key).solve(problem)
        assert 0.0 < design.lower_bound <= design.objective
        assert design.gap < (1e-4 if key == "exact" else 1e-2)
