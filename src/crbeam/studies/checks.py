"""What a study must fulfil beyond the form of its parts."""

from collections.abc import Iterator
from itertools import islice, product
from typing import TYPE_CHECKING

from pydantic_core import PydanticCustomError

from crbeam.errors import CrbeamError, InvalidInput, InvalidScenario
from crbeam.scenario import Scenario
from crbeam.scenario.fields import FieldPath, field_problem
from crbeam.scenario.overrides import with_value
from crbeam.scenario.problems import validated
from crbeam.scenario.yaml_document import Document
from crbeam.studies.metrics import default_metrics, metric_names, unit_of_objective
from crbeam.studies.scenario_fields import require_possible
from crbeam.studies.values import unknown_name

if TYPE_CHECKING:
    from crbeam.studies.study import Study

#: Path of the number of targets, on which it depends what metrics there are.
TARGET_COUNT = "targets.count"
#: Most cases of a study.
MOST_CASES = 100_000_000
#: Most combinations of field values that are looked at to find out which metrics there are.
_MOST_LOOKED_AT = 1000
#: Most of them whose design problems are looked at.
_MOST_PROBLEMS = 8


def check_study(study: "Study") -> None:
    """Raise the first problem of a study as a field problem."""
    check_scenario(study)
    _check_fields(study)
    _check_random(study)
    _check_axis_values(study)
    _check_size(study)
    _check_metrics(study)


def check_scenario(study: "Study") -> None:
    """The base scenario alone is a scenario."""
    try:
        validated(Document(study.scenario, None))
    except InvalidScenario as error:
        where = f"`{error.field}` " if error.field else ""
        raise field_problem(f"must be a scenario, but {where}{error.problem}", ("scenario",)) from None


def _check_fields(study: "Study") -> None:
    """Every axis has a field of its own, which nothing else sets."""
    taken = {"seed": "random.phases"} if study.random.phases else {}
    taken |= dict.fromkeys(study.random.fields, "random.fields")
    for name, axis in study.axes.fields.items():
        if axis.field in taken:
            raise field_problem(
                f"must be a field that nothing else sets, but `{axis.field}` is set by `{taken[axis.field]}` too",
                ("axes", "fields", name, "field"),
            )
        taken[axis.field] = f"axes.fields.{name}"


def _check_random(study: "Study") -> None:
    from crbeam.studies.distributions import check_distribution

    for path, distribution in study.random.fields.items():
        try:
            check_distribution(path, distribution)
        except PydanticCustomError as error:
            below: tuple[FieldPath, ...] = (error.context or {})["paths"]
            places = tuple(("random", "fields", path, *place) for place in below)
            raise field_problem(error.message(), *places) from None


def _check_axis_values(study: "Study") -> None:
    """Each value of an axis is possible for its field; whether it fits the others shows in each case."""
    for name, axis in study.axes.fields.items():
        place = ("axes", "fields", name)
        try:
            with_value(Document(study.scenario, None), axis.field.split("."), axis.values[0], axis.field)
        except InvalidScenario as error:
            raise field_problem(error.problem.partition(": ")[2], (*place, "field")) from None
        for index, value in enumerate(axis.values):
            try:
                require_possible(axis.field, value)
            except InvalidInput as error:
                raise field_problem(str(error), (*place, "values", index)) from None
            except PydanticCustomError as error:
                raise field_problem(error.message(), (*place, "values", index)) from None


def _check_size(study: "Study") -> None:
    counts = {
        "realisations": study.axes.realisations,
        "method": len(study.axes.method),
        "weight": len(study.axes.weight),
        **{name: len(axis.values) for name, axis in study.axes.fields.items()},
    }
    total = 1
    for count in counts.values():
        total *= count
    if total > MOST_CASES:
        factors = " x ".join(f"{count} {name}" for name, count in counts.items())
        raise field_problem(f"must give at most {MOST_CASES} cases, found {total} ({factors})", ("axes",))


def _check_metrics(study: "Study") -> None:
    if not study.metrics and study.stop is None:
        return
    known = known_metrics(study)
    for index, name in enumerate(study.metrics):
        if name not in known:
            raise field_problem(unknown_name("a metric", name, known), ("metrics", index))
    if study.stop is None:
        return
    try:
        columns = study.metrics or default_metrics(known)
    except InvalidInput as error:
        raise field_problem(str(error), ("metrics",)) from None
    if study.stop.metric not in columns:
        raise field_problem(unknown_name("a recorded metric", study.stop.metric, list(columns)), ("stop", "metric"))


def known_metrics(study: "Study") -> list[str]:
    """Every metric that some case of the study can have."""
    scenarios: dict[tuple, Scenario] = {}
    for scenario in islice(_scenes(study), _MOST_LOOKED_AT):
        scenarios.setdefault((tuple(scenario.links), scenario.targets.count), scenario)
    return metric_names(scenarios.values())


def objective_unit(study: "Study") -> str:
    """Unit of the objective of the study's designs, or units with `or` between them; `1` if it has no design."""
    from crbeam.design.methods import method_named

    methods = [method_named(name) for name in study.axes.method]
    found = (unit_of_objective(scenario, methods) for scenario in islice(_scenes(study), _MOST_PROBLEMS))
    return " or ".join(dict.fromkeys(unit for unit in found if unit is not None)) or "1"


def _scenes(study: "Study") -> Iterator[Scenario]:
    """Scenes of the first realisation, for every combination of values for which there is one."""
    from crbeam.studies.scenes import scene

    counts = [range(len(axis.values)) for axis in study.axes.fields.values()]
    for variant in _with_each_count(study):
        for choice in product(*counts):
            try:
                yield scene(variant, choice, 0)
            except CrbeamError:
                continue


def _with_each_count(study: "Study") -> list["Study"]:
    """The study itself; if the number of targets is drawn, one for each number that it can have."""
    drawn = study.random.fields.get(TARGET_COUNT)
    if drawn is None:
        return [study]
    fields = {path: law for path, law in study.random.fields.items() if path != TARGET_COUNT}
    random = study.random.model_copy(update={"fields": fields})
    bases = [
        with_value(Document(study.scenario, None), TARGET_COUNT.split("."), count, TARGET_COUNT).value
        for count in drawn.choice
    ]
    return [study.model_copy(update={"scenario": base, "random": random}) for base in bases]
