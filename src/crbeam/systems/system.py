"""What every published system says of a scenario: paths, information maps, problems, and what to know of a design."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeVar

import numpy as np
from jaxtyping import Complex, Float

from crbeam.design import (
    AntennaPower,
    Constraint,
    Design,
    DesignMethod,
    DesignProblem,
    PowerBudget,
    isotropic_covariances,
)
from crbeam.design.constraints import SubarrayHybrid
from crbeam.errors import InvalidInput, InvalidScenario
from crbeam.estimation.link_model import LinkModel
from crbeam.information import Information, InformationMap, Transmission
from crbeam.information.transmission import Covariances, require_blocks
from crbeam.propagation import Paths, steering_response
from crbeam.scenario import Scenario
from crbeam.systems.antenna_limits import antenna_limits, station_of_block
from crbeam.systems.bandwidth_limits import squint_cautions
from crbeam.systems.built_once import built_once
from crbeam.systems.service import Service
from crbeam.systems.unused_keys import unused_cautions
from crbeam.units import ratio_to_db

#: Relative excess over a power budget that counts as rounding, of single precision too.
POWER_ROUNDING = 1e-4

_Kind = TypeVar("_Kind", bound="System")


@dataclass(frozen=True, eq=False)
class System(ABC):
    """A scenario as one published system reads it, with what is built of it: each part once, when it is first needed.

    A system says how its links become paths and information maps, what its design problem is, and which blocks and
    budgets a transmission has. The rest has defaults: a system without served users has no ratios, one without polar
    coordinates no polar targets, and so on.

    Attributes:
        scenario: the world.
        has_weights: whether a design weighs bistatic positioning against sensing.
        transmit_vector: transmit vector t for the array response a, in symbols.
    """

    scenario: Scenario
    has_weights: ClassVar[bool] = True
    transmit_vector: ClassVar[str] = "a"

    @classmethod
    def of(cls: type[_Kind], world: "Scenario | System") -> _Kind:
        """This system of a scenario, or of that of another system; one of its own is returned as it is."""
        if isinstance(world, cls):
            return world
        return cls(world.scenario if isinstance(world, System) else world)

    @abstractmethod
    def paths(self) -> dict[str, Paths]:
        """Paths of every link, by link name.

        Raises:
            InvalidInput: waves of this system are not paths of plane waves.
        """

    @abstractmethod
    def link_maps(self) -> dict[str, InformationMap]:
        """Information about the state for every link, and for links together where that is defined, by name."""

    def link_map(self, link: str) -> InformationMap:
        """The one of `link_maps` with that name.

        Raises:
            InvalidInput: there is no such link.
        """
        maps = self.link_maps()
        if link not in maps:
            raise InvalidInput(f"The link must be one of {', '.join(maps)}, found `{link}`.")
        return maps[link]

    @abstractmethod
    def _problem(self, weight: float | None, judged_by: str) -> DesignProblem:
        """The design problem without what methods add to it; see `design_problem`."""

    @abstractmethod
    def power_budgets(self) -> tuple[PowerBudget, ...]:
        """What limits the power of each block that a transmission may have."""

    @built_once
    def antenna_limits(self) -> tuple[AntennaPower, ...]:
        """What limits the power of single antennas of each block, where that is less than its budget."""
        budgets = self.power_budgets()
        blocks = [block for budget in budgets for block in budget.blocks]
        return antenna_limits(self.scenario, self.antennas_of(blocks), budgets)

    @abstractmethod
    def block_sets(self) -> tuple[tuple[str, ...], ...]:
        """The sets of blocks that a transmission may consist of, the usual one first."""

    @abstractmethod
    def true_state(self) -> dict[str, Float[np.ndarray, "..."]]:
        """True value of every state parameter."""

    def link_models(self, beams: Mapping[str, Complex[np.ndarray, "tx beam"]]) -> dict[str, LinkModel]:
        """What the receiver of every link knows of it: arrays, waveform, noise, beams, but no path.

        Raises:
            InvalidInput: the links of this system are not observed on subcarriers.
        """
        del beams
        raise InvalidInput(f"The system {self.scenario.system} has no models of links that paths of plane waves reach.")

    def joint_links(self) -> dict[str, tuple[str, ...]]:
        """The models of `link_models` that are observed together, by the name of the information map they belong to."""
        return {}

    def constraint(self, kind: type) -> Constraint:
        """The constraint of a given type that this system offers to methods that ask for it.

        Raises:
            InvalidInput: it has none.
        """
        raise InvalidInput(f"The system {self.scenario.system} has no {kind.__name__} constraint.")

    def transmit_vectors(
        self, station: str, offsets_m: Float[np.ndarray, "point 2"]
    ) -> Complex[np.ndarray, "tx point"]:
        """Transmit vector t of a station towards each point, in the convention of the system's information maps.

        A signal x of the antennas reaches the point as `t^H x` and a covariance R as the power `t^H R t`, up to the
        gain of the path. Systems that write channels with `a^H` have `t = a` for the array response a, here that of
        plane waves; those with `a^T` have `t = conj(a)`.

        Args:
            station: name of the one that transmits.
            offsets_m: the points, from the station's reference point and along the global axes. Where waves are plane
                their distances make no difference.
        """
        place = self.scenario.stations[station]
        azimuth_rad = np.arctan2(offsets_m[:, 1], offsets_m[:, 0])
        return steering_response(place.transmit_array.positions_wavelengths, azimuth_rad - place.orientation_rad)[0]

    def transmit_convention(self) -> str:
        """What `transmit_vectors` are, in words: how to find out of covariances and beams where they radiate."""
        return (
            f"towards a point with array response a, of phase +k p.u at element p in direction u, a beam w radiates "
            f"|t^H w|^2 and a covariance R t^H R t, with t = {self.transmit_vector}"
        )

    def _completed(self, covariances: Transmission) -> Transmission:
        """Covariances of all blocks that the given ones determine; by default the given ones are all there are."""
        return covariances

    def default_method(self) -> str:
        """Key of the method that designs the scenario unless another is named."""
        return "optimum"

    def with_selected(self, selected: tuple[str, ...]) -> "System":
        """The system of the scenario in which those receivers sense that a design selected, if it leaves that open."""
        del selected
        return self

    def phase_network_ports(self) -> tuple[str, ...]:
        """Names of the receiver or station that has a phase network in hybrid designs for the scenario."""
        try:
            constraint = self.constraint(SubarrayHybrid)
        except (InvalidInput, InvalidScenario):
            return ()
        assert isinstance(constraint, SubarrayHybrid)
        return (constraint.port,)

    def served_sinr(self, design: Design) -> dict[str, float]:
        """Signal-to-interference-and-noise ratio of each served user under a design, by name; empty without users."""
        del design
        return {}

    def service(self, design: Design | None = None) -> Service:
        """Where served users are, and under a design who serves them and who listens; empty without users."""
        del design
        return Service()

    def scene_cautions(self) -> list[str]:
        """Sentences on what bounds of the scene do not tell, whatever is transmitted, and on keys left out."""
        return [*self.limit_cautions(), *squint_cautions(self.scenario), *unused_cautions(self.scenario)]

    def limit_cautions(self) -> list[str]:
        """Sentences on where the scene passes the limits of this system's model."""
        return []

    def design_cautions(self, design: Design) -> list[str]:
        """Sentences on what the bounds of a design do not tell, beside those on the scene."""
        del design
        return []

    def transmission_cautions(self, covariances: Covariances) -> list[str]:
        """Sentences on what an estimator finds hard about a transmission, although its bounds are small."""
        del covariances
        return []

    def for_estimates(self, illumination: float | None = None) -> "System":
        """The system whose design estimators are checked with: one that lets them find what they look for.

        Args:
            illumination: least power at the target of a near-field echo, as a share of the largest; None is a default.

        Raises:
            InvalidInput: there is no such choice, or there are no estimators.
        """
        if illumination is not None:
            raise InvalidInput("A least illumination goes with the default design of a near-field echo only.")
        return self

    def by_one_receiver(self, links: Sequence[str] | None) -> "tuple[System, str] | None":
        """One observation to judge a design by where all together do not tell the state; None if there is none.

        Args:
            links: names of the observations that are asked for; None is all.
        """
        del links
        return None

    def polar_maps(self) -> dict[str, InformationMap]:
        """Information about direction and distance of the one target that is seen in polar coordinates, by link."""
        return {}

    def polar_targets(self) -> dict[str, tuple[float, float]]:
        """Direction in rad and distance in m of targets that are seen in polar coordinates, by position parameter."""
        return {}

    def speeds_mps(self, information: Information) -> dict[str, float | None]:
        """Root bounds of what an information that leaves the user's velocity open tells of it, by quantity."""
        del information
        return {}

    def cautions(self, design: Design) -> list[str]:
        """Sentences on what the bounds of the scene and of a design do not tell, and the user should know."""
        return [*self.scene_cautions(), *self.design_cautions(design)]

    def design_problem(
        self, *, weight: float | None = None, method: DesignMethod | None = None, judged_by: str | None = None
    ) -> DesignProblem:
        """The design problem of the scenario, with the constraints that a method is made for.

        Args:
            weight: weight of bistatic positioning, between 0 and 1; None is the system's default.
            method: adds those constraints in `method.uses` that the scenario does not have already, and says in
                `method.judged_by` what observations count; without a method any covariance within the budget is
                allowed.
            judged_by: what observations count, whatever the method says; without both, each link counts by itself.

        Raises:
            InvalidInput: the system does not judge designs in this way, or has no such constraint.
        """
        if judged_by is None:
            judged_by = "links" if method is None else method.judged_by
        problem = self._problem_with(weight, judged_by)
        wanted = frozenset() if method is None else method.uses
        missing = frozenset(wanted - {type(part) for part in problem.constraints})
        try:
            return self._problem_with(weight, judged_by, missing) if missing else problem
        except InvalidInput as error:
            key = "this method" if method is None else method.key
            raise InvalidInput(
                f"{key} does not apply here: {error} `crbeam methods SCENARIO` lists the methods that do."
            ) from None

    @built_once
    def _problem_with(
        self, weight: float | None, judged_by: str, kinds: frozenset[type] = frozenset()
    ) -> DesignProblem:
        """The design problem with constraints of further types."""
        if not kinds:
            return self._problem(weight, judged_by)
        extra = [self.constraint(kind) for kind in sorted(kinds, key=lambda kind: kind.__name__)]
        return self._problem_with(weight, judged_by).with_constraints(*extra)

    def design_problems(self, weights: Sequence[float], *, method: DesignMethod | None = None) -> list[DesignProblem]:
        """The design problems at several weights of bistatic positioning; they share their maps.

        For a method that is judged by one link or stage alone weights make no difference; a system without weights
        takes one, whatever it is.
        """
        outside = [f"{float(weight)!r}" for weight in weights if not 0.0 <= weight <= 1.0]
        if outside or not len(weights):
            raise InvalidInput(
                "There must be weights of bistatic positioning, all between 0 and 1, found "
                f"{', '.join(outside) or 'none'}."
            )
        weighs = len(weights) > 1 or self.has_weights
        first = self.design_problem(weight=weights[0] if weighs else None, method=method)
        if len(first.criteria) == 1 or not weighs:
            return [first for _ in weights]
        return [first.with_criterion_weights(weight, 1.0 - weight) for weight in weights]

    def weighs(self, method: DesignMethod) -> bool:
        """Whether the problem of a method weighs two criteria, so that weights of bistatic positioning count.

        Raises:
            InvalidInput: as `design_problem`.
        """
        return self.has_weights and len(self.design_problem(method=method).criteria) == 2

    def isotropic_transmission(self) -> Transmission:
        """Covariance of each block when every station transmits isotropically at full power, or what antennas allow.

        Watt per subcarrier, summed over slots.
        """
        blocks = self.block_sets()[0]
        budgets = [part for part in self.power_budgets() if set(part.blocks) & set(blocks)]
        limits = [part for part in self.antenna_limits() if part.block in blocks]
        return isotropic_covariances(self.antennas_of(blocks), budgets, limits)

    def antennas_of(self, blocks: Iterable[str]) -> dict[str, int]:
        """Number of transmit antennas of each of some blocks."""
        stations = self.scenario.stations
        return {block: stations[station_of_block(block)].transmit_array.elements for block in blocks}

    def completed(self, covariances: Covariances) -> Transmission:
        """Covariance of every block that a transmission determines: stages send what their station sends.

        Args:
            covariances: of the blocks of one of `block_sets`.

        Raises:
            InvalidInput: the scenario has no such blocks, or a block has another number of antennas.
        """
        sets = self.block_sets()
        chosen = next((each for each in sets if set(each) == set(covariances)), None)
        if chosen is None:
            allowed = " or ".join(", ".join(each) for each in sets)
            raise InvalidInput(
                f"A transmission must consist of the blocks {allowed}, found {', '.join(covariances) or 'none'}."
            )
        require_blocks(self.antennas_of(chosen), covariances)
        return self._completed(Transmission({block: covariances[block] for block in chosen}))

    def power_cautions(self, covariances: Transmission) -> list[str]:
        """Sentences on the power budgets, and limits of antennas, that a transmission exceeds, each with the factor."""
        found, subcarriers = [], self.scenario.waveform.subcarriers
        for budget in self.power_budgets():
            names = [block for block in budget.blocks if block in covariances]
            used_w, most_w = covariances.only(names).power_w, budget.power_per_subcarrier_w
            if used_w > most_w * (1.0 + POWER_ROUNDING):
                factor = used_w / most_w
                found.append(
                    f"The covariance of {', '.join(names)} has {used_w * subcarriers:.4g} W, {factor:.4g} times "
                    f"({float(ratio_to_db(factor)):.3g} dB) the {most_w * subcarriers:.4g} W that may be sent, and "
                    f"results are those of that power. Scale it down, or raise the `total_power` of the scenario."
                )
        for part in self.antenna_limits():
            if part.block not in covariances:
                continue
            used_w = np.real(np.diagonal(covariances[part.block]))
            worst = int(np.argmax(used_w / part.powers_w))
            factor = float(used_w[worst] / part.powers_w[worst])
            if factor > 1.0 + POWER_ROUNDING:
                found.append(
                    f"Antenna {worst} of {part.block} has {used_w[worst] * subcarriers:.4g} W, {factor:.4g} times "
                    f"({float(ratio_to_db(factor)):.3g} dB) the {part.powers_w[worst] * subcarriers:.4g} W that an "
                    f"antenna may send, and results are those of that power. Scale the covariance down, or raise the "
                    f"`power_per_antenna` of the scenario."
                )
        return found
