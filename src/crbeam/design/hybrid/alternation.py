"""Probing and combiners, then the network, in turn: the published way to design a hybrid array that listens."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from crbeam.design.certificate import weighted_bound
from crbeam.design.hybrid.coupled_uplink import CoupledUplink
from crbeam.design.hybrid.first_phase import served_start_rad
from crbeam.design.hybrid.grading import best_combiners
from crbeam.design.hybrid.networks import with_network
from crbeam.design.hybrid.penalty import PenaltySettings, penalty_dual_decomposition
from crbeam.design.hybrid.starts import starting_phases_rad
from crbeam.design.hybrid.views import ReceiveView
from crbeam.design.served.probing_search import successive_probing
from crbeam.design.service_constraints import MinimumUplinkSinr

#: Relative decrease at which the search for probing ends, and its number of programs.
PROBING_TOLERANCE, MAX_PROGRAMS = 1e-3, 50


@dataclass(frozen=True, eq=False)
class Alternation:
    """What happened.

    Attributes:
        phases_rad: the last ones.
        objectives: weighted bound after each search for probing.
        violations: of the inner decompositions, one after the other.
        iterations: of all inner loops.
    """

    phases_rad: Float[np.ndarray, " antenna"]
    objectives: tuple[float, ...]
    violations: tuple[float, ...]
    iterations: int


def alternate(
    view: ReceiveView, settings: PenaltySettings, seed: np.random.SeedSequence, *, updates: int, tolerance: float
) -> Alternation:
    """Probing by successive approximation, combiners, then phases by penalty dual decomposition.

    From random phases, moved until the users have their ratios without echo.

    Raises:
        Infeasible: the users do not reach their ratios behind the first network.

    Reference: li2024 Algorithm 6.

    Deviation: random phases of the paper seldom serve all users. Combiners are the best ones for the probing, not
    rounded from lifted ones.
    """
    problem, hybrid = view.problem, view.hybrid
    (service,) = [part for part in problem.constraints if isinstance(part, MinimumUplinkSinr)]
    phases_rad = served_start_rad(service, hybrid, starting_phases_rad(problem, hybrid, 4, seed)[3])
    rng = np.random.default_rng(seed)
    objectives: list[float] = []
    violations: list[float] = []
    iterations = 0
    for update in range(updates + 1):
        network = hybrid.network(phases_rad)
        fixed = with_network(problem, network)
        probing = successive_probing(fixed, tolerance=PROBING_TOLERANCE, max_iterations=MAX_PROGRAMS)
        objectives.append(weighted_bound(fixed, probing.covariances))
        is_flat = update > 0 and objectives[-2] - objectives[-1] < tolerance * objectives[-2]
        if is_flat or update == updates:
            break
        (covariance,) = probing.covariances.values()
        combiners = best_combiners(service, network, covariance)
        coupled = CoupledUplink(view, covariance, combiners)
        run = penalty_dual_decomposition(coupled, phases_rad, settings, rng)
        phases_rad, iterations = run.phases_rad, iterations + run.inner_iterations
        violations += run.violations
    return Alternation(phases_rad, tuple(objectives), tuple(violations), iterations)
