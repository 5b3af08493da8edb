"""An experiment: a scenario with what is built of it, and what one can ask of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float

from crbeam.design import Design, DesignMethod, DesignProblem
from crbeam.errors import Unidentifiable
from crbeam.evaluation.bounds import Evaluation, evaluate
from crbeam.evaluation.error_map import PositionErrorMap, position_error_map, scene_grid_m
from crbeam.evaluation.estimator_check import Estimator, EstimatorCheck, TrialPlan, check_estimator
from crbeam.evaluation.tradeoff import TradeoffPoint, tradeoff
from crbeam.scenario import Scenario, read_scenario
from crbeam.systems import System, system_of

#: What may be asked about: a design; covariances of blocks; None is the isotropic transmission at full power.
Transmission = Design | Complex[np.ndarray, "block tx tx"] | None


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

    def with_choices_of(self, design: Design) -> "Experiment":
        """The experiment with what a design chose of its scenario, such as the receivers that sense."""
        return Experiment(self.system.with_choices_of(design))

    def bounds(self, transmission: Transmission = None, blocks: Sequence[str] | None = None) -> Evaluation:
        """Bounds of everything that each link can tell.

        Args:
            transmission: a design, with what it chose; covariances; or None, isotropic.
            blocks: names of the blocks that covariances belong to; by default the usual ones.
        """
        covariances, blocks = self._sent(transmission, blocks)
        if isinstance(transmission, Design):
            chosen = self.system.with_choices_of(transmission)
            return evaluate(chosen, covariances, blocks, networks=transmission.analog)
        return evaluate(self.system, covariances, blocks)

    def _sent(
        self, transmission: Transmission, blocks: Sequence[str] | None
    ) -> tuple[Complex[np.ndarray, "block tx tx"], Sequence[str] | None]:
        """Covariances of a transmission and the names of their blocks."""
        if isinstance(transmission, Design):
            return transmission.covariances, transmission.blocks
        if transmission is None:
            isotropic = self.system.isotropic_transmission()
            return np.stack(list(isotropic.values())), tuple(isotropic)
        return transmission, blocks

    def tradeoff(
        self, weights: Sequence[float], *, methods: Sequence[str | DesignMethod] = (), seed: int = 0
    ) -> list[TradeoffPoint]:
        """Designs of each method for each weight of bistatic positioning: `tradeoff`."""
        chosen = [self.method(each) for each in methods or [None]]
        return tradeoff(self.system, chosen, weights, seed=seed)

    def map(
        self,
        transmission: Transmission = None,
        blocks: Sequence[str] | None = None,
        *,
        link: str | None = None,
        grid_m: tuple[Float[np.ndarray, " column"], Float[np.ndarray, " row"]] | int = 61,
    ) -> PositionErrorMap:
        """The position error bound of the user, or of the first target, over the plane: `position_error_map`.

        Args:
            transmission: as in `bounds`.
            blocks: as in `bounds`.
            link: the link whose observations count; by default the first.
            grid_m: coordinates x and y; or a number of points along each axis, over all objects and a margin.
        """
        covariances = self.system.covariances_of_blocks(*self._sent(transmission, blocks))
        x_m, y_m = scene_grid_m(self.system, points=grid_m, margin=0.2) if isinstance(grid_m, int) else grid_m
        link = link or next(iter(self.scenario.links))
        return position_error_map(self.system, covariances, x_m=x_m, y_m=y_m, link=link)

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
        return self.with_choices_of(design), design

    def estimate(
        self,
        transmission: Design | Complex[np.ndarray, "block tx tx"] | None = None,
        *,
        plan: TrialPlan | None = None,
        links: Sequence[str] | None = None,
        estimator: Estimator | None = None,
        on_progress: Callable[[str, int, int], None] | None = None,
    ) -> EstimatorCheck:
        """Whether maximum-likelihood estimates reach the bounds: `check_estimator`.

        Args:
            transmission: a design, with what it chose; covariances; or None, the design of `design_for_estimates`.
            plan: signal-to-noise ratios and number of trials.
            links: names of links; by default all.
            estimator: how states are estimated.
            on_progress: called with the link, the number of trials done and their total.
        """
        system = self.system
        if transmission is None:
            experiment, transmission = self.design_for_estimates(links=links)
            system = experiment.system
        if isinstance(transmission, Design):
            system, transmission = system.with_choices_of(transmission), transmission.covariances
        return check_estimator(
            system, transmission, plan=plan, links=links, estimator=estimator, on_progress=on_progress
        )


def read(source: str, *overrides: str, seed: int | None = None) -> Experiment:
    """The experiment of a preset or of a scenario file: `read_scenario`.

    Args:
        source: name of a preset, or path of a YAML file.
        overrides: changes of fields, such as `targets.count=1`.
        seed: draws all path phases; None is what the scenario says.
    """
    return Experiment.of(read_scenario(source, overrides=overrides, seed=seed))
