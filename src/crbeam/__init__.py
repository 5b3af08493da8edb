"""Bounds and certified designs for networks that communicate, position and sense with the same antennas.

The public API is the list below and what the sub-packages list in their `__all__` (`crbeam.report`, ...); everything
else may change. Heavy parts are imported on first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from crbeam.design import (
        Association,
        BoundLimit,
        Certificate,
        Codebook,
        ConstantModulus,
        CooperationCosts,
        Criterion,
        Design,
        DesignMethod,
        DesignProblem,
        Hinge,
        Listening,
        MinimumSinr,
        Power,
        PowerBudget,
        Proposal,
        ReceiverChoice,
        Selection,
        Status,
        Stream,
        TiedBlocks,
        WeightedBound,
        certify,
        weighted_bound,
    )
    from crbeam.design.methods import METHODS, method_named
    from crbeam.errors import CrbeamError, Infeasible, InvalidInput, InvalidScenario, SolverFailed, Unidentifiable
    from crbeam.evaluation import Evaluation, Experiment, evaluate, position_error_map, read, tradeoff
    from crbeam.information import Contribution, Information, InformationMap, ParameterLayout, Transmission
    from crbeam.propagation import Paths, read_path_file
    from crbeam.scenario import Scenario, list_presets, read_scenario, scenario_json_schema
    from crbeam.systems import design_problem, design_problems, link_maps, paths_of

__version__ = "0.1.0"

_HOMES = {
    "crbeam.design": (
        "Association BoundLimit Certificate Codebook ConstantModulus CooperationCosts Criterion Design DesignMethod "
        "DesignProblem Hinge Listening MinimumSinr Power PowerBudget Proposal ReceiverChoice Selection Status Stream "
        "TiedBlocks WeightedBound certify weighted_bound"
    ),
    "crbeam.design.methods": "METHODS method_named",
    "crbeam.errors": "CrbeamError Infeasible InvalidInput InvalidScenario SolverFailed Unidentifiable",
    "crbeam.evaluation": "Evaluation Experiment evaluate position_error_map read tradeoff",
    "crbeam.information": "Contribution Information InformationMap ParameterLayout Transmission",
    "crbeam.propagation": "Paths read_path_file",
    "crbeam.scenario": "Scenario list_presets read_scenario scenario_json_schema",
    "crbeam.systems": "design_problem design_problems link_maps paths_of",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}

__all__ = [  # noqa: PLE0604, RUF100
    "METHODS",
    "Association",
    "BoundLimit",
    "Certificate",
    "Codebook",
    "ConstantModulus",
    "Contribution",
    "CooperationCosts",
    "CrbeamError",
    "Criterion",
    "Design",
    "DesignMethod",
    "DesignProblem",
    "Evaluation",
    "Experiment",
    "Hinge",
    "Infeasible",
    "Information",
    "InformationMap",
    "InvalidInput",
    "InvalidScenario",
    "Listening",
    "MinimumSinr",
    "ParameterLayout",
    "Paths",
    "Power",
    "PowerBudget",
    "Proposal",
    "ReceiverChoice",
    "Scenario",
    "Selection",
    "SolverFailed",
    "Status",
    "Stream",
    "TiedBlocks",
    "Transmission",
    "Unidentifiable",
    "WeightedBound",
    "__version__",
    "certify",
    "design_problem",
    "design_problems",
    "evaluate",
    "link_maps",
    "list_presets",
    "method_named",
    "paths_of",
    "position_error_map",
    "read",
    "read_path_file",
    "read_scenario",
    "scenario_json_schema",
    "tradeoff",
    "weighted_bound",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"crbeam has no attribute `{name}`; it has {', '.join(__all__)}.")
    return getattr(import_module(_HOME_OF[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
