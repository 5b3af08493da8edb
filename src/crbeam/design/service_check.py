"""Whether a proposal keeps the service constraints of its problem."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from crbeam.design.problem import DesignProblem
from crbeam.design.requirements import networks_of, requirements_of, shortfalls, stream_of
from crbeam.design.result import Proposal
from crbeam.design.search.grading import broken_choice
from crbeam.design.service_constraints import MinimumRate, ServiceConstraint
from crbeam.errors import SolverFailed
from crbeam.information import Transmission
from crbeam.linalg import is_positive_semidefinite

if TYPE_CHECKING:
    from crbeam.design.method import DesignMethod

#: Shortfall of a requirement, relative to the size of what it compares, that counts as rounding.
SERVICE_TOLERANCE = 1e-9
#: Difference of the sum of the streams from the covariances, or of what leaves a network from what it can send.
SUM_TOLERANCE = 1e-9


def require_service(method: "DesignMethod", problem: DesignProblem, proposal: Proposal) -> None:
    """Refuse a proposal whose streams break a requirement, do not add up, or cannot pass an analog network.

    Raises:
        SolverFailed: with what is broken.
    """
    if not any(isinstance(part, ServiceConstraint) for part in problem.constraints):
        return
    streams = proposal.stream_covariances
    if streams is None and len(problem.streams) == 1:
        streams = {problem.streams[0].name: proposal.covariances}
    if streams is None or set(streams) != {stream.name for stream in problem.streams}:
        raise _broken(method, f"a covariance of each of the streams {', '.join(_names(problem))}", "streams missing")
    scale = max(_largest(proposal.covariances), 1e-300)
    if _largest(Transmission.sum_of(streams.values()) - proposal.covariances) > SUM_TOLERANCE * scale:
        raise _broken(method, "streams that add up to the covariances", "wrong sum of streams")
    _require_positive(method, streams, proposal.stream_factors, SUM_TOLERANCE * scale)
    _require_networks(method, problem, proposal, SUM_TOLERANCE * scale)
    _require_requirements(method, problem, dict(streams))
    _require_rates(method, problem, dict(streams))
    broken = broken_choice(problem, proposal.covariances, streams)
    if broken is not None:
        raise _broken(method, broken, "wrong choice")


def _require_positive(
    method: "DesignMethod",
    streams: Mapping[str, Transmission],
    factors: Mapping[str, Mapping[str, np.ndarray]] | None,
    rounding: float,
) -> None:
    """Refuse streams whose covariances have negative eigenvalues, or are not the products of their factors."""
    for name, sent in streams.items():
        for block, matrix in sent.items():
            root = None if factors is None else factors.get(name, {}).get(block, np.zeros((0, 0)))
            if root is None:
                is_sound = is_positive_semidefinite(matrix + rounding * np.eye(len(matrix)))
            else:
                fits = root.shape[:1] == matrix.shape[:1]
                is_sound = fits and float(np.linalg.norm(root @ root.conj().T - matrix)) <= rounding
            if not is_sound:
                raise _broken(method, "positive-semidefinite covariances of all streams", "not positive semidefinite")


def _require_networks(method: "DesignMethod", problem: DesignProblem, proposal: Proposal, rounding: float) -> None:
    for block, basis in networks_of(problem).items():
        covariance = proposal.covariances[block]
        passed = basis @ (basis.conj().T @ covariance)
        if float(np.max(np.abs(passed - covariance))) > rounding:
            raise _broken(method, f"what the analog network of {block} can send", "outside the network")


def _largest(covariances: Transmission) -> float:
    """Largest modulus of an entry."""
    return max(float(np.max(np.abs(matrix))) for matrix in covariances.values())


def _require_requirements(method: "DesignMethod", problem: DesignProblem, streams: dict[str, Transmission]) -> None:
    missed = shortfalls(problem, streams)
    if missed.size and float(missed.max()) > SERVICE_TOLERANCE:
        name = requirements_of(problem)[int(np.argmax(missed))].name
        raise _broken(method, f"a transmission that keeps the {name}; it misses by {missed.max():.2g}", "not served")


def _require_rates(method: "DesignMethod", problem: DesignProblem, streams: dict[str, Transmission]) -> None:
    for part in problem.constraints:
        if not isinstance(part, MinimumRate):
            continue
        sent = {name: covariances[part.block] for name, covariances in streams.items()}
        rate = part.rate_of(stream_of(problem, part.user), sent)
        if rate < part.rate_bps_hz * (1.0 - SERVICE_TOLERANCE):
            wanted = f"a transmission that keeps the rate of {part.user}, {part.rate_bps_hz:g} bit/s/Hz"
            raise _broken(method, wanted, "not served")


def _names(problem: DesignProblem) -> list[str]:
    return [stream.name for stream in problem.streams]


def _broken(method: "DesignMethod", wanted: str, status: str) -> SolverFailed:
    return SolverFailed(f"{method.key} must propose {wanted}, but did not.", status=status)
