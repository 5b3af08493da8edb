"""Double array of li2024 against independently computed values; see README.md."""

import numpy as np
import pytest
from tests.oracles.double_arrays import (
    CASES,
    analog_network,
    channels_of,
    downlink_map,
    downlink_problem,
    responses_of,
    uplink_map,
    uplink_problem,
)

from crbeam.communication import downlink_sinr, echo_tolerance, least_power, mmse_combiners, uplink_sinr
from crbeam.design.methods.optimum import Digital
from crbeam.design.service_constraints import FixedAnalog, Illumination
from crbeam.information import Transmission
from crbeam.information.near_field import position_information

NAMES = list(CASES)
PLACE = ("target_angle[0]", "target_range[0]")
CASE = pytest.mark.parametrize("case", CASES.values(), ids=NAMES)


def isotropic(block, n):
    return Transmission({block: np.eye(n, dtype=complex) / n})


def along(block, beam):
    return Transmission.of_factors([block], [beam[:, None]])


def bound(information_map, covariances):
    return information_map.at(covariances).bound(PLACE)


def focus(case):
    """Unit beam onto the target: `conj(a) / |a|`."""
    value = responses_of(case)[0].value[:, 0]
    return value.conj() / np.linalg.norm(value)


@CASE
def test_downlink_information(case):
    n = case["setting"]["Na"]
    information = downlink_map(case).at(isotropic("main", n))
    assert information.matrix == pytest.approx(np.array(case["dl_fim_isotropic"]), rel=1e-10, abs=1e-6)
    beam = focus(case)
    half = 0.5 * along("main", beam) + 0.5 * isotropic("main", n)
    network = analog_network(case)
    chains = network @ network.conj().T / network.shape[1]
    expected = {
        "dl_crb_isotropic": bound(downlink_map(case), isotropic("main", n)),
        "dl_crb_halffocus_halfiso": bound(downlink_map(case), half),
        "dl_crb_isotropic_exact_spherical": bound(downlink_map(case, "spherical"), isotropic("main", n)),
        "dl_crb_F_isotropic_rf": bound(downlink_map(case), {"main": chains}),
    }
    for key, found in expected.items():
        assert found == pytest.approx(np.array(case[key]), rel=1e-8), key


@CASE
def test_uplink_information(case):
    n = case["setting"]["Nb"]
    network = analog_network(case)
    hybrid, digital = uplink_map(case, network), uplink_map(case)
    assert hybrid.at(isotropic("assisting", n)).matrix == pytest.approx(
        np.array(case["ul_fim_F_isotropic"]), rel=1e-10, abs=1e-6
    )
    assert bound(hybrid, isotropic("assisting", n)) == pytest.approx(np.array(case["ul_crb_F_isotropic"]), rel=1e-8)
    assert bound(digital, isotropic("assisting", n)) == pytest.approx(np.array(case["ul_crb_FD_isotropic"]), rel=1e-8)
    with_network = digital.with_receive({"uplink": network @ network.conj().T})
    assert bound(with_network, isotropic("assisting", n)) == pytest.approx(
        np.array(case["ul_crb_F_isotropic"]), rel=1e-8
    )


@CASE
def test_the_oracle_rejects_an_unconjugated_transmit_response(case):
    n = case["setting"]["Na"]
    beam = focus(case).conj()
    half = 0.5 * along("main", beam) + 0.5 * isotropic("main", n)
    expected = np.array(case["dl_crb_halffocus_halfiso"])
    assert bound(downlink_map(case), half) != pytest.approx(expected, rel=1e-2)


@CASE
def test_phase_only_nuisance_tells_at_least_as_much(case):
    """Isotropic transmission makes the modulus of the gain independent of all else; other transmissions do not."""
    n = case["setting"]["Na"]
    complex_gain, phase_only = (downlink_map(case, nuisance=kind) for kind in ("complex", "phase"))
    np.testing.assert_allclose(
        bound(complex_gain, isotropic("main", n)), bound(phase_only, isotropic("main", n)), rtol=1e-11
    )
    rng = np.random.default_rng(0)
    columns = rng.normal(size=(n, n)) + 1j * rng.normal(size=(n, n))
    uneven = Transmission.of_factors(["main"], [columns])
    differences = bound(complex_gain, uneven) - bound(phase_only, uneven)
    values = np.linalg.eigvalsh(differences)
    assert values[0] > -1e-9 * values[-1]
    assert values[-1] > 1e-6 * np.trace(bound(complex_gain, uneven))


@CASE
def test_position_is_the_weighted_sum_of_angle_and_range(case):
    """The weights (r^2, 1) make the objective the squared position error bound, in any orientation."""
    setting = case["setting"]
    polar = bound(downlink_map(case), isotropic("main", setting["Na"]))
    information_map = position_information(
        downlink_map(case), {"target[0]": (setting["theta"], setting["r"])}, orientation_rad=0.7
    )
    position = information_map.at(isotropic("main", setting["Na"])).bound(["target_position[0]"])
    assert np.trace(position) == pytest.approx(setting["r"] ** 2 * polar[0, 0] + polar[1, 1], rel=1e-9)


@CASE
def test_least_power(case):
    channels, network = channels_of(case), analog_network(case)
    ratios = np.array(case["setting"]["gamma"])
    digital, hybrid = (least_power(h, ratios, 1.0, budget_w=1.0) for h in (channels, network.T @ channels))
    assert digital.power_w == pytest.approx(case["dl_min_power_FD"], rel=1e-10)
    assert hybrid.power_w == pytest.approx(case["dl_min_power_F"], rel=1e-10)


@CASE
def test_uplink_ratios_with_isotropic_probing(case):
    echo = responses_of(case)[0].value[:, 0]
    gain = abs(complex(*case["setting"]["beta"])) ** 2
    for network, suffix in ((None, "FD"), (analog_network(case), "F")):
        uplink = uplink_problem(case, network).constraints[1].uplink
        combiners = mmse_combiners(uplink, echo, gain)
        tolerance = echo_tolerance(uplink, echo)
        limits = tolerance.largest_echo_w(np.array(case["setting"]["gamma"])) / gain
        assert uplink_sinr(uplink, combiners, echo, gain) == pytest.approx(case[f"ul_mmse_sinr_{suffix}_isotropic"])
        assert tolerance.sinr(gain) == pytest.approx(case[f"ul_mmse_sinr_{suffix}_isotropic"], rel=1e-9)
        assert limits == pytest.approx(np.array(case[f"ul_qmax_{suffix}"]), rel=1e-6)


#: What the solver of the reference may have left between its optimum and the true one, relatively.
REFERENCE_GAP = 2e-6


@CASE
def test_downlink_optimum(case):
    design = Digital().solve(downlink_problem(case))
    expected = case["dl_fd"]
    assert design.gap < 1e-6
    assert design.status.key == "optimal"
    assert design.objective == pytest.approx(expected["objective"], rel=REFERENCE_GAP)
    assert design.lower_bound < expected["objective"]
    assert design.objective > expected["certified_lower"]
    found = np.sqrt(np.diagonal(bound(downlink_map(case), design.covariances)))
    assert found == pytest.approx(expected["rcrb"], rel=3e-4)
    users = np.stack([sent["main"] for name, sent in design.stream_covariances.items() if name != "sensing"])
    ratios = downlink_sinr(channels_of(case), users, design.covariances["main"], 1.0)
    assert np.all(ratios >= np.array(case["setting"]["gamma"]) * (1.0 - 1e-9))
    assert [np.linalg.matrix_rank(user, tol=1e-9 * np.trace(user).real) for user in users] == [1] * len(users)


@CASE
def test_downlink_optimum_behind_a_network(case):
    network = analog_network(case)
    design = Digital().solve(downlink_problem(case).with_constraints(FixedAnalog("main", network)))
    assert design.gap < 1e-6
    assert design.objective == pytest.approx(case["dl_fixedF"]["objective"], rel=REFERENCE_GAP)
    passed = network @ network.conj().T @ design.covariances["main"]
    assert passed == pytest.approx(design.covariances["main"], abs=1e-12)


@CASE
def test_uplink_optimum(case):
    response = responses_of(case)[1].value[:, 0]
    for network, key in ((None, "ul_fd"), (analog_network(case), "ul_fixedF")):
        problem = uplink_problem(case, network)
        design = Digital().solve(problem)
        assert design.gap < 1e-6
        assert design.objective == pytest.approx(case[key]["objective"], rel=REFERENCE_GAP)
        focus_w = np.real(response @ design.covariances["assisting"] @ response.conj())
        assert focus_w == pytest.approx(case[key]["q"], rel=1e-5)
        assert np.all(
            problem.constraints[1].sinr(design.covariances["assisting"]) >= problem.constraints[1].minimum_sinr
        )


#: Increase of the root bound of the range at 64 x 16 antennas and 10 dB, by share of the largest illumination.
ILLUMINATION_COSTS = {0.01: 0.003, 0.05: 0.014, 0.1: 0.029, 0.25: 0.081, 0.5: 0.19}


@pytest.mark.slow
def test_illumination_floors_cost_what_they_should():
    case = CASES["ref_paper_64x16_M4_K4_10dB"]
    problem, response = downlink_problem(case), responses_of(case)[0].value[:, 0]
    free = Digital().solve(problem)
    assert np.real(response @ free.covariances["main"] @ response.conj()) / 64 < 1e-5
    least = downlink_map(case).at(free.covariances).root_bound(["target_range[0]"])
    for share, increase in ILLUMINATION_COSTS.items():
        design = Digital().solve(problem.with_constraints(Illumination("main", response.conj(), 64 * share)))
        found = downlink_map(case).at(design.covariances).root_bound(["target_range[0]"])
        assert found / least - 1.0 == pytest.approx(increase, abs=0.6e-3 if share < 0.3 else 4e-3)
        assert np.real(response @ design.covariances["main"] @ response.conj()) >= 64 * share * (1.0 - 1e-9)
