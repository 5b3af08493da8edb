"""Gradient and Hessian of the dual's barrier against differences of its value and gradient."""

import numpy as np
import pytest

from crbeam.design.convex.dual import Dual
from crbeam.design.convex.path import first_point
from crbeam.design.convex.presolve import presolved
from crbeam.design.convex.program import factor_program, program_of
from crbeam.design.convex.statement import statement_of
from crbeam.testing.random_convex import OBJECTIVES, random_convex_problem

#: Each objective, and whatever enters slacks: rows, limits, codebooks, networks, ties, blocks of two sizes.
CASES = [
    *((objective, ("sinr", "illumination", "prior")) for objective in OBJECTIVES),
    *((objective, ("ceiling", "antennas", "group")) for objective in OBJECTIVES),
    ("sum", ("tie", "limit")),
    ("thresholds", ("codebook", "uplink")),
    ("worst", ("sizes", "network")),
]
#: Weight of the barrier, step in units of the local norm, and largest difference.
TAU, STEP, ACCURACY = 0.05, 1e-4, 1e-5


def agrees(dual, rng):
    """Differences along whitened directions, in which the Hessian is the identity, at a point off the path."""
    point = first_point(dual, TAU)
    model = dual.model(point, TAU)
    scale = 1.0 / np.sqrt(np.diagonal(model.curvature))
    root = np.linalg.cholesky(model.curvature * np.outer(scale, scale))
    whitening = scale[:, None] * np.linalg.inv(root).T
    slope = model.value_slope + TAU * model.barrier_slope
    size = 1.0 + float(np.linalg.norm(whitening.T @ slope)) / np.sqrt(TAU)
    for _ in range(4):
        unit = rng.standard_normal(dual.size)
        unit /= np.linalg.norm(unit)
        step = STEP * np.sqrt(TAU) * (whitening @ unit)
        ends = [dual.point(point.x + sign * step) for sign in (1.0, -1.0)]
        values = [end.value + TAU * end.barrier for end in ends]
        assert (values[0] - values[1]) / 2.0 == pytest.approx(float(slope @ step), abs=ACCURACY * size * STEP * TAU)
        models = [dual.model(end, TAU) for end in ends]
        slopes = [each.value_slope + TAU * each.barrier_slope for each in models]
        change = whitening.T @ (slopes[1] - slopes[0]) / (2.0 * STEP * np.sqrt(TAU))
        np.testing.assert_allclose(change, unit, atol=ACCURACY * size)


@pytest.mark.parametrize(("objective", "rows"), CASES)
def test_derivatives_are_those_of_differences(rng, objective, rows):
    problem = random_convex_problem(np.random.default_rng([11, CASES.index((objective, rows))]), objective, rows)
    program = presolved(program_of(statement_of(problem)))
    agrees(Dual(program), rng)
    if program.n_rows:
        agrees(Dual(factor_program(program)), rng)
