"""A study: many designs, described once."""

from typing import Annotated, Any

from pydantic import Field, field_validator, model_validator

from crbeam.errors import InvalidScenario
from crbeam.scenario import Scenario, scenario_document
from crbeam.scenario.fields import (
    NAMES_SCHEMA,
    PositiveNumber,
    Quantity,
    ScenarioPart,
    Text,
    Whole,
    check_names,
    field_problem,
)
from crbeam.scenario.reading import scenario_source
from crbeam.studies.values import Anything, AnyValues, Fraction, MethodNames, Texts, Weights

#: Names that axes of scenario fields must not take.
OWN_AXES = ("method", "design_method", "weight", "realisation", "target")
MOST_REALISATIONS = 10_000_000
_SEED = Whole(0, 2**63 - 1)
_APART = Quantity("length", 1e-3, 1e6)
_COSINES_APART = PositiveNumber("a difference of cosines", 1e-9, 2.0)
#: Kinds of distributions.
KINDS = ("uniform", "exponential", "polar", "disc", "choice")


class FieldAxis(ScenarioPart):
    """A scenario field that takes several values."""

    field: Annotated[str, Text("the dotted path of a scenario field, such as `stations.bs.total_power`")] = Field(
        description="Dotted path of a scenario field, such as `stations.bs.total_power`."
    )
    values: Annotated[tuple[Any, ...], AnyValues()] = Field(
        description="Its values, as a scenario file would have them."
    )


class Axes(ScenarioPart):
    """What varies: every combination of the values is a case."""

    method: Annotated[tuple[str, ...], MethodNames()] = Field(
        default=("optimum",), description="Design methods, by name."
    )
    weight: Annotated[tuple[float, ...], Weights()] = Field(
        default=(0.5,), description="Weights of bistatic positioning: a list, or `A:B:N` for N values from A to B."
    )
    realisations: Annotated[int, Whole(1, MOST_REALISATIONS)] = Field(
        default=1, description="Number of realisations: of what `random` declares, each with a seed of its own."
    )
    fields: dict[str, FieldAxis] = Field(
        default={},
        description="Scenario fields, by a name for the axis.",
        json_schema_extra={"propertyNames": NAMES_SCHEMA},
    )

    @field_validator("fields", mode="before")
    @classmethod
    def _name_axes(cls, value: Any) -> Any:
        if not value:
            return {}
        entries = check_names(value, allowed="a mapping from names to fields with their values")
        for name in entries:
            if name in OWN_AXES:
                raise field_problem(f"the name `{name}` has a meaning of its own here; choose another one", (name,))
        return entries


class Distribution(ScenarioPart):
    """How a scenario field is drawn, each item of a list by itself."""

    uniform: Annotated[Any, Anything()] = Field(
        default=None,
        description="Lowest and highest value; for positions two opposite corners of a rectangle.",
        examples=[[["-15 m", "10 m"], ["15 m", "25 m"]]],
    )
    exponential: Annotated[Any, Anything()] = Field(
        default=None, description="Mean of an exponential distribution, as of a fluctuating radar cross section."
    )
    polar: Annotated[Any, Anything()] = Field(
        default=None,
        description="For positions and velocities: least and largest size and direction, each uniform; positions as "
        "seen from the first station, directions as global azimuths.",
        examples=[[["5 m", "30 deg"], ["100 m", "150 deg"]]],
    )
    disc: Annotated[Any, Anything()] = Field(
        default=None,
        description="For positions: centre and radius of a disc over whose area they are uniform.",
        examples=[[["0 m", "0 m"], "150 m"]],
    )
    choice: Annotated[Any, Anything()] = Field(
        default=None, description="A list of values, each as likely as the others.", examples=[[2, 3, 4]]
    )
    apart_m: Annotated[float, _APART] | None = Field(
        default=None, description="Least distance of a drawn position from stations, user and other targets."
    )
    cosines_apart: Annotated[float, _COSINES_APART] | None = Field(
        default=None,
        description="Least difference, from user and other targets, of the cosine of the angle at which the first "
        "station's array sees a drawn position.",
    )

    @model_validator(mode="after")
    def _check_one_kind(self) -> "Distribution":
        given = [name for name in KINDS if getattr(self, name) is not None]
        if len(given) != 1:
            raise field_problem(
                f"must have one of `{'`, `'.join(KINDS)}`, found {' and '.join(given) or 'none of them'}"
            )
        return self


class Randomness(ScenarioPart):
    """What differs between realisations."""

    seed: Annotated[int, _SEED] = Field(default=0, description="Of all draws.")
    phases: bool = Field(
        default=False, description="Whether path phases, or fading channels, are drawn: the scenario's seed varies."
    )
    fields: dict[str, Distribution] = Field(
        default={}, description="Distributions, by dotted path of the scenario field."
    )

    @field_validator("phases", mode="before")
    @classmethod
    def _check_phases(cls, value: Any) -> Any:
        if not isinstance(value, bool):
            raise field_problem(f"must be `true` or `false`, found `{value}`")
        return value


class StoppingRule(ScenarioPart):
    """Ends a study early, once the mean over realisations is known well enough at every point."""

    metric: Annotated[str, Text("the name of a metric, such as `bistatic.user_position_m`")] = Field(
        description="Metric whose mean over the realisations is to be known."
    )
    relative_half_width: Annotated[float, Fraction("half of the interval over the mean", 0.0, 1.0)] = Field(
        description="Half of the confidence interval, divided by the mean, to reach at every point."
    )
    confidence: Annotated[float, Fraction("share of intervals that contain the true mean", 0.0, 1.0)] = Field(
        default=0.95, description="Of the interval (Student's t)."
    )
    every: Annotated[int, Whole(2, MOST_REALISATIONS)] = Field(
        default=100, description="Realisations after which the rule is looked at, again and again."
    )


class Study(ScenarioPart):
    """Many designs: a base scenario, axes, randomness, metrics, a stopping rule.

    The scenario is plain data as in a scenario file, before defaults are filled in; a preset's name, a file's path or
    a `Scenario` given to the constructor is replaced by it. Raises pydantic's ValidationError for wrong arguments;
    `read_study` words them as errors of a file.
    """

    title: Annotated[str, Text("text", may_be_empty=True)] = Field(default="", description="What the study shows.")
    scenario: dict[str, Any] = Field(description="A preset, the path of a scenario file, or a scenario written out.")
    axes: Axes = Field(default=Axes(), description="What varies.")
    random: Randomness = Field(default=Randomness(), description="What differs between realisations.")
    metrics: Annotated[tuple[str, ...], Texts("a list of metrics such as `[objective]`")] = Field(
        default=(), description="What is recorded of each case; by default everything."
    )
    stop: StoppingRule | None = Field(default=None, description="When to stop early; by default never.")
    batch_cases: Annotated[int, Whole(1, 100_000)] = Field(
        default=200, description="Cases that are computed together, and stored together."
    )

    @field_validator("scenario", mode="before")
    @classmethod
    def _as_data(cls, value: Any) -> Any:
        if isinstance(value, Scenario):
            return scenario_document(value)
        if isinstance(value, dict):
            return value
        try:
            return scenario_source(value).value
        except InvalidScenario as error:
            raise field_problem(str(error)) from None
        except TypeError:
            raise field_problem(f"must be a preset, a file or a mapping, found {value!r}") from None

    @model_validator(mode="after")
    def _check(self) -> "Study":
        from crbeam.studies.checks import check_study

        check_study(self)
        return self


__all__ = ["Axes", "Distribution", "FieldAxis", "Randomness", "StoppingRule", "Study"]
