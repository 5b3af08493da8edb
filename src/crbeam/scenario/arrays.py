"""Antenna arrays as element positions in their own frame."""

from typing import Annotated, Literal

import numpy as np
from jaxtyping import Complex, Float
from pydantic import Field, model_validator

from crbeam.errors import InvalidInput
from crbeam.scenario.fields import ListOf, PositiveNumber, Quantity, ScenarioPart, Whole, field_problem

#: Largest array: a covariance matrix over its elements takes 256 MiB.
_MAX_ELEMENTS = 4096
_SPACING = PositiveNumber("spacing in carrier wavelengths", minimum=1e-3, maximum=1e3)
#: Unwrapped phases are welcome as long as no digits are lost in them.
PHASE = Quantity("angle", -1e6, 1e6, unit="rad")


class UniformLinearArray(ScenarioPart):
    """Equally spaced antennas on a line of the local frame, in order of increasing coordinate."""

    elements: Annotated[int, Whole(minimum=1, maximum=_MAX_ELEMENTS)] = Field(description="Number of antenna elements.")
    spacing_wavelengths: Annotated[float, _SPACING] = Field(
        default=0.5,
        description=f"Distance between neighbours, in carrier wavelengths: {_SPACING.limits}.",
        examples=[0.5],
    )
    axis: Literal["x", "y"] = Field(default="x", description="Local axis on which the elements lie.")
    reference: Literal["centre", "first"] = Field(
        default="centre", description="Point of the array to which path phases refer: its centre or its first element."
    )

    @property
    def positions_wavelengths(self) -> Float[np.ndarray, "element 2"]:
        """Element positions in the local frame, relative to the phase reference, in carrier wavelengths.

        Along the axis, with n = 0..N-1: ``spacing * (n - (N - 1) / 2)`` for the centre, ``spacing * n`` for the first.
        """
        offset = (self.elements - 1) / 2 if self.reference == "centre" else 0.0
        positions = np.zeros((self.elements, 2))
        positions[:, 0 if self.axis == "x" else 1] = self.spacing_wavelengths * (np.arange(self.elements) - offset)
        return positions


class AnalogCombiner(ScenarioPart):
    """A network of phase shifters between the antennas of a receiver and its fewer receive chains."""

    dft_beams: (
        Annotated[
            tuple[int, ...],
            ListOf(Whole(0, _MAX_ELEMENTS - 1), "a list of DFT column numbers", 1, _MAX_ELEMENTS),
        ]
        | None
    ) = Field(
        default=None,
        description="Columns of the DFT matrix of the array size, numbered from 0, one for each receive chain.",
        examples=[[0, 3, 5]],
    )
    phases_rad: (
        Annotated[
            tuple[tuple[float, ...], ...],
            ListOf(
                ListOf(PHASE, "a list of angles, one for each antenna", 1, _MAX_ELEMENTS),
                "a list of lists of angles",
                1,
                _MAX_ELEMENTS,
            ),
        ]
        | None
    ) = Field(
        default=None,
        description=f"Phase shifts: for each receive chain, one angle for each antenna, {PHASE.limits}.",
    )

    @model_validator(mode="after")
    def _check_one_kind(self) -> "AnalogCombiner":
        if (self.dft_beams is None) == (self.phases_rad is None):
            found = "neither" if self.dft_beams is None else "both"
            raise field_problem(f"must have either `dft_beams` or `phases`, found {found}")
        return self

    def matrix(self, n: int) -> Complex[np.ndarray, "rx chain"]:
        """Combining vectors W as columns of unit norm; the receiver observes ``W^H y``.

        DFT column k is ``exp(2 pi j k i / n) / sqrt(n)`` for antennas i = 0..n-1; given phases p enter as
        ``exp(j p) / sqrt(n)``. Raises InvalidInput when the combiner does not fit an array of n antennas.
        """
        misfit = self.misfit(n)
        if misfit is not None:
            raise InvalidInput(f"An analog combiner's `{'.'.join(map(str, misfit[0]))}` {misfit[1]}.")
        if self.dft_beams is not None:
            phases = 2.0 * np.pi * np.outer(np.arange(n), self.dft_beams) / n
        else:
            phases = np.array(self.phases_rad).T
        return np.exp(1j * phases) / np.sqrt(n)

    def misfit(self, n: int) -> tuple[tuple[str | int, ...], str] | None:
        """Where and why the combiner does not fit an array of n antennas; None when it fits."""
        if self.dft_beams is not None:
            return _beam_misfit(self.dft_beams, n)
        return _phase_misfit(self.phases_rad or (), n)


def _beam_misfit(beams: tuple[int, ...], n: int) -> tuple[tuple[str | int, ...], str] | None:
    for index, beam in enumerate(beams):
        if beam >= n:
            return ("dft_beams", index), f"must be a column number from 0 to {n - 1} for {n} antennas, found `{beam}`"
        if beam in beams[:index]:
            return ("dft_beams", index), f"must differ from the other columns, found `{beam}` twice"
    return None


def _phase_misfit(phases_rad: tuple[tuple[float, ...], ...], n: int) -> tuple[tuple[str | int, ...], str] | None:
    for index, row in enumerate(phases_rad):
        if len(row) != n:
            return ("phases", index), f"must have one angle for each of the {n} antennas, found {len(row)}"
    if np.linalg.matrix_rank(np.exp(1j * np.array(phases_rad))) < len(phases_rad):
        return ("phases",), f"must give linearly independent chains, found {len(phases_rad)} dependent ones"
    return None
