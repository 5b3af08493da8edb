"""How a station shares out its pilot symbols between sensing and positioning, and what accuracy is asked for."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from crbeam.scenario.fields import PositiveNumber, Quantity, ScenarioPart, Whole, field_problem

_SHARE = PositiveNumber("the share of the symbols that monostatic sensing gets", 0.0, 1.0)
_SPEED = Quantity("speed", 1e-3, 1e4)
_ACCURACY = Quantity("length", 1e-9, 1e6, unit="m")
_WEIGHT = PositiveNumber("a weight", 0.0, 1e12)
_SPEED_ACCURACY = Quantity("speed", 1e-9, 1e6)


class Protocol(ScenarioPart):
    """Monostatic sensing first, a message with what it found, then bistatic positioning.

    Reference: hamrouni2026 eqs. (16), (17).
    """

    sensing_share: Annotated[float, _SHARE] | None = Field(
        default=0.5,
        description="Share of the symbols, those of the message left out, that monostatic sensing gets: "
        f"{_SHARE.limits}; null lets the design choose it, which needs interleaved symbols.",
    )
    message_symbols: Annotated[int, Whole(0, 10**9)] = Field(
        default=1, description="Number of symbols that tell the user what sensing found."
    )
    order: Literal["contiguous", "interleaved"] = Field(
        default="contiguous",
        description="Whether sensing gets the first symbols and positioning the last, or both get symbols over the "
        "whole interval.",
    )
    coherence: Literal["ignored", "inverse_speed", "coherence_time"] = Field(
        default="ignored",
        description="Which symbols count: all; those of a number of slots that falls as the inverse of the user's "
        "speed; or those within half a wavelength of the user's way (hamrouni2026 eq. (1)).",
    )
    reference_speed_mps: Annotated[float, _SPEED] = Field(
        default=5.0, description=f"Speed up to which `inverse_speed` counts all slots: {_SPEED.limits}."
    )

    @model_validator(mode="after")
    def _check_free_share(self) -> "Protocol":
        if self.sensing_share is None and self.order != "interleaved":
            raise field_problem(
                "must be a number with contiguous symbols, whose information is not proportional to their share; "
                "found null: write a share, or `order: interleaved`",
                ("sensing_share",),
                ("order",),
            )
        return self


class Requirements(ScenarioPart):
    """Root bounds that are wanted, by which errors in position and speed are weighed against one another.

    Reference: hamrouni2026 Table II.
    """

    loss: Literal["trace", "hinge2"] = Field(
        default="trace",
        description="What a design minimises: the sum of squared ratios of root bounds to requirements, or of the "
        "squares of what these ratios exceed 1 by.",
    )
    user_position_m: Annotated[float, _ACCURACY] = Field(
        default=0.1, description=f"Of the user's position by bistatic positioning: {_ACCURACY.limits}."
    )
    user_velocity_mps: Annotated[float, _SPEED_ACCURACY] = Field(
        default=10.0, description=f"Of the user's velocity by bistatic positioning: {_SPEED_ACCURACY.limits}."
    )
    target_position_m: Annotated[float, _ACCURACY] = Field(
        default=0.2,
        description=f"Of the targets after both stages, as root mean square over targets: {_ACCURACY.limits}.",
    )
    sensing_user_position_m: Annotated[float, _ACCURACY] = Field(
        default=0.5, description=f"Of the user's position by monostatic sensing alone: {_ACCURACY.limits}."
    )
    sensing_target_position_m: Annotated[float, _ACCURACY] = Field(
        default=1.0,
        description="Of the targets by monostatic sensing alone, as root mean square over targets: "
        f"{_ACCURACY.limits}.",
    )
    user_position_weight: Annotated[float, _WEIGHT] = Field(
        default=1.0, description=f"How much the term of `user_position` counts in the loss: {_WEIGHT.limits}."
    )
    user_velocity_weight: Annotated[float, _WEIGHT] = Field(
        default=1.0, description=f"How much the term of `user_velocity` counts in the loss: {_WEIGHT.limits}."
    )
    target_position_weight: Annotated[float, _WEIGHT] = Field(
        default=1.0, description=f"How much the term of `target_position` counts in the loss: {_WEIGHT.limits}."
    )
    sensing_user_position_weight: Annotated[float, _WEIGHT] = Field(
        default=1.0, description=f"How much the term of `sensing_user_position` counts in the loss: {_WEIGHT.limits}."
    )
    sensing_target_position_weight: Annotated[float, _WEIGHT] = Field(
        default=1.0, description=f"How much the term of `sensing_target_position` counts in the loss: {_WEIGHT.limits}."
    )

    @model_validator(mode="after")
    def _check_weights(self) -> "Requirements":
        if not any(getattr(self, name) for name in type(self).model_fields if name.endswith("_weight")):
            raise field_problem(
                "must be positive, or that of another term, found 0 for all terms of the loss; leave weights out for 1",
                ("user_position_weight",),
            )
        return self

    def weight_of(self, term: str) -> float:
        """How much a term of the loss counts, such as `sensing_target_position`."""
        return getattr(self, f"{term}_weight")
