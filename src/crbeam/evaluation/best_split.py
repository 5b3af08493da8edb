"""How a station should share out its symbols between sensing and positioning."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from crbeam.design import Design, DesignMethod, DesignProblem, TiedBlocks
from crbeam.design.problem import HINGE_ROUNDING
from crbeam.errors import CrbeamError, InvalidInput
from crbeam.evaluation.bounds import LinkEvaluation, evaluate_link
from crbeam.linalg import one_blas_thread
from crbeam.scenario import Scenario
from crbeam.systems import design_problem
from crbeam.systems.hamrouni2026 import BISTATIC_STAGE, MONOSTATIC_STAGE, POSTERIOR, sensing_share
from crbeam.systems.symbol_schedule import shared_symbols

#: Shares between two neighbours of the best one, in each round of the refinement.
ZOOM = 7
#: Observations that depend on the share.
LINKS = (POSTERIOR, MONOSTATIC_STAGE, BISTATIC_STAGE)
#: Root bounds that a split shows.
BOUNDS = ("user_position_m", "user_velocity_mps", "target_position_m")


@dataclass(frozen=True, eq=False)
class SplitPoint:
    """The design of one share.

    Attributes:
        share: of the symbols, those of the message left out, that sensing gets; with contiguous symbols a whole number
            of them.
        design: what the method found, or why it found nothing. Where the share is the design's own choice, its
            covariances stand for the energies of the stages: divided by the share, and by one minus the share, they are
            those of their symbols.
        evaluation: its bounds by the observations that it is judged by; None without a design.
    """

    share: float
    design: Design | CrbeamError
    evaluation: LinkEvaluation | None

    @property
    def loss(self) -> float:
        """The design's objective; infinite without a design."""
        return self.design.objective if isinstance(self.design, Design) else float("inf")

    @property
    def rank(self) -> tuple[float, float]:
        """By which points are compared: the loss; of those that meet all thresholds, the weighted bound."""
        if not isinstance(self.design, Design) or self.loss > HINGE_ROUNDING:
            return self.loss, 0.0
        return 0.0, float(self.design.details.get("trace_loss", 0.0))


@dataclass(frozen=True, eq=False)
class Split:
    """The designs of one method over the share of sensing.

    Attributes:
        method: its name.
        link: the observations that its designs are judged by.
        points: by share.
        is_one_program: whether the best share is part of a convex program and so the best of all, with the gap of the
            best point's design; otherwise it is the best that was found.
        is_refined: whether shares beyond those that were given were looked at between the neighbours of the best one.
    """

    method: str
    link: str
    points: tuple[SplitPoint, ...]
    is_one_program: bool
    is_refined: bool

    def bounds(self, point: SplitPoint) -> dict[str, float | None]:
        """Root bounds of user and targets, these as root mean square; None for what does not exist."""
        if point.evaluation is None:
            return dict.fromkeys(BOUNDS)
        quantities = point.evaluation.quantities
        found = {name: quantities.get(name) for name in BOUNDS}
        targets = quantities["target_positions_m"]
        assert isinstance(targets, tuple)
        known = [bound for bound in targets if bound is not None]
        rms = float(np.sqrt(np.mean(np.square(known)))) if known and len(known) == len(targets) else None
        return {**{name: value for name, value in found.items() if not isinstance(value, tuple)}, BOUNDS[2]: rms}

    @property
    def best(self) -> SplitPoint | None:
        """The point of least loss, and of least weighted bound among those without loss; None if there is no design."""
        found = min(self.points, key=lambda point: point.rank)
        return found if isinstance(found.design, Design) else None

    @property
    def is_at_end(self) -> bool:
        """Whether the best share is the first or last that was looked at, so that a better one may lie beyond."""
        if self.best is None or self.is_one_program:
            return False
        is_inner = self.points[0].share < self.best.share < self.points[-1].share
        return not is_inner and 0.0 < self.best.share < 1.0

    @property
    def without_loss(self) -> int:
        """Number of shares at which all thresholds are met, none of which is then better than another by its loss."""
        return sum(point.rank[0] == 0.0 for point in self.points)


def best_split(scenario: Scenario, method: DesignMethod, shares: Sequence[float], *, refine: bool = True) -> Split:
    """Loss and bounds of a method's designs over the share of sensing, and the best share.

    The message that tells the user what sensing found takes its symbols first; sensing and positioning share the rest:
    `N = N_sensing + N_message + N_positioning`, `share = N_sensing / (N - N_message)`.

    With interleaved symbols the joint design chooses the share together with the beams, in one convex program.
    Otherwise the loss need not be convex in the share, and the search goes on between the neighbours of the best share
    until they are a symbol apart: a local minimum, the best one if the given shares are dense enough.

    Args:
        scenario: of the system hamrouni2026.
        method: makes the designs; those of one round are made together.
        shares: to begin with, each between 0 and 1; of contiguous symbols rounded to a whole number, each number once.
        refine: whether to search beyond the given shares.

    Raises:
        InvalidInput: the scenario has no stages, the method's loss does not depend on them, or a share is none.

    Reference: hamrouni2026 eqs. (16), (17), (20), (22).

    Deviation: the paper searches over the share around each design; for interleaved symbols no search is needed.
    """
    if scenario.protocol is None:
        raise InvalidInput(
            f"A split needs the system hamrouni2026, whose symbols have two stages, found {scenario.system}; write "
            "`system: hamrouni2026`."
        )
    if method.judged_by not in LINKS:
        raise InvalidInput(
            f"A split needs a method that is judged by {', '.join(LINKS)}, found {method.key}, which is judged by "
            f"{method.judged_by} and so does not depend on the share of sensing."
        )
    outside = [f"{share:g}" for share in shares if not 0.0 <= share <= 1.0]
    if outside or not len(shares):
        raise InvalidInput(
            f"There must be shares of sensing, all between 0 and 1, found {', '.join(outside) or 'none'}."
        )
    whole = partial(_whole, scenario)
    given = {point.share: point for point in _points(scenario, method, whole(shares))}
    points, free = dict(given), _free_point(scenario, method) if refine else None
    if free is not None:
        points[free.share] = free
    elif refine:
        resolution = 1.0 / shared_symbols(scenario)
        points = _refined(points, whole, lambda wanted: _points(scenario, method, wanted), resolution)
    ordered = tuple(points[share] for share in sorted(points))
    return Split(method.name, method.judged_by, ordered, free is not None, len(points) > len(given))


def _whole(scenario: Scenario, shares: Iterable[float]) -> list[float]:
    """Shares as they are used, each once: of contiguous symbols a whole number of them, of interleaved ones any."""
    assert scenario.protocol is not None
    if scenario.protocol.order == "interleaved":
        return [*dict.fromkeys(map(float, shares))]
    count = shared_symbols(scenario)
    return [*dict.fromkeys(round(float(share) * count) / count for share in shares)]


def _protocol(scenario: Scenario, share: float | None):
    assert scenario.protocol is not None
    return scenario.protocol.model_copy(update={"sensing_share": share})


def _points(scenario: Scenario, method: DesignMethod, shares: Sequence[float]) -> list[SplitPoint]:
    """Designs of given shares, made together."""
    scenes = [scenario.model_copy(update={"protocol": _protocol(scenario, share)}) for share in shares]
    problems = [design_problem(scene, method=method) for scene in scenes]
    designs = method.solve_many(problems)
    return [
        SplitPoint(share, design, _evaluated(method, problem, design) if isinstance(design, Design) else None)
        for share, problem, design in zip(shares, problems, designs, strict=True)
    ]


def _evaluated(method: DesignMethod, problem: DesignProblem, design: Design) -> LinkEvaluation:
    """Bounds of a design by the observations of its problem's first criterion, that it is judged by."""
    information = problem.criteria[0].map
    with one_blas_thread():
        return evaluate_link(method.judged_by, information.at(design.covariances))


def _free_point(scenario: Scenario, method: DesignMethod) -> SplitPoint | None:
    """The design that chooses its own share; None if that is no one program.

    Beams that both stages share leave no choice: their energies would be equal.
    """
    assert scenario.protocol is not None
    if scenario.protocol.order != "interleaved" or method.judged_by != POSTERIOR or TiedBlocks in method.uses:
        return None
    free = scenario.model_copy(update={"protocol": _protocol(scenario, None)})
    problem = design_problem(free, method=method)
    if method.why_not(problem) is not None:
        return None
    try:
        design = method.solve(problem)
    except CrbeamError:
        return None
    share = sensing_share(free, design.covariances)
    return SplitPoint(share, design, _evaluated(method, problem, design))


def _refined(
    points: Mapping[float, SplitPoint],
    whole: Callable[[Iterable[float]], list[float]],
    solve: Callable[[Sequence[float]], list[SplitPoint]],
    resolution: float,
) -> dict[float, SplitPoint]:
    """The points with more of them between the neighbours of the best one, until these are closer than that."""
    found = dict(points)
    while True:
        shares = sorted(found)
        place = shares.index(min(found.values(), key=lambda point: point.rank).share)
        low, high = shares[max(place - 1, 0)], shares[min(place + 1, len(shares) - 1)]
        if not np.isfinite(found[shares[place]].loss) or high - low <= 2.0 * resolution:
            return found
        steps = whole(np.linspace(low, high, ZOOM + 2)[1:-1])
        new = [share for share in steps if np.min(np.abs(np.array(shares) - share)) >= 0.5 * resolution]
        if not new:
            return found
        found.update({point.share: point for point in solve(new)})
