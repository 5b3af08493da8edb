"""The position error bound over the plane."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Complex, Float

from crbeam.errors import InvalidInput, InvalidScenario
from crbeam.evaluation.bounds import behind_networks
from crbeam.evaluation.scene_size import object_positions_m, scene_size_m
from crbeam.information.transmission import Covariances
from crbeam.scenario import Scenario
from crbeam.systems import System, World, link_map, system_of


@dataclass(frozen=True, eq=False)
class PositionErrorMap:
    """How well the user, or a target where there is no user, could be positioned at each point of a grid.

    Attributes:
        link: the link whose observations count.
        x_m: grid of the first coordinate.
        y_m: grid of the second coordinate.
        root_bound_m: root of the trace of the position bound; 0 where there is none.
        is_identifiable: where the bound exists.
        parameter: whose position it is.
        scene_size_m: largest distance between two objects of the scene; a larger bound tells nothing.
    """

    link: str
    x_m: Float[np.ndarray, " column"]
    y_m: Float[np.ndarray, " row"]
    root_bound_m: Float[np.ndarray, "row column"]
    is_identifiable: Bool[np.ndarray, "row column"]
    parameter: str = "user_position"
    scene_size_m: float = np.inf

    @property
    def quantity(self) -> str:
        """What the bound is called in reports: `user_position_m` or `target_position_m`."""
        return f"{self.parameter.partition('[')[0]}_m"

    @property
    def cautions(self) -> list[str]:
        """A sentence on points whose bound is larger than the scene."""
        beyond = int(np.sum(self.root_bound_m > self.scene_size_m))
        if not beyond:
            return []
        return [
            f"{self.link}: at {beyond} of {self.root_bound_m.size} points the root bound is larger than the scene, "
            f"which is {self.scene_size_m:.4g} m across, so that the link says nothing useful there; the largest is "
            f"{np.max(self.root_bound_m):.4g} m."
        ]


def position_error_map(
    scenario: World,
    covariances: Covariances,
    *,
    x_m: Float[np.ndarray, " column"],
    y_m: Float[np.ndarray, " row"],
    link: str = "bistatic",
    networks: Mapping[str, Complex[np.ndarray, "antenna chain"]] | None = None,
) -> PositionErrorMap:
    """Bound of the user's position as the user moves over a grid, targets and transmission staying as they are.

    In a scene without a user it is the first target that moves.

    Unknown at each point: all that the link does not know (orientation, clock bias, targets, gains). A point is not
    identifiable if it coincides with the station or a target, or if the observations do not determine the position.

    Args:
        scenario: the world.
        covariances: the transmission, by block.
        x_m: grid of the first coordinate.
        y_m: grid of the second coordinate.
        link: whose observations count.
        networks: phase networks that receivers listen through, by the name of the receiver.

    Raises:
        InvalidInput: the scenario's paths were recorded for one user position, or the link does not exist.
    """
    system = system_of(scenario)
    scenario = system.scenario
    if scenario.propagation.paths_file is not None:
        raise InvalidInput(
            "A map moves the user, but this scenario's paths were recorded for one user position; give target "
            "positions in place of propagation.paths_file to use the analytic tracer."
        )
    here = system.link_map(link)
    if _mover(scenario) not in here.layout:
        raise InvalidInput(
            f"A map needs a link that tells of the {_mover(scenario)}, but `{link}` tells of {', '.join(here.layout)}; "
            f"leave the link out, or choose another."
        )
    unknown = sorted(set(here.blocks) - covariances.keys())
    if unknown:
        raise InvalidInput(
            f"The transmission must have the blocks that link `{link}` sees, but {', '.join(unknown)} is not in it; "
            f"choose another link or transmission."
        )
    root = np.zeros((len(y_m), len(x_m)))
    seen = np.zeros(root.shape, dtype=bool)
    for row, y in enumerate(y_m):
        for column, x in enumerate(x_m):
            value = _root_bound_m(scenario, covariances, link, (float(x), float(y)), networks or {})
            if value is not None:
                root[row, column], seen[row, column] = value, True
    size_m = scene_size_m(system)
    return PositionErrorMap(link, np.asarray(x_m), np.asarray(y_m), root, seen, _mover(scenario), size_m)


def link_that_locates(system: System, covariances: Covariances) -> str:
    """The first link, in the order of `link_maps`, that determines where the mover of a map is in the scene itself.

    One receiver of several does not; all of them together (`fused`) do. The first link if none determines it.
    """
    maps = {name: each for name, each in system.link_maps().items() if set(each.blocks) <= covariances.keys()}
    mover = _mover(system.scenario)
    for name, each in maps.items():
        if mover not in each.layout:
            continue
        if each.at(covariances).is_identifiable([mover]):
            return name
    return next(iter(maps), next(iter(system.scenario.links)))


def scene_grid_m(
    scenario: World, *, points: int, margin: float
) -> tuple[Float[np.ndarray, " column"], Float[np.ndarray, " row"]]:
    """Evenly spaced coordinates, `points` along each axis, over all objects of a scene and a margin around them.

    Args:
        scenario: the scene.
        points: of each axis.
        margin: on each side, as a share of the scene's extent.
    """
    objects_m = object_positions_m(system_of(scenario))
    low, high = objects_m.min(axis=0), objects_m.max(axis=0)
    pad = margin * max(float(np.max(high - low)), 1.0)
    return np.linspace(low[0] - pad, high[0] + pad, points), np.linspace(low[1] - pad, high[1] + pad, points)


def _mover(scenario: Scenario) -> str:
    return "target_position[0]" if scenario.user is None else "user_position"


def _with_mover_at(scenario: Scenario, position_m: tuple[float, float]) -> Scenario:
    """Same scenario with the user, or the first target, at another place."""
    if scenario.user is None:
        places = (position_m, *scenario.targets.positions_m[1:])
        return scenario.model_copy(update={"targets": scenario.targets.model_copy(update={"positions_m": places})})
    return scenario.model_copy(update={"user": scenario.user.model_copy(update={"position_m": position_m})})


def _root_bound_m(
    scenario: Scenario,
    covariances: Covariances,
    link: str,
    position_m: tuple[float, float],
    networks: Mapping[str, Complex[np.ndarray, "antenna chain"]],
) -> float | None:
    objects_m = [station.position_m for station in scenario.stations.values()]
    objects_m += scenario.targets.positions_m[0 if scenario.user is not None else 1 :]
    if any(np.hypot(position_m[0] - x, position_m[1] - y) < 1e-3 for x, y in objects_m):
        return None
    try:
        moved = behind_networks(link_map(_with_mover_at(scenario, position_m), link), networks)
        information = moved.at(covariances)
    except InvalidScenario:
        return None
    mover = _mover(scenario)
    return information.root_bound([mover]) if information.is_identifiable([mover]) else None
