"""Files of designs give back all that decides bounds: covariances, phase networks, the receivers that sense."""

import json

import numpy as np
import pytest
import xarray as xr
from scipy.io import savemat
from typer.testing import CliRunner

from crbeam.design.methods import method_named
from crbeam.errors import InvalidInput
from crbeam.evaluation import Estimator, TrialPlan, check_estimator, evaluate, position_error_map
from crbeam.interfaces.command_line import app
from crbeam.report import read_design, write_design
from crbeam.scenario import read_scenario
from crbeam.systems import design_problem, link_map, system_of

SMALL = (
    "stations.main.transmit_array.elements=16",
    "stations.main.transmit_array.spacing=1",
    "stations.assisting.transmit_array.elements=4",
    "served_users.count=1",
    "sensing.illumination=0.1",
)
BUDGET = ("receivers.cost_budget=200 m", "receivers.minimum_rate=0.01")
CARRYING = ("design.nc", "design.npz", "design.mat")


def designed(folder, preset, overrides, method, **options):
    scenario = read_scenario(preset, overrides=overrides, **options)
    method = method_named(method)
    found = method.solve(design_problem(scenario, method=method), seed=np.random.SeedSequence(0))
    evaluation = evaluate(system_of(scenario).with_selected(found.selected), found.covariances, networks=found.analog)
    write_design(folder, scenario, found, evaluation)
    np.save(folder / "design.npy", np.stack(list(found.covariances.values())))
    return folder, scenario, found, evaluation


@pytest.fixture(scope="module")
def hybrid(tmp_path_factory):
    """An array that listens through a phase network."""
    return designed(tmp_path_factory.mktemp("hybrid"), "li2024-uplink", SMALL, "hybrid:starts=1,max_iterations=10")


@pytest.fixture(scope="module")
def chosen(tmp_path_factory):
    """Receivers that a design chose."""
    return designed(tmp_path_factory.mktemp("chosen"), "wang2024", BUDGET, "exact", seed=3)


def invoke(verb, preset, overrides, *words, seed=None):
    more = [word for override in overrides for word in ("--set", override)]
    return CliRunner().invoke(app, [verb, preset, *words, *more, *([] if seed is None else ["--seed", str(seed)])])


def position_m(run, link):
    assert run.exit_code == 0, run.output
    return json.loads(run.stdout)["links"][link]["target_position_m"]


@pytest.mark.parametrize("name", CARRYING)
def test_a_file_gives_the_phase_network_back(hybrid, name):
    folder, scenario, design, evaluation = hybrid
    given = read_design(folder / name, scenario)
    np.testing.assert_allclose(given.networks["uplink"], design.analog["uplink"], rtol=0, atol=1e-15)
    assert (tuple(given.covariances), given.selected, given.cautions) == (("assisting",), (), ())
    found = evaluate(scenario, given.covariances, networks=given.networks).links["uplink"]
    digital = evaluate(scenario, given.covariances).links["uplink"]
    expected_m = evaluation.links["uplink"].quantities["target_position_m"]
    assert found.quantities["target_position_m"] == pytest.approx(expected_m, rel=1e-12)
    assert digital.quantities["target_position_m"] < 0.999 * expected_m


@pytest.mark.parametrize("name", CARRYING)
def test_bounds_of_a_file_are_those_of_the_design(hybrid, name):
    folder, _, _, evaluation = hybrid
    run = invoke("bound", "li2024-uplink", SMALL, "--covariance", str(folder / name), "--json")
    expected_m = evaluation.links["uplink"].quantities["target_position_m"]
    assert position_m(run, "uplink") == pytest.approx(expected_m, rel=1e-12)
    assert "cannot carry" not in run.stderr


@pytest.mark.parametrize("name", CARRYING)
def test_bounds_of_a_file_are_those_of_the_receivers_that_its_design_chose(chosen, name):
    folder, scenario, design, evaluation = chosen
    run = invoke("bound", "wang2024", BUDGET, "--covariance", str(folder / name), "--json", seed=3)
    expected_m = evaluation.links["fused"].quantities["target_position_m"]
    assert position_m(run, "fused") == pytest.approx(expected_m, rel=1e-12)
    everyone = evaluate(scenario, design.covariances).links["fused"].quantities["target_position_m"]
    assert 0 < len(design.selected) < 10
    assert everyone < 0.99 * expected_m


def test_a_scenario_that_names_its_receivers_keeps_them(chosen):
    folder, _, design, _ = chosen
    named = (*BUDGET, "receivers.selected=[0, 1]")
    run = invoke("bound", "wang2024", named, "--covariance", str(folder / "design.nc"), "--json", seed=3)
    scenario = read_scenario("wang2024", overrides=named, seed=3)
    expected_m = evaluate(scenario, design.covariances).links["fused"].quantities["target_position_m"]
    assert position_m(run, "fused") == pytest.approx(expected_m, rel=1e-12)
    assert "names receiver0, receiver1 (`receivers.selected`), which count here" in run.stderr


def test_a_format_that_cannot_carry_something_says_so(hybrid, chosen):
    for (folder, scenario, design, _), words in (
        (hybrid, "cannot carry the phase network of `uplink`"),
        (chosen, "cannot carry which receivers sense"),
    ):
        given = read_design(folder / "design.npy", scenario)
        assert len(given.cautions) == 1
        assert words in given.cautions[0]
        assert given.covariances.keys() == design.covariances.keys()
        for block, matrix in design.covariances.items():
            np.testing.assert_allclose(given.covariances[block], matrix, rtol=1e-12)
    folder = hybrid[0]
    run = invoke("bound", "li2024-uplink", SMALL, "--covariance", str(folder / "design.npy"))
    assert "cannot carry the phase network of `uplink`" in run.stderr


def test_a_file_without_choices_needs_no_caution(tmp_path):
    """A transmitter's network is in its covariance, and other systems choose nothing."""
    for preset in ("zhang2025", "li2024-downlink"):
        scenario = read_scenario(preset)
        np.save(tmp_path / "r.npy", np.stack(list(design_problem(scenario).isotropic().values())))
        assert read_design(tmp_path / "r.npy", scenario).cautions == ()


def test_the_map_is_that_of_what_the_network_passes_on(hybrid):
    """Against a projector of the column space, which is computed here from its singular vectors."""
    folder, scenario, _, _ = hybrid
    given = read_design(folder / "design.nc", scenario)
    x_m, y_m = np.array([8.0, 14.0]), np.array([5.0, 9.0])
    transmission = system_of(scenario).completed(given.covariances)
    place = {"x_m": x_m, "y_m": y_m, "link": "uplink"}
    found = position_error_map(scenario, transmission, **place, networks=given.networks)
    digital = position_error_map(scenario, transmission, **place)
    basis = np.linalg.svd(given.networks["uplink"], full_matrices=False)[0]
    for row, y in enumerate(y_m):
        for column, x in enumerate(x_m):
            targets = scenario.targets.model_copy(update={"positions_m": ((x, y),)})
            moved = link_map(scenario.model_copy(update={"targets": targets}), "uplink")
            (part,) = moved.contributions
            gram = part.receive.conj().T @ basis @ basis.conj().T @ part.receive
            sent = part.transmit.conj().T @ transmission["assisting"] @ part.transmit
            information = part.jacobian.T @ np.real(part.gram * gram * sent.conj()) @ part.jacobian
            bound_m2 = np.linalg.inv(information)[:2, :2]
            assert found.root_bound_m[row, column] == pytest.approx(np.sqrt(np.trace(bound_m2)), rel=1e-6)
    assert np.all(found.root_bound_m > 1.0001 * digital.root_bound_m)


def test_the_command_maps_what_the_network_passes_on(hybrid):
    folder = hybrid[0]
    files = [folder / "design.nc", folder / "design.npy"]
    maps = []
    for file in files:
        run = invoke("map", "li2024-uplink", SMALL, "--covariance", str(file), "--resolution", "2", "--json")
        assert run.exit_code == 0, run.output
        maps.append(np.array(json.loads(run.stdout)["target_position_m"], dtype=float))
    seen = np.isfinite(maps[0]) & np.isfinite(maps[1])
    assert seen.any()
    assert np.all(maps[0][seen] > 1.0001 * maps[1][seen])


def test_estimates_are_held_against_the_bound_behind_the_network(hybrid):
    folder, _, _, evaluation = hybrid
    few = ("--design", str(folder / "design.nc"), "--trials", "2", "--snr-db", "own", "--workers", "1", "--json")
    run = invoke("estimate", "li2024-uplink", SMALL, *few)
    assert run.exit_code == 0, run.output
    (point,) = json.loads(run.stdout)["links"]["uplink"]["points"]
    for name, each in point["quantities"].items():
        assert each["root_bound"] == pytest.approx(evaluation.links["uplink"].quantities[name], rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["joint", "music"])
def test_estimates_behind_a_network_reach_its_bound_and_not_that_of_all_antennas(method):
    """60 trials, seed 1, 20 dB, 64 antennas behind 32 chains with random phases, which lose half of the information.

    The 95 % interval of the error holds the bound behind the network and lies above that of all antennas.
    """
    scenario = read_scenario("li2024-uplink", overrides=["sensing.illumination=0.1"])
    covariances = method_named("digital").solve(design_problem(scenario)).covariances
    network = np.exp(2j * np.pi * np.random.default_rng(2).uniform(size=(64, 32)))
    plan, estimator = TrialPlan((20.0,), trials=60, seed=1), Estimator(method)
    points = [
        check_estimator(scenario, covariances, plan=each, estimator=estimator, networks=networks).links["uplink"].points
        for each, networks in ((plan, {"uplink": network}), (TrialPlan((20.0,), trials=2), {}))
    ]
    (behind,), (digital,) = points
    assert behind.failure_rate.value == 0.0
    for name, each in behind.quantities.items():
        assert each.ratio.low <= 1.0 <= each.ratio.high
        assert each.ratio.low * each.root_bound > 1.2 * digital.quantities[name].root_bound


def test_estimators_that_know_no_network_refuse_one():
    for preset, words in (("zhang2025", "the phase network of bistatic"), ("wang2024", "without phase networks")):
        scenario = read_scenario(preset)
        networks = {"bistatic" if preset == "zhang2025" else "receiver0": np.ones((4, 2), dtype=complex)}
        with pytest.raises(InvalidInput, match=words):
            check_estimator(scenario, design_problem(scenario).isotropic(), networks=networks)


def _other(folder, name, **arrays):
    with np.load(folder / "design.npz") as archive:
        content = {key: value for key, value in archive.items() if not key.startswith("analog")}
    if name.endswith(".npz"):
        np.savez(folder / name, **content, **arrays)
    else:
        savemat(folder / name, {**content, **arrays})


@pytest.mark.parametrize("suffix", [".npz", ".mat"])
def test_a_network_that_fits_no_array_is_refused(hybrid, suffix):
    folder, scenario, design, _ = hybrid
    network = design.analog["uplink"]
    for arrays, words in (
        ({"analog_elsewhere": network}, "`elsewhere` must belong to one of .*uplink"),
        ({"analog_uplink": network[1:]}, "a row for each of 16 antennas"),
        ({"analog_uplink": 0.0 * network}, "not be zero"),
        ({"analog_uplink": np.nan * network}, "finite"),
        ({"selected": np.array(["receiver0"])}, r"among those of the scenario \(none\), found receiver0"),
    ):
        _other(folder, f"bad{suffix}", **arrays)
        with pytest.raises(InvalidInput, match=words):
            read_design(folder / f"bad{suffix}", scenario)


def test_half_of_a_network_is_refused(hybrid, tmp_path):
    folder, scenario, _, _ = hybrid
    with xr.open_dataset(folder / "design.nc", engine="h5netcdf") as data:
        data.drop_vars("analog_uplink_imag").to_netcdf(tmp_path / "half.nc", engine="h5netcdf")
    with pytest.raises(InvalidInput, match="analog_uplink_real and analog_uplink_imag"):
        read_design(tmp_path / "half.nc", scenario)
