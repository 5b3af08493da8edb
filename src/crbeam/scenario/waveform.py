"""The transmitted waveform's grid of subcarriers, slots, symbols."""

from typing import Annotated

import numpy as np
from jaxtyping import Int
from pydantic import Field, model_validator

from crbeam.scenario.fields import Quantity, ScenarioPart, Whole, field_problem
from crbeam.units import format_quantity

SPEED_OF_LIGHT_MPS = 299792458.0
_FREQUENCY = Quantity("frequency", above=0.0, limits="a frequency above 0 Hz")


class Waveform(ScenarioPart):
    """An OFDM waveform: carrier, occupied band, time slots of one beam pattern each."""

    carrier_frequency_hz: Annotated[float, _FREQUENCY] = Field(description="Carrier frequency, such as `28 GHz`.")
    bandwidth_hz: Annotated[float, _FREQUENCY] = Field(
        description="Band of all subcarriers together, such as `120 MHz`."
    )
    subcarriers: Annotated[int, Whole(minimum=1, maximum=2**20)] = Field(description="Number of subcarriers.")
    first_subcarrier: Annotated[int, Whole()] = Field(
        default=1, description="Index of the first subcarrier; delays turn phases by 2 pi index spacing delay."
    )
    slots: Annotated[int, Whole(minimum=1)] = Field(
        description="Number of time slots, each with a beam pattern of its own."
    )
    symbols_per_slot: Annotated[int, Whole(minimum=1)] = Field(description="Number of pilot symbols in each slot.")

    @model_validator(mode="after")
    def _check_band(self) -> "Waveform":
        if self.bandwidth_hz > self.carrier_frequency_hz:
            raise field_problem(
                f"must not exceed the carrier frequency {format_quantity(self.carrier_frequency_hz, 'frequency')}, "
                f"found {format_quantity(self.bandwidth_hz, 'frequency')}",
                ("bandwidth",),
                ("carrier_frequency",),
            )
        return self

    @property
    def subcarrier_spacing_hz(self) -> float:
        """Distance of neighbouring subcarriers: ``bandwidth / subcarriers``."""
        return self.bandwidth_hz / self.subcarriers

    @property
    def wavelength_m(self) -> float:
        """Wavelength of the carrier: ``c / carrier_frequency`` with c = 299792458 m/s."""
        return SPEED_OF_LIGHT_MPS / self.carrier_frequency_hz

    @property
    def subcarrier_indices(self) -> Int[np.ndarray, "subcarrier"]:
        """Index m of every subcarrier."""
        return np.arange(self.first_subcarrier, self.first_subcarrier + self.subcarriers)


class Noise(ScenarioPart):
    """Thermal noise of a receiver."""

    density_w_per_hz: Annotated[float, Quantity("power density", above=0.0, limits="a power density above 0 W/Hz")] = (
        Field(description="Power spectral density of the noise before the receiver, such as `-173.855 dBm/Hz`.")
    )
    figure: Annotated[
        float, Quantity("gain ratio", at_least=1.0, limits="a noise figure of 0 dB (ratio 1) or more")
    ] = Field(description="Noise figure of the receivers, such as `10 dB`; a plain number is the linear ratio.")
