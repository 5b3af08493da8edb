"""What designs a scenario unless another method is named: the optimum wherever the problem is convex."""

import pytest

from crbeam import method_named, read_scenario
from crbeam.design.methods import METHODS
from crbeam.studies.study import Axes
from crbeam.systems import design_problem, system_of

DEFAULTS = {
    ("zhang2025",): "optimum",
    ("hamrouni2026",): "optimum",
    ("hamrouni2026", "requirements.loss=hinge2"): "optimum",
    ("li2024-downlink",): "optimum",
    ("li2024-uplink",): "optimum",
    ("wang2024",): "optimum",
    ("wang2024", "stations.transmitter.power_per_antenna=30 mW"): "optimum",
    ("wang2024", "receivers.rician_factor=1"): "lifted-sca",
    ("wang2024", "receivers.cost_budget=100 m"): "exact",
    ("xu2023",): "exact",
}
#: The methods of these problems before there was one for all, with the same optimum.
OTHERS = {"zhang2025": "fdb-wcrb", "hamrouni2026": "fdb-wcrb", "li2024-downlink": "digital", "wang2024": "lifted-sdp"}


@pytest.mark.parametrize("case", DEFAULTS, ids=" ".join)
def test_the_default_follows_from_the_problem_and_applies_to_it(case):
    scenario = read_scenario(case[0], overrides=case[1:])
    key = system_of(scenario).default_method()
    assert key == DEFAULTS[case]
    method = method_named(key)
    assert method.why_not(design_problem(scenario, method=method)) is None


@pytest.mark.parametrize("preset", OTHERS)
def test_its_optimum_is_that_of_the_methods_of_papers(preset):
    problem = design_problem(read_scenario(preset))
    ours, other = (method_named(key).solve(problem) for key in ("optimum", OTHERS[preset]))
    assert ours.gap <= 1e-6
    assert ours.lower_bound <= other.objective
    assert other.lower_bound <= ours.objective


def test_it_is_the_first_method_and_that_of_studies():
    assert next(iter(METHODS)) == "optimum"
    assert Axes().method == ("optimum",)
