"""The scenarios of a study."""

import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from crbeam.scenario import Scenario, scenario_document
from crbeam.scenario.overrides import with_value
from crbeam.scenario.problems import validated
from crbeam.scenario.yaml_document import Document
from crbeam.studies.realisations import drawn_fields
from crbeam.studies.study import Study
from crbeam.studies.values import canonical_text


def scene_data(study: Study, choice: tuple[int, ...], realisation: int) -> Document:
    """Data of one scenario of a study, before validation.

    Args:
        study: the study.
        choice: index of the value of each field axis, in their order.
        realisation: number of the realisation, from 0.

    Raises:
        InvalidScenario: a path leads nowhere.
        Infeasible: positions cannot keep apart.
    """
    document = Document(study.scenario, None)
    for axis, index in zip(study.axes.fields.values(), choice, strict=True):
        value = axis.values[index]
        document = with_value(document, axis.field.split("."), value, f"{axis.field}={_shown(value)}")
    for path, value in drawn_fields(study.random, document.value, realisation):
        document = with_value(document, path.split("."), value, f"{path}={_shown(value)} of realisation {realisation}")
    return document


def scene(study: Study, choice: tuple[int, ...], realisation: int) -> Scenario:
    """One scenario of a study; raises what `scene_data` does, and InvalidScenario for values that contradict."""
    return validated(scene_data(study, choice, realisation))


def portable_document(scenario: Scenario) -> dict[str, Any]:
    """The resolved scenario with the content of its path file in place of the file's name."""
    return portable_data(scenario_document(scenario))


def portable_data(data: dict[str, Any]) -> dict[str, Any]:
    """Data of a scenario with the content of its path file, as a hash, in place of the file's name."""
    propagation = data.get("propagation")
    file = propagation.get("paths_file") if isinstance(propagation, dict) else None
    if not isinstance(file, str):
        return data
    return {**data, "propagation": {**(propagation or {}), "paths_file": _file_hash(file)}}


def _file_hash(file: str) -> str:
    path = Path(file)
    status = path.stat()
    return _content_hash(file, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=16)
def _content_hash(file: str, changed_ns: int, size: int) -> str:
    del changed_ns, size  # parts of the cache's key: a changed file has a new hash
    return f"sha256:{hashlib.sha256(Path(file).read_bytes()).hexdigest()}"


def scene_hash(document: dict[str, Any]) -> str:
    """Content hash of a scenario's portable document."""
    return hashlib.sha256(canonical_text(document).encode()).hexdigest()


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
