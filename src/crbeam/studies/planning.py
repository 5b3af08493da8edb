"""What a study comes down to: its columns, and its description by which a store knows it again."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import crbeam
from crbeam.studies.checks import known_metrics
from crbeam.studies.metrics import METRICS_VERSION, default_metrics
from crbeam.studies.scenes import portable_data
from crbeam.studies.study import Study
from crbeam.studies.values import canonical_text


@dataclass(frozen=True)
class Plan:
    """A study with what follows from it.

    Attributes:
        study: the study.
        columns: names of the recorded metrics.
    """

    study: Study
    columns: tuple[str, ...]

    @classmethod
    def of(cls, study: Study) -> "Plan":
        """The plan of a study.

        Raises:
            InvalidInput: the study has to say which metrics to record.
        """
        return cls(study, study.metrics or default_metrics(known_metrics(study)))

    @cached_property
    def document(self) -> dict[str, Any]:
        """The study as plain data, from which it can be made again."""
        return self.study.model_dump(mode="json", by_alias=True)

    @cached_property
    def description(self) -> dict[str, Any]:
        """Everything that the results depend on."""
        document = {key: value for key, value in self.document.items() if key != "title"}
        return {
            **document,
            "scenario": portable_data(self.study.scenario),
            "metrics": list(self.columns),
            "crbeam": {"version": crbeam.__version__, "metrics_version": METRICS_VERSION},
        }

    @cached_property
    def fingerprint(self) -> str:
        """Content hash of the description."""
        return hashlib.sha256(canonical_text(self.description).encode()).hexdigest()


def differences(stored: Any, given: Any, path: str = "") -> list[str]:
    """What differs between two descriptions, by dotted path."""
    if stored == given:
        return []
    if isinstance(stored, dict) and isinstance(given, dict):
        keys = dict.fromkeys([*stored, *given])
        return [
            text
            for key in keys
            for text in differences(stored.get(key), given.get(key), f"{path}.{key}" if path else str(key))
        ]
    return [f"`{path}` is {_short(stored)} in the store and {_short(given)} in the study"]


def _short(value: Any) -> str:
    text = canonical_text(value)
    return text if len(text) <= 60 else f"{text[:40]}...{text[-17:]}"
