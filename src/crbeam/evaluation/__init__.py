"""Judging a transmission: the bounds of everything a scenario's links can tell."""

from crbeam.evaluation.bounds import Evaluation, LinkEvaluation, evaluate, evaluate_many
from crbeam.evaluation.constant_velocity import ConstantVelocity
from crbeam.evaluation.drive import Drive, DrivePlan, drive
from crbeam.evaluation.error_map import PositionErrorMap, position_error_map
from crbeam.evaluation.estimator_check import Estimator, EstimatorCheck, TrialPlan, check_estimator
from crbeam.evaluation.improvement import Improvement, improvement
from crbeam.evaluation.tradeoff import TradeoffPoint, pareto_optimal, tradeoff
from crbeam.evaluation.two_snapshots import extended_velocity_bound_mps, snapshot_velocity_bound_mps
from crbeam.evaluation.usefulness import worthless_cautions

__all__ = [
    "ConstantVelocity",
    "Drive",
    "DrivePlan",
    "Estimator",
    "EstimatorCheck",
    "Evaluation",
    "Improvement",
    "LinkEvaluation",
    "PositionErrorMap",
    "TradeoffPoint",
    "TrialPlan",
    "check_estimator",
    "drive",
    "evaluate",
    "evaluate_many",
    "extended_velocity_bound_mps",
    "improvement",
    "pareto_optimal",
    "position_error_map",
    "snapshot_velocity_bound_mps",
    "tradeoff",
    "worthless_cautions",
]
