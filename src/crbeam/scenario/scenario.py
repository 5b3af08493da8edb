"""A scenario: everything that is declared about the world before physics and design begin."""

import math
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from crbeam.errors import InvalidInput
from crbeam.scenario.consistency import (
    DOUBLE_ARRAY_SYSTEMS,
    MULTISTATIC_SYSTEMS,
    SEQUENTIAL_SYSTEMS,
    SYSTEMS_WITHOUT_USER,
    check_consistency,
)
from crbeam.scenario.fields import NAMES_SCHEMA, ScenarioPart, Text, Whole, check_names, consequence, field_problem
from crbeam.scenario.links import USER, Link, Propagation
from crbeam.scenario.multistatic import Multistatic, Receivers
from crbeam.scenario.network import Network
from crbeam.scenario.protocol import Protocol, Requirements
from crbeam.scenario.service import Sensing, ServedUsers
from crbeam.scenario.stations import Station, Targets, User
from crbeam.scenario.waveform import Noise, Waveform
from crbeam.units import suggestion

if TYPE_CHECKING:
    PositionedUser = User
else:
    #: None in systems that position no user; nothing asks for it there.
    PositionedUser = User | None


class Scenario(ScenarioPart):
    """The declared world: stations, user, targets, waveform, noise, links, propagation.

    Every value is SI. Scenario files and Python constructors go through the same checks; attribute names carry the unit
    (`waveform.carrier_frequency_hz`), the keys of files do not (`carrier_frequency`).
    """

    title: Annotated[str, Text("text", may_be_empty=True)] = Field(default="", description="What the scenario shows.")
    system: Literal["zhang2025", "hamrouni2026", "li2024", "wang2024", "xu2023"] = Field(
        description="Published system whose links and unknown parameters are used: zhang2025 "
        "(joint bistatic positioning and monostatic sensing), hamrouni2026 (a moving user, sensing first), "
        "li2024 (a near-field target located by two arrays at one place, which serve users), "
        "wang2024 (one transmitter, many receivers, a moving target), "
        "xu2023 (a network of stations, one of which listens for a target while the others serve users)."
    )
    seed: Annotated[int, Whole(minimum=0, maximum=2**63 - 1)] | None = Field(
        default=None,
        description="Draws every path phase uniformly, and shadowing; without a seed all phases are zero and nothing "
        "is shadowed.",
    )
    stations: dict[str, Station] = Field(
        description="The stations, by name.",
        json_schema_extra={"minProperties": 1, "propertyNames": NAMES_SCHEMA},
    )
    user: PositionedUser = Field(
        default=None,
        validate_default=True,
        description="The device to be positioned; left out in the systems li2024, wang2024 and xu2023.",
    )
    targets: Targets = Field(
        default=None,  # pyright: ignore[reportArgumentType]  # resolved below, never None in an instance
        validate_default=True,
        description="Passive scatterers to be located; none when left out.",
    )
    waveform: Waveform = Field(description="The transmitted waveform.")
    noise: Noise = Field(description="Receiver noise.")
    links: dict[str, Link] = Field(
        description="The observed links, by name.",
        json_schema_extra={"minProperties": 1, "propertyNames": NAMES_SCHEMA},
    )
    propagation: Propagation = Field(
        default=None,  # pyright: ignore[reportArgumentType]  # resolved below, never None in an instance
        validate_default=True,
        description="Choices of the propagation model: amplitudes, phases, recorded paths.",
    )
    protocol: Protocol | None = Field(
        default=None,
        validate_default=True,
        description="How symbols are shared out between sensing and positioning; for the system hamrouni2026 only.",
    )
    requirements: Requirements | None = Field(
        default=None,
        validate_default=True,
        description="Accuracies by which errors are weighed; for the system hamrouni2026 only.",
    )

    served_users: ServedUsers | None = Field(
        default=None, description="Communication users that are served besides; for the system li2024 only."
    )
    sensing: Sensing | None = Field(
        default=None,
        validate_default=True,
        description="The echo of the target and what is made of it; for the system li2024 only.",
    )

    receivers: Receivers | None = Field(
        default=None, description="Receivers of what one station transmits; for the system wang2024 only."
    )
    multistatic: Multistatic | None = Field(
        default=None,
        validate_default=True,
        description="The moving target and what receivers make of its echo; for the system wang2024 only.",
    )

    network: Network | None = Field(
        default=None,
        description="Users that any station may serve, and the accuracy asked for a target; for the system xu2023 "
        "only.",
    )

    @field_validator("user", mode="before")
    @classmethod
    def _require_user(cls, value: Any, info: Any) -> Any:
        if value is None and "system" not in info.data:
            raise consequence()
        if value is None and info.data["system"] not in SYSTEMS_WITHOUT_USER:
            raise field_problem("must be given, found nothing. The device to be positioned.")
        return value

    @field_validator("sensing", mode="before")
    @classmethod
    def _default_sensing(cls, value: Any, info: Any) -> Any:
        return Sensing() if value is None and info.data.get("system") in DOUBLE_ARRAY_SYSTEMS else value

    @field_validator("multistatic", mode="before")
    @classmethod
    def _default_multistatic(cls, value: Any, info: Any) -> Any:
        return Multistatic() if value is None and info.data.get("system") in MULTISTATIC_SYSTEMS else value

    @field_validator("stations", mode="before")
    @classmethod
    def _name_stations(cls, value: Any) -> Any:
        return check_names(value, allowed="a mapping from names to stations", reserved=USER)

    @field_validator("links", mode="before")
    @classmethod
    def _name_links(cls, value: Any) -> Any:
        return check_names(value, allowed="a mapping from names to links", reserved="fused")

    @field_validator("targets", mode="before")
    @classmethod
    def _without_targets(cls, value: Any) -> Any:
        return Targets(count=0) if value is None else value

    @field_validator("propagation", mode="before")
    @classmethod
    def _default_propagation(cls, value: Any) -> Any:
        return Propagation() if value is None else value

    @field_validator("protocol", mode="before")
    @classmethod
    def _default_protocol(cls, value: Any, info: Any) -> Any:
        return Protocol() if value is None and info.data.get("system") in SEQUENTIAL_SYSTEMS else value

    @field_validator("requirements", mode="before")
    @classmethod
    def _default_requirements(cls, value: Any, info: Any) -> Any:
        return Requirements() if value is None and info.data.get("system") in SEQUENTIAL_SYSTEMS else value

    @model_validator(mode="after")
    def _check_consistency(self) -> "Scenario":
        check_consistency(self)
        return self

    @property
    def noise_power_w(self) -> float:
        """Noise power of one antenna on one subcarrier: ``figure * density * subcarrier spacing``.

        Reference: zhang2025 section VII-A.
        """
        return self.noise.figure * self.noise.density_w_per_hz * self.waveform.subcarrier_spacing_hz

    def power_per_subcarrier_w(self, station: str) -> float:
        """Power budget of a station on one subcarrier, summed over the slots: ``total_power / subcarriers``.

        Raises InvalidInput for an unknown station. Reference: zhang2025 eq. (11b).
        """
        return self._station(station).total_power_w / self.waveform.subcarriers

    def antenna_power_per_subcarrier_w(self, station: str) -> float:
        """The most that an antenna of a station sends on one subcarrier, summed over the slots; infinite without limit.

        Raises InvalidInput for an unknown station.
        """
        most_w = self._station(station).power_per_antenna_w
        return math.inf if most_w is None else most_w / self.waveform.subcarriers

    def _station(self, name: str) -> Station:
        if name not in self.stations:
            close = suggestion(name, self.stations)
            hint = f" Did you mean `{close}`?" if close else ""
            raise InvalidInput(f"A station must be one of {', '.join(self.stations)}, found `{name}`.{hint}")
        return self.stations[name]
