"""Judging a transmission: the bounds of everything a scenario's links can tell."""

from crbeam.evaluation.bounds import Evaluation, LinkEvaluation, evaluate, evaluate_many
from crbeam.evaluation.error_map import PositionErrorMap, position_error_map
from crbeam.evaluation.estimator_check import Estimator, EstimatorCheck, TrialPlan, check_estimator
from crbeam.evaluation.improvement import Improvement, improvement
from crbeam.evaluation.tradeoff import TradeoffPoint, pareto_optimal, tradeoff

__all__ = [
    "Estimator",
    "EstimatorCheck",
    "Evaluation",
    "Improvement",
    "LinkEvaluation",
    "PositionErrorMap",
    "TradeoffPoint",
    "TrialPlan",
    "check_estimator",
    "evaluate",
    "evaluate_many",
    "improvement",
    "pareto_optimal",
    "position_error_map",
    "tradeoff",
]
