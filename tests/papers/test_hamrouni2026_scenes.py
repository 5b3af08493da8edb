"""Random scenes of hamrouni2026, and the order of designs in them."""

import math
from itertools import pairwise

import numpy as np
import pytest

from crbeam.design import Design, objective_at
from crbeam.design.methods import method_named
from crbeam.design.problem import HINGE_ROUNDING
from crbeam.information import Transmission
from crbeam.papers.hamrouni2026 import scenes, tied_stage
from crbeam.papers.hamrouni2026.draws import COMPARED_SHARES, JOINT, LOSSES, SEPARATE, SEQUENTIAL, SHARED
from crbeam.papers.hamrouni2026.mobility import BISTATIC, EXTENDED, SNAPSHOT, motion_bounds
from crbeam.systems import design_problem
from crbeam.systems.hamrouni2026 import MONOSTATIC_STAGE, Hamrouni2026

#: Certified gaps of both sides.
GAPS = 3e-6


def test_scenes_follow_the_law():
    found = scenes.random_scenes("free space", 25)
    assert {scene.targets.count for scene in found} == {2, 3, 4}
    for scene in found:
        places = [scene.user.position_m, *scene.targets.positions_m]
        cosines = sorted(x / math.hypot(x, y) for x, y in places)
        assert all(5.0 <= math.hypot(x, y) <= 100.0 and y > 0.0 for x, y in places)
        assert max(map(abs, cosines)) <= math.cos(math.radians(30.0)) + 1e-12
        assert min(right - left for left, right in pairwise(cosines)) >= 2.0 / 64.0
        assert scene.user.velocity_mps is not None
        assert 5.0 <= math.hypot(*scene.user.velocity_mps) <= 30.0
        assert scene.seed is not None


def test_gains_differ_and_all_else_is_the_same():
    free, lossy = (scenes.random_scenes(gains, 3) for gains in scenes.GAINS)
    for one, other in zip(free, lossy, strict=True):
        assert one.user == other.user
        assert one.targets == other.targets
        assert one.propagation.path_loss_exponent == 2.0
        assert other.propagation.path_loss_exponent == 3.5
        assert other.propagation.shadowing_deviation != one.propagation.shadowing_deviation


def test_users_do_not_depend_on_the_number_of_targets():
    one, four = (scenes.random_scenes("free space", 3, n_targets=k) for k in (1, 4))
    assert [scene.user for scene in one] == [scene.user for scene in four]
    assert [scene.targets.positions_m[:1] for scene in four] == [scene.targets.positions_m for scene in one]


def test_objects_of_the_symmetric_scene_are_equally_far():
    scene = scenes.symmetric_scene()
    places = np.array([scene.user.position_m, *scene.targets.positions_m])
    np.testing.assert_allclose(np.hypot(*places.T), scenes.SYMMETRIC_DISTANCE_M)
    np.testing.assert_allclose(np.sum(places[:, 0]), 0.0, atol=1e-9)


def posed(scene, share, loss):
    protocol = scene.protocol.model_copy(update={"sensing_share": share})
    requirements = scene.requirements.model_copy(update={"loss": loss})
    return scene.model_copy(update={"protocol": protocol, "requirements": requirements})


def objectives(chosen, name):
    method = method_named(name)
    designs = method.solve_many([design_problem(scene, method=method) for scene in chosen])
    assert all(isinstance(design, Design) for design in designs)
    return np.array([design.objective for design in designs if isinstance(design, Design)])


def assert_order(chosen):
    losses = {name: objectives(chosen, name) for name in SEQUENTIAL}
    for name in (SHARED, SEPARATE):
        assert np.all(losses[JOINT] <= losses[name] * (1.0 + GAPS) + HINGE_ROUNDING)
    return losses


def test_joint_beams_are_never_worse():
    losses = assert_order([posed(scene, 0.5, "trace") for scene in scenes.random_scenes("free space", 2)])
    assert np.any(losses[SHARED] > 1.05 * losses[JOINT])
    with pytest.raises(AssertionError):  # the wrong order
        np.testing.assert_array_less(losses[SHARED], losses[JOINT])


@pytest.mark.slow
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("gains", scenes.GAINS)
def test_joint_beams_are_never_worse_in_many_scenes(gains, loss):
    chosen = scenes.random_scenes(gains, 5)
    for share in COMPARED_SHARES:
        known = [posed(scene, share, loss) for scene in chosen]
        assert_order(known)


@pytest.mark.slow
def test_an_undecided_first_stage_meets_its_thresholds_and_no_more():
    chosen = [posed(scene, 0.8, "hinge2") for scene in scenes.random_scenes("free space", 4)]
    firsts = tied_stage._first_stages(chosen)
    tied = [(scene, first) for scene, first in zip(chosen, firsts, strict=True) if first is not None]
    assert tied
    for scene, first in tied:
        assert first is not None
        problem = Hamrouni2026(scene).design_problem(judged_by=MONOSTATIC_STAGE)
        assert objective_at(problem, dict.fromkeys(problem.blocks, first)) <= HINGE_ROUNDING
        isotropic = problem.isotropic()
        before = 0.01 * isotropic + 0.99 * Transmission(dict.fromkeys(problem.blocks, first))
        assert objective_at(problem, before) > HINGE_ROUNDING or np.allclose(first, isotropic[problem.blocks[0]])


@pytest.mark.slow
def test_motion_bounds_are_those_of_each_link():
    chosen = scenes.random_scenes("free space", 3, n_targets=3)
    bounds = motion_bounds(chosen)
    method = method_named("full-bp:symbols=all")
    design = method.solve(design_problem(chosen[0], method=method))
    information = Hamrouni2026(chosen[0]).link_map("bistatic").at(design.covariances)
    assert bounds.velocity_mps[BISTATIC][0] == pytest.approx(information.root_bound(["user_velocity"]), rel=1e-3)
    assert np.all(bounds.velocity_mps[EXTENDED] <= bounds.velocity_mps[SNAPSHOT] * (1.0 + 1e-3))
    faster = motion_bounds([scenes.with_speed(scene, 60.0) for scene in chosen])
    assert np.all(faster.velocity_mps[EXTENDED] < bounds.velocity_mps[EXTENDED])
