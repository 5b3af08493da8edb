"""What is recorded of a case."""

from collections.abc import Iterable, Mapping

import numpy as np

from crbeam.design import Design, DesignMethod
from crbeam.errors import CrbeamError, InvalidInput
from crbeam.evaluation import Evaluation, evaluate
from crbeam.scenario import Scenario
from crbeam.systems import World, system_of
from crbeam.units import ratio_to_db

#: Changes when a metric of the same name comes to mean something else.
METRICS_VERSION = 2
#: Most metrics that are recorded unless the study names them.
MOST_BY_DEFAULT = 200
#: Unit of each number of a design; None is that of the objective.
_UNITS: Mapping[str, str | None] = {
    "objective": None,
    "lower_bound": None,
    "gap": "1",
    "beamforming_loss": "1",
    "power_w": "W",
    "iterations": "1",
}
#: Of scenarios that serve users.
WORST_SINR = "worst_sinr_db"
_MEANINGS = {
    WORST_SINR: "least signal-to-interference-and-noise ratio of a served user",
    "objective": "what the design minimises: a weighted bound, a loss or a power",
    "lower_bound": "proven lower bound on the objective of any design",
    "gap": "(objective - lower_bound) / objective",
    "beamforming_loss": "relative increase of the objective with one beam a slot",
    "power_w": "transmit power over all subcarriers and slots, stages by their shares of the time",
    "iterations": "iterations of the method",
}


def design_metrics(scenario: World, design: Design) -> dict[str, float | None]:
    """Numbers of a design, by name; None for what does not exist."""
    system = system_of(scenario)
    ratios = system.served_sinr(design).values()
    return {
        WORST_SINR: float(ratio_to_db(min(ratios))) if ratios else None,
        "objective": design.objective,
        "lower_bound": design.lower_bound,
        "gap": design.gap,
        "beamforming_loss": design.beamforming_loss,
        "power_w": design.power_w * system.scenario.waveform.subcarriers,
        "iterations": float(design.iterations),
    }


def bound_metrics(evaluation: Evaluation) -> dict[str, float | None]:
    """Root bounds by link and quantity, `bistatic.user_position_m`; items of a list have an index, `...[0]`."""
    found: dict[str, float | None] = {}
    for link in evaluation.links.values():
        for quantity, value in link.quantities.items():
            name = f"{link.name}.{quantity}"
            if isinstance(value, tuple):
                found.update({f"{name}[{index}]": part for index, part in enumerate(value)})
            else:
                found[name] = value
    return found


def metric_names(scenarios: Iterable[Scenario]) -> list[str]:
    """Every metric that some of the scenarios have; one that no transmission can be judged in adds none."""
    names = dict.fromkeys(_UNITS)
    for scenario in scenarios:
        if scenario.served_users is not None and scenario.served_users.count:
            names[WORST_SINR] = None
        try:
            system = system_of(scenario)
            names |= dict.fromkeys(bound_metrics(evaluate(system, system.isotropic_transmission())))
        except (CrbeamError, ArithmeticError, np.linalg.LinAlgError):
            continue
    return sorted(names, key=lambda name: (name not in _UNITS, *_order(name)))


def _order(name: str) -> tuple[str, int]:
    stem, _, index = name.removesuffix("]").partition("[")
    return ("", list(_UNITS).index(name)) if name in _UNITS else (stem, int(index or 0))


def default_metrics(known: list[str]) -> tuple[str, ...]:
    """The metrics that are recorded by a study that lists none.

    Raises:
        InvalidInput: there are too many to record them all.
    """
    if len(known) > MOST_BY_DEFAULT:
        raise InvalidInput(
            f"The metrics to record must be listed when there are more than {MOST_BY_DEFAULT}, found {len(known)}. "
            f"Write, for example, `metrics: [{known[0]}, {known[-1]}]`."
        )
    return tuple(known)


def unit_of_metric(name: str, objective_unit: str) -> str:
    """Unit of a metric, in a study whose designs have an objective of a given unit."""
    if name in _UNITS:
        return _UNITS[name] or objective_unit
    suffix = name.partition("[")[0].rpartition("_")[2]
    return {"mps": "m/s", "db": "dB"}.get(suffix, suffix)


def meaning_of_metric(name: str) -> str:
    """What a metric is, in words."""
    if name in _MEANINGS:
        return _MEANINGS[name]
    return f"root of the bound's trace, link {name.partition('.')[0]}"


def unit_of_objective(scenario: Scenario, methods: Iterable[DesignMethod]) -> str | None:
    """Unit of the objective of the methods' designs; None where none of them has a problem in this scenario."""
    units: dict[str, None] = {}
    system = system_of(scenario)
    for method in methods:
        try:
            units[system.design_problem(method=method).objective_unit] = None
        except (CrbeamError, ArithmeticError, np.linalg.LinAlgError):
            continue
    return " or ".join(units) or None


def recorded(values: Mapping[str, float | None], columns: tuple[str, ...]) -> tuple[float | None, ...]:
    """Values in the order of the columns; None for what a case does not have."""
    return tuple(values.get(column) for column in columns)
