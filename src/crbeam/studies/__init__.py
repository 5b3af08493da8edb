"""Many designs: described once, computed on every core or a cluster, never lost."""

from crbeam.studies.exports import export_results
from crbeam.studies.observing import Observer
from crbeam.studies.reading import read_study
from crbeam.studies.results import read_results
from crbeam.studies.runner import RunSummary, run_study
from crbeam.studies.store_faults import StoreFault
from crbeam.studies.study import Axes, Distribution, FieldAxis, Randomness, StoppingRule, Study
from crbeam.studies.summary import StudySummary, summarise

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
    "StudySummary",
    "export_results",
    "read_results",
    "read_study",
    "run_study",
    "summarise",
]
