"""Joint bistatic positioning and monostatic sensing: one station, one user, passive targets.

The station's pilots reach the user directly and over the targets (bistatic positioning, with the user's position,
orientation and clock bias and the targets unknown) and come back to the station from the user and the targets
(monostatic sensing). Both links see the same transmit covariance, so a design trades one against the other.
"""

from functools import reduce
from operator import add

from crbeam.design import Criterion, DesignProblem, PowerBudget
from crbeam.errors import InvalidInput, InvalidScenario
from crbeam.information import InformationMap
from crbeam.information.builders import Pilots
from crbeam.scenario import USER
from crbeam.systems.built_once import built_once
from crbeam.systems.station_and_user import StationAndUser, path_map, state_map

#: What judges a design: each link by itself, or all together.
LINKS, FUSED = "links", "fused"
#: Weight of bistatic positioning if none is given.
DEFAULT_WEIGHT = 0.5


class Zhang2025(StationAndUser):
    """The system of zhang2025 with what is built of a scenario."""

    def path_maps(self) -> dict[str, InformationMap]:
        """Information about the path parameters of every link, before any geometry.

        Reference: zhang2025 eq. (6).
        """
        return {name: path_map(self.scenario, paths, self._pilots(name)) for name, paths in self.paths().items()}

    def _pilots(self, link: str) -> tuple[Pilots]:
        """All pilots of a link see one covariance, because nothing moves."""
        return (Pilots(self.scenario.links[link].transmitter, float(self.scenario.waveform.symbols_per_slot)),)

    def link_maps(self) -> dict[str, InformationMap]:
        """Information about the state for every link, and for all links together (`fused`).

        Bistatic links: unknown are user position, orientation, target positions, clock bias and path gains (6 + 4K
        numbers for K targets). Monostatic links: user and target positions and gains (4 + 4K). Fused: information of
        independent links adds, positions are shared and each link keeps its own gains (8 + 6K).

        Reference: zhang2025 eqs. (7), (9), Remark 1.

        Deviation: Remark 1 prints 6K + 6 for the size of the fused state; it is 6K + 8.
        """
        return {name: self.link_map(name) for name in (*self.scenario.links, FUSED)}

    @built_once
    def link_map(self, link: str) -> InformationMap:
        """The one of `link_maps` with that name, without the work for the others."""
        names = [*self.scenario.links, FUSED]
        if link not in names:
            raise InvalidInput(f"The link must be one of {', '.join(names)}, found `{link}`.")
        if link == FUSED:
            return reduce(add, [self.link_map(each) for each in self.scenario.links])
        return state_map(self.scenario, self.paths()[link], self._pilots(link))

    def _problem(self, weight: float | None, judged_by: str) -> DesignProblem:
        """Minimise `weight CRB_bistatic(user) + (1 - weight) CRB_monostatic(user and targets)` under the power budget.

        Args:
            weight: of bistatic positioning; None is 0.5.
            judged_by: `links`, each bound by its own link; or `fused`, both bounds by all links together, as if user
                and station told each other what they observe.

        Reference: zhang2025 eq. (13), Remark 1.
        """
        if judged_by not in (LINKS, FUSED):
            raise InvalidInput(
                f"The system zhang2025 judges designs by {LINKS} or {FUSED}, but a method wants `{judged_by}`; choose "
                f"another method, or a system with such observations."
            )
        weight = DEFAULT_WEIGHT if weight is None else weight
        if not 0.0 <= weight <= 1.0:
            raise InvalidInput(f"The weight of bistatic positioning must be between 0 and 1, found {float(weight)!r}.")
        links = {link.receiver == USER: name for name, link in self.scenario.links.items()}
        if len(links) < 2:
            missing = "back to the station" if True in links else "to the user"
            raise InvalidScenario(
                f"must have a link to the user and one back to the station, to trade one against the other; there is "
                f"none {missing}.",
                field="links",
            )
        names = (FUSED, FUSED) if judged_by == FUSED else (links[True], links[False])
        positioning, sensing = map(self.link_map, names)
        positions = ("user_position", *sensing.layout.family("target_position"))
        return DesignProblem(
            criteria=(
                Criterion(positioning, {"user_position": 1.0}, names[0], weight, "m^2"),
                Criterion(sensing, dict.fromkeys(positions, 1.0), names[1], 1.0 - weight, "m^2"),
            ),
            constraints=(*self.power_budgets(), *self.antenna_limits()),
            directions=dict.fromkeys(self.scenario.stations, self.transmit_directions()),
            n_slots=self.scenario.waveform.slots,
        )

    def power_budgets(self) -> tuple[PowerBudget, ...]:
        """The station's power."""
        scenario = self.scenario
        return tuple(PowerBudget((name,), scenario.power_per_subcarrier_w(name)) for name in scenario.stations)


__all__ = ["DEFAULT_WEIGHT", "FUSED", "LINKS", "Zhang2025"]
