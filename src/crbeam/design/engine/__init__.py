"""The library's own solver of weighted bounds: reduction, factor descent, Newton steps on the face."""

from crbeam.design.engine.reduction import ReducedProblem, reduce_problem, reduce_problems
from crbeam.design.engine.solver import EngineResult, solve_reduced, solve_reduced_many

__all__ = ["EngineResult", "ReducedProblem", "reduce_problem", "reduce_problems", "solve_reduced", "solve_reduced_many"]
