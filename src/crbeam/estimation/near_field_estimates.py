"""From the observation of a near-field echo to the place of the target."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np
from jaxtyping import Complex, Float

from crbeam.errors import InvalidInput
from crbeam.estimation.music import AngleSearch, music_score, require_curvature, signal_vector, spectrum
from crbeam.estimation.near_field_likelihood import EchoLikelihood
from crbeam.estimation.near_field_model import EchoModel
from crbeam.estimation.path_likelihood import Score
from crbeam.estimation.scoring import maximise
from crbeam.propagation.near_field import grating_aliases

NearFieldMethod = Literal["joint", "two-stage", "music"]
NEAR_FIELD_METHODS: tuple[NearFieldMethod, ...] = get_args(NearFieldMethod)
#: Highest maxima of a grid from which a search is started.
MOST_STARTS = 5
#: Places whose log-likelihoods differ by less cannot be told apart by the observation.
TIE = 6.0
#: Steps of the inverse range in the search over the range alone, for each of the grid's.
FINER = 4
#: Most scores of a search from one start, and of the last search, which ends slowly where the bound, a first-order
#: one, says little about the curvature of the likelihood.
_FIRST_STEPS, _MOST_STEPS = 30, 600

_ScoreAt = Callable[[Float[np.ndarray, "2"]], Score | None]


@dataclass(frozen=True, eq=False)
class TargetEstimate:
    """Where a target is estimated to be.

    Attributes:
        angle_rad: global direction.
        range_m: distance from the reference point of the arrays.
        has_converged: whether all searches ended in a maximum inside the region where targets can be.
    """

    angle_rad: float
    range_m: float
    has_converged: bool


@dataclass(frozen=True, eq=False)
class TargetSearch:
    """A method that locates the target of a link; what does not depend on the observation is computed once.

    `joint`: the place that maximises the likelihood, by Fisher scoring in angle and inverse range from the highest
    maxima of a grid. `two-stage`: the angle by MUSIC, then the range by the likelihood in that direction. `music`: the
    maximum of the MUSIC spectrum over angle and range, for receivers that see curved waves. Gains are concentrated out.

    An array whose antennas are more than half a wavelength apart has grating lobes: other places with nearly the
    same response. All lobes are searched, and the likelihood decides. Where it cannot (with one beam it sees
    the long array alone), the lobe in which the transmission sends most power is taken.

    Attributes:
        model: the link.
        method: how the place is found.

    Reference: li2024 Algorithm 1; li2024 Algorithm 3; li2024 eq. (23); li2024 eq. (50).

    Deviation: Algorithm 3 searches the range by MUSIC (50); here the likelihood is used in both directions, which is
    the same for one beam and no worse for several.

    Deviation: a last step by the likelihood in both unknowns (`joint`) is not in the paper. Two stages alone stay above
    the bound where the array that sees the range tells of the angle as well.
    """

    model: EchoModel
    method: NearFieldMethod = "joint"

    def __post_init__(self) -> None:
        if self.method not in NEAR_FIELD_METHODS:
            known = ", ".join(NEAR_FIELD_METHODS)
            raise InvalidInput(f"The method for near-field echoes must be one of {known}, found `{self.method}`.")
        if self.method == "music":
            require_curvature(self.model)

    @cached_property
    def angles(self) -> AngleSearch:
        """Search for the angle alone."""
        return AngleSearch(self.model)

    def estimate(
        self, observation: Complex[np.ndarray, "chain beam"], *, known_strength: float | None = None
    ) -> TargetEstimate:
        """Place of the target.

        Args:
            observation: in units of the noise.
            known_strength: modulus of the echo's strength, if it is known.
        """
        likelihood = EchoLikelihood(self.model, observation, known_strength)
        if self.method == "two-stage":
            place, inside = self._two_stages(likelihood)
        elif self.method == "music":
            signal = signal_vector(observation)
            place, inside = best_maximum(
                self.model, spectrum(self.model, signal), lambda at: music_score(self.model, signal, at)
            )
        else:
            place, inside = best_maximum(self.model, likelihood.on_grid(), likelihood.score)
        place = settled_lobe(likelihood, place, refine=self.method == "joint")
        return TargetEstimate(float(place[0]), float(1.0 / place[1]), inside)

    def _two_stages(self, likelihood: EchoLikelihood) -> tuple[Float[np.ndarray, "2"], bool]:
        return range_search(likelihood, self.angles.angle_rad(signal_vector(likelihood.observation)))


def range_search(likelihood: EchoLikelihood, angle_rad: float) -> tuple[Float[np.ndarray, "2"], bool]:
    """Most likely place (angle, inverse range) in a direction, and whether it is inside the region of targets.

    Reference: li2024 eq. (23).
    """
    from scipy.optimize import minimize_scalar

    grid = likelihood.model.grid.inverse_range_per_m
    inverse = np.linspace(grid[0], grid[-1], FINER * len(grid))
    energies = likelihood.at(np.full(len(inverse), angle_rad), inverse)
    best = int(np.argmax(energies))
    around = inverse[max(best - 1, 0)], inverse[min(best + 1, len(inverse) - 1)]
    found: Any = minimize_scalar(
        lambda value: -float(likelihood.at(np.array([angle_rad]), np.array([value]))[0]),
        bounds=around,
        method="bounded",
        options={"xatol": 1e-5 * (around[1] - around[0])},
    )
    value, margin = float(np.asarray(found["x"])), 1e-3 * (inverse[1] - inverse[0])
    return np.array([angle_rad, value]), bool(grid[0] + margin < value < grid[-1] - margin)


def best_maximum(
    model: EchoModel, energies: Float[np.ndarray, "angle range"], score_at: _ScoreAt
) -> tuple[Float[np.ndarray, "2"], bool]:
    """Highest of the maxima near the highest ones of a grid, and whether the search ended in one."""
    from scipy.ndimage import maximum_filter

    peaks = np.argwhere((energies == maximum_filter(energies, size=3)) & (energies > 0.0))
    order = np.argsort(-energies[tuple(peaks.T)], kind="stable")[:MOST_STARTS]
    grid = model.grid
    starts = [np.array([grid.angle_rad[row], grid.inverse_range_per_m[column]]) for row, column in peaks[order]]
    found = [maximise(score_at, start, most_iterations=_FIRST_STEPS) for start in starts]
    reached = [each for each in found if each is not None]
    if not reached:
        return np.array([model.facing_rad, grid.inverse_range_per_m[0]]), False
    best = max(reached, key=lambda each: each.score.energy)
    if not best.has_converged:
        best = maximise(score_at, best.point, most_iterations=_MOST_STEPS) or best
    return best.point, best.has_converged


def settled_lobe(likelihood: EchoLikelihood, place: Float[np.ndarray, "2"], *, refine: bool) -> Float[np.ndarray, "2"]:
    """The place itself, or that of its grating aliases that the observation or else the transmission speaks for."""
    model = likelihood.model
    places = [place, *_aliases(model, place)]
    if len(places) == 1:
        return place
    if refine:
        found = [maximise(likelihood.score, each, most_iterations=_FIRST_STEPS) for each in places[1:]]
        places = [place, *(each.point for each in found if each is not None)]
    energies = likelihood.at(*np.stack(places, axis=1))
    equal = [each for each, energy in zip(places, energies, strict=True) if energy >= energies.max() - TIE]
    return max(equal, key=lambda each: model.lit_w(float(each[0]), float(each[1])))


def _aliases(model: EchoModel, place: Float[np.ndarray, "2"]) -> list[Float[np.ndarray, "2"]]:
    """Grating aliases of a place for the longer array, where targets can be."""
    positions_m = model.longer.positions_m
    if len(positions_m) < 2:
        return []
    aliases = grating_aliases(positions_m, float(place[0]), float(1.0 / place[1]), wavelength_m=model.wavelength_m)
    found = [np.array([alias.angle_rad, 1.0 / alias.range_m]) for alias in aliases]
    return [each for each in found if model.holds(float(each[0]), float(each[1]))]
