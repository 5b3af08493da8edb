"""Random draws of a realisation: a function of the study's seed, the realisation, the field, the item, nothing else.

Each item has a stream of its own, `SeedSequence(seed, spawn_key=(realisation, field, item))`, where the field enters by
a hash of its path. So a draw does not depend on how many realisations there are, nor on what else is drawn.
"""

import hashlib
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from crbeam.errors import CrbeamError, Infeasible
from crbeam.scenario.fields import ListOf, Position, field_problem
from crbeam.studies.scenario_fields import field_kind, item_kind
from crbeam.studies.study import Distribution, Randomness
from crbeam.units import describe

#: Draws of one position before it counts as impossible to keep it apart from the others.
MOST_DRAWS = 1000
_PHASES, _METHOD = "phases", "method"
_USER_POSITION, _TARGET_POSITIONS = "user.position", "targets.positions"


def stream(random: Randomness, realisation: int, purpose: str, item: int = 0) -> np.random.SeedSequence:
    """The stream of one item of one purpose in one realisation."""
    return np.random.SeedSequence(random.seed, spawn_key=(realisation, _key(purpose), item))


def method_stream(random: Randomness, realisation: int) -> np.random.SeedSequence:
    """The stream of the design method in a realisation."""
    return stream(random, realisation, _METHOD)


def drawn_fields(random: Randomness, scenario: Mapping[str, Any], realisation: int) -> Iterator[tuple[str, Any]]:
    """Path and value of every scenario field that the realisation draws.

    The user's position comes first, so that targets can keep apart from it.

    Args:
        random: what is drawn.
        scenario: the scenario's data, with the values of all axes.
        realisation: number of the realisation, from 0.

    Raises:
        Infeasible: positions cannot keep apart.
    """
    user = None
    for path in sorted(random.fields, key=lambda name: (name != _USER_POSITION, name)):
        places = _fixed_places(scenario, path, user) if random.fields[path].apart_m is not None else []
        value = _drawn(random, path, scenario, realisation, places)
        user = value if path == _USER_POSITION else user
        yield path, value
    if random.phases:
        words = stream(random, realisation, _PHASES).generate_state(2, np.uint32)
        yield "seed", (int(words[0]) << 31) ^ int(words[1])


def check_distribution(path: str, distribution: Distribution) -> None:
    """Raise what is wrong with a distribution as a field problem relative to it."""
    kind = item_kind(field_kind(path))
    if kind is None:
        raise field_problem(
            f"must name a scenario field of numbers with a unit, or positions, such as `{_TARGET_POSITIONS}`; "
            f"`{path}` cannot be drawn"
        )
    if distribution.apart_m is not None and not isinstance(kind, Position):
        raise field_problem("only positions can keep apart; leave `apart` out", ("apart",))
    if distribution.exponential is not None:
        if isinstance(kind, Position):
            raise field_problem("positions must be drawn with `uniform`", ("exponential",))
        _parsed(kind, distribution.exponential, ("exponential",))
        return
    ends = distribution.uniform
    if not isinstance(ends, list | tuple) or len(ends) != 2:
        raise field_problem(
            f"must be a list of two values, the lowest and the highest, found {describe(ends)}", ("uniform",)
        )
    low, high = (_parsed(kind, end, ("uniform", index)) for index, end in enumerate(ends))
    if not np.all(np.asarray(low) <= np.asarray(high)):
        raise field_problem("must have the lowest value (or corner) first, then the highest", ("uniform",))


def _parsed(kind: Any, value: Any, path: tuple[str | int, ...]) -> Any:
    try:
        return kind.parse(value)
    except (CrbeamError, ValueError) as error:
        raise field_problem(str(error), path) from None


def _key(purpose: str) -> int:
    return int.from_bytes(hashlib.sha256(purpose.encode()).digest()[:4], "big")


def _drawn(
    random: Randomness,
    path: str,
    scenario: Mapping[str, Any],
    realisation: int,
    places: list[tuple[float, ...]],
) -> Any:
    distribution, kind = random.fields[path], field_kind(path)
    count = _item_count(scenario, path) if isinstance(kind, ListOf) else None
    values: list[Any] = []
    for item in range(1 if count is None else count):
        generator = np.random.default_rng(stream(random, realisation, path, item))
        values.append(_one(distribution, path, generator, [*places, *values] if places else values))
    return values if count is not None else values[0]


def _one(distribution: Distribution, path: str, generator: np.random.Generator, others: list[Any]) -> Any:
    kind = item_kind(field_kind(path))
    assert kind is not None, "checked with the study"
    if distribution.exponential is not None:
        return float(generator.exponential(float(np.asarray(kind.parse(distribution.exponential)))))
    low, high = (np.asarray(kind.parse(end), dtype=float) for end in distribution.uniform)
    for _ in range(MOST_DRAWS):
        value = (low + (high - low) * generator.uniform(size=low.shape)).tolist()
        if distribution.apart_m is None or all(math.dist(value, other) >= distribution.apart_m for other in others):
            return value
    raise Infeasible(
        f"Positions of `{path}` must be {distribution.apart_m:g} m apart, but {MOST_DRAWS} draws found no such place. "
        f"Lower `apart` or enlarge the region.",
        requirement=f"random.fields.{path}.apart",
    )


def _item_count(scenario: Mapping[str, Any], path: str) -> int:
    """Number of items of a list: that of the targets."""
    targets = scenario.get("targets") or {}
    count = targets.get("count")
    if count is not None:
        return int(count)
    listed = targets.get(path.rpartition(".")[2]) or targets.get("positions") or ()
    return len(listed) if isinstance(listed, list | tuple) else 0


def _fixed_places(scenario: Mapping[str, Any], path: str, user: tuple[float, ...] | None) -> list[tuple[float, ...]]:
    """Stations, and the user unless its own position is drawn."""
    places = [station["position"] for station in scenario["stations"].values()]
    if path == _TARGET_POSITIONS:
        places.append(user if user is not None else scenario["user"]["position"])
    return [Position().parse(place) for place in places]
