"""Studies from files."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from crbeam.errors import InvalidScenario
from crbeam.scenario.problems import Problem, located, validated, validated_as
from crbeam.scenario.reading import read_text, scenario_source
from crbeam.scenario.yaml_document import Document, parse_yaml
from crbeam.studies.study import Study


def read_study(source: str | Path, *, overrides: Sequence[str] = ()) -> Study:
    """The study of a YAML file.

    Args:
        source: path of the file. A scenario file that it names is looked up beside it.
        overrides: texts `PATH=VALUE` that change the base scenario, such as `targets.count=1`.

    Raises:
        InvalidScenario: names file, line and field of the first mistake, of the study or of its scenario.
    """
    path = Path(source)
    document = parse_yaml(read_text(path), str(source))
    if isinstance(document.value, dict) and document.value.get("scenario") is not None:
        document = _with_scenario(document, path.parent, overrides)
    return validated_as(document, Study, "a study")


def _with_scenario(document: Document, folder: Path, overrides: Sequence[str]) -> Document:
    """The document with the data of the scenario in place of its name."""
    named = document.value["scenario"]
    if isinstance(named, dict):
        _check_inline(document, named)
        return document
    try:
        if not isinstance(named, str):
            raise InvalidScenario("must be a preset, the path of a scenario file, or a scenario written out")
        found = scenario_source(named, overrides=overrides, folder=folder)
        validated(found)
    except InvalidScenario as error:
        if error.file is not None:
            raise
        raise located(document, Problem(("scenario",), error.problem)) from None
    return replace(document, value={**document.value, "scenario": found.value})


def _check_inline(document: Document, data: dict) -> None:
    """Problems of a scenario inside the study's file have its lines."""
    lines = {path[1:]: line for path, line in document.lines.items() if path[:1] == ("scenario",)}
    validated(Document(data, document.file, lines))
