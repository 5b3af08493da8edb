"""Network of xu2023 against independently computed values; see README.md."""

from dataclasses import replace

import numpy as np
import pytest
from tests.oracles.networks import CASES, array_of, map_of, problem_of, views_of

from crbeam.design.methods import Exact, NearestReceiver, OneTransmitter
from crbeam.design.search.boxes import require_programs, roles_of
from crbeam.design.search.branch_and_bound import bounded, solved
from crbeam.errors import Infeasible, InvalidInput
from crbeam.information.network import TARGET, Snapshots, TargetEchoes, echoes_information
from crbeam.units import dbm_to_watt, watt_to_dbm

FIG_2 = "fig2_comm_limited"
RECORDS = [(name, record) for name, case in CASES.items() for record in case["fim_test"]]
RECORD = pytest.mark.parametrize(("name", "record"), RECORDS, ids=[f"{name}-{r['rx']}" for name, r in RECORDS])


def sent(name, receiver):
    """The recorded transmission: a covariance of every station but the receiver."""
    covariances = array_of(name, "Rx_test")
    return {f"bs{place + 1}": covariances[place] for place in range(len(covariances)) if place != receiver}


@RECORD
def test_information_of_the_target(name, record):
    transmission = sent(name, record["rx"])
    information = map_of(name, record["rx"]).at(transmission)
    place = information.layout[TARGET]
    assert information.matrix[place, place] == pytest.approx(np.array(record["Fpp_nodelay"]), rel=1e-12)
    assert information.equivalent([TARGET]).matrix == pytest.approx(np.array(record["efim"]), rel=1e-9)
    assert np.trace(information.bound([TARGET])) == pytest.approx(record["crlb_from_blocks"], rel=1e-9)
    with_delay = map_of(name, record["rx"], rms_bandwidth_hz=20e6 / np.sqrt(12.0)).at(transmission)
    assert np.trace(with_delay.bound([TARGET])) == pytest.approx(record["crlb_with_20MHz_flat_band_delay"], rel=1e-9)


@RECORD
def test_the_records_reject_a_conjugate_covariance(name, record):
    wrong = map_of(name, record["rx"]).at({block: matrix.conj() for block, matrix in sent(name, record["rx"]).items()})
    assert wrong.equivalent([TARGET]).matrix != pytest.approx(np.array(record["efim"]), rel=1e-2)


def closed_form(name, receiver, *, forgets_gain=False):
    """`sum_s k_s (v q_s b_r b_r^T + N t_s b_s b_s^T)`, written out; wrong if the unknown gain is forgotten."""
    case, views, total = CASES[name], views_of(CASES[name]), np.zeros((2, 2))
    n, cosine = case["N"], np.cos(case["theta_rad"][receiver])
    lever = np.pi**2 * cosine**2 * n * (n**2 - 1) / 12.0
    transmission = sent(name, receiver)
    for station in (each for each in range(case["S"]) if each != receiver):
        covariance = transmission[f"bs{station + 1}"]
        a, da = views[station].response, views[station].slope
        q = np.real(a.conj() @ covariance @ a)
        t = np.real(da.conj() @ covariance @ da) - (0.0 if forgets_gain else abs(a.conj() @ covariance @ da) ** 2 / q)
        gain = 2.0 * case["L"] * abs(array_of(name, "alpha")[receiver, station]) ** 2 / case["noise_bs_W"]
        own, other = np.array(case["dtheta_dp"][receiver]), np.array(case["dtheta_dp"][station])
        total += gain * (lever * q * np.outer(own, own) + n * t * np.outer(other, other))
    return total


@RECORD
def test_the_closed_form_is_the_equivalent_information(name, record):
    found = map_of(name, record["rx"]).at(sent(name, record["rx"])).equivalent([TARGET]).matrix
    assert found == pytest.approx(closed_form(name, record["rx"]), rel=1e-9)
    assert found != pytest.approx(closed_form(name, record["rx"], forgets_gain=True), rel=1e-2)


def root(covariance):
    """B with `B B^H` the covariance."""
    eigenvalues, vectors = np.linalg.eigh(covariance)
    return vectors * np.sqrt(np.maximum(eigenvalues, 0.0))


def noise_free(name, receiver, roots, position_m, gains):
    """`vec(alpha_s G_s X_s^(1/2))` of all transmitters at a position of the target."""
    case, columns = CASES[name], []
    others = [each for each in range(case["S"]) if each != receiver]
    index = np.arange(case["N"])

    def steering(station):
        dx, dy = np.subtract(position_m, case["bs"][station])
        return np.exp(-1j * np.pi * index * np.sin(np.arctan2(dy, dx) - case["psi_rad"][station]))

    for station, gain, half in zip(others, gains, roots, strict=True):
        columns.append((gain * np.outer(steering(receiver), steering(station).conj()) @ half).ravel())
    return np.concatenate(columns)


@pytest.mark.parametrize("delay_turns_phase", [False, True], ids=["no delay", "delay as printed"])
def test_information_is_that_of_finite_differences(delay_turns_phase):
    """Appendix (29)-(39); a delay that turns the phase of each echo, as printed, is absorbed by its unknown gain."""
    name, receiver, case = FIG_2, 1, CASES[FIG_2]
    others = [0, 2, 3]
    roots = [root(each) for each in sent(name, receiver).values()]
    true = np.concatenate([case["target"], *[[g.real, g.imag] for g in array_of(name, "alpha")[receiver, others]]])
    scale = np.concatenate([[1.0, 1.0], np.full(6, abs(true[2]))])

    def signal(parameters):
        position_m = parameters[:2]
        gains = parameters[2::2] + 1j * parameters[3::2]
        if delay_turns_phase:
            legs = np.array([np.hypot(*np.subtract(position_m, case["bs"][each])) for each in others])
            gains = gains * np.exp(-1j * (legs + np.hypot(*np.subtract(position_m, case["bs"][receiver]))))
        return noise_free(name, receiver, roots, position_m, gains)

    step = 1e-4 * scale * np.array([1.0, 1.0, *np.ones(6)])
    columns = []
    for place in range(8):
        moved = [signal(true + sign * step[place] * np.eye(8)[place]) for sign in (2, 1, -1, -2)]
        columns.append((-moved[0] + 8 * moved[1] - 8 * moved[2] + moved[3]) / (12 * step[place]))
    jacobian = np.stack(columns, axis=1) * scale
    fisher = 2.0 * case["L"] / case["noise_bs_W"] * np.real(jacobian.conj().T @ jacobian)
    expected = fisher[:2, :2] - fisher[:2, 2:] @ np.linalg.solve(fisher[2:, 2:], fisher[2:, :2])
    found = map_of(name, receiver).at(sent(name, receiver)).equivalent([TARGET]).matrix
    assert found == pytest.approx(expected, rel=1e-7)


def test_information_of_several_targets_is_that_of_finite_differences():
    """Echoes of two targets, on top of each other; leaving out what they have in common gives something else."""
    name, receiver, case = FIG_2, 1, CASES[FIG_2]
    others, places_m = [0, 2, 3], [case["target"], [-20.0, 10.0]]
    views = [views_of({**case, "target": place_m}) for place_m in places_m]
    gains = [array_of(name, "alpha")[receiver, others], np.array([2e-5 + 1e-5j, 1e-5j, -3e-5])]
    echoes = [
        TargetEchoes(each[receiver], [each[other] for other in others], gain)
        for each, gain in zip(views, gains, strict=True)
    ]
    snapshots = Snapshots(case["L"], case["noise_bs_W"])
    found = echoes_information(echoes, snapshots).at(sent(name, receiver))
    roots = [root(each) for each in sent(name, receiver).values()]
    true = np.concatenate([*places_m, *([[g.real, g.imag] for g in np.concatenate(gains)])])
    scale = np.concatenate([np.ones(4), np.full(12, 1e-5)])

    def signal(parameters):
        values = parameters[4::2] + 1j * parameters[5::2]
        first = noise_free(name, receiver, roots, parameters[:2], values[:3])
        return first + noise_free(name, receiver, roots, parameters[2:4], values[3:])

    columns = []
    for place in range(16):
        moved = [signal(true + sign * 1e-3 * scale * np.eye(16)[place]) for sign in (2, 1, -1, -2)]
        columns.append((-moved[0] + 8 * moved[1] - 8 * moved[2] + moved[3]) / 12e-3)
    jacobian = np.stack(columns, axis=1)
    expected = 2.0 * case["L"] / case["noise_bs_W"] * np.real(jacobian.conj().T @ jacobian)
    assert found.matrix * np.outer(scale, scale) == pytest.approx(expected, rel=1e-6, abs=1e-8 * np.max(expected))
    alone = echoes_information(echoes[:1], snapshots).at(sent(name, receiver))
    assert np.trace(found.bound([TARGET])) > 1.0001 * np.trace(alone.bound([TARGET]))
    with pytest.raises(InvalidInput, match="only one if delays count"):
        echoes_information(echoes, Snapshots(case["L"], case["noise_bs_W"], 1e6))


@pytest.mark.parametrize("record", CASES[FIG_2]["per_rx"], ids=lambda record: f"receiver {record['rx']}")
def test_least_power_of_each_receiver(record):
    problem = problem_of(FIG_2, receivers=[record["rx"]])
    design = Exact().solve(problem)
    assert design.status.key == "optimal"
    assert watt_to_dbm(design.objective) == pytest.approx(record["optimum_dBm"], abs=2e-4)
    assert design.lower_bound <= dbm_to_watt(record["optimum_dBm"]) * (1.0 + 2e-6)
    stations = [f"bs{each + 1}" for each in record["association"]]
    for user, station in enumerate(stations):
        powers_w = design.stream_covariances[f"to served_user[{user}]"].powers_w
        assert [block for block, power_w in powers_w.items() if power_w] == [station]


def test_who_listens_and_who_serves_whom():
    case, problem = CASES[FIG_2], problem_of(FIG_2)
    design = Exact().solve(problem)
    assert watt_to_dbm(design.objective) == pytest.approx(case["optimum"]["dBm"], abs=2e-4)
    assert design.gap <= 1e-4
    assert not np.any(design.covariances[f"bs{case['optimum']['rx'] + 1}"])
    nearest = NearestReceiver().solve(problem)
    assert watt_to_dbm(nearest.objective) == pytest.approx(case["baseline1"]["dBm"], abs=2e-4)
    assert nearest.lower_bound == pytest.approx(design.objective, rel=1e-4)
    for transmitter, receiver in (("bs1", "bs2"), ("bs2", "bs1")):
        with pytest.raises(Infeasible):
            OneTransmitter(transmitter, receiver).solve(problem)


@pytest.mark.parametrize("record", CASES[FIG_2]["baseline2"], ids=lambda record: str(record["association"]))
def test_random_choices(record):
    problem = problem_of(FIG_2)
    role = next(each for each in roles_of(problem) if each.receiver == f"bs{record['rx'] + 1}")
    stations = [(f"bs{each + 1}",) for each in record["association"]]
    (program,) = require_programs(problem, (replace(role, servers=dict(zip(role.servers, stations, strict=True))),))
    found = solved(bounded(program), gap=1e-6)
    if record["dBm"] is None:
        assert found.found is None
        assert found.node.lower_bound == np.inf
    else:
        assert watt_to_dbm(found.found.objective) == pytest.approx(record["dBm"], abs=3e-4)
        assert found.node.lower_bound <= found.found.objective


def test_requirements_that_no_power_meets_are_named():
    problem = problem_of("small_infeasible_sensing")
    with pytest.raises(Infeasible, match="location accuracy") as caught:
        Exact().solve(problem)
    assert caught.value.requirement.startswith("location accuracy")
    loose = [replace(part, limit=1e9) if hasattr(part, "limit") else part for part in problem.constraints]
    records = CASES["small_infeasible_sensing"]["per_rx"]
    expected = min(record["comm_only_fixed_point_dBm"] for record in records)
    design = Exact().solve(replace(problem, constraints=tuple(loose)))
    assert watt_to_dbm(design.objective) >= expected - 1e-4
