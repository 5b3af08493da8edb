"""Random draws of a realisation: a function of the study's seed, the realisation, the field, the item, nothing else.

Each item has a stream of its own, `SeedSequence(seed, spawn_key=(realisation, field, item))`, where the field enters by
a hash of its path. So a draw does not depend on how many realisations there are, nor on what else is drawn.
"""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from crbeam.scenario.fields import ListOf, Position
from crbeam.studies.checks import TARGET_COUNT
from crbeam.studies.distributions import Surroundings, draw_one
from crbeam.studies.scenario_fields import field_kind, item_kind
from crbeam.studies.study import Randomness

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

    The number of targets comes first, then the user's position, so that there are positions for all targets, which can
    keep apart from the user.

    Args:
        random: what is drawn.
        scenario: the scenario's data, with the values of all axes.
        realisation: number of the realisation, from 0.

    Raises:
        Infeasible: positions cannot keep apart.
    """
    known = dict(scenario)
    for path in sorted(random.fields, key=lambda name: (name != TARGET_COUNT, name != _USER_POSITION, name)):
        value = _drawn(random, path, known, realisation)
        if path in (TARGET_COUNT, _USER_POSITION):
            section, _, key = path.partition(".")
            known = {**known, section: {**(known.get(section) or {}), key: value}}
        yield path, value
    if random.phases:
        words = stream(random, realisation, _PHASES).generate_state(2, np.uint32)
        yield "seed", (int(words[0]) << 31) ^ int(words[1])


def _key(purpose: str) -> int:
    return int.from_bytes(hashlib.sha256(purpose.encode()).digest()[:4], "big")


def _drawn(random: Randomness, path: str, scenario: Mapping[str, Any], realisation: int) -> Any:
    distribution, kind = random.fields[path], field_kind(path)
    count = _item_count(scenario, path) if isinstance(kind, ListOf) else None
    values: list[Any] = []
    for item in range(1 if count is None else count):
        generator = np.random.default_rng(stream(random, realisation, path, item))
        surroundings = Surroundings()
        if isinstance(item_kind(kind), Position):
            surroundings = Surroundings.of(scenario, values, with_user=path == _TARGET_POSITIONS)
        values.append(draw_one(distribution, path, generator, surroundings))
    return values if count is not None else values[0]


def _item_count(scenario: Mapping[str, Any], path: str) -> int:
    """Number of items of a list: that of the targets; in another section as many as it lists."""
    section, _, key = path.partition(".")
    part = scenario.get(section) or {}
    if section != "targets" and isinstance(part.get(key), list | tuple):
        return len(part[key])
    targets = scenario.get("targets") or {}
    count = targets.get("count")
    if count is not None:
        return int(count)
    listed = targets.get(path.rpartition(".")[2]) or targets.get("positions") or ()
    return len(listed) if isinstance(listed, list | tuple) else 0
