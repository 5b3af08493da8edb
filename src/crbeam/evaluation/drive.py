"""A drive: what is known of a moving user, interval after interval, under several ways to choose the beams."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from crbeam.design import Design, DesignMethod, DesignProblem
from crbeam.errors import InvalidInput
from crbeam.evaluation.bounds import LinkEvaluation, evaluate_link
from crbeam.evaluation.constant_velocity import POSITION, VELOCITY, ConstantVelocity
from crbeam.evaluation.drive_scenes import scenes_of_drive
from crbeam.information import Information, InformationMap, Transmission
from crbeam.linalg import one_blas_thread
from crbeam.scenario import Scenario
from crbeam.systems import system_of
from crbeam.systems.hamrouni2026 import POSTERIOR

#: How the beams of an interval come about: designed with what earlier intervals told as a prior; designed as if nothing
#: were known; those of the first interval for ever; isotropic.
POLICIES = ("redesigned", "memoryless", "kept", "isotropic")
#: Parameters beside the targets that may be said to stay the same from interval to interval.
CONSTANTS = ("user_orientation", "clock_bias")


@dataclass(frozen=True)
class DrivePlan:
    """How long a drive is, and what is known of how things change.

    Attributes:
        intervals: number of coherent intervals, each with both stages of the scenario's protocol.
        period_s: from the beginning of one to that of the next.
        acceleration_density_m2_per_s3: spectral density of the user's unknown acceleration along each axis.
        constants: of `CONSTANTS`, those known to be the same in all intervals; the others are new unknowns in each, as
            a clock that drifts and a user that turns its head make them. Targets always are the same, gains never.
    """

    intervals: int
    period_s: float
    acceleration_density_m2_per_s3: float = 1.0
    constants: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        unknown = sorted(set(self.constants) - set(CONSTANTS))
        if unknown:
            raise InvalidInput(f"Constants must be among {', '.join(CONSTANTS)}, found {', '.join(unknown)}.")
        _ = self.motion

    @property
    def motion(self) -> ConstantVelocity:
        """How the user moves from one interval to the next."""
        return ConstantVelocity(self.period_s, self.acceleration_density_m2_per_s3)


@dataclass(frozen=True, eq=False)
class DriveCurve:
    """What is known along a drive under one policy.

    Attributes:
        policy: how the beams were chosen.
        covariances: of each interval, watt per subcarrier summed over slots.
        designs: the certified design that was made for each interval; None where beams were taken over or isotropic.
        told: what each interval tells by itself about user, targets and constants, its nuisances eliminated.
        posteriors: bounds after each interval, by all intervals so far.
    """

    policy: str
    covariances: tuple[Transmission, ...]
    designs: tuple[Design | None, ...]
    told: tuple[Information, ...]
    posteriors: tuple[LinkEvaluation, ...]

    @property
    def user_position_m(self) -> tuple[float | None, ...]:
        """Root bound of the user's position after each interval; None where it is not identifiable."""
        return tuple(_number(each.quantities["user_position_m"]) for each in self.posteriors)

    @property
    def user_velocity_mps(self) -> tuple[float | None, ...]:
        """Root bound of the user's velocity after each interval; None where it is not identifiable."""
        return tuple(_number(each.quantities["user_velocity_mps"]) for each in self.posteriors)

    @property
    def target_position_m(self) -> tuple[float | None, ...]:
        """Root mean square over the targets of their root bounds; None where one is not identifiable, or is none."""
        return tuple(_root_mean_square(each.quantities["target_positions_m"]) for each in self.posteriors)


@dataclass(frozen=True, eq=False)
class Drive:
    """A drive under several policies.

    Attributes:
        scenes: the scenario of each interval.
        plan: what was asked for.
        curves: by policy.
    """

    scenes: tuple[Scenario, ...]
    plan: DrivePlan
    curves: Mapping[str, DriveCurve]

    @property
    def time_s(self) -> Float[np.ndarray, " interval"]:
        """When each interval begins."""
        return self.plan.period_s * np.arange(len(self.scenes))

    @property
    def position_m(self) -> Float[np.ndarray, "interval 2"]:
        """Where the user is in each interval."""
        return np.array([scene.user.position_m for scene in self.scenes])


def drive(
    scenario: Scenario,
    plan: DrivePlan,
    *,
    policies: Sequence[str] = POLICIES,
    method: DesignMethod | None = None,
    prior: Information | None = None,
) -> Drive:
    """Recursive posterior bounds of user and targets over successive intervals, and the beams that lead to them.

    Prediction moves what is known to the beginning of the next interval (`ConstantVelocity.predicted`); the
    interval's own information, its gains and other nuisances eliminated, is then added. Redesigned beams minimise the
    scenario's loss of the sum, its design problem judged by the posterior with the prediction as a prior,
    and so are best for the interval that they are sent in, not for the drive as a whole. What no transmission
    determines yet is left out of the loss.

    All information is taken along the true drive, of constant velocity, which is also what prediction expects. The
    recursion then is the bound of the observations of all intervals together, with the accelerations as nuisances of
    known variance around zero.

    Args:
        scenario: of the system hamrouni2026, at the beginning of the drive; recorded paths become fixed scatterers.
        plan: the intervals.
        policies: ways to choose the beams, compared from the same start.
        method: designs the beams; by default the global optimum, `optimum`.
        prior: what is known before the first interval; by default nothing.

    Raises:
        InvalidInput: the scenario's user does not move, or there is no such policy.
        CrbeamError: a design failed.
    """
    if scenario.system != "hamrouni2026":
        raise InvalidInput(
            f"A drive needs the system hamrouni2026, whose user moves, found {scenario.system}; write "
            "`system: hamrouni2026` and `user.velocity`."
        )
    unknown = sorted(set(policies) - set(POLICIES))
    if unknown or not policies:
        raise InvalidInput(f"Policies must be among {', '.join(POLICIES)}, found {', '.join(unknown) or 'none'}.")
    scenes = scenes_of_drive(scenario, intervals=plan.intervals, period_s=plan.period_s)
    with one_blas_thread():
        designer = _Designer(tuple(map(_problem, scenes)), method or _default_method())
        curves = {policy: _curve(policy, designer, plan, prior) for policy in dict.fromkeys(policies)}
    return Drive(scenes, plan, curves)


def _default_method() -> DesignMethod:
    from crbeam.design.methods import method_named

    return method_named("optimum")


def _problem(scenario: Scenario) -> DesignProblem:
    problem = system_of(scenario).design_problem(judged_by=POSTERIOR)
    return replace(problem, criteria=problem.active_criteria)


@dataclass(frozen=True, eq=False)
class _Designer:
    """Designs of the beams of each interval.

    Attributes:
        problems: of the intervals, without what is known from earlier ones.
        method: solves them.
    """

    problems: tuple[DesignProblem, ...]
    method: DesignMethod

    def map(self, interval: int) -> InformationMap:
        """What an interval tells, as a function of its beams."""
        return self.problems[interval].criteria[0].map

    def isotropic(self, interval: int) -> Transmission:
        """Isotropic beams at full power."""
        return self.problems[interval].isotropic()

    def design(self, interval: int, prior: Information | None) -> Design:
        """Beams for one interval, with what is known before it."""
        problem = self.problems[interval]
        (criterion,) = problem.criteria
        known = criterion.map if prior is None else criterion.map + prior.as_prior()
        reached = evaluate_link("isotropic", known.at(self.isotropic(interval)))
        weights = {name: weight for name, weight in criterion.weights.items() if name not in reached.unidentifiable}
        problem = replace(problem, criteria=(replace(criterion, map=known, weights=weights),))
        return self.method.solve(problem)


def _curve(policy: str, designer: _Designer, plan: DrivePlan, prior: Information | None) -> DriveCurve:
    known, transmissions, designs, told, posteriors = prior, [], [], [], []
    for interval in range(plan.intervals):
        if interval and known is not None:
            known = plan.motion.predicted(known)
        design = _new_design(policy, designer, interval, known)
        if policy == "isotropic":
            covariances = designer.isotropic(interval)
        else:
            covariances = transmissions[-1] if design is None else design.covariances
        news = lasting(designer.map(interval).at(covariances), plan.constants)
        known = news if known is None else known + news
        transmissions.append(covariances)
        designs.append(design)
        told.append(news)
        posteriors.append(evaluate_link(policy, known))
    return DriveCurve(policy, tuple(transmissions), tuple(designs), tuple(told), tuple(posteriors))


def _new_design(policy: str, designer: _Designer, interval: int, known: Information | None) -> Design | None:
    """The design that a policy makes for an interval; None if it makes none."""
    if policy == "isotropic" or (policy == "kept" and interval):
        return None
    return designer.design(interval, None if policy == "memoryless" else known)


def lasting(information: Information, constants: Sequence[str] = ()) -> Information:
    """What information tells about user, velocity, targets and constants, all else being nuisances of its interval."""
    layout = information.layout
    names = (POSITION, VELOCITY, *layout.family("target_position"), *(name for name in constants if name in layout))
    return information.equivalent(names)


def _number(value: object) -> float | None:
    assert value is None or isinstance(value, float)
    return value


def _root_mean_square(values: object) -> float | None:
    assert isinstance(values, tuple)
    if not values or None in values:
        return None
    return float(np.sqrt(np.mean(np.square(values))))
