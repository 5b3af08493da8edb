"""How to choose the transmission: problems, methods and certified designs."""

from crbeam.design.beamformers import Beamformers, beamformers_from_covariance
from crbeam.design.certificate import Certificate, certify, objective_at, weighted_bound
from crbeam.design.constraints import Codebook, ConstantModulus, Constraint, PowerBudget, TiedBlocks
from crbeam.design.method import DesignMethod
from crbeam.design.problem import Criterion, DesignProblem, Hinge, Stream, WeightedBound, isotropic_covariances
from crbeam.design.result import Design, DualEvidence, Proposal, Status
from crbeam.design.service_constraints import FixedAnalog, Illumination, MinimumSinr, MinimumUplinkSinr
from crbeam.design.subarrays import SubarrayHybrid

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
    "DualEvidence",
    "FixedAnalog",
    "Hinge",
    "Illumination",
    "MinimumSinr",
    "MinimumUplinkSinr",
    "PowerBudget",
    "Proposal",
    "Status",
    "Stream",
    "SubarrayHybrid",
    "TiedBlocks",
    "WeightedBound",
    "beamformers_from_covariance",
    "certify",
    "isotropic_covariances",
    "objective_at",
    "weighted_bound",
]
