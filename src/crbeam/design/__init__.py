"""How to choose the transmission: problems, methods and certified designs."""

from crbeam.design.beamformers import Beamformers, beamformers_from_covariance
from crbeam.design.certificate import Certificate, certify, objective_at, weighted_bound
from crbeam.design.choices import Association, CooperationCosts, Listening, ReceiverChoice, Selection
from crbeam.design.constraints import (
    AntennaPower,
    Codebook,
    ConstantModulus,
    Constraint,
    GroupPower,
    PowerBudget,
    SubarrayHybrid,
    TiedBlocks,
)
from crbeam.design.method import DesignMethod
from crbeam.design.problem import (
    Criterion,
    DesignProblem,
    Hinge,
    Power,
    Stream,
    Tail,
    WeightedBound,
    isotropic_covariances,
)
from crbeam.design.result import Design, Proposal, Status
from crbeam.design.service_constraints import (
    BoundLimit,
    FixedAnalog,
    Illumination,
    MinimumRate,
    MinimumSinr,
    MinimumUplinkSinr,
    PowerCeiling,
)

__all__ = [
    "AntennaPower",
    "Association",
    "Beamformers",
    "BoundLimit",
    "Certificate",
    "Codebook",
    "ConstantModulus",
    "Constraint",
    "CooperationCosts",
    "Criterion",
    "Design",
    "DesignMethod",
    "DesignProblem",
    "FixedAnalog",
    "GroupPower",
    "Hinge",
    "Illumination",
    "Listening",
    "MinimumRate",
    "MinimumSinr",
    "MinimumUplinkSinr",
    "Power",
    "PowerBudget",
    "PowerCeiling",
    "Proposal",
    "ReceiverChoice",
    "Selection",
    "Status",
    "Stream",
    "SubarrayHybrid",
    "Tail",
    "TiedBlocks",
    "WeightedBound",
    "beamformers_from_covariance",
    "certify",
    "isotropic_covariances",
    "objective_at",
    "weighted_bound",
]
