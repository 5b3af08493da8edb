"""Section VII-A of zhang2025 against independently computed values; see README.md."""

import json
from pathlib import Path

import numpy as np
import pytest

from crbeam.design import Criterion, DesignProblem, PowerBudget
from crbeam.design.methods import method_named
from crbeam.evaluation import evaluate
from crbeam.information import InformationMap, ParameterLayout, Transmission
from crbeam.propagation import trace_paths
from crbeam.scenario import read_scenario
from crbeam.systems import design_problem
from crbeam.systems.zhang2025 import Zhang2025
from crbeam.testing import assert_same_information

CASES = json.loads((Path(__file__).parent / "data" / "zhang2025.json").read_text())["cases"]
NAMES = list(CASES)
WITH_MATRICES = [name for name in NAMES if "state_information_bistatic_isotropic" in CASES[name]]


def scenario_of(name):
    scene = CASES[name]["scene"]
    amplitude = {"sqrt": "sqrt", "literal": "as_printed"}[scene["rcs_amp"]]
    overrides = [f"targets.count={len(scene['targets'])}", f"propagation.rcs_amplitude={amplitude}"]
    return read_scenario("zhang2025", overrides=overrides)


def covariances_of(scenario, kind):
    index = np.arange(16)
    lag = index[:, None] - index[None, :]
    matrix = np.eye(16) if kind == "isotropic" else 0.5 ** np.abs(lag) * np.exp(0.4j * lag)
    return Transmission({"bs": scenario.power_per_subcarrier_w("bs") * matrix.astype(complex) / np.trace(matrix).real})


def gains_by_part(layout: ParameterLayout) -> list[int]:
    """Indices that put all real parts of gains before all imaginary parts, as the reference does."""
    gains = [name for name in layout if "/gain[" in name]
    start = layout[gains[0]].start
    return [*range(start), *range(start, layout.size, 2), *range(start + 1, layout.size, 2)]


@pytest.mark.parametrize("name", NAMES)
def test_the_preset_is_the_reference_scene(name):
    scenario, scene, derived = scenario_of(name), CASES[name]["scene"], CASES[name]["derived"]
    assert scenario.user.position_m == pytest.approx(scene["pU"])
    assert np.array(scenario.targets.positions_m) == pytest.approx(np.array(scene["targets"]))
    assert scenario.noise_power_w == pytest.approx(derived["sigma2_W"], rel=1e-12)
    assert scenario.power_per_subcarrier_w("bs") == pytest.approx(derived["power_W"], rel=1e-12)
    assert scenario.waveform.subcarrier_spacing_hz == pytest.approx(derived["delta_f_Hz"], rel=1e-12)
    assert scenario.waveform.wavelength_m == pytest.approx(derived["wavelength_m"], rel=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_paths(name):
    scenario, derived = scenario_of(name), CASES[name]["derived"]
    paths = trace_paths(scenario)
    bistatic, monostatic = paths["bistatic"], paths["monostatic"]
    np.testing.assert_allclose(bistatic.departure_rad, derived["theta_rad"], rtol=1e-12)
    np.testing.assert_allclose(monostatic.departure_rad, derived["theta_rad"], rtol=1e-12)
    local = bistatic.arrival_rad + scenario.user.orientation_sign * scenario.user.orientation_rad
    np.testing.assert_allclose(np.exp(1j * local), np.exp(1j * np.array(derived["psi_rad"])), rtol=1e-12)
    np.testing.assert_allclose(bistatic.delay_s, derived["tau_bp_s"], rtol=1e-12)
    np.testing.assert_allclose(monostatic.delay_s, derived["tau_ms_s"], rtol=1e-12)
    for path, key in ((bistatic, "beta_bp"), (monostatic, "beta_ms")):
        np.testing.assert_allclose(path.gain.real, derived[key]["re"], rtol=1e-12)
        np.testing.assert_allclose(path.gain.imag, derived[key]["im"], atol=1e-20)


@pytest.mark.parametrize("kind", ["isotropic", "toeplitz"])
@pytest.mark.parametrize("name", NAMES)
def test_bounds(name, kind):
    scenario, expected = scenario_of(name), CASES[name][kind]
    links = evaluate(scenario, covariances_of(scenario, kind)).links
    found = {
        "BP_UE": links["bistatic"].quantities["user_position_m"],
        "MS_all": links["monostatic"].quantities["all_positions_m"],
        "MS_UE_only": links["monostatic"].quantities["user_position_m"],
        "FUSED_UE": links["fused"].quantities["user_position_m"],
        "FUSED_all": links["fused"].quantities["all_positions_m"],
    }
    assert found == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("link", ["bistatic", "monostatic"])
@pytest.mark.parametrize("name", WITH_MATRICES)
def test_state_information(name, link):
    scenario = scenario_of(name)
    expected = np.array(CASES[name][f"state_information_{link}_isotropic"])
    information = Zhang2025(scenario).link_maps()[link].at(covariances_of(scenario, "isotropic"))
    order = gains_by_part(information.layout)
    assert_same_information(information.matrix[np.ix_(order, order)], expected, tolerance=1e-8)


def with_one_angle(information_map: InformationMap) -> InformationMap:
    """Map of an echo's path parameters, whose arrival is its departure."""
    layout = information_map.layout
    kept = layout.select(name for name in layout if "/arrival[" not in name)
    jacobian = np.zeros((layout.size, kept.size))
    for name in layout:
        jacobian[layout[name], kept[name.replace("/arrival[", "/departure[")]] = np.eye(2 if "gain" in name else 1)
    return information_map.change_parameters(jacobian, kept)


@pytest.mark.parametrize("name", WITH_MATRICES)
def test_path_information(name):
    scenario = scenario_of(name)
    covariances, maps = covariances_of(scenario, "toeplitz"), Zhang2025(scenario).path_maps()
    for link, information_map in (("bistatic", maps["bistatic"]), ("monostatic", with_one_angle(maps["monostatic"]))):
        information = information_map.at(covariances)
        order = gains_by_part(information.layout)
        expected = np.array(CASES[name][f"path_information_{link}_toeplitz"])
        assert_same_information(information.matrix[np.ix_(order, order)], expected, tolerance=1e-8)


def test_the_oracle_rejects_the_other_orientation_sign():
    scenario = read_scenario("zhang2025", overrides=["user.orientation_sign=-1"])
    root = evaluate(scenario, covariances_of(scenario, "isotropic")).links["bistatic"].quantities["user_position_m"]
    assert root != pytest.approx(CASES["paper_K3_sqrt_zero"]["isotropic"]["BP_UE"], rel=1e-3)


def assert_objective(objective, record):
    """Within 1e-6 of the reference, plus the distance that the reference itself leaves open."""
    own_gap = 1.0 - record["lower_bound_m2"] / record["objective_m2"]
    assert objective <= record["objective_m2"] * (1.0 + 1e-6)
    assert objective >= record["lower_bound_m2"] * (1.0 - 1e-9)
    assert objective == pytest.approx(record["objective_m2"], rel=1e-6 + own_gap)


@pytest.mark.parametrize("weight", ["0.0", "0.5", "1.0"])
@pytest.mark.parametrize("key", ["fdb-wcrb", "cpa-wcrb"])
@pytest.mark.parametrize("name", NAMES)
def test_optimal_objectives(name, key, weight):
    scenario, method, record = scenario_of(name), method_named(key), CASES[name][key][weight]
    design = method.solve(design_problem(scenario, weight=float(weight), method=method))
    assert_objective(design.objective, record)
    assert design.lower_bound <= record["objective_m2"]
    assert design.gap <= 1e-6
    links = evaluate(scenario, design.covariances).links
    if float(weight) > 0.0:
        root = links["bistatic"].quantities["user_position_m"]
        assert root == pytest.approx(record["sqrt_crb_m"]["BP_UE"], rel=2e-3)
    if float(weight) < 1.0:
        root = links["monostatic"].quantities["all_positions_m"]
        assert root == pytest.approx(record["sqrt_crb_m"]["MS_all"], rel=2e-3)


def fused_problem(scenario, weight):
    fused = Zhang2025(scenario).link_maps()["fused"]
    positions = ("user_position", *fused.layout.family("target_position"))
    return DesignProblem(
        (
            Criterion(fused, {"user_position": weight}, "user"),
            Criterion(fused, dict.fromkeys(positions, 1.0 - weight), "all"),
        ),
        (PowerBudget(("bs",), scenario.power_per_subcarrier_w("bs")),),
    )


@pytest.mark.parametrize("weight", ["0.0", "0.5", "1.0"])
@pytest.mark.parametrize("name", NAMES)
def test_optimal_fused_objectives(name, weight):
    scenario, record = scenario_of(name), CASES[name]["fused"][weight]
    design = method_named("fdb-wcrb").solve(fused_problem(scenario, float(weight)))
    assert_objective(design.objective, record)
    assert design.gap <= 1e-6


def test_one_target_at_weight_zero_gives_a_design_that_cannot_position_the_user():
    """The best sensing beam has rank one; the bistatic link is then not identifiable, and says so."""
    scenario = scenario_of("paper_K1_sqrt_zero")
    method = method_named("fdb-wcrb")
    design = method.solve(design_problem(scenario, weight=0.0, method=method))
    assert np.linalg.matrix_rank(design.covariances["bs"], tol=1e-9 * design.power_w, hermitian=True) == 1
    link = evaluate(scenario, design.covariances).links["bistatic"]
    assert link.quantities["user_position_m"] is None
    assert "user_position" in link.unidentifiable
    assert evaluate(scenario, design.covariances).links["monostatic"].unidentifiable == ()
