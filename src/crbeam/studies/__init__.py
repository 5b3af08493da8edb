"""Many designs: described once, computed on every core or a cluster, never lost."""

from crbeam.studies.reading import read_study
from crbeam.studies.runner import Observer, RunSummary, run_study
from crbeam.studies.store_faults import StoreFault
from crbeam.studies.study import Axes, Distribution, FieldAxis, Randomness, StoppingRule, Study

__all__ = [
    "Axes",
    "Distribution",
    "FieldAxis",
    "Observer",
    "Randomness",
    "RunSummary",
    "StoppingRule",
    "StoreFault",
    "Study",
    "read_study",
    "run_study",
]
