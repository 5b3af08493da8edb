"""Where a result comes from."""

import json
import platform
from importlib.metadata import version
from typing import Any

from crbeam.scenario import Scenario, scenario_document

PACKAGES = ("crbeam", "numpy", "scipy", "cvxpy")


def provenance(scenario: Scenario | None = None, *, date_utc: str | None = None) -> dict[str, Any]:
    """What it takes to make a result again: versions, the scenario in SI units with its seed, and a date if given.

    Without a date the same inputs give the same record, and so the same file.
    """
    record: dict[str, Any] = {
        "versions": {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}}
    }
    if scenario is not None:
        record |= {"seed": scenario.seed, "scenario": scenario_document(scenario)}
    if date_utc is not None:
        record["date_utc"] = date_utc
    return record


def provenance_attributes(scenario: Scenario, *, date_utc: str | None = None) -> dict[str, str | int]:
    """`provenance` as attributes of a file: versions and scenario as JSON, seed (if there is one), date."""
    record = provenance(scenario, date_utc=date_utc)
    attributes: dict[str, str | int] = {
        "versions": json.dumps(record["versions"], sort_keys=True),
        "scenario": json.dumps(record["scenario"], sort_keys=True),
    }
    for name in ("seed", "date_utc"):
        if record.get(name) is not None:
            attributes[name] = record[name]
    return attributes
