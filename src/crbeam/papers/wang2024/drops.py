"""Rules of selection against the optimum over random drops, as a study."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float

from crbeam.evaluation.error_statistics import Interval, expectation, share
from crbeam.papers.claims import NotMeasured
from crbeam.papers.runs import PaperRun
from crbeam.papers.wang2024.scenes import CORRECTED, COSINE, DROPS, READINGS
from crbeam.scenario.reading import scenario_source
from crbeam.studies import Study

if TYPE_CHECKING:
    import xarray

EXACT, LINKAGE, K_MEANS, NEAREST = "exact", "linkage", "k-means", "nearest-set"
RULES = (LINKAGE, K_MEANS, NEAREST)
BUDGET_M, RATES_BPS_HZ = 200.0, (0.0, 0.5, 1.0)
_DROP, _RATE = "drop", "rate"
#: Relative excess of the objective from which a rule counts as worse: certified gaps are below a tenth of it.
WORSE = 1e-3


@dataclass(frozen=True, eq=False)
class SelectionDrops:
    """Objectives of the optimum and of the rules in the same drops, at one rate; not a number where it is infeasible.

    Attributes:
        rate_bps_hz: least rate of all receivers.
        objective: by method.
        lower_bound: of the optimum.
    """

    rate_bps_hz: float
    objective: Mapping[str, Float[np.ndarray, " drop"]]
    lower_bound: Float[np.ndarray, " drop"]

    @property
    def feasible(self) -> Bool[np.ndarray, " drop"]:
        """Whether the rates of a drop can be met."""
        return np.isfinite(self.objective[EXACT])

    def excess(self, rule: str) -> Float[np.ndarray, " feasible"]:
        """Objective of a rule over the optimum, less 1, in each drop that has one."""
        return self.objective[rule][self.feasible] / self.objective[EXACT][self.feasible] - 1.0

    def optimal_share(self, rule: str) -> Interval:
        """How often a rule is as good as the optimum, with its 95 % interval."""
        excess = self.excess(rule)
        return share(int(np.sum(excess <= WORSE)), excess.size)

    def mean_excess(self, rule: str) -> Interval:
        """Mean excess of a rule, with its 95 % interval."""
        return expectation(self.excess(rule))

    @property
    def largest_gap(self) -> float:
        """Largest certified gap of the optimum."""
        best = self.objective[EXACT][self.feasible]
        return float(np.max(1.0 - self.lower_bound[self.feasible] / best))


def selection_study(*, full: bool) -> Study:
    """All rules in all drops, in the corrected shared metric; a drop is the scenario's seed."""
    overrides = [*READINGS[CORRECTED], f"multistatic.pulse={COSINE}", f"receivers.cost_budget={BUDGET_M:g} m"]
    fields = {
        _DROP: {"field": "seed", "values": list(range(DROPS[int(full)]))},
        _RATE: {"field": "receivers.minimum_rate", "values": list(RATES_BPS_HZ)},
    }
    return Study.model_validate(
        {
            "scenario": scenario_source("wang2024", overrides=overrides).value,
            "axes": {"method": [EXACT, *RULES], "fields": fields},
            "metrics": ["objective", "lower_bound"],
            "batch_cases": 30,
        }
    )


def selection_drops(run: PaperRun) -> dict[float, SelectionDrops]:
    """Results of the study by rate."""
    results = run.results("selection", selection_study(full=run.full)).squeeze(("realisation", "weight"))
    return {rate: _at(results.sel({_RATE: rate}), rate) for rate in RATES_BPS_HZ}


def _at(part: "xarray.Dataset", rate: float) -> SelectionDrops:
    meanings = part["error"].attrs["flag_meanings"].split()
    others = {meanings[code] for code in np.unique(part["error"].to_numpy())} - {"none", "Infeasible"}
    if others:
        raise NotMeasured(
            f"Designs failed for other reasons than rates that cannot be met: {', '.join(sorted(others))}."
        )
    values = {name: part["objective"].sel(design_method=name).to_numpy() for name in (EXACT, *RULES)}
    return SelectionDrops(rate, values, part["lower_bound"].sel(design_method=EXACT).to_numpy())
