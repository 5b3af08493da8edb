"""What requirements take that cannot all be met within the limits of power."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from crbeam.design.convex.certificate import contributions
from crbeam.design.convex.dual import Dual
from crbeam.design.convex.path import LARGEST_FACTOR, Path, follow_path
from crbeam.design.convex.primal import disturbances
from crbeam.design.convex.program import Program, factor_program, program_of
from crbeam.design.convex.statement import Statement, statement_of
from crbeam.design.requirements import PowerNeed, level_above_db
from crbeam.design.service_constraints import Illumination, MinimumSinr, MinimumUplinkSinr
from crbeam.errors import Infeasible

#: Relative gap to which the least factor on the power is found.
FACTOR_GAP = 1e-6
#: Factor on the power that is as good as none.
LEAST_FACTOR = 1e-12
#: Share of the largest contribution to a contradiction from which on a requirement is named.
NAMED = 0.05
#: Most requirements that a message names.
MOST_NAMED = 4
#: Bisections of the largest common factor on the ratios: to a hundredth of a decibel.
BISECTIONS = 12


def contradiction_of(program: Program) -> Infeasible | None:
    """What to say of requirements that no transmission within the limits of power meets; None if that is not proven."""
    path = least_factor(program)
    need = need_of(path)
    if need.insufficient <= 1.0:
        return None
    names = binding(factor_program(program), path)
    words = f"the {names[0]} weighs" if len(names) == 1 else f"{_joined(names)} weigh"
    together = f"All requirements must be met within the power budgets, but {words} most, and together"
    if np.isinf(need.insufficient):
        reach = _echo_words(program.statement) or _reach_words(program.statement)
        return Infeasible(
            f"{together} they contradict one another: no power suffices. {reach}",
            requirement=names[0],
            sufficient_power=np.inf,
        )
    limits = program.statement.limits
    power = "power of stations and antennas alike" if any(limit.antenna is not None for limit in limits) else "power"
    words = need.words(limits[0].power_w if len(limits) == 1 else None)
    return Infeasible(
        f"{together} they take more: {words}. Raise the {power} or "
        f"lower {'that requirement' if len(names) == 1 else 'one of them'}.",
        requirement=names[0],
        sufficient_power=need.sufficient,
        insufficient_power=need.insufficient,
    )


def _joined(names: Sequence[str]) -> str:
    if len(names) > MOST_NAMED:
        return f"the {', the '.join(names[:MOST_NAMED])} and {len(names) - MOST_NAMED} more"
    return f"the {', the '.join(names[:-1])} and the {names[-1]}"


def least_factor(program: Program) -> Path:
    """The path towards the least factor on all limits of power with which rows and limited bounds can be met.

    A value above 1 proves that the limits do not suffice.
    """
    return follow_path(Dual(factor_program(program)), gap=FACTOR_GAP, rounding=LEAST_FACTOR)


def binding(program: Program, path: Path) -> tuple[str, ...]:
    """Names of the rows and limited bounds that a proof of a contradiction rests on, those that take most first.

    A row takes its multiplier times what it has to make up for: its floor, and what other streams take from it.
    """
    statement, best = program.statement, path.best
    shares = np.abs(contributions(statement, path.evidence(program)))
    if path.primal is not None:
        scale = program.unit * best.levels[: program.n_rows]
        shares[: program.n_rows] += scale * disturbances(program, path.primal.streams)
    names = [*(row.name for row in statement.rows), *(scale.name for scale in statement.scales)]
    order = np.argsort(-shares)
    return tuple(names[place] for place in order if shares[place] >= NAMED * shares[order[0]])


def power_need(program: Program) -> PowerNeed:
    """Least factor on all limits of power with which rows and limited bounds can be met."""
    return need_of(least_factor(program))


def need_of(path: Path) -> PowerNeed:
    """The factors that the end of a path towards the least one proves."""
    sufficient = np.inf if path.primal is None else path.primal.objective * (1.0 + FACTOR_GAP)
    return PowerNeed(sufficient, path.value if path.value < LARGEST_FACTOR else np.inf)


def _echo_words(statement: Statement) -> str | None:
    """The ratio that uplink users keep beside the echo of the illumination that is asked for, if it is too low."""
    constraints = statement.problem.constraints
    uplink = next((part for part in constraints if isinstance(part, MinimumUplinkSinr)), None)
    floors = [part for part in constraints if isinstance(part, Illumination)]
    if uplink is None or not floors:
        return None
    echo_w = uplink.echo_gain * max(part.least_power_w for part in floors)
    reached = uplink.tolerance.sinr(echo_w) / uplink.minimum_sinr
    worst = int(np.argmin(reached))
    if reached[worst] >= 1.0:
        return None
    missing = level_above_db(1.0 / float(reached[worst]))
    return (
        f"Beside the echo of that illumination the SINR of {uplink.users[worst]} is {missing} dB below what it "
        "requires. Lower one of the two."
    )


def _reach_words(statement: Statement) -> str:
    """The largest common factor on the ratios that any power allows beside everything else."""
    if not any(isinstance(part, MinimumSinr) for part in statement.problem.constraints):
        return "Lower one of them."
    low, high = 0.0, 1.0
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high) if low > 0.0 else high * 1e-2
        is_enough = np.isfinite(power_need(program_of(_with_factor(statement, middle))).insufficient)
        low, high = (middle, high) if is_enough else (low, middle)
        if low == 0.0 and high < 1e-12:
            return "Lower the floor on the illumination: beside it users cannot be served at all."
    return (
        f"With any power the users reach {level_above_db(1.0 / low)} dB less SINR than required. Lower their "
        "requirements by that much or a little more, or lower the floor on the illumination."
    )


def _with_factor(statement: Statement, factor: float) -> Statement:
    parts = [
        replace(part, minimum_sinr=factor * part.minimum_sinr) if isinstance(part, MinimumSinr) else part
        for part in statement.problem.constraints
    ]
    return statement_of(replace(statement.problem, constraints=tuple(parts)))
