"""Where a result comes from."""

import hashlib
import json
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

from crbeam.scenario import Scenario, scenario_document

PACKAGES = ("crbeam", "numpy", "scipy", "cvxpy")


def provenance(scenario: Scenario | None = None, *, date_utc: str | None = None) -> dict[str, Any]:
    """What it takes to make a result again: versions, the scenario in SI units with its seed, a date if given.

    Without a date the same inputs give the same record, and so the same file.
    """
    record: dict[str, Any] = {
        "versions": {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}}
    }
    if scenario is not None:
        record |= {"seed": scenario.seed, "scenario": _portable_document(scenario)}
    if date_utc is not None:
        record["date_utc"] = date_utc
    return record


def _portable_document(scenario: Scenario) -> dict[str, Any]:
    """The scenario with its path file by name and SHA-256, so that the record does not depend on folders."""
    document = scenario_document(scenario)
    file = scenario.propagation.paths_file
    if file is not None:
        digest = hashlib.sha256(Path(file).read_bytes()).hexdigest()
        document["propagation"] |= {"paths_file": Path(file).name, "paths_file_sha256": digest}
    return document


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
