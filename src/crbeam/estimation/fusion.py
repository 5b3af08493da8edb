"""One state from several links: their likelihoods multiply."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial, reduce

import numpy as np
from jaxtyping import Complex, Float

from crbeam.errors import InvalidInput
from crbeam.estimation.echo_starts import starts_from_echoes
from crbeam.estimation.link_model import LinkModel
from crbeam.estimation.matching import failure_of
from crbeam.estimation.path_estimates import PathEstimates, estimate_paths, refine_paths
from crbeam.estimation.path_likelihood import Score
from crbeam.estimation.position_fix import Method, Observation, StateEstimate, estimates_of_link
from crbeam.estimation.prediction import LinkState, as_state, as_vector, link_state_layout
from crbeam.estimation.scoring import Maximum, maximise
from crbeam.information import ParameterLayout

#: Observations of links that differ in their numbers of beams and receive chains.
Observations = Complex[np.ndarray, "_ _"]


def estimate_fused(
    models: Sequence[LinkModel],
    observations: Sequence[Observations],
    *,
    method: Method = "direct",
    assumed: Mapping[str, Float[np.ndarray, "..."]] | None = None,
) -> StateEstimate:
    """State of the scene by a link to the user together with echoes of the same scene.

    The log-likelihoods of the links add; positions are shared, each link has its own gains. The search starts from what
    the link to the user says alone, from each state that it finds about equally likely, and from what the echoes say,
    assigned to its paths; the best end counts.

    Args:
        models: the links, one of them to the user and one of them back to the station.
        observations: of each link, in units of the noise.
        method: `direct` or `two-stage`, as for a single link; `sequential`: what the echoes say, as estimates of their
            paths with their Fisher information, is a prior of the likelihood of the link to the user, as a message from
            the station to the user would have it.
        assumed: state parameters that are taken as known.

    Reference: zhang2025 Remark 1; hamrouni2026 section III; theory/estimation#fusion.
    """
    pair = {model.is_monostatic: index for index, model in reversed(list(enumerate(models)))}
    if set(pair) != {True, False}:
        raise InvalidInput("Fused estimation needs a link to the user and one back to the station, found one kind.")
    known = dict(assumed or {})
    direct = pair[False]
    alone, readings = estimates_of_link(models[direct], observations[direct], method="direct", assumed=known)
    echoes = estimate_paths(models[pair[True]], observations[pair[True]])
    layout = reduce(ParameterLayout.union, [link_state_layout(model) for model in models])
    free = layout.select([name for name in layout if name not in known])
    views = [LinkState(model, free, known) for model in models]
    best: Maximum | None = None
    for each in alone:
        best = _better(best, _fix(views, observations, as_vector(free, each.state), method))
    for state in starts_from_echoes(models[direct], readings, models[pair[True]], echoes):
        if (
            best is not None
            and failure_of(models, StateEstimate(state, True), {**as_state(free, best.point), **known}) is None
        ):
            continue  # the same maximum is near
        best = _better(best, _fix(views, observations, as_vector(free, state), method))
    if best is None:
        return StateEstimate({**alone[0].state, **known}, False)
    return StateEstimate({**as_state(free, best.point), **known}, best.has_converged)


def _better(first: Maximum | None, second: Maximum | None) -> Maximum | None:
    """The one with the larger likelihood, of those that there are."""
    if first is None or second is None:
        return first or second
    return second if second.score.energy > first.score.energy else first


def _fix(
    views: Sequence[LinkState], observations: Sequence[Observations], start: np.ndarray, method: Method
) -> Maximum | None:
    """Best state near a start, with its likelihood as score.

    Methods other than `direct` go on from the maximum of the likelihood and estimate the paths near those it implies. A
    start itself may be cells away from them.
    """

    def likelihood(vector: Float[np.ndarray, " parameter"]) -> Score | None:
        return total(
            [view.likelihood(observation, vector) for view, observation in zip(views, observations, strict=True)]
        )

    first = maximise(likelihood, start)
    if method == "direct" or first is None:
        return first
    terms: list[Callable[[np.ndarray], Score | None]] = []
    converged = True
    for view, observation in zip(views, observations, strict=True):
        if method == "sequential" and not view.model.is_monostatic:
            terms.append(partial(view.likelihood, observation))
            continue
        paths = _nearby_paths(view, observation, first.point)
        if paths is None:
            return None
        converged &= paths.has_converged
        terms.append(partial(view.distance, paths.parameters, paths.information))
    nearest = maximise(lambda x: total([term(x) for term in terms]), first.point)
    score = None if nearest is None else likelihood(nearest.point)
    if nearest is None or score is None:
        return None
    return Maximum(nearest.point, score, converged and nearest.has_converged, nearest.iterations)


def _nearby_paths(view: LinkState, observation: Observation, start: np.ndarray) -> PathEstimates | None:
    """Maximum-likelihood estimates of the paths near those that a state implies."""
    both = view.predicted(start)
    return None if both is None else refine_paths(view.model, observation, both[0], (), folded=False)


def total(scores: Sequence[Score | None]) -> Score | None:
    """Score of independent observations together; None if one of them does not exist."""
    present = [score for score in scores if score is not None]
    if len(present) < len(scores):
        return None
    return Score(
        energy=sum(score.energy for score in present),
        gradient=np.sum([score.gradient for score in present], axis=0),
        information=np.sum([score.information for score in present], axis=0),
        gain=np.concatenate([score.gain for score in present]),
    )
