"""An experiment: a scenario with what is built of it, and what one can ask of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from crbeam.design import Design, DesignMethod, DesignProblem
from crbeam.errors import Unidentifiable
from crbeam.evaluation.bounds import Evaluation, evaluate
from crbeam.evaluation.error_map import PositionErrorMap, link_that_locates, position_error_map, scene_grid_m
from crbeam.evaluation.estimator_check import Estimator, EstimatorCheck, TrialPlan, check_estimator
from crbeam.evaluation.given_transmission import GivenTransmission
from crbeam.evaluation.tradeoff import TradeoffPoint, tradeoff
from crbeam.information import Transmission
from crbeam.information.transmission import Covariances
from crbeam.scenario import Scenario, read_scenario
from crbeam.systems import System, system_of

#: What may be asked about: a design; what a file holds; covariances by block; None is isotropic, at full power.
Sent = Design | GivenTransmission | Covariances | None


@dataclass(frozen=True, eq=False)
class Experiment:
    """A scenario and what one can ask of it; paths, maps, channels and problems are built once, when first needed.

    Attributes:
        system: the scenario as its system reads it, with what is built of it.
    """

    system: System

    @classmethod
    def of(cls, scenario: Scenario) -> "Experiment":
        """The experiment of a scenario."""
        return cls(system_of(scenario))

    @property
    def scenario(self) -> Scenario:
        """The world."""
        return self.system.scenario

    def method(self, method: str | DesignMethod | None = None) -> DesignMethod:
        """A design method by its key, `KEY` or `KEY:option=value`; None is the one that suits the scenario."""
        from crbeam.design.methods import method_named

        if isinstance(method, DesignMethod):
            return method
        return method_named(method or self.system.default_method())

    def problem(self, *, method: str | DesignMethod | None = None, weight: float | None = None) -> DesignProblem:
        """The design problem that a method solves: `System.design_problem`."""
        return self.system.design_problem(weight=weight, method=self.method(method))

    def design(self, *, method: str | DesignMethod | None = None, weight: float | None = None, seed: int = 0) -> Design:
        """One certified design.

        Args:
            method: by its key, or itself; by default the one that suits the scenario.
            weight: of bistatic positioning, between 0 and 1; None is the system's default.
            seed: of what a method draws.

        Raises:
            CrbeamError: the method does not apply, or found no transmission.
        """
        chosen = self.method(method)
        return chosen.solve(self.problem(method=chosen, weight=weight), seed=np.random.SeedSequence(seed))

    def with_selected(self, selected: tuple[str, ...]) -> "Experiment":
        """The experiment in which those receivers sense that a design selected, if its scenario leaves that open."""
        return Experiment(self.system.with_selected(selected))

    def given(self, sent: Sent = None) -> GivenTransmission:
        """What is sent, with the phase networks and the selected receivers of a design or of a file."""
        if isinstance(sent, GivenTransmission):
            return sent
        if isinstance(sent, Design):
            return GivenTransmission(sent.covariances, sent.analog, sent.selected)
        return GivenTransmission(self.system.isotropic_transmission() if sent is None else Transmission(sent))

    def bounds(self, sent: Sent = None) -> Evaluation:
        """Bounds of everything that each link can tell.

        Args:
            sent: a design or a file of one, with what it chose; covariances by block; or None, isotropic.
        """
        given = self.given(sent)
        return evaluate(self.system.with_selected(given.selected), given.covariances, networks=given.networks)

    def tradeoff(
        self, weights: Sequence[float], *, methods: Sequence[str | DesignMethod] = (), seed: int = 0
    ) -> list[TradeoffPoint]:
        """Designs of each method for each weight of bistatic positioning: `tradeoff`."""
        chosen = [self.method(each) for each in methods or [None]]
        return tradeoff(self.system, chosen, weights, seed=seed)

    def map(
        self,
        sent: Sent = None,
        *,
        link: str | None = None,
        grid_m: tuple[Float[np.ndarray, " column"], Float[np.ndarray, " row"]] | int = 61,
    ) -> PositionErrorMap:
        """The position error bound of the user, or of the first target, over the plane: `position_error_map`.

        Args:
            sent: as in `bounds`.
            link: the link whose observations count; by default the first that determines the position.
            grid_m: coordinates x and y; or a number of points along each axis, over all objects and a margin.
        """
        given = self.given(sent)
        system = self.system.with_selected(given.selected)
        covariances = system.completed(given.covariances)
        x_m, y_m = scene_grid_m(self.system, points=grid_m, margin=0.2) if isinstance(grid_m, int) else grid_m
        link = link or link_that_locates(system, covariances)
        return position_error_map(system, covariances, x_m=x_m, y_m=y_m, link=link, networks=given.networks)

    def design_for_estimates(
        self, *, links: Sequence[str] | None = None, illumination: float | None = None
    ) -> tuple["Experiment", Design]:
        """The design that estimators are checked with by default, and the experiment with what it chose.

        Where all receivers that sense do not tell the target together, it is the design for a receiver by itself.

        Args:
            links: names of the observations that are asked for; None is all.
            illumination: least power at the target of a near-field echo, as a share of the largest.

        Raises:
            InvalidInput: the system offers no estimators, or has no near-field echo to give a least illumination.
        """
        try:
            design = Experiment(self.system.for_estimates(illumination)).design()
        except Unidentifiable:
            one = self.system.by_one_receiver(links)
            if one is None:
                raise
            experiment, link = Experiment(one[0]), one[1]
            return experiment, experiment.method().solve(experiment.system.design_problem(judged_by=link))
        return self.with_selected(design.selected), design

    def estimate(
        self,
        sent: Sent = None,
        *,
        plan: TrialPlan | None = None,
        links: Sequence[str] | None = None,
        estimator: Estimator | None = None,
        on_progress: Callable[[str, int, int], None] | None = None,
    ) -> EstimatorCheck:
        """Whether maximum-likelihood estimates reach the bounds: `check_estimator`.

        Args:
            sent: as in `bounds`, but by default what `design_for_estimates` sends.
            plan: signal-to-noise ratios and number of trials.
            links: names of links; by default all.
            estimator: how states are estimated.
            on_progress: called with the link, the number of trials done and their total.
        """
        experiment = self
        if sent is None:
            experiment, sent = self.design_for_estimates(links=links)
        given = experiment.given(sent)
        return check_estimator(
            experiment.system.with_selected(given.selected),
            given.covariances,
            plan=plan,
            links=links,
            estimator=estimator,
            networks=given.networks,
            on_progress=on_progress,
        )


def read(source: str, *overrides: str, seed: int | None = None) -> Experiment:
    """The experiment of a preset or of a scenario file: `read_scenario`.

    Args:
        source: name of a preset, or path of a YAML file.
        overrides: changes of fields, such as `targets.count=1`.
        seed: draws all path phases; None is what the scenario says.
    """
    return Experiment.of(read_scenario(source, overrides=overrides, seed=seed))
