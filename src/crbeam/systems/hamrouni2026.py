"""A moving user: monostatic sensing first, whose result is a prior of bistatic positioning.

One station, one user with an unknown velocity, passive targets that stand still. Both stages see the same scene with
noise and gains of their own, so their information adds; each stage has a transmit covariance of its own. The velocity
shows in the Doppler shift of every path to the user, and in that of its echo.

Links: `monostatic`, `bistatic` and `fused` use every symbol of the interval under the station's covariance;
`monostatic_stage` and `bistatic_stage` only the symbols of their stage, each under its own; `posterior` is both stages.
"""

from collections.abc import Mapping, Set
from dataclasses import replace
from functools import reduce
from operator import add

import numpy as np
from jaxtyping import Complex, Float

from crbeam.design import Constraint, Criterion, DesignProblem, Hinge, PowerBudget, TiedBlocks, WeightedBound
from crbeam.errors import InvalidInput
from crbeam.estimation.link_model import LinkModel
from crbeam.estimation.prediction import RANGE_RATE
from crbeam.information import Information, InformationMap, Transmission
from crbeam.information.builders import Pilots
from crbeam.information.parameters import ParameterLayout
from crbeam.linalg import UNSEEN_SHARE
from crbeam.scenario import USER, Scenario
from crbeam.systems.built_once import built_once
from crbeam.systems.station_and_user import StationAndUser, link_model, state_map
from crbeam.systems.symbol_schedule import Schedule, schedule

LINKS, FUSED, POSTERIOR = "links", "fused", "posterior"
MONOSTATIC_STAGE, BISTATIC_STAGE = "monostatic_stage", "bistatic_stage"
#: Weight of bistatic positioning in the weighted problem of the links, and of the posterior in that of the stages.
DEFAULT_WEIGHTS = {LINKS: 0.5, FUSED: 0.5}
_OBJECTIVES = {"trace": WeightedBound(), "hinge2": Hinge()}


class Hamrouni2026(StationAndUser):
    """The system of hamrouni2026 with what is built of a scenario."""

    def stage_blocks(self) -> tuple[str, str]:
        """Names of the covariances of the monostatic and of the bistatic stage."""
        station = next(iter(self.scenario.stations))
        return f"{station}/monostatic", f"{station}/bistatic"

    def block_sets(self) -> tuple[tuple[str, ...], ...]:
        """The station's covariance for all symbols; one for each stage; or one stage alone."""
        first, second = self.stage_blocks()
        return (tuple(self.scenario.stations), (first, second), (first,), (second,))

    def _completed(self, covariances: Transmission) -> Transmission:
        """Covariances with those of the stages, if only that of the station is given.

        Both stages then use the same beams; with a free share of sensing each has half of the energy.
        """
        station = next(iter(self.scenario.stations))
        if station not in covariances:
            return covariances
        assert self.scenario.protocol is not None
        energy = 0.5 if self.scenario.protocol.sensing_share is None else 1.0
        return Transmission({**dict.fromkeys(self.stage_blocks(), energy * covariances[station]), **covariances})

    def link_maps(self) -> dict[str, InformationMap]:
        """Information about the state by link and by stage.

        Bistatic: unknown are position, velocity and orientation of the user, target positions, clock bias and gains
        (8 + 4K numbers for K targets). Monostatic: position and velocity of the user, target positions and gains
        (6 + 4K); the echo tells the radial speed only, so the velocity as a whole is never identifiable. The posterior
        has the positions and the velocity in common.

        Reference: hamrouni2026 eqs. (8), (12), (13), (19).

        Deviation: (10) and (21) invert the monostatic matrix, which is singular in every scene; here it is added as it
        is.
        """
        return {name: self.link_map(name) for name in self._map_names()}

    def _map_names(self) -> tuple[str, ...]:
        return (*self.scenario.links, FUSED, MONOSTATIC_STAGE, BISTATIC_STAGE, POSTERIOR)

    @built_once
    def link_map(self, link: str) -> InformationMap:
        """The one of `link_maps` with that name, without the work for the others."""
        if link not in self._map_names():
            raise InvalidInput(f"The link must be one of {', '.join(self._map_names())}, found `{link}`.")
        if link == FUSED:
            return reduce(add, [self.link_map(each) for each in self.scenario.links])
        if link == POSTERIOR:
            return self.link_map(MONOSTATIC_STAGE) + self.link_map(BISTATIC_STAGE)
        echo, direct = self._link_names()
        traced = {MONOSTATIC_STAGE: echo, BISTATIC_STAGE: direct}.get(link, link)
        return state_map(self.scenario, self.paths()[traced], self._pilots(link))

    def still_map(self, link: str) -> InformationMap:
        """The one of `link_maps` with that name as if nothing moved: without Doppler shifts, and without velocity."""
        (pilots,) = self._pilots(link)
        paths = replace(self.paths()[link], motion=None)
        return state_map(self.scenario, paths, (replace(pilots, time_s=None),))

    def _link_names(self) -> tuple[str, str]:
        """Names of the link back to the station and of that to the user."""
        names = {link.receiver == USER: name for name, link in self.scenario.links.items()}
        return names[False], names[True]

    @built_once
    def schedule(self) -> Schedule:
        """When pilot symbols are sent, and which of them belong to each stage."""
        return schedule(self.scenario)

    def _pilots(self, name: str) -> tuple[Pilots]:
        """The symbols of a link or stage, each with its share of the covariance."""
        times, blocks = self.schedule(), self.stage_blocks()
        seen = {MONOSTATIC_STAGE: (blocks[0], times.monostatic), BISTATIC_STAGE: (blocks[1], times.bistatic)}
        block, symbols = seen.get(name, (next(iter(self.scenario.stations)), times.every))
        return (Pilots(block, symbols.weight / self.scenario.waveform.slots, symbols.time_s, symbols.slot),)

    def link_models(self, beams: Mapping[str, Complex[np.ndarray, "tx beam"]]) -> dict[str, LinkModel]:
        """What the receiver of every link and stage knows of it, for given beams of each block.

        Links and stages without beams are left out. Each symbol carries all beams of its block, with its share of their
        energy, as in `link_maps`.
        """
        traced, (echo, direct) = self.paths(), self._link_names()
        link_of = {**{name: name for name in self.scenario.links}, MONOSTATIC_STAGE: echo, BISTATIC_STAGE: direct}
        models = {}
        for name, link in link_of.items():
            (pilots,) = self._pilots(name)
            if pilots.block in beams:
                models[name] = link_model(self.scenario, traced[link], pilots, beams)
        return models

    def joint_links(self) -> dict[str, tuple[str, ...]]:
        """The models of `link_models` whose observations are taken together, by the name of their information map."""
        return {**super().joint_links(), POSTERIOR: (MONOSTATIC_STAGE, BISTATIC_STAGE)}

    def slot_map(self, link: str) -> InformationMap:
        """Information of a link when every slot has beams of its own: one block per slot, named `STATION/slot[l]`.

        Each covariance is that of every symbol in its slot. With equal blocks `V / L` it is the map of `link_maps` at
        V. Blocks of slots that do not count are left out.

        Reference: hamrouni2026 eqs. (2), (9).
        """
        if link not in self.scenario.links:
            raise InvalidInput(f"The link must be one of {', '.join(self.scenario.links)}, found `{link}`.")
        every = self.schedule().every
        pilots = Pilots(next(iter(self.scenario.stations)), every.weight, every.time_s, every.slot)
        return state_map(self.scenario, self.paths()[link], (pilots,)).by_slot()

    def speeds_mps(self, information: Information) -> dict[str, float | None]:
        """Root bounds of what observations that see no tangential speed tell of the velocity, by quantity.

        `user_radial_speed_mps` (`radial_speed_map`) and `user_range_rate_mps` (`range_rate_map`); None if they see some
        of the tangential speed, or do not determine these either.
        """
        kinds = {"user_radial_speed": radial_speed_map, RANGE_RATE: range_rate_map}
        unit, _ = _towards_user(self.scenario)
        velocity = information.layout["user_velocity"]
        seen = information.matrix[velocity, velocity]
        tangent = np.array([-unit[1], unit[0]])
        if tangent @ seen @ tangent > UNSEEN_SHARE * np.trace(seen):
            return dict.fromkeys(f"{word}_mps" for word in kinds)
        found: dict[str, float | None] = {}
        for word, changed in kinds.items():
            alone = changed(self.scenario, information.as_prior()).at({})
            found[f"{word}_mps"] = alone.root_bound([word]) if alone.is_identifiable([word]) else None
        return found

    def _problem(self, weight: float | None, judged_by: str) -> DesignProblem:
        """The design problem of the links, of the two stages, or of one link or stage alone.

        `links` is (P1), `weight L_bistatic + (1 - weight) L_monostatic` over one covariance, with bistatic position and
        velocity of the user, and monostatic positions; `fused` the same with both losses by all observations.
        `posterior` is (P2): the loss of both stages together, over one covariance for each; its second criterion, that
        of the monostatic stage alone, counts with `1 - weight`, by default nothing. The losses are sums over user
        position, user velocity and targets of squared ratios of root bounds to `requirements`, or of the squares of
        what they exceed 1 by, each times its weight in `requirements`. If the share of sensing is free, both
        stages draw on one budget.

        Reference: hamrouni2026 eqs. (15), (20)-(22).

        Deviation: monostatic losses leave the velocity out, of which sensing determines the radial part only. Bounds
        enter as ratios to the requirements, since m^2 and m^2/s^2 cannot be added.
        """
        roles: dict[str, str] = dict(zip(("monostatic", "bistatic"), self._link_names(), strict=True))
        judged_by = roles.get(judged_by, judged_by)
        known = (LINKS, FUSED, POSTERIOR, MONOSTATIC_STAGE, BISTATIC_STAGE, *self.scenario.links)
        if judged_by not in known:
            raise InvalidInput(f"The system hamrouni2026 judges designs by {', '.join(known)}; found `{judged_by}`.")
        chosen = DEFAULT_WEIGHTS.get(judged_by, 1.0) if weight is None else weight
        if not 0.0 <= chosen <= 1.0:
            raise InvalidInput(f"The weight of bistatic positioning must be between 0 and 1, found {float(chosen)!r}.")
        criteria = self._criteria(judged_by, chosen)
        seen = {block for criterion in criteria for block in criterion.map.blocks}
        assert self.scenario.requirements is not None
        return DesignProblem(
            criteria=criteria,
            constraints=(
                *(_cut(budget, seen) for budget in self.power_budgets() if seen & set(budget.blocks)),
                *(part for part in self.antenna_limits() if part.block in seen),
            ),
            objective=_OBJECTIVES[self.scenario.requirements.loss],
            directions=dict.fromkeys(sorted(seen), self.transmit_directions()),
            n_slots=self.scenario.waveform.slots,
            time_shares=self._time_shares(seen),
        )

    def _time_shares(self, seen: Set[str]) -> dict[str, float]:
        """Share of the pilots of each stage, if both are sent one after the other, each with the station's whole power.

        Empty for one stage alone, and for a free share, where covariances are energies of the whole interval.
        """
        assert self.scenario.protocol is not None
        stages, times = self.stage_blocks(), self.schedule()
        pilots = times.monostatic.weight + times.bistatic.weight
        if self.scenario.protocol.sensing_share is None or not set(stages) <= seen or pilots == 0.0:
            return {}
        return {stages[0]: times.monostatic.weight / pilots, stages[1]: times.bistatic.weight / pilots}

    def _criteria(self, judged_by: str, weight: float) -> tuple[Criterion, ...]:
        echo, direct = self._link_names()
        if judged_by in (LINKS, FUSED):
            names = (FUSED, FUSED) if judged_by == FUSED else (direct, echo)
            return (
                self._criterion(names[0], ("user_position", "user_velocity"), weight),
                self._criterion(names[1], ("user_position", "target_position"), 1.0 - weight, is_sensing=True),
            )
        if judged_by == POSTERIOR:
            return (
                self._criterion(POSTERIOR, ("user_position", "user_velocity", "target_position"), weight),
                self._criterion(MONOSTATIC_STAGE, ("user_position", "target_position"), 1.0 - weight, is_sensing=True),
            )
        if judged_by in (echo, MONOSTATIC_STAGE):
            return (self._criterion(judged_by, ("user_position", "target_position"), 1.0, is_sensing=True),)
        return (self._criterion(judged_by, ("user_position", "user_velocity"), 1.0),)

    def _criterion(self, link: str, words: tuple[str, ...], weight: float, *, is_sensing: bool = False) -> Criterion:
        """Bounds of a link in units of what is required of it, each with its weight; targets as mean of squares."""
        wanted = self.scenario.requirements
        assert wanted is not None
        thresholds = {
            "user_position": wanted.sensing_user_position_m if is_sensing else wanted.user_position_m,
            "user_velocity": wanted.user_velocity_mps,
            "target_position": wanted.sensing_target_position_m if is_sensing else wanted.target_position_m,
        }
        information = self.link_map(link)
        families = {word: information.layout.family(word) for word in words}
        weights = {
            name: 1.0 / (thresholds[word] ** 2 * len(family)) for word, family in families.items() for name in family
        }
        counts = {word: wanted.weight_of(f"sensing_{word}" if is_sensing else word) for word in words}
        counts = {word: count for word, count in counts.items() if families[word]}
        return Criterion(information, weights, link, weight, family_weights=counts)

    def power_budgets(self) -> tuple[PowerBudget, ...]:
        """The station's power, for all symbols or for those of each stage.

        Every symbol of a slot may have the covariance V over the number of slots, whatever stage it belongs to, so the
        covariance V of each stage has the whole budget. With a free share the energy of both stages together is
        limited.
        """
        station = next(iter(self.scenario.stations))
        power_w = self.scenario.power_per_subcarrier_w(station)
        stages = self.stage_blocks()
        assert self.scenario.protocol is not None
        parts = (stages,) if self.scenario.protocol.sensing_share is None else ((stages[0],), (stages[1],))
        return (PowerBudget((station,), power_w), *(PowerBudget(part, power_w) for part in parts))

    def constraint(self, kind: type) -> Constraint:
        """The constraint of a given type that this system offers."""
        return TiedBlocks(self.stage_blocks()) if kind is TiedBlocks else super().constraint(kind)


def radial_speed_map(scenario: Scenario, information_map: InformationMap) -> InformationMap:
    """Same map with the velocity as its radial part `user_radial_speed` (away from the station), the rest known.

    What monostatic sensing can tell of the velocity; of the tangential part it tells exactly nothing. Radial is the
    direction from the station to where the user truly is. Where that direction is uncertain, tangential speed leaks
    into the bound; the rate at which the distance grows, which the Doppler shift shows by itself, has a smaller one
    (`range_rate_map`).
    """
    return _with_one_speed(scenario, information_map, "user_radial_speed", np.zeros((2, 2)))


def range_rate_map(scenario: Scenario, information_map: InformationMap) -> InformationMap:
    """Same map with the velocity as `user_range_rate`, the rate at which the user's distance from the station grows.

    With the unit vector u from the station to the user, n normal to it and the distance r, the velocity is
    `v = rate u + cross n`; as u turns with the position, `dv/dp = (rate n n^T - cross u n^T) / r`. The cross part is
    taken as known. Monostatic sensing tells nothing of it, and its Doppler shift `-2 rate / wavelength` says nothing
    about the position in these terms.

    Reference: hamrouni2026 eq. (10).
    """
    unit, distance_m = _towards_user(scenario)
    velocity_mps = np.asarray(scenario.user.velocity_mps)
    normal = np.array([-unit[1], unit[0]])
    turning = (velocity_mps @ unit) * np.outer(normal, normal) - (velocity_mps @ normal) * np.outer(unit, normal)
    return _with_one_speed(scenario, information_map, RANGE_RATE, turning / distance_m)


def _towards_user(scenario: Scenario) -> tuple[Float[np.ndarray, "2"], float]:
    """Unit vector from the station to the user, and their distance in metres."""
    away_m = np.subtract(scenario.user.position_m, next(iter(scenario.stations.values())).position_m)
    distance_m = float(np.hypot(*away_m))
    return away_m / distance_m, distance_m


def _with_one_speed(
    scenario: Scenario, information_map: InformationMap, word: str, by_position: Float[np.ndarray, "2 2"]
) -> InformationMap:
    """Map with a speed along the direction to the user in place of the velocity, which also changes with position."""
    old = information_map.layout
    sizes = {word if name == "user_velocity" else name: old[name].stop - old[name].start for name in old}
    layout = ParameterLayout.of({**sizes, word: 1})
    jacobian = np.zeros((old.size, layout.size))
    for name in old:
        if name != "user_velocity":
            jacobian[old[name], layout[name]] = np.eye(sizes[name])
    jacobian[old["user_velocity"], layout[word]] = _towards_user(scenario)[0][:, None]
    jacobian[old["user_velocity"], layout["user_position"]] = by_position
    return information_map.change_parameters(jacobian, layout)


def _cut(budget: PowerBudget, seen: Set[str]) -> PowerBudget:
    """A budget of the blocks that are seen: a stage that no criterion depends on leaves all energy to the other."""
    return replace(budget, blocks=tuple(block for block in budget.blocks if block in seen))


def sensing_share(scenario: Scenario, covariances: Transmission) -> float:
    """Share of the symbols that a design with a free share gives to sensing, from the powers of both stages."""
    return covariances.powers_w[Hamrouni2026(scenario).stage_blocks()[0]] / covariances.power_w


__all__ = [
    "BISTATIC_STAGE",
    "FUSED",
    "LINKS",
    "MONOSTATIC_STAGE",
    "POSTERIOR",
    "Hamrouni2026",
    "radial_speed_map",
    "range_rate_map",
    "sensing_share",
]
