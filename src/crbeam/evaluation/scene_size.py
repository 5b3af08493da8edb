"""Bounds that are larger than what they are bounds of: where a number says that nothing is known."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float

from crbeam.evaluation.bounds import Evaluation, Quantity
from crbeam.scenario import SPEED_OF_LIGHT_MPS, Scenario
from crbeam.systems import System


def object_positions_m(system: System) -> Float[np.ndarray, "object 2"]:
    """Positions of all objects of a scene: stations, user, targets or the points that paths visit, served users."""
    scenario = system.scenario
    places = [np.array([station.position_m for station in scenario.stations.values()])]
    if scenario.user is None:
        places.append(np.reshape(scenario.targets.positions_m, (-1, 2)))
    else:
        places.append(np.array([scenario.user.position_m]))
        places += [paths.vertex_m[np.isfinite(paths.vertex_m[:, 0])] for paths in system.paths().values()]
    places.append(np.reshape(list(system.service().places_m.values()), (-1, 2)))
    return np.concatenate(places)


def scene_size_m(system: System) -> float:
    """Largest distance between two objects of a scene."""
    objects_m = object_positions_m(system)
    apart_m = objects_m[:, None] - objects_m[None, :]
    return float(np.max(np.hypot(apart_m[..., 0], apart_m[..., 1])))


def size_cautions(system: System, evaluation: Evaluation) -> list[str]:
    """A sentence for each link some of whose root bounds are larger than the scene that they are bounds in.

    Lengths are compared with `scene_size_m`; times with the time in which light goes that far; angles with half a turn;
    speeds and Doppler shifts with those of the object itself, or, of an object that stands still, with the speed at
    which it would cross the scene while it is observed.
    """
    limits = _limits(system)
    sentences = []
    for name, link in evaluation.links.items():
        beyond: dict[str, list[str]] = {}
        for quantity, found in link.quantities.items():
            limit, words = limits.get(quantity.rpartition("_")[2], (np.inf, ""))
            for label, value in _values(quantity, found):
                if value > limit:
                    beyond.setdefault(words, []).append(f"{label} {value:.4g}")
        if beyond:
            listed = "; ".join(f"{', '.join(values)} ({words})" for words, values in beyond.items())
            sentences.append(
                f"{name}: these root bounds are larger than what they are bounds of, so that the link says nothing "
                f"useful about it: {listed}."
            )
    return sentences


def _values(quantity: str, found: Quantity) -> Iterator[tuple[str, float]]:
    """Each number of a quantity with its label; all positions together are told by each of them."""
    if isinstance(found, tuple):
        yield from ((f"{quantity}[{index}]", value) for index, value in enumerate(found) if value is not None)
    elif found is not None and quantity != "all_positions_m":
        yield quantity, found


def _limits(system: System) -> dict[str, tuple[float, str]]:
    """By unit: what a root bound may be, and that in words."""
    scenario, size_m = system.scenario, scene_size_m(system)
    crossing_s = size_m / SPEED_OF_LIGHT_MPS
    speed_mps, words = _speed_mps(scenario, size_m)
    shift_hz = 2.0 * speed_mps / scenario.waveform.wavelength_m
    return {
        "m": (size_m, f"the scene is {size_m:.4g} m across"),
        "s": (crossing_s, f"light crosses the scene in {crossing_s:.3g} s"),
        "rad": (np.pi, "half a turn is 3.142"),
        "mps": (speed_mps, words),
        "hz": (shift_hz, f"an echo shifts by {shift_hz:.4g} Hz at most: {words}"),
    }


def _speed_mps(scenario: Scenario, size_m: float) -> tuple[float, str]:
    """Speed of what moves; if it stands still, that at which it would cross the scene while it is observed."""
    velocity_mps = None if scenario.user is None else scenario.user.velocity_mps
    if scenario.multistatic is not None:
        velocity_mps = scenario.multistatic.target_velocity_mps
    speed_mps = float(np.hypot(*(velocity_mps or (0.0, 0.0))))
    if speed_mps > 0.0:
        return speed_mps, f"its speed is {speed_mps:.4g} m/s"
    waveform = scenario.waveform
    observed_s = waveform.slots * waveform.symbols_per_slot * waveform.symbol_duration_s
    speed_mps = size_m / observed_s
    return speed_mps, f"it stands still, and at {speed_mps:.4g} m/s would cross the scene while it is observed"
