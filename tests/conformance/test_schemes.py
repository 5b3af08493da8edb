"""The schemes of zhang2025 side by side: no transmission undercuts the certified bound of the digital optimum."""

from pathlib import Path

import pytest

from crbeam import Design, design_problem, method_named, read_scenario, weighted_bound

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
DIGITAL = ("fdb-wcrb", "cpa-wcrb", "fdb-wbf", "cpa-wbf", "fdb-wcm", "cpa-wcm")
ANALOG = ("analog-fdb", "analog-cpa", "analog-wcrb")


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["zhang2025", str(EXAMPLES / "munich" / "munich.yaml"), str(EXAMPLES / "crowded" / "crowded.yaml")]
)
@pytest.mark.parametrize("weight", [0.2, 0.8])
def test_every_scheme_stays_above_the_certified_bound_of_the_digital_optimum(name, weight):
    scenario = read_scenario(name)
    plain = design_problem(scenario, weight=weight)
    bound = method_named("fdb-wcrb").solve(plain).lower_bound
    assert bound is not None
    objectives = {}
    for key in (*DIGITAL, *ANALOG):
        method = method_named(key)
        design = method.solve(design_problem(scenario, weight=weight, method=method))
        objectives[key] = weighted_bound(plain, design.covariances)
        assert objectives[key] == pytest.approx(design.objective, rel=1e-8)
        assert objectives[key] >= bound * (1.0 - 1e-9), key
        assert design.lower_bound is not None
        assert design.lower_bound <= design.objective
    assert objectives["fdb-wcrb"] == min(objectives.values())
    assert objectives["analog-wcrb"] <= min(objectives["analog-fdb"], objectives["analog-cpa"])
    assert objectives["cpa-wcrb"] <= min(objectives["cpa-wbf"], objectives["cpa-wcm"]) * (1.0 + 1e-6)


def test_fusion_solves_a_problem_of_its_own():
    scenario = read_scenario("zhang2025", overrides=["waveform.subcarriers=64"])
    fusion, alone = method_named("fusion"), method_named("fdb-wcrb")
    together, apart = design_problem(scenario, method=fusion), design_problem(scenario)
    design = fusion.solve(together)
    assert isinstance(design, Design)
    assert design.gap is not None
    assert design.gap <= 1e-6
    assert weighted_bound(together, design.covariances) == pytest.approx(design.objective, rel=1e-9)
    other = alone.solve(apart)
    assert weighted_bound(together, other.covariances) > design.objective * (1.0 + 1e-3)
    assert other.objective > design.objective
    assert fusion.why_not(apart) == (
        "fusion needs a problem whose criteria all see the observations of all links together."
    )
