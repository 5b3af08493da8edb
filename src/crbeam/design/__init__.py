"""How to choose the transmission: problems, methods and certified designs."""

from crbeam.design.beamformers import Beamformers, beamformers_from_covariance
from crbeam.design.certificate import Certificate, certify, weighted_bound
from crbeam.design.constraints import Codebook, ConstantModulus, Constraint, PowerBudget
from crbeam.design.method import DesignMethod
from crbeam.design.problem import Criterion, DesignProblem, Stream, WeightedBound, isotropic_covariances
from crbeam.design.result import Design, Proposal, Status

__all__ = [
    "Beamformers",
    "Certificate",
    "Codebook",
    "ConstantModulus",
    "Constraint",
    "Criterion",
    "Design",
    "DesignMethod",
    "DesignProblem",
    "PowerBudget",
    "Proposal",
    "Status",
    "Stream",
    "WeightedBound",
    "beamformers_from_covariance",
    "certify",
    "isotropic_covariances",
    "weighted_bound",
]
