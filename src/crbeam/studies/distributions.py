"""Distributions of scenario fields: what they may be, and one value of them."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from jaxtyping import Float

from crbeam.errors import CrbeamError, Infeasible, InvalidInput
from crbeam.scenario.fields import Pair, Position, PositiveNumber, Quantity, Whole, field_problem
from crbeam.studies.scenario_fields import field_kind, item_kind
from crbeam.studies.study import KINDS, Distribution
from crbeam.units import describe, parse_quantity

#: Draws of one position before it counts as impossible to keep it apart from the others.
MOST_DRAWS = 1000
_Kind = Quantity | PositiveNumber | Whole | Pair
#: What can be drawn from each kind of distribution.
_ALLOWED: Mapping[str, tuple[type, ...]] = {
    "uniform": (Quantity, PositiveNumber, Pair),
    "exponential": (Quantity, PositiveNumber),
    "polar": (Pair,),
    "disc": (Position,),
    "choice": (Quantity, PositiveNumber, Whole, Pair),
}
_MEANT_FOR = {
    "uniform": "quantities, positions and velocities",
    "exponential": "quantities",
    "polar": "positions and velocities",
    "disc": "positions",
    "choice": "anything that can be drawn",
}


@dataclass(frozen=True)
class Surroundings:
    """What a drawn position has to keep apart from.

    Attributes:
        station_m: place of the first station, the origin of polar distributions.
        orientation_rad: of the first station.
        places_m: places from which the position has to keep its distance.
        seen_m: places from which it has to keep apart as the station's array sees them.
    """

    station_m: tuple[float, ...] = (0.0, 0.0)
    orientation_rad: float = 0.0
    places_m: tuple[tuple[float, ...], ...] = ()
    seen_m: tuple[tuple[float, ...], ...] = ()

    @classmethod
    def of(cls, scenario: Mapping[str, Any], others: Sequence[Sequence[float]], *, with_user: bool) -> "Surroundings":
        """The surroundings of a position among the data of a scenario.

        Args:
            scenario: the scenario's data.
            others: places of the same list that are drawn already.
            with_user: whether the position must keep apart from the user too, if there is one.
        """
        stations = list(scenario["stations"].values())
        user = scenario.get("user") if with_user else None
        users = [] if user is None else [Position().parse(user["position"])]
        seen = (*users, *map(tuple, others))
        places = tuple(Position().parse(station["position"]) for station in stations)
        orientation_rad = parse_quantity(stations[0].get("orientation", 0.0), "angle")
        return cls(places[0], orientation_rad, (*places, *seen), seen)

    def cosine(self, place_m: Sequence[float]) -> float:
        """Cosine of the local angle at which the station sees a place."""
        angle_rad = math.atan2(place_m[1] - self.station_m[1], place_m[0] - self.station_m[0])
        return math.cos(angle_rad - self.orientation_rad)

    def allow(self, distribution: Distribution, place_m: Sequence[float]) -> bool:
        """Whether a place keeps apart as the distribution asks for."""
        apart_m, cosines = distribution.apart_m, distribution.cosines_apart
        if apart_m is not None and any(math.dist(place_m, other) < apart_m for other in self.places_m):
            return False
        return cosines is None or all(
            abs(self.cosine(place_m) - self.cosine(other)) >= cosines for other in self.seen_m
        )


def draw_one(distribution: Distribution, path: str, generator: np.random.Generator, surroundings: Surroundings) -> Any:
    """One value of a field, or of one item of its list.

    Raises:
        Infeasible: it cannot keep apart.
    """
    kind = _kind_at(path)
    if distribution.exponential is not None:
        return float(generator.exponential(float(np.asarray(kind.parse(distribution.exponential)))))
    if distribution.choice is not None:
        return kind.parse(distribution.choice[int(generator.integers(len(distribution.choice)))])
    sample = _sampler(distribution, kind, surroundings)
    for _ in range(MOST_DRAWS):
        value = sample(generator).tolist()
        if not isinstance(kind, Position) or surroundings.allow(distribution, value):
            return value
    wanted = {"apart": distribution.apart_m, "cosines_apart": distribution.cosines_apart}
    asked = [name for name, value in wanted.items() if value is not None]
    amounts = " and ".join(f"{wanted[name]:g}{' m' if name == 'apart' else ' in cosine'}" for name in asked)
    raise Infeasible(
        f"Positions of `{path}` must be {amounts} apart, but {MOST_DRAWS} draws found no such place. "
        f"Lower `{'` or `'.join(asked)}` or enlarge the region.",
        requirement=f"random.fields.{path}.{asked[0]}",
    )


def _sampler(
    distribution: Distribution, kind: _Kind, surroundings: Surroundings
) -> Callable[[np.random.Generator], Float[np.ndarray, "..."]]:
    """What draws numbers or pairs of them."""
    if distribution.polar is not None:
        return _polar(distribution, kind, surroundings)
    return _disc(distribution, kind) if distribution.disc is not None else _uniform(distribution, kind)


def _disc(distribution: Distribution, kind: _Kind) -> Callable[[np.random.Generator], Float[np.ndarray, "2"]]:
    """Uniform over the area of a disc: the share inside a radius grows with its square."""
    centre, radius_m = _disc_parts(kind, distribution.disc)

    def sample(generator: np.random.Generator) -> Float[np.ndarray, "2"]:
        share, turn = generator.uniform(size=2)
        angle_rad = 2.0 * np.pi * turn
        return np.array(centre) + radius_m * np.sqrt(share) * np.array([np.cos(angle_rad), np.sin(angle_rad)])

    return sample


def _disc_parts(kind: _Kind, value: Any) -> tuple[tuple[float, float], float]:
    """Centre and radius in metres from `[[0 m, 0 m], 150 m]`."""
    assert isinstance(kind, Position), "checked with the study"
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise InvalidInput(f"must be a centre and a radius such as `[[0 m, 0 m], 150 m]`, found {describe(value)}")
    radius_m = kind.coordinate.parse(value[1])
    if radius_m <= 0.0:
        raise InvalidInput(f"must be a centre and a radius above 0, found {describe(value)}")
    return kind.parse(value[0]), radius_m


def _uniform(distribution: Distribution, kind: _Kind) -> Callable[[np.random.Generator], Float[np.ndarray, "..."]]:
    low, high = (np.asarray(kind.parse(end), dtype=float) for end in distribution.uniform)
    return lambda generator: low + (high - low) * generator.uniform(size=low.shape)


def _polar(
    distribution: Distribution, kind: _Kind, surroundings: Surroundings
) -> Callable[[np.random.Generator], Float[np.ndarray, "..."]]:
    """Size and direction, each uniform; positions as seen from the first station."""
    assert isinstance(kind, Pair), "checked with the study"
    low, high = (np.array(_polar_corner(kind, end)) for end in distribution.polar)
    origin = np.array(surroundings.station_m) if isinstance(kind, Position) else np.zeros(2)

    def sample(generator: np.random.Generator) -> Float[np.ndarray, "2"]:
        size, angle_rad = low + (high - low) * generator.uniform(size=2)
        return origin + size * np.array([np.cos(angle_rad), np.sin(angle_rad)])

    return sample


def _polar_corner(kind: Pair, value: Any) -> tuple[float, float]:
    """Size and angle in SI units from `[5 m, 30 deg]`."""
    if not isinstance(value, list | tuple) or len(value) != 2:
        unit = "m" if isinstance(kind, Position) else "m/s"
        raise InvalidInput(f"must be a size and an angle such as `[5 {unit}, 30 deg]`, found {describe(value)}")
    size = kind.coordinate.parse(value[0])
    if size < 0.0:
        raise InvalidInput(f"must be a size of at least 0 and an angle, found {describe(value)}")
    return size, parse_quantity(value[1], "angle")


def check_distribution(path: str, distribution: Distribution) -> None:
    """Raise what is wrong with a distribution as a field problem relative to it."""
    kind = item_kind(field_kind(path))
    if kind is None:
        raise field_problem(
            "must name a scenario field of numbers with a unit, or positions, such as `targets.positions`; "
            f"`{path}` cannot be drawn"
        )
    apart = {"apart": distribution.apart_m, "cosines_apart": distribution.cosines_apart}
    for name in (name for name, value in apart.items() if value is not None and not isinstance(kind, Position)):
        raise field_problem(f"only positions can keep apart; leave `{name}` out", (name,))
    name = next(name for name in KINDS if getattr(distribution, name) is not None)
    if not isinstance(kind, _ALLOWED[name]):
        raise field_problem(f"must be drawn in another way: `{name}` is for {_MEANT_FOR[name]}", (name,))
    if name == "choice":
        _check_choice(kind, distribution.choice)
    elif name == "exponential":
        _parsed(kind.parse, distribution.exponential, (name,))
    elif name == "disc":
        _parsed(partial(_disc_parts, kind), distribution.disc, (name,))
    elif isinstance(kind, Pair) and name == "polar":
        _check_ends(name, distribution.polar, partial(_polar_corner, kind))
    else:
        _check_ends(name, distribution.uniform, kind.parse)


def _check_choice(kind: _Kind, values: Any) -> None:
    if not isinstance(values, list | tuple) or not values:
        raise field_problem(
            f"must be a list of values, of which each is as likely, found {describe(values)}", ("choice",)
        )
    for index, value in enumerate(values):
        _parsed(kind.parse, value, ("choice", index))


def _check_ends(name: str, ends: Any, parse: Callable[[Any], Any]) -> None:
    """Two ends, the lower one first."""
    if not isinstance(ends, list | tuple) or len(ends) != 2:
        raise field_problem(
            f"must be a list of two values, the lowest and the highest, found {describe(ends)}", (name,)
        )
    low, high = (_parsed(parse, end, (name, index)) for index, end in enumerate(ends))
    if not np.all(np.asarray(low) <= np.asarray(high)):
        raise field_problem("must have the lowest value (or corner) first, then the highest", (name,))


def _parsed(parse: Callable[[Any], Any], value: Any, path: tuple[str | int, ...]) -> Any:
    try:
        return parse(value)
    except (CrbeamError, ValueError) as error:
        raise field_problem(str(error), path) from None


def _kind_at(path: str) -> _Kind:
    kind = item_kind(field_kind(path))
    assert kind is not None, "checked with the study"
    return kind
