"""JSON schema of scenario files, by which editors complete them."""

from typing import Any

from crbeam.scenario.scenario import Scenario


def scenario_json_schema() -> dict[str, Any]:
    """JSON schema (draft 2020-12) of a scenario file: every key with its description, units and examples."""
    schema = _tidy(Scenario.model_json_schema(by_alias=True, mode="validation"))
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "crbeam scenario"
    return schema


def _tidy(schema: Any) -> Any:
    """Without the titles that repeat key names; whatever has null as its default may be written as null."""
    if isinstance(schema, list):
        return [_tidy(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    tidy = {key: _tidy(value) for key, value in schema.items() if key != "title" or not isinstance(value, str)}
    if isinstance(tidy.get("properties"), dict):
        tidy["properties"] = {key: _nullable(value) for key, value in tidy["properties"].items()}
    return tidy


def _nullable(field: dict[str, Any]) -> dict[str, Any]:
    if "default" not in field or field["default"] is not None or {"type": "null"} in field.get("anyOf", []):
        return field
    about = {key: field[key] for key in ("description", "default", "examples") if key in field}
    value = {key: part for key, part in field.items() if key not in about}
    return {**about, "anyOf": [*(value["anyOf"] if set(value) == {"anyOf"} else [value]), {"type": "null"}]}
