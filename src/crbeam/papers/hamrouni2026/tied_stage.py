"""The greedy sequence when the thresholds leave its first stage a choice, and nothing decides it.

Once sensing meets its loose thresholds its `hinge2` loss is 0 for many transmissions. `separate-sequential` takes the
one of least weighted bound. Here the choice is left to the search: one that goes from isotropic beams towards those of
least weighted bound, and stops as soon as the loss is 0.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np
from jaxtyping import Complex, Float

from crbeam.design import Design, DesignProblem, objective_at
from crbeam.design.methods import method_named
from crbeam.design.problem import HINGE_ROUNDING
from crbeam.errors import Unidentifiable
from crbeam.evaluation.bounds import evaluate_link
from crbeam.information import Transmission
from crbeam.papers.hamrouni2026.draws import COUNTS, HINGE, SEPARATE
from crbeam.papers.hamrouni2026.scenes import random_scenes
from crbeam.scenario import Scenario
from crbeam.systems import design_problem
from crbeam.systems.hamrouni2026 import MONOSTATIC_STAGE, Hamrouni2026

#: Halvings of the way from isotropic beams.
HALVINGS = 30
#: What is recorded of each scene.
QUANTITIES = ("loss", "user_position_m", "user_velocity_mps", "target_position_m")


@lru_cache(maxsize=16)
def undecided(gains: str, share: float, *, full: bool = False) -> dict[str, Float[np.ndarray, " scene"]]:
    """Loss and root bounds of the greedy sequence in the random scenes; not numbers where there is no choice."""
    scenes = [_scene(each, share) for each in random_scenes(gains, COUNTS[int(full)])]
    found = {name: np.full(len(scenes), np.nan) for name in QUANTITIES}
    firsts = _first_stages(scenes)
    tied = [place for place, first in enumerate(firsts) if first is not None]
    problems = [design_problem(scenes[place], method=method_named(SEPARATE)) for place in tied]
    later = [_second_stage(problem, firsts[place]) for problem, place in zip(problems, tied, strict=True)]
    for place, problem, design in zip(tied, later, method_named("fdb-wcrb").solve_many(later), strict=True):
        if isinstance(design, Design):
            quantities = evaluate_link("posterior", problem.criteria[0].map.at(design.covariances)).quantities
            targets = np.array(quantities["target_positions_m"], dtype=float)
            values = (design.objective, quantities["user_position_m"], quantities["user_velocity_mps"])
            for name, value in zip(QUANTITIES, (*values, np.sqrt(np.mean(targets**2))), strict=True):
                found[name][place] = value
    return found


def _scene(scenario: Scenario, share: float) -> Scenario:
    assert scenario.protocol is not None
    assert scenario.requirements is not None
    parts = {
        "protocol": scenario.protocol.model_copy(update={"sensing_share": share}),
        "requirements": scenario.requirements.model_copy(update={"loss": HINGE}),
    }
    return scenario.model_copy(update=parts)


def _first_stages(scenes: Sequence[Scenario]) -> list[Complex[np.ndarray, "tx tx"] | None]:
    """What the search of the first stage ends with if it can meet its thresholds; None if it cannot."""
    hinges = [Hamrouni2026(each).design_problem(judged_by=MONOSTATIC_STAGE) for each in scenes]
    designs = method_named("fdb-wcrb").solve_many(hinges)
    return [
        _first_that_meets(problem, design.covariances) if isinstance(design, Design) else None
        for problem, design in zip(hinges, designs, strict=True)
    ]


def _first_that_meets(problem: DesignProblem, best: Transmission) -> Complex[np.ndarray, "tx tx"] | None:
    """First transmission on the straight way from isotropic beams to some others that meets all thresholds.

    The loss is convex, so if it is 0 at the end it falls to 0 once and stays there.
    """

    def at(step: float) -> Transmission:
        return (1.0 - step) * problem.isotropic() + step * best

    def meets(step: float) -> bool:
        try:
            return objective_at(problem, at(step)) <= HINGE_ROUNDING
        except Unidentifiable:
            return False

    if not meets(1.0):
        return None
    low, high = 0.0, 0.0 if meets(0.0) else 1.0
    for _ in range(HALVINGS if high else 0):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if meets(middle) else (middle, high)
    (covariance,) = at(high).values()
    return covariance


def _second_stage(problem: DesignProblem, first: Complex[np.ndarray, "tx tx"] | None) -> DesignProblem:
    """Least posterior loss over the second stage, the first being given."""
    assert first is not None
    posterior = problem.active_criteria[0]
    block = problem.blocks[0]
    fixed = replace(posterior, map=posterior.map.with_fixed(block, first))
    budgets = tuple(budget for budget in problem.budgets if budget.blocks != (block,))
    return DesignProblem((fixed,), budgets, problem.objective)
