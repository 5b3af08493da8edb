"""A scenario some time later, when its user has moved on."""

from crbeam.errors import InvalidInput, InvalidScenario
from crbeam.scenario import Scenario, scenario_document
from crbeam.scenario.problems import validated
from crbeam.scenario.yaml_document import Document


def with_user_after(scenario: Scenario, time_s: float, *, when: str) -> Scenario:
    """The scenario after its user has moved on for some time at its velocity, `p + time v`; all else stays.

    Phases and shadowing of paths are among what stays. The result is checked as any scenario is.

    Args:
        scenario: now; its user has a velocity, and its paths are traced.
        time_s: how long the user moves.
        when: the time in words of the caller, for the error.

    Raises:
        InvalidInput: the user would be where a station or a target is, or at no possible place.
    """
    velocity_mps = scenario.user.velocity_mps
    assert velocity_mps is not None
    places_m = [place + time_s * speed for place, speed in zip(scenario.user.position_m, velocity_mps, strict=True)]
    document = scenario_document(scenario)
    moved = {**document, "user": {**document["user"], "position": places_m}}
    try:
        return validated(Document(moved, file=None))
    except InvalidScenario as error:
        raise InvalidInput(
            f"The user must keep to possible places as it moves on, but {when} (after {time_s:.4g} s) its "
            f"`{error.field}` {error.problem}. Start elsewhere, or change the velocity or the time."
        ) from None
