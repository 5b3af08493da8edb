"""Problems in which receivers are to be selected, and what they are once that is done."""

from collections.abc import Collection
from dataclasses import replace

from crbeam.design.constraints import Constraint
from crbeam.design.problem import Criterion, DesignProblem
from crbeam.design.rate_constraints import MinimumRate
from crbeam.design.selection.costs import Selection
from crbeam.design.service_constraints import MinimumSinr


def selection_of(problem: DesignProblem) -> Selection | None:
    """The choice of receivers that a problem leaves open, if it does."""
    return next((part for part in problem.constraints if isinstance(part, Selection)), None)


def settled(problem: DesignProblem, members: Collection[str]) -> DesignProblem:
    """The problem in which just these of the receivers to choose from sense.

    The others tell nothing, and hear the streams that those who sense know.
    """
    selection = selection_of(problem)
    if selection is None:
        return problem
    silent = set(selection.names) - set(members)
    return replace(
        problem,
        criteria=tuple(_without(criterion, silent) for criterion in problem.criteria),
        constraints=tuple(
            _heard(part, selection, part.user in silent) if isinstance(part, MinimumSinr | MinimumRate) else part
            for part in problem.constraints
            if part is not selection
        ),
    )


def _without(criterion: Criterion, silent: Collection[str]) -> Criterion:
    """A criterion without what some receivers hear, and without the parameters that are theirs alone."""
    parts = tuple(part for part in criterion.map.contributions if part.receiver not in silent)
    rest = replace(criterion.map, contributions=parts)
    return replace(criterion, map=rest.known(name for name in rest.layout if name.partition("/")[0] in silent))


def _heard(part: MinimumSinr | MinimumRate, selection: Selection, is_silent: bool) -> Constraint:
    if part.user not in selection.names:
        return part
    others = tuple(name for name in part.cancels if name not in selection.known_streams)
    return replace(part, cancels=others if is_silent else others + selection.known_streams)
