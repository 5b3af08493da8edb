"""Powers of all methods over the same random draws."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float

from crbeam.evaluation.error_statistics import Interval, share
from crbeam.papers.claims import NotMeasured
from crbeam.papers.runs import PaperRun
from crbeam.papers.xu2023.levels import level_db
from crbeam.papers.xu2023.scenes import (
    EXACT,
    FITTED,
    LISTENING_AXIS,
    RATIO_AXIS,
    STATIONS,
    algorithm_drops_study,
    algorithm_study,
    drops_study,
    fading_study,
    receivers_study,
)

if TYPE_CHECKING:
    import xarray

_PROVEN = "Infeasible"


@dataclass(frozen=True, eq=False)
class Powers:
    """What one method takes in every draw and at every point of an axis.

    Attributes:
        power_w: not a number where there is no design.
        lower_bound_w: proven for any design; not a number where there is none.
        infeasible: whether it is proven that the method's choices cannot meet the requirements.
    """

    power_w: Float[np.ndarray, "draw point"]
    lower_bound_w: Float[np.ndarray, "draw point"]
    infeasible: Bool[np.ndarray, "draw point"]

    @property
    def feasible(self) -> Bool[np.ndarray, "draw point"]:
        """Whether there is a design."""
        return np.isfinite(self.power_w)

    @property
    def or_infinite_w(self) -> Float[np.ndarray, "draw point"]:
        """Power, infinite where there is no design."""
        return np.where(self.feasible, self.power_w, np.inf)

    @property
    def failed(self) -> int:
        """Number of cases without a design and without a proof that there is none."""
        return int(np.sum(~self.feasible & ~self.infeasible))

    @property
    def gap_db(self) -> Float[np.ndarray, "draw point"]:
        """Power over the proven bound."""
        return level_db(self.power_w / self.lower_bound_w)

    def infeasible_share(self, point: int) -> Interval:
        """Share of the draws in which nothing meets the requirements.

        Raises `NotMeasured` if every draw failed.
        """
        decided = self.feasible[:, point] | self.infeasible[:, point]
        if not decided.any():
            raise NotMeasured("There is no draw with a design or a proof that there is none.")
        return share(int(self.infeasible[:, point].sum()), int(decided.sum()))


@dataclass(frozen=True, eq=False)
class Drops:
    """Random places of users and target.

    Attributes:
        ratios_db: least ratio of the users, the points of the powers.
        powers: by method.
    """

    ratios_db: tuple[float, ...]
    powers: Mapping[str, Powers]


@dataclass(frozen=True, eq=False)
class Fading:
    """Draws of the channels in the setting of Fig. 2.

    Attributes:
        powers: by method, at one point.
        receivers: optimum for each station that listens, the points in the order of the stations.
    """

    powers: Mapping[str, Powers]
    receivers: Powers

    @property
    def count(self) -> int:
        """Number of draws."""
        return len(self.receivers.power_w)

    @property
    def selected(self) -> tuple[str, ...]:
        """The listening station of least power in each draw.

        Raises `NotMeasured` if a draw has none.
        """
        power_w = self.receivers.or_infinite_w
        if np.any(np.isinf(power_w.min(axis=1))):
            raise NotMeasured("There is a draw in which no station can listen.")
        return tuple(STATIONS[place] for place in np.argmin(power_w, axis=1))

    def selection(self, station: str) -> Interval:
        """How often a station is selected."""
        return share(self.selected.count(station), self.count)

    def excess_db(self, method: str) -> Float[np.ndarray, " draw"]:
        """Power of a method over that of the exact one; not a number where there is no design.

        Raises `NotMeasured` if the method was not tried.
        """
        return excess_db(self.powers, method)[:, 0]


def excess_db(powers: Mapping[str, Powers], method: str) -> Float[np.ndarray, "draw point"]:
    """Power of a method over that of the exact one, in the draws that it has; not a number where there is no design.

    Raises `NotMeasured` if the method was not tried.
    """
    if method not in powers or EXACT not in powers:
        raise NotMeasured(f"There are no designs of {method} to compare.")
    power_w = powers[method].power_w
    return level_db(power_w / powers[EXACT].power_w[: len(power_w)])


def fading(run: PaperRun, losses: str) -> Fading:
    """Powers in the setting of Fig. 2 under one reading of the losses; the algorithm under the fitted one."""
    words = losses.replace(" ", "-")
    powers = _by_method(run.results(f"fading-{words}", fading_study(losses, full=run.full), is_long=True))
    if losses == FITTED:
        powers |= _by_method(run.results("fading-algorithm", algorithm_study(full=run.full), is_long=True))
    receivers = run.results(f"receivers-{words}", receivers_study(losses, full=run.full))
    return Fading(powers, _powers(receivers, EXACT, (LISTENING_AXIS,)))


def drops(run: PaperRun) -> Drops:
    """Powers over the least ratio of the users, at random places."""
    results = run.results("drops", drops_study(full=run.full), is_long=True)
    ratios = level_db(results[RATIO_AXIS].to_numpy())
    algorithm = run.results("drops-algorithm", algorithm_drops_study(full=run.full), is_long=True)
    powers = {**_by_method(results, (RATIO_AXIS,)), **_by_method(algorithm, (RATIO_AXIS,))}
    return Drops(tuple(round(float(ratio), 6) for ratio in ratios), powers)


def _by_method(results: "xarray.Dataset", axes: tuple[str, ...] = ()) -> dict[str, Powers]:
    return {str(name): _powers(results, str(name), axes) for name in results["design_method"].to_numpy()}


def _powers(results: "xarray.Dataset", method: str, axes: tuple[str, ...]) -> Powers:
    part = results.sel(design_method=method).isel(weight=0)

    def values(name: str) -> np.ndarray:
        stack = part[name].transpose("realisation", *axes).to_numpy()
        return stack if axes else stack[:, None]

    meanings = part["error"].attrs["flag_meanings"].split()
    proven = meanings.index(_PROVEN) if _PROVEN in meanings else -1
    return Powers(values("objective"), values("lower_bound"), values("error") == proven)
