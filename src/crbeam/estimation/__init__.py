"""Do estimators reach the bound: simulated observations, likelihoods, and the estimators that maximise them."""

from crbeam.estimation.fusion import estimate_fused
from crbeam.estimation.link_model import LinkModel
from crbeam.estimation.matching import Failure, failure_of, matched, state_errors
from crbeam.estimation.near_field_estimates import TargetEstimate, TargetSearch
from crbeam.estimation.near_field_model import EchoArray, EchoModel, mean_echo
from crbeam.estimation.observations import (
    PathParameters,
    local_parameters,
    mean_observation,
    signal_to_noise,
    simulate,
)
from crbeam.estimation.path_estimates import PathEstimates, estimate_paths
from crbeam.estimation.position_fix import StateEstimate, estimate_link

__all__ = [
    "EchoArray",
    "EchoModel",
    "Failure",
    "LinkModel",
    "PathEstimates",
    "PathParameters",
    "StateEstimate",
    "TargetEstimate",
    "TargetSearch",
    "estimate_fused",
    "estimate_link",
    "estimate_paths",
    "failure_of",
    "local_parameters",
    "matched",
    "mean_echo",
    "mean_observation",
    "signal_to_noise",
    "simulate",
    "state_errors",
]
