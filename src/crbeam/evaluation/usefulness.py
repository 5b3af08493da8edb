"""Bounds that exist and tell nothing: position errors beyond the size of the scene."""

from itertools import combinations

import numpy as np

from crbeam.evaluation.bounds import Evaluation
from crbeam.scenario import Scenario

#: Quantities whose root bounds are compared with the size of a scene.
POSITIONS = ("user_position_m", "target_position_m", "target_positions_m")


def worthless_cautions(scenario: Scenario, evaluation: Evaluation) -> list[str]:
    """A sentence for each link whose root bound of a position exceeds the largest distance in the scene."""
    size_m = scene_size_m(scenario)
    found = []
    for name, link in evaluation.links.items():
        for quantity in POSITIONS:
            values = link.quantities.get(quantity)
            known = [value for value in (values if isinstance(values, tuple) else (values,)) if value is not None]
            if max(known, default=0.0) > size_m:
                what = quantity.removesuffix("_m").replace("_", " ")
                found.append(
                    f"{name}: the root bound of the {what}, {max(known):.4g} m, is larger than the scene, whose "
                    f"largest distance is {size_m:.4g} m: the observations as good as do not tell it."
                )
    return found


def scene_size_m(scenario: Scenario) -> float:
    """Largest distance between any two of stations, user and targets; infinite where these are in a recorded file."""
    places_m = [*(station.position_m for station in scenario.stations.values()), *scenario.targets.positions_m]
    if scenario.user is not None:
        places_m.append(scenario.user.position_m)
    if scenario.propagation.paths_file is not None:
        return np.inf
    return max(
        (float(np.hypot(*np.subtract(first, second))) for first, second in combinations(places_m, 2)), default=0.0
    )
