"""The transmitted waveform's grid of subcarriers, slots, symbols."""

from typing import Annotated

import numpy as np
from jaxtyping import Int
from pydantic import Field, model_validator

from crbeam.scenario.fields import Quantity, ScenarioPart, Whole, field_problem
from crbeam.units import format_quantity

SPEED_OF_LIGHT_MPS = 299792458.0
_CARRIER = Quantity("frequency", 1e3, 1e15)
_BANDWIDTH = Quantity("frequency", 1.0, 1e13)
_DENSITY = Quantity("power density", 1e-30, 1e-3)
_FIGURE = Quantity("gain ratio", 1.0, 1e6)
_SUBCARRIERS = Whole(1, 2**20)
#: The least index centres the largest grid; far from zero the phases of few subcarriers hardly differ.
_FIRST_SUBCARRIER = Whole(-(2**19), 2**16)
_MANY = Whole(1, 10**9)
_PREFIX = Quantity("time", 0.0, 1.0, unit="s")


class Waveform(ScenarioPart):
    """An OFDM waveform: carrier, occupied band, time slots of one beam pattern each."""

    carrier_frequency_hz: Annotated[float, _CARRIER] = Field(
        description=f"Carrier frequency, such as `28 GHz`: {_CARRIER.limits}."
    )
    bandwidth_hz: Annotated[float, _BANDWIDTH] = Field(
        description=f"Band of all subcarriers together, such as `120 MHz`: {_BANDWIDTH.limits}, at most the carrier."
    )
    subcarriers: Annotated[int, _SUBCARRIERS] = Field(description="Number of subcarriers.")
    first_subcarrier: Annotated[int, _FIRST_SUBCARRIER] = Field(
        default=1, description="Index of the first subcarrier; delays turn phases by 2 pi index spacing delay."
    )
    slots: Annotated[int, _MANY] = Field(description="Number of time slots, each with a beam pattern of its own.")
    symbols_per_slot: Annotated[int, _MANY] = Field(description="Number of pilot symbols in each slot.")
    cyclic_prefix_s: Annotated[float, _PREFIX] = Field(
        default=0.0, description=f"Cyclic prefix of each symbol, such as `0.6 us`: {_PREFIX.limits}."
    )

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
    def symbol_duration_s(self) -> float:
        """From the beginning of a symbol to that of the next: ``1 / subcarrier spacing + cyclic prefix``."""
        return 1.0 / self.subcarrier_spacing_hz + self.cyclic_prefix_s

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

    density_w_per_hz: Annotated[float, _DENSITY] = Field(
        description="Power spectral density of the noise before the receiver, such as `-173.855 dBm/Hz`: "
        f"{_DENSITY.limits}."
    )
    figure: Annotated[float, _FIGURE] = Field(
        description="Noise figure of the receivers, such as `10 dB`; a plain number is the linear ratio: "
        f"{_FIGURE.limits}."
    )
