"""Scenarios from files, from presets."""

from collections.abc import Sequence
from dataclasses import replace
from importlib import resources
from pathlib import Path

from crbeam.errors import InvalidScenario
from crbeam.scenario.overrides import apply_overrides, in_override
from crbeam.scenario.problems import Problem, located, validated
from crbeam.scenario.scenario import Scenario
from crbeam.scenario.yaml_document import Document, parse_yaml
from crbeam.units import suggestion

_MAX_BYTES = 2**20
_SUFFIXES = (".yaml", ".yml")
#: Short names of presets, which stand for one of several of a system.
_ALIASES = {"li2024": "li2024-downlink"}


def read_scenario(source: str | Path, *, overrides: Sequence[str] = (), seed: int | None = None) -> Scenario:
    """The scenario of a preset or of a YAML file.

    Arguments:
        source: name of a preset (see `list_presets`), or path of a file; a Path always is a file.
        overrides: texts ``PATH=VALUE`` that replace or add values before validation, such as ``targets.count=1``.
        seed: replaces the seed of the file.

    A path file named in the scenario file is looked up beside it; one named in an override, in the working directory.
    Raises InvalidScenario that names file, line and field of the first mistake, with any others listed below it.
    """
    return validated(scenario_source(source, overrides=overrides, seed=seed))


def scenario_source(
    source: str | Path, *, overrides: Sequence[str] = (), seed: int | None = None, folder: Path | None = None
) -> Document:
    """What `read_scenario` validates: the data of a preset or file, with overrides and the path file's full name.

    A file name is relative to `folder`, by default to the working directory.
    """
    is_preset = isinstance(source, str) and source in _presets()
    place = source if folder is None or is_preset or not _looks_like_path(str(source)) else str(folder / source)
    document, beside = _changed_document(place, overrides, seed)
    return _with_path_file(document, beside) if isinstance(document.value, dict) else document


def locate(
    error: InvalidScenario, source: str | Path, overrides: Sequence[str] = (), seed: int | None = None
) -> InvalidScenario:
    """The error with the file and the line, or the override, that its field comes from.

    For errors that name a field only, because they are found in a scenario after it was read: in contradiction to its
    path file, say. The other arguments are those of `read_scenario`. An error that has its place already, or whose
    source cannot be read, is returned as it is.
    """
    if error.file is not None or error.line is not None:
        return error
    try:
        document, _ = _changed_document(source, overrides, seed)
    except InvalidScenario:
        return error
    keys = error.field.split(".") if error.field else ()
    path = tuple(int(key) if key.isascii() and key.isdigit() else key for key in keys)
    return located(document, Problem(path, error.problem))


def list_presets() -> dict[str, str]:
    """Title of each scenario that comes with the library, by name."""
    named = {name: text for name, text in _presets().items() if name not in _ALIASES}
    return {name: str(_preset(name, text).value.get("title", "")) for name, text in named.items()}


def _changed_document(source: str | Path, overrides: Sequence[str], seed: int | None) -> tuple[Document, Path | None]:
    """The source changed but not validated, with the folder that its file names are relative to."""
    document, folder = _document(source)
    if document.value is None:
        raise InvalidScenario("a scenario must be a mapping, found an empty file", file=document.file)
    if not isinstance(document.value, dict):
        return document, folder
    seeds = () if seed is None else (f"seed={seed}",)
    return apply_overrides(document, (*overrides, *seeds)), folder


def _preset(name: str, text: str) -> Document:
    return parse_yaml(text, f"preset {name}")


def _presets() -> dict[str, str]:
    """YAML text of each preset."""
    folder = resources.files("crbeam.scenario") / "presets"
    files = sorted((file for file in folder.iterdir() if file.name.endswith(_SUFFIXES)), key=lambda file: file.name)
    texts = {file.name.rsplit(".", 1)[0]: file.read_text(encoding="utf-8") for file in files}
    return texts | {alias: texts[name] for alias, name in _ALIASES.items()}


def _document(source: str | Path) -> tuple[Document, Path | None]:
    """The parsed source with the folder that its file names are relative to."""
    if isinstance(source, str):
        presets = _presets()
        if source in presets:
            return _preset(source, presets[source]), None
        if not _looks_like_path(source):
            close = suggestion(source, presets)
            hint = f" Did you mean `{close}`?" if close else ""
            raise InvalidScenario(
                f"`{source}` must be a preset ({', '.join(presets)}) or the path of a YAML file, found neither.{hint}"
            )
    return parse_yaml(read_text(Path(source)), str(source)), Path(source).parent


def _looks_like_path(source: str) -> bool:
    try:
        return source.endswith(_SUFFIXES) or "/" in source or "\\" in source or Path(source).exists()
    except (OSError, ValueError):
        return False


def read_text(path: Path) -> str:
    """Text of a file of at most 1 MiB of UTF-8."""
    try:
        with path.open("rb") as stream:
            content = stream.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        raise InvalidScenario(f"there is no such file{_similar_file(path)}", file=str(path)) from None
    except IsADirectoryError:
        raise InvalidScenario("must be a YAML file, found a directory", file=str(path)) from None
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise InvalidScenario(f"the file cannot be read: {reason}", file=str(path)) from None
    if len(content) > _MAX_BYTES:
        raise InvalidScenario("a file must be at most 1 MiB, found more", file=str(path))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        problem = f"must be UTF-8 text, found the byte 0x{content[error.start]:02X}"
        raise InvalidScenario(problem, file=str(path), line=line) from None


def _similar_file(path: Path) -> str:
    try:
        close = suggestion(path.name, [other.name for other in path.parent.iterdir() if other.name.endswith(_SUFFIXES)])
    except OSError:
        return ""
    return f"; did you mean `{path.with_name(close)}`?" if close else ""


def _with_path_file(document: Document, folder: Path | None) -> Document:
    """The document with the absolute name of an existing path file."""
    path = ("propagation", "paths_file")
    propagation = document.value.get("propagation")
    if not isinstance(propagation, dict):
        return document
    name = propagation.get("paths_file")
    if not isinstance(name, str) or not name.strip():
        return document
    override = document.override_of(path)
    found = ((folder if override is None and folder is not None else Path()) / name).absolute()
    if not found.is_file():
        problem = f"must name an existing path file, found no file `{found}`"
        message = problem if override is None else in_override(override, problem)
        raise InvalidScenario(message, file=document.file, line=document.line_of(path), field=".".join(path))
    return replace(document, value={**document.value, "propagation": {**propagation, "paths_file": str(found)}})
