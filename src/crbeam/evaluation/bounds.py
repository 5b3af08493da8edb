"""Bounds of a transmission, by link and by quantity."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Complex, Float

from crbeam.errors import Unidentifiable
from crbeam.evaluation.remedies import remedy
from crbeam.information import Information, InformationMap, Transmission
from crbeam.information.parameters import ParameterLayout
from crbeam.information.transmission import Covariances
from crbeam.linalg import hermitian_part, one_blas_thread
from crbeam.systems import System, World, system_of

Quantity = float | None | tuple[float | None, ...]

#: Name of each scalar quantity in reports, by state parameter.
_QUANTITIES = {
    "user_position": "user_position_m",
    "user_velocity": "user_velocity_mps",
    "user_orientation": "user_orientation_rad",
    "clock_bias": "clock_bias_s",
    "target_velocity[0]": "target_velocity_mps",
    "target_speed[0]": "target_velocity_mps",
    "delay": "delay_s",
    "doppler": "doppler_hz",
}
_POLAR_WORDS = ("target_angle_rad", "target_range_m")


@dataclass(frozen=True, eq=False)
class LinkEvaluation:
    """What one link (or all links together) tells.

    Attributes:
        name: of the link.
        quantities: root of the bound's trace, by quantity (`user_position_m`, `target_positions_m`, ...); None where
            the observations do not determine it.
        unidentifiable: state parameters whose quantities are None (of a position, a direction may still be known).
        reason: why, as the message of the error that Python would raise; None if all are identifiable.
        information: the Fisher information of the state.
    """

    name: str
    quantities: Mapping[str, Quantity]
    unidentifiable: tuple[str, ...]
    reason: str | None
    information: Information

    def covariance_m2(self, parameter: str) -> Float[np.ndarray, "2 2"] | None:
        """Bound of a position as a matrix, or None where it is not identifiable."""
        return None if parameter in self.unidentifiable else self.information.bound([parameter])


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Bounds of a transmission for all links of a scenario.

    Attributes:
        links: by link name, with `fused` for all links together; those whose blocks the transmission has.
    """

    links: Mapping[str, LinkEvaluation]


def evaluate(
    scenario: World,
    covariances: Covariances,
    *,
    networks: Mapping[str, Complex[np.ndarray, "antenna chain"]] | None = None,
) -> Evaluation:
    """Bounds of every quantity of every link under given transmit covariances (watt per subcarrier, over all slots).

    Args:
        scenario: the world; or its system, whose maps are built already.
        covariances: one for each block of one of the `block_sets` of the system.
        networks: analog networks that receivers listen through, by the name of the receiver (`Design.analog`); those
            of other names are left aside.
    """
    return evaluate_many(scenario, [covariances], networks=networks)[0]


def evaluate_many(
    scenario: World,
    transmissions: Sequence[Covariances],
    *,
    networks: Mapping[str, Complex[np.ndarray, "antenna chain"]] | None = None,
) -> list[Evaluation]:
    """The same for several transmissions in one scenario, whose information maps are built once."""
    with one_blas_thread():
        system = system_of(scenario)
        maps, polar = (
            {name: behind_networks(each, networks or {}) for name, each in found.items()}
            for found in (system.link_maps(), system.polar_maps())
        )
        return [_evaluation(system, maps, polar, system.completed(each)) for each in transmissions]


def behind_networks(
    link_map: InformationMap, networks: Mapping[str, Complex[np.ndarray, "antenna chain"]]
) -> InformationMap:
    """The map of a link whose receivers listen through phase networks, by the name of the receiver.

    Networks of other names are left aside: what a network of a transmitter sends is in its covariance.
    """
    receivers = {part.receiver for part in link_map.contributions} & set(networks)
    projectors = {name: networks[name] @ np.linalg.pinv(networks[name]) for name in receivers}
    return link_map.with_receive({name: hermitian_part(each) for name, each in projectors.items()})


def _evaluation(
    system: System,
    maps: Mapping[str, InformationMap],
    polar: Mapping[str, InformationMap],
    covariances: Transmission,
) -> Evaluation:
    links = {}
    for name, link_map in maps.items():
        if set(link_map.blocks) <= covariances.keys():
            why = partial(remedy, system, link_map, covariances=covariances)
            seen = polar[name].at(covariances) if name in polar else None
            links[name] = evaluate_link(name, link_map.at(covariances), seen, system.speeds_mps, why)
    return Evaluation(links)


def evaluate_link(
    name: str,
    information: Information,
    polar: Information | None = None,
    speeds_mps: Callable[[Information], Mapping[str, float | None]] | None = None,
    remedy: Callable[[Sequence[str]], str] | None = None,
) -> LinkEvaluation:
    """Root bounds of all state parameters in an information, those that it does not determine being None.

    Args:
        name: of the link.
        information: what it tells.
        polar: what it tells of the direction and the distance of its one target, where these are reported too.
        speeds_mps: root bounds of what is known of a velocity that is not determined, by quantity.
        remedy: what would determine given parameters.
    """
    layout = information.layout
    targets = layout.family("target_position")
    positions = tuple(name for name in ("user_position", *targets) if name in layout)
    lost = _unidentifiable(information)
    error = _failure(information, lost, positions)
    reason = error and str(error.explained(link=name, remedy=remedy and remedy(error.names)))

    def root(parameters: tuple[str, ...]) -> float | None:
        is_known = not set(parameters) & set(lost) and (len(parameters) < 2 or information.is_identifiable(parameters))
        return information.root_bound(parameters) if is_known else None

    quantities: dict[str, Quantity] = {
        _QUANTITIES[word]: root((parameter,)) for parameter, word in _words(layout).items() if word in _QUANTITIES
    }
    if not positions:
        return LinkEvaluation(name, quantities, lost, reason, information)
    if "target_velocity_mps" in quantities:
        quantities = {"target_position_m": root(targets), **quantities}
        return LinkEvaluation(name, quantities, lost, reason, information)
    if "user_velocity" in lost and speeds_mps is not None:
        quantities.update(speeds_mps(information))
    if polar is not None:
        return LinkEvaluation(name, {"target_position_m": root(targets), **_polar(polar)}, lost, reason, information)
    quantities["target_positions_m"] = tuple(root((target,)) for target in targets)
    quantities["all_positions_m"] = root(positions)
    return LinkEvaluation(name, quantities, lost, reason, information)


def _words(layout: ParameterLayout) -> dict[str, str]:
    """Each parameter without the name of its link."""
    return {parameter: parameter.rpartition("/")[2] for parameter in layout}


def _polar(polar: Information) -> dict[str, float | None]:
    """Root bounds of the direction and the distance of a target, those that are determined.

    Each by itself, and never by way of a position: a distance that is hardly known takes the digits of the direction.
    """
    words = zip(_POLAR_WORDS, ("target_angle[0]", "target_range[0]"), strict=True)
    return {word: polar.root_bound([name]) if polar.is_identifiable([name]) else None for word, name in words}


def _unidentifiable(information: Information) -> tuple[str, ...]:
    """State parameters that are not determined, all others being unknown."""
    state = (parameter for parameter in information.layout if "/" not in parameter)
    return tuple(parameter for parameter in state if not information.is_identifiable([parameter]))


def _failure(information: Information, lost: tuple[str, ...], positions: tuple[str, ...]) -> Unidentifiable | None:
    """Why some parameters have no bound; or why all positions together have none, where each of them has."""
    for names in (lost, () if set(lost) & set(positions) else positions):
        try:
            _ = names and information.bound(names)
        except Unidentifiable as error:
            return error
    return None
