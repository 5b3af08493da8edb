"""Bounds along a drive: the recursion against all intervals at once, prediction, policies, recorded scenes, a verb."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.linalg import block_diag
from typer.testing import CliRunner

from crbeam.errors import InvalidInput
from crbeam.evaluation.constant_velocity import ConstantVelocity
from crbeam.evaluation.drive import DrivePlan, drive, lasting
from crbeam.evaluation.drive_scenes import scenes_of_drive, with_fixed_scatterers
from crbeam.information import Information, ParameterLayout
from crbeam.interfaces.command_line import app
from crbeam.propagation import trace_paths
from crbeam.report.figures.drive import drive_figure
from crbeam.scenario import read_scenario
from crbeam.systems.hamrouni2026 import Hamrouni2026

MUNICH = Path(__file__).parents[2] / "examples" / "munich" / "munich.yaml"
MOVING = ("system=hamrouni2026", "user.velocity=[10 m/s, -6 m/s]")
SMALL = (
    "propagation.path_loss_exponent=2",
    "waveform.subcarriers=32",
    "waveform.symbols_per_slot=10",
    "targets.count=2",
    "stations.bs.transmit_array.elements=16",
    "user.array.elements=6",
)
ISOTROPIC = ("isotropic",)
USER = ("user_position", "user_velocity")


def scene(*overrides):
    return read_scenario("hamrouni2026", overrides=[*SMALL, *overrides])


def batch(told, motion, *, is_random):
    """Information about the state at the end by all intervals at once: states of all intervals side by side.

    Random accelerations couple neighbouring states by the inverse of their covariance; without them all states are
    functions of the last one.
    """
    size, fixed = 4, told[0].layout.size - 4
    count = len(told)
    whole = np.zeros((count * size + fixed, count * size + fixed))
    common = np.arange(count * size, count * size + fixed)
    for number, each in enumerate(told):
        index = np.concatenate([number * size + np.arange(size), common])
        whole[np.ix_(index, index)] += each.matrix
    if not is_random:
        back = np.linalg.inv(motion.transition)
        powers = np.vstack([np.linalg.matrix_power(back, count - 1 - number) for number in range(count)])
        jacobian = block_diag(powers, np.eye(fixed))
        return jacobian.T @ whole @ jacobian
    precision = np.linalg.inv(motion.noise_root @ motion.noise_root.T)
    for number in range(count - 1):
        index = number * size + np.arange(2 * size)
        step = np.hstack([-motion.transition, np.eye(size)])
        whole[np.ix_(index, index)] += step.T @ precision @ step
    kept = np.concatenate([(count - 1) * size + np.arange(size), common])
    earlier = np.arange((count - 1) * size)
    coupling = whole[np.ix_(earlier, kept)]
    inner = whole[np.ix_(earlier, earlier)]
    return whole[np.ix_(kept, kept)] - coupling.T @ np.linalg.solve(inner, coupling)


def distance(first, second):
    """Largest difference of two information matrices, of unit diagonal."""
    scale = 1.0 / np.sqrt(np.diagonal(second))
    return np.max(np.abs(first - second) * np.outer(scale, scale))


@pytest.mark.parametrize("density", [0.0, 0.5, 3.0])
@pytest.mark.parametrize("constants", [(), ("clock_bias", "user_orientation")])
def test_the_recursion_is_the_posterior_of_all_intervals_at_once(density, constants):
    plan = DrivePlan(6, 0.1, density, constants)
    (curve,) = drive(scene(), plan, policies=ISOTROPIC).curves.values()
    found = curve.posteriors[-1].information
    expected = batch(curve.told, plan.motion, is_random=density > 0.0)
    assert distance(found.matrix, expected) < 1e-9
    bound = np.linalg.inv(expected)
    for name in found.layout:
        part = found.layout[name]
        assert found.bound([name]) == pytest.approx(bound[part, part], rel=1e-8, abs=1e-8 * np.max(bound[part, part]))
    wrong = batch(curve.told, ConstantVelocity(0.11, density), is_random=density > 0.0)
    assert distance(found.matrix, wrong) > 1e-3


def test_constants_are_worth_something_from_the_second_interval_on():
    free, known = (
        drive(scene(), DrivePlan(2, 0.1, 1.0, constants), policies=ISOTROPIC).curves["isotropic"]
        for constants in ((), ("clock_bias", "user_orientation"))
    )
    assert known.user_position_m[0] == pytest.approx(free.user_position_m[0], rel=1e-9)
    assert known.user_position_m[1] < free.user_position_m[1] * (1.0 - 1e-6)


def test_prediction_of_what_is_regular_is_that_of_a_kalman_filter(rng):
    motion = ConstantVelocity(0.3, 2.0)
    layout = ParameterLayout.of({"target_position[0]": 2, "user_velocity": 2, "user_position": 2})
    root = rng.standard_normal((6, 6))
    covariance = root @ root.T
    order = [4, 5, 2, 3, 0, 1]
    transition = block_diag(motion.transition, np.eye(2))
    noise = block_diag(motion.noise_root @ motion.noise_root.T, np.zeros((2, 2)))
    expected = transition @ covariance[np.ix_(order, order)] @ transition.T + noise
    found = motion.predicted(Information(np.linalg.inv(covariance), layout))
    assert found.layout.names == layout.names
    assert np.linalg.inv(found.matrix)[np.ix_(order, order)] == pytest.approx(expected, rel=1e-9)


def test_prediction_keeps_what_is_small_beside_what_is_large():
    """A position known to 10 nm and a velocity known to 0.5 m/s: the next position is known by the velocity."""
    motion = ConstantVelocity(0.1, 0.5)
    layout = ParameterLayout.of({"user_position": 2, "user_velocity": 2})
    covariance = np.diag([1e-16, 1e-16, 0.25, 0.25])
    noise = motion.noise_root @ motion.noise_root.T
    expected = motion.transition @ covariance @ motion.transition.T + noise
    matrix = np.diag(1.0 / np.diagonal(covariance))
    found = motion.predicted(Information(matrix, layout))
    assert np.linalg.inv(found.matrix) == pytest.approx(expected, rel=1e-9, abs=1e-12)
    # The usual difference of information, here in the order of its terms, loses the velocity.
    back = np.linalg.inv(motion.transition)
    moved, blur = back.T @ matrix @ back, motion.noise_root
    wrong = moved - moved @ blur @ np.linalg.solve(np.eye(4) + blur.T @ moved @ blur, blur.T @ moved)
    assert np.linalg.inv(wrong) != pytest.approx(expected, rel=1e-3, abs=1e-12)


def test_the_noise_is_that_of_white_acceleration():
    period_s, density = 0.7, 1.3
    motion = ConstantVelocity(period_s, density)
    steps = 4000
    offsets = (np.arange(steps) + 0.5) / steps * period_s
    response = np.stack([period_s - offsets, np.ones(steps)])
    expected = density * response @ response.T * period_s / steps
    found = motion.noise_root @ motion.noise_root.T
    assert found == pytest.approx(np.kron(expected, np.eye(2)), rel=1e-6)


def test_prediction_keeps_empty_directions_empty_and_adds_none():
    """The radial speed alone says nothing about where the user will be, and less about its speed than before."""
    layout = ParameterLayout.of({"user_position": 2, "user_velocity": 2})
    radial = np.array([0.6, 0.8])
    matrix = np.zeros((4, 4))
    matrix[2:, 2:] = 25.0 * np.outer(radial, radial)
    found = ConstantVelocity(0.5, 2.0).predicted(Information(matrix, layout))
    speed = 1.0 / (1.0 / 25.0 + 2.0 * 0.5)
    assert found.matrix[2:, 2:] == pytest.approx(speed * np.outer(radial, radial), rel=1e-12)
    assert np.max(np.abs(found.matrix[:2])) < 1e-12
    assert not found.is_identifiable(["user_position"])
    assert not found.is_identifiable(["user_velocity"])


def test_without_a_target_the_second_interval_tells_the_velocity():
    """One interval tells the radial speed only; two positions tell the velocity."""
    result = drive(scene("targets.count=0"), DrivePlan(3, 0.1), policies=("redesigned", "isotropic"))
    for curve in result.curves.values():
        assert curve.posteriors[0].unidentifiable == ("user_velocity",)
        assert curve.user_velocity_mps[0] is None
        assert all(value is not None and value > 0.0 for value in curve.user_velocity_mps[1:])
        assert all(value is not None for value in curve.user_position_m)
        assert curve.target_position_m == (None, None, None)


@pytest.fixture(scope="module")
def analytic():
    return drive(scene(), DrivePlan(5, 0.1))


def test_all_policies_but_the_isotropic_one_start_alike(analytic):
    first = {policy: curve.user_position_m[0] for policy, curve in analytic.curves.items()}
    assert first["redesigned"] == first["memoryless"] == first["kept"] < first["isotropic"]
    kept = analytic.curves["kept"]
    assert all(np.array_equal(each[block], kept.covariances[0][block]) for each in kept.covariances for block in each)
    assert {tuple(each) for each in kept.covariances} == {Hamrouni2026(analytic.scenes[0]).stage_blocks()}
    assert [design is None for design in kept.designs] == [False, True, True, True, True]


def test_redesigned_beams_are_the_best_with_the_same_prediction(analytic):
    """From the same past no other beams have a smaller loss in the interval that comes; each is certified."""
    plan, curve = analytic.plan, analytic.curves["redesigned"]
    for interval in range(1, 5):
        prior = plan.motion.predicted(curve.posteriors[interval - 1].information)
        problem = Hamrouni2026(analytic.scenes[interval]).design_problem(judged_by="posterior")
        weights = problem.criteria[0].weights

        def loss(sent, tells=problem.criteria[0].map, prior=prior, weights=weights):
            known = prior + lasting(tells.at(sent))
            return sum(weight * np.trace(known.bound([name])) for name, weight in weights.items())

        design = curve.designs[interval]
        assert 0.0 <= design.gap <= 1e-6
        assert loss(design.covariances) == pytest.approx(design.objective, rel=1e-7)
        others = [analytic.curves[policy].covariances[interval] for policy in ("memoryless", "kept", "isotropic")]
        assert all(loss(other) >= design.lower_bound for other in others)
        assert loss(others[1]) > 1.0001 * design.objective


def test_the_loss_along_the_drive_is_least_with_redesigned_beams(analytic):
    last = {policy: curve.user_position_m[-1] for policy, curve in analytic.curves.items()}
    assert last["redesigned"] < last["kept"] < last["isotropic"]


def test_more_is_known_after_an_interval_than_was_predicted(analytic):
    for curve in analytic.curves.values():
        for before, after in zip(curve.posteriors[:-1], curve.posteriors[1:], strict=True):
            predicted = analytic.plan.motion.predicted(before.information)
            gain = after.information.matrix - predicted.matrix
            scale = 1.0 / np.sqrt(np.diagonal(after.information.matrix))
            assert np.linalg.eigvalsh(gain * np.outer(scale, scale))[0] > -1e-9


def test_what_is_known_before_counts_as_a_prior(analytic):
    prior = analytic.plan.motion.predicted(analytic.curves["isotropic"].posteriors[1].information)
    later = scenes_of_drive(scene(), intervals=3, period_s=0.1)[2]
    again = drive(later, replace(analytic.plan, intervals=3), policies=ISOTROPIC, prior=prior).curves["isotropic"]
    assert again.user_velocity_mps == pytest.approx(analytic.curves["isotropic"].user_velocity_mps[2:], rel=1e-9)


def test_the_user_drives_straight_on(analytic):
    assert np.diff(analytic.position_m, axis=0) == pytest.approx(np.tile([1.2, -0.5], (4, 1)), rel=1e-12)
    assert analytic.time_s == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4])


def test_recorded_paths_become_fixed_scatterers_that_agree_where_they_were_recorded():
    recorded = read_scenario(MUNICH, overrides=MOVING)
    fixed = with_fixed_scatterers(recorded)
    assert fixed.propagation.paths_file is None
    for name, paths in trace_paths(recorded).items():
        again = trace_paths(fixed)[name]
        assert again.gain == pytest.approx(paths.gain, rel=1e-9)
        assert again.delay_s == pytest.approx(paths.delay_s, rel=1e-12)
        assert again.vertex_names == paths.vertex_names
    moved = scenes_of_drive(recorded, intervals=2, period_s=1.0)[1]
    lengths = trace_paths(moved)["bistatic"].delay_s - trace_paths(fixed)["bistatic"].delay_s
    assert np.min(np.abs(lengths)) > 1e-10
    assert trace_paths(moved)["bistatic"].vertex_m[1:] == pytest.approx(trace_paths(recorded)["bistatic"].vertex_m[1:])
    assert with_fixed_scatterers(fixed) is fixed


@pytest.mark.slow
def test_a_drive_through_munich():
    result = drive(read_scenario(MUNICH, overrides=MOVING), DrivePlan(8, 0.5))
    last = {policy: curve.user_position_m[-1] for policy, curve in result.curves.items()}
    assert last["redesigned"] < last["memoryless"] < last["kept"]
    assert 1.2 * last["redesigned"] < last["kept"]
    speed = {policy: curve.user_velocity_mps[-1] for policy, curve in result.curves.items()}
    assert speed["redesigned"] < min(speed["memoryless"], speed["kept"], speed["isotropic"])


def test_the_figure_shows_every_policy_and_leaves_out_what_is_unknown(analytic):
    figure = drive_figure(analytic)
    assert len(figure.axes) == 3
    for axes in figure.axes:
        assert len(axes.lines) == 4
    assert figure.axes[0].lines[3].get_ydata() == pytest.approx(analytic.curves["isotropic"].user_position_m)
    alone = drive(scene("targets.count=0"), DrivePlan(2, 0.1), policies=ISOTROPIC)
    panels = drive_figure(alone).axes
    assert len(panels) == 2
    assert np.isnan(panels[1].lines[0].get_ydata()[0])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"period_s": 1e-6}, "pilot symbols of an interval take"),
        ({"period_s": -1.0}, "positive time"),
        ({"intervals": 0}, "at least one interval"),
        ({"acceleration_density_m2_per_s3": -1.0}, "at least 0"),
        ({"acceleration_density_m2_per_s3": np.inf}, "at least 0 and finite, found inf"),
        ({"constants": ("user_position",)}, "among user_orientation, clock_bias"),
    ],
)
def test_impossible_plans_are_refused(change, words):
    with pytest.raises(InvalidInput, match=words):
        drive(scene(), replace(DrivePlan(2, 0.1), **change), policies=ISOTROPIC)


@pytest.mark.parametrize(
    ("start", "velocity", "words"),
    [
        ("[0 m, 2 m]", "[0, -10 m/s]", r"interval 3 \(after 0\.2 s\) .*at least 1 mm away from station `bs`"),
        (
            "[3 m, 28 m]",
            "[0, 10 m/s]",
            r"interval 3 \(after 0\.2 s\) its `targets\.positions\.1` must be at least 1 mm",
        ),
    ],
)
def test_a_way_through_the_station_or_a_target_is_refused(start, velocity, words):
    way = (f"user.position={start}", f"user.velocity={velocity}")
    with pytest.raises(InvalidInput, match=words):
        drive(scene(*way), DrivePlan(5, 0.1), policies=ISOTROPIC)
    assert len(drive(scene(*way), DrivePlan(2, 0.1), policies=ISOTROPIC).scenes) == 2
    result = run("--intervals", "5", *[word for override in way for word in ("--set", override)])
    assert result.exit_code == 2
    assert "interval 3" in result.stderr


def test_what_cannot_drive_is_refused():
    with pytest.raises(InvalidInput, match="system hamrouni2026"):
        drive(read_scenario("zhang2025"), DrivePlan(2, 0.1))
    with pytest.raises(InvalidInput, match="among redesigned, memoryless, kept, isotropic, found best"):
        drive(scene(), DrivePlan(2, 0.1), policies=("best",))
    layout = ParameterLayout.of({"user_position": 2})
    with pytest.raises(InvalidInput, match="user_velocity"):
        ConstantVelocity(0.1).predicted(Information(np.eye(2), layout))


def run(*words):
    options = [word for override in SMALL for word in ("--set", override)]
    return CliRunner().invoke(app, ["drive", "hamrouni2026", *options, *words])


def test_the_verb_prints_one_object_and_writes_table_and_figure(tmp_path):
    result = run("--intervals", "2", "--period", "100 ms", "--policy", "kept", "--json", "--out", str(tmp_path))
    assert (result.exit_code, result.stderr) == (0, "")
    document = json.loads(result.stdout)
    assert set(document) == {
        "scenario",
        "period_s",
        "acceleration_density_m2_per_s3",
        "constants",
        "time_s",
        "position_m",
        "policies",
        "files",
    }
    curve = document["policies"]["kept"]
    assert set(curve) == {"user_position_m", "user_velocity_mps", "target_position_m", "gap", "unidentifiable"}
    assert document["time_s"] == [0.0, 0.1]
    assert curve["gap"][1] is None
    assert curve["unidentifiable"] == [[], []]
    expected = drive(scene(), DrivePlan(2, 0.1), policies=("kept",)).curves["kept"]
    assert curve["user_position_m"] == pytest.approx(expected.user_position_m, rel=1e-6)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["drive.csv", "drive.pdf", "drive.png"]
    assert (tmp_path / "drive.csv").read_text().startswith("policy,time_s,x_m,y_m,user_position_m")


def test_the_verb_prints_a_line_for_each_interval_and_refuses_bad_input():
    result = run("--intervals", "2", "--policy", "isotropic", "--set", "targets.count=0")
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) == 3
    assert "targets" not in result.stdout
    first, second = result.stdout.splitlines()[1:]
    assert first.count("not ident.") == 1
    assert "not ident." not in second
    assert run("--period", "5 m").exit_code == 2
    assert run("--policy", "best").exit_code == 2


def beside_the_station(distance, exponent):
    """Past the station, at the end of its array: one direction is known far better than the other."""
    near = (f"user.position=[{distance}, 2 m]", "user.velocity=[0, -10 m/s]")
    overrides = [word for override in near for word in ("--set", override)]
    result = run(
        "--intervals", "4", "--policy", "isotropic", *overrides, "--set", f"propagation.path_loss_exponent={exponent}"
    )
    assert result.exit_code == 0
    return result.stdout


def test_the_verb_tells_what_rounding_hides_from_what_nothing_tells():
    lines = beside_the_station("1.1 mm", 5).splitlines()
    assert "rounding" in lines[3]
    assert "rounding" not in lines[4]
    assert not any("not ident." in line for line in lines)
    assert lines[-1].startswith("rounding: known from earlier intervals")


def test_an_interval_that_tells_one_direction_a_billion_times_better_loses_nothing_of_the_other():
    output = beside_the_station("0.01 m", 3.5)
    assert "rounding" not in output
    velocity_mps = [float(line.split()[5]) for line in output.splitlines()[2:]]
    assert np.all(np.diff(velocity_mps) < 0.0)
