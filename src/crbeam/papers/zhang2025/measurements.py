"""Numbers on which the claims of zhang2025 are judged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from crbeam.papers.claims import NotMeasured

#: What the paper leaves open, as changes of the preset. The first is the default of this library.
READINGS: Mapping[str, tuple[str, ...]] = {
    "default": (),
    "printed amplitude": ("propagation.rcs_amplitude=as_printed",),
    "reversed orientation": ("user.orientation_sign=-1",),
    "first-element reference": ("stations.bs.transmit_array.reference=first", "user.array.reference=first"),
}

#: Readings that change what the analog schemes are judged on.
AMPLITUDES = ("default", "printed amplitude")
#: Full-dimensional beamformer mismatch by square root of the guides; and with roots turned at random.
ROOT_NAMES: Mapping[str, str] = {
    "Hermitian root": "fdb-wbf",
    "Cholesky root": "fdb-wbf:root=cholesky",
    "aligned root": "fdb-wbf:root=procrustes",
}
RANDOM_ROOT = "fdb-wbf:root=random"
#: The paper's analog schemes, full-dimensional and over a codebook.
ANALOG = ("analog-fdb", "analog-cpa")
#: What Fig. 4 shows at weights 0 and 1.
BEAMPATTERN_METHODS = ("fdb-wcrb", "analog-fdb", "cpa-wcrb", "analog-cpa")
#: Kinds of random draws.
PHASES, ROOT_DRAWS, STARTS = "path phases", "square roots", "starts"
#: Families of digital schemes: all covariances, and powers of a codebook.
FAMILIES = ("fdb", "cpa")
#: Relative difference of objectives that counts as none: designs are certified to this.
TIE = 1e-6
#: Mean relative difference of root bounds from which one scheme is clearly better; path phases alone move them by 1 %.
CLEAR = 0.02
#: Number of targets of the designs that are timed.
TIMED_TARGETS = 3

#: A curve's place: reading (or kind of draw), number of targets, name of the method.
Key = tuple[str, int, str]


@dataclass(frozen=True)
class Curve:
    """Designs of one method at several weights.

    Attributes:
        weights: of bistatic positioning.
        objective_m2: weighted bound of each design.
        lower_bound_m2: proven bound on the objective of any transmission within the power budget (and the codebook).
        positioning_m: root bound of the user; None where it does not exist.
        sensing_m: root bound of all positions; None where it does not exist.
        directed_power_w: power towards the user and each target, `a^H R a`, for each design; empty if not recorded.
    """

    weights: tuple[float, ...]
    objective_m2: tuple[float, ...]
    lower_bound_m2: tuple[float, ...]
    positioning_m: tuple[float | None, ...]
    sensing_m: tuple[float | None, ...]
    directed_power_w: tuple[tuple[float, ...], ...] = ()

    def at(self, weight: float) -> int:
        """Place of a weight; raises `NotMeasured` if there is none."""
        if weight not in self.weights:
            raise NotMeasured(f"No design was made at weight {weight:g}.")
        return self.weights.index(weight)

    def only(self, weights: tuple[float, ...]) -> "Curve":
        """The part at some of the weights."""
        places = [self.at(weight) for weight in weights]
        return Curve(
            weights,
            tuple(self.objective_m2[place] for place in places),
            tuple(self.lower_bound_m2[place] for place in places),
            tuple(self.positioning_m[place] for place in places),
            tuple(self.sensing_m[place] for place in places),
            tuple(self.directed_power_w[place] for place in places if self.directed_power_w),
        )

    @property
    def bounds_m(self) -> Float[np.ndarray, "weight 2"]:
        """Root bounds of the user and of all positions; raises `NotMeasured` where one does not exist."""
        pairs = list(zip(self.positioning_m, self.sensing_m, strict=True))
        if any(value is None for pair in pairs for value in pair):
            raise NotMeasured("A root bound of the curve does not exist.")
        return np.array(pairs, dtype=float)

    @property
    def root_objective_m(self) -> Float[np.ndarray, " weight"]:
        """Root of the objective at each weight."""
        return np.sqrt(self.objective_m2)

    @property
    def gap(self) -> Float[np.ndarray, " weight"]:
        """Certified relative gap of each design."""
        return 1.0 - np.array(self.lower_bound_m2) / self.objective_m2


@dataclass(frozen=True)
class Front:
    """The Pareto front of all transmissions that a family of schemes can choose.

    Attributes:
        weights: of bistatic positioning, densely and close to both ends.
        lower_bound_m2: proven bound on the objective at each weight.
    """

    weights: tuple[float, ...]
    lower_bound_m2: tuple[float, ...]


@dataclass(frozen=True)
class StateInformation:
    """What bistatic observations tell, whatever is transmitted isotropically.

    Attributes:
        unknowns: number of unknown numbers.
        rank: rank of their Fisher information.
        is_identified: whether the user's position is determined.
    """

    unknowns: int
    rank: int
    is_identified: bool


@dataclass(frozen=True)
class Effort:
    """What one design costs.

    Attributes:
        dimensions: size of the covariance after the exact reduction.
        search_seconds: least processor time, of several runs, of finding the covariance, reduction included.
        seconds: the same of the whole design, certificate in the full antenna space included.
    """

    dimensions: int
    search_seconds: float
    seconds: float


@dataclass(frozen=True)
class Measurements:
    """All numbers that the claims are judged on.

    Attributes:
        curves: trade-off curves by reading, number of targets, method; text says why one is missing.
        fronts: the front of each family (`fdb`, `cpa`), likewise.
        ends: designs at weights 0 and 1, likewise.
        draws: a curve for each random draw, by kind of draw, number of targets, method; text where missing.
        seed: of the draws.
        descents: mismatch of the alternating algorithm by weight, then start by start: at the start, then after each
            outer iteration.
        pattern_errors: relative pattern error of the analog imitation of each derivative codeword.
        information: of the bistatic link, by number of targets.
        efforts: of one design with `TIMED_TARGETS` targets, by number of antennas.
        analog_decreases: relative decrease of the objective by `analog-wcrb` against the better of the paper's analog
            schemes, for each random scene; text says why it is missing.
    """

    curves: Mapping[Key, Curve | str]
    fronts: Mapping[Key, Front | str]
    ends: Mapping[Key, Curve | str]
    draws: Mapping[Key, tuple[Curve, ...] | str]
    seed: int
    descents: Mapping[float, tuple[tuple[float, ...], ...]] | str
    pattern_errors: tuple[float, ...] | str
    information: Mapping[int, StateInformation]
    efforts: Mapping[int, Effort]
    analog_decreases: tuple[float, ...] | str

    def curve(self, reading: str, n_targets: int, method: str) -> Curve:
        """A trade-off curve; raises `NotMeasured`."""
        return _present(self.curves, (reading, n_targets, method))

    def front(self, reading: str, n_targets: int, family: str) -> Front:
        """The front of a family of schemes, `fdb` or `cpa`; raises `NotMeasured`."""
        return _present(self.fronts, (reading, n_targets, family))

    def end(self, reading: str, n_targets: int, method: str) -> Curve:
        """Designs at weights 0 and 1; raises `NotMeasured`."""
        return _present(self.ends, (reading, n_targets, method))

    def draws_of(self, kind: str, n_targets: int, method: str) -> tuple[Curve, ...]:
        """Curves of random draws; raises `NotMeasured`."""
        return _present(self.draws, (kind, n_targets, method))


def _present(table: Mapping, key: Key):
    value = table.get(key, "it is not among the measurements")
    if isinstance(value, str):
        reading, n_targets, method = key
        raise NotMeasured(f"There is no {method} with {n_targets} targets ({reading}): {value}")
    return value


def front_excess(curve: Curve, front: Front) -> Float[np.ndarray, " weight"]:
    """By how much the root bounds of each design exceed a Pareto front in the same proportion.

    Bounds are convex in the covariance, so what can be reached above the front is a convex set with the half-planes
    `a X + (1 - a) Y >= f(a)`, X and Y being bounds and f the optimum. `(X, Y) / s` is on the front for
    `s = min_a (a X + (1 - a) Y) / f(a)`, and the excess is `sqrt(s) - 1`. With some weights a only it is overestimated.
    """
    bounds_m2 = curve.bounds_m**2
    weight = np.array(front.weights)[:, None]
    optimum_m2 = np.array(front.lower_bound_m2)[:, None]
    ratio = (weight * bounds_m2[:, 0] + (1.0 - weight) * bounds_m2[:, 1]) / optimum_m2
    return np.sqrt(ratio.min(axis=0)) - 1.0


def is_rising(values: Sequence[float]) -> bool:
    """Whether each value is larger than the one before."""
    return bool(np.all(np.diff(values) > 0.0))


def is_falling(values: Sequence[float]) -> bool:
    """Whether each value is smaller than the one before."""
    return bool(np.all(np.diff(values) < 0.0))
