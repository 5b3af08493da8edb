"""Grading what methods propose for problems with a hybrid array."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Complex

from crbeam.communication.sinr import mmse_combiners
from crbeam.design.convex.certificate import certificate
from crbeam.design.convex.solution import convex_optimum
from crbeam.design.convex.statement import statement_of
from crbeam.design.hybrid.certificate import subarray_lower_bound
from crbeam.design.hybrid.networks import digital_relaxation, hybrid_of, n_antennas_of, with_network
from crbeam.design.problem import DesignProblem
from crbeam.design.result import Design, Proposal
from crbeam.design.service_constraints import MinimumUplinkSinr
from crbeam.errors import SolverFailed
from crbeam.information import Transmission

if TYPE_CHECKING:
    from crbeam.design.method import DesignMethod

#: Accuracy of the digital optimum where a method leaves the digital bound to the grading.
DIGITAL_TOLERANCE = 1e-6
#: Share of a stream's power below which a beam is none.
BEAM_TOLERANCE = 1e-9


def grounded(method: "DesignMethod", problem: DesignProblem, proposal: Proposal) -> DesignProblem:
    """The problem with the network that a proposal chose; the problem itself if no array is hybrid.

    Raises:
        SolverFailed: the proposal has no network, or one that phase shifters behind sub-arrays cannot be.
    """
    hybrid = hybrid_of(problem)
    if hybrid is None:
        return problem
    network = proposal.networks.get(hybrid.port)
    n_antennas = n_antennas_of(problem, hybrid)
    if network is None or not hybrid.allows(network, n_antennas):
        raise SolverFailed(
            f"{method.key} must propose an analog network of {hybrid.port} whose chains each drive "
            f"{hybrid.antennas_per_chain} antennas with equal moduli, but did not.",
            status="no analog network",
            trace=proposal.trace,
        )
    return with_network(problem, network)


def proven_bound(problem: DesignProblem, proposal: Proposal) -> tuple[float, str]:
    """The best lower bound known for a problem with a hybrid array, and what it rests on."""
    digital = digital_relaxation(problem)
    evidence = proposal.evidence or convex_optimum(digital, tolerance=DIGITAL_TOLERANCE).evidence
    assert evidence is not None
    bound, note = certificate(statement_of(digital), evidence), "the digital optimum, a chain for each antenna"
    if proposal.subarrays is None:
        return bound, f"{note}; the bound that knows the sub-arrays was not computed"
    tighter = subarray_lower_bound(problem, proposal.subarrays)
    if tighter <= bound:
        return bound, note
    hybrid = hybrid_of(problem)
    sends = hybrid is not None and hybrid.side == "transmit"
    if sends:
        return tighter, "the digital optimum given that all antennas of a sub-array send one power"
    users = "" if proposal.subarrays.users is None else ", and users behind them"
    return tighter, f"the digital optimum given covariances lifted by each sub-array{users}"


def with_parts(problem: DesignProblem, proposal: Proposal, design: Design) -> Design:
    """The design with its analog network and what the chains behind it send or combine, if an array is hybrid."""
    if hybrid_of(problem) is None:
        return design
    parts = _digital_parts(problem, proposal.networks, design.stream_covariances)
    return replace(design, analog=dict(proposal.networks), digital=parts)


def _digital_parts(
    problem: DesignProblem, networks: Mapping[str, np.ndarray], streams: Mapping[str, Transmission]
) -> dict[str, Complex[np.ndarray, "chain stream"]]:
    hybrid = hybrid_of(problem)
    assert hybrid is not None
    network = networks[hybrid.port]
    if hybrid.side == "transmit":
        beams = [_beams(network.conj().T @ sent[hybrid.port] @ network) for sent in streams.values()]
        return {hybrid.port: np.concatenate(beams, axis=1)}
    total = Transmission.sum_of(streams.values())
    combiners = [
        best_combiners(part, network, total[part.block])
        for part in problem.constraints
        if isinstance(part, MinimumUplinkSinr)
    ]
    empty = np.zeros((network.shape[1], 0), dtype=complex)
    return {hybrid.port: np.concatenate([empty, *combiners], axis=1)}


def _beams(covariance: np.ndarray) -> np.ndarray:
    """Eigenbeams, strongest first, of a stream in the space of the chains."""
    powers_w, vectors = np.linalg.eigh(covariance)
    kept = powers_w > BEAM_TOLERANCE * max(float(powers_w[-1]), 1e-300)
    return (vectors[:, kept] * np.sqrt(powers_w[kept]))[:, ::-1]


def best_combiners(
    service: MinimumUplinkSinr, network: Complex[np.ndarray, "rx chain"], covariance: Complex[np.ndarray, "tx tx"]
) -> Complex[np.ndarray, "chain user"]:
    """The best combiner of each user behind a network with orthonormal columns, beside the echo of a probing."""
    behind = replace(service.uplink, channels=network.conj().T @ service.uplink.channels, network=None)
    return mmse_combiners(behind, network.conj().T @ service.echo, service.echo_power_w(covariance))
