"""The greedy sequence when the thresholds leave its first stage a choice, and nothing decides it.

Once sensing meets its loose thresholds its `hinge2` loss is 0 for many transmissions. `separate-sequential` takes the one
of least weighted bound. Here the choice is left to the search: one that starts from isotropic beams and stops as soon as
the loss is 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Complex

from crbeam.design import Design, DesignProblem, objective_at
from crbeam.design.methods import method_named
from crbeam.errors import Unidentifiable
from crbeam.evaluation.bounds import evaluate_link
from crbeam.papers.hamrouni2026.draws import HINGE, SEPARATE, SHARED, sequential_study
from crbeam.scenario import Scenario
from crbeam.studies.scenes import scene
from crbeam.systems import design_problem

#: Halvings of the step from isotropic beams.
HALVINGS = 30


@dataclass(frozen=True)
class Greedy:
    """What the greedy sequence reaches in one scene.

    Attributes:
        loss: of both stages.
        user_position_m: root bound of the user's position.
        user_velocity_mps: of its velocity.
        target_position_m: root mean square over the targets of their root bounds.
    """

    loss: float
    user_position_m: float
    user_velocity_mps: float
    target_position_m: float
