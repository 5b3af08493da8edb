"""The optimum of a problem whose information comes over one direction: covariances, with evidence for the bound."""

import numpy as np
from jaxtyping import Complex

from crbeam.design.one_direction.beams import beam_powers
from crbeam.design.one_direction.dual import LitProgram, follow_dual
from crbeam.design.one_direction.problem import sensing_stream
from crbeam.design.problem import DesignProblem
from crbeam.design.result import DualEvidence, Proposal
from crbeam.design.served.requirements import require_feasible_sinr, stream_of
from crbeam.design.service_constraints import MinimumSinr
from crbeam.errors import SolverFailed
from crbeam.information import Transmission

#: Loss of power in the direction, as a share of the wanted gap, at which powers are taken as they are found first.
ENOUGH = 0.5
#: Relative size of directions of the channels that counts as rounding.
_NULL = 1e-13


def most_power(problem: DesignProblem, direction: Complex[np.ndarray, " tx"], *, tolerance: float) -> Proposal:
    """Covariances of all streams with the most power in a direction; the evidence is that of `power_problem`.

    The dual is followed in the span of the channels and the direction, strongest channels first. Its end tells the beam
    of every stream, of which each has one; powers follow from the ratios.

    Raises:
        Infeasible: no transmission within the budget serves all users.
        SolverFailed: the users can be served, but rounding kept the method from a transmission that does.
    """
    require_feasible_sinr(problem)
    users = [part for part in problem.constraints if isinstance(part, MinimumSinr)]
    power_w, sensing = problem.budgets[0].power_per_subcarrier_w, sensing_stream(problem)
    basis, program = _reduced(users, direction, power_w, sensing)
    dual = follow_dual(program, gap=tolerance)
    powers = beam_powers(program, dual.beams, dual.most * (1.0 - ENOUGH * tolerance))
    if powers is None:
        raise SolverFailed(
            f"The requirements can be met, but rounding kept the solver from a transmission that meets them after "
            f"{dual.steps} steps. Lower them slightly.",
            status="no feasible point",
        )
    beams = np.sqrt(power_w) * (basis @ dual.beams) * np.sqrt(powers)
    names = [*(stream_of(problem, part.user) for part in users), sensing]
    streams = {
        name: Transmission.of_factors(problem.blocks, [beam[:, None]])
        for name, beam in zip(names, beams.T, strict=True)
    }
    lit_w = power_w * float(powers @ np.abs(program.direction.conj() @ dual.beams) ** 2)
    noise_w = np.array([part.noise_power_w for part in users])
    multipliers = dual.shares * power_w / noise_w / lit_w**2
    return Proposal(
        covariances=Transmission.sum_of(streams.values()),
        trace=(1.0 / lit_w,),
        iterations=dual.steps,
        stream_covariances=streams,
        dual=DualEvidence((np.array([[1.0 / lit_w]]),), multipliers),
    )


def _reduced(
    users: list[MinimumSinr], direction: Complex[np.ndarray, " tx"], power_w: float, sensing: str
) -> tuple[Complex[np.ndarray, "tx reduced"], LitProgram]:
    """Basis of the span of channels, strongest first, and the direction; and the program in it."""
    vectors = [np.sqrt(power_w / part.noise_power_w) * next(iter(part.channels.values())) for part in users]
    order = sorted(range(len(users)), key=lambda place: -float(np.linalg.norm(vectors[place])))
    frame = np.stack([vectors[place] / np.linalg.norm(vectors[place]) for place in order] + [direction], axis=1)
    basis, triangle = np.linalg.qr(frame)
    kept = np.max(np.abs(triangle), axis=1) > _NULL
    basis = basis[:, kept]
    channels = basis.conj().T @ np.stack(vectors, axis=1) if users else np.zeros((basis.shape[1], 0), dtype=complex)
    unit = basis.conj().T @ direction
    program = LitProgram(
        direction=unit / np.linalg.norm(unit),
        channels=channels,
        ratios=np.array([part.minimum_sinr for part in users]),
        hears=np.array([sensing not in part.cancels for part in users], dtype=bool),
    )
    return basis, program
