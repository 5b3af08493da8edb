"""A scenario as plain data, for provenance."""

from typing import Any

from crbeam.scenario.scenario import Scenario


def scenario_document(scenario: Scenario) -> dict[str, Any]:
    """Keys and SI values of a scenario as a file would have them, with every default written out.

    The document consists of JSON types only; validating or reading it again gives an equal scenario.
    """
    return scenario.model_dump(mode="json", by_alias=True)
