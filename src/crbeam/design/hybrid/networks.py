"""Problems with a hybrid array whose network is given, or left out."""

from dataclasses import replace

import numpy as np
from jaxtyping import Complex, Float
from scipy.linalg import block_diag

from crbeam.design.constraints import SubarrayHybrid
from crbeam.design.convex.statement import Statement
from crbeam.design.problem import DesignProblem
from crbeam.design.service_constraints import FixedAnalog, MinimumUplinkSinr
from crbeam.errors import InvalidInput


def hybrid_of(problem: DesignProblem) -> SubarrayHybrid | None:
    """The hybrid array of a problem.

    Raises:
        InvalidInput: there are several, or it is at a port that the problem does not have.
    """
    found = [part for part in problem.constraints if isinstance(part, SubarrayHybrid)]
    if not found:
        return None
    if len(found) > 1:
        raise InvalidInput(f"A problem must have at most one hybrid array, found {len(found)}.")
    ports = problem.blocks if found[0].side == "transmit" else tuple(_receivers(problem))
    if found[0].port not in ports:
        raise InvalidInput(f"A hybrid array must be at one of {', '.join(ports)}, found `{found[0].port}`.")
    return found[0]


def _receivers(problem: DesignProblem) -> dict[str, int]:
    """Number of antennas of each receiver."""
    return {
        part.receiver: part.receive.shape[0] for criterion in problem.criteria for part in criterion.map.contributions
    }


def n_antennas_of(problem: DesignProblem, hybrid: SubarrayHybrid) -> int:
    """Number of antennas of the hybrid array."""
    return problem.antennas[hybrid.port] if hybrid.side == "transmit" else _receivers(problem)[hybrid.port]


def service_of(problem: DesignProblem, hybrid: SubarrayHybrid) -> MinimumUplinkSinr | None:
    """The uplink users that a hybrid receiver serves."""
    served = (part for part in problem.constraints if isinstance(part, MinimumUplinkSinr))
    return next(served, None) if hybrid.side == "receive" else None


def heard_by(statement: Statement) -> list[tuple[Complex[np.ndarray, "rx look"], Complex[np.ndarray, "look look"]]]:
    """Receive vectors Z of each term, all its contributions together, and O: views weigh with `O o (Z^H Q Z)`."""
    each = [term.criterion.map.contributions for term in statement.terms]
    receives = [np.concatenate([part.receive for part in parts], axis=1) for parts in each]
    grams = [np.asarray(block_diag(*(part.gram for part in parts)), dtype=complex) for parts in each]
    return list(zip(receives, grams, strict=True))


def digital_relaxation(problem: DesignProblem) -> DesignProblem:
    """The problem with a chain for each antenna: no network does better."""
    kept = tuple(part for part in problem.constraints if not isinstance(part, SubarrayHybrid))
    return replace(problem, constraints=kept)


def with_network(
    problem: DesignProblem, network: Complex[np.ndarray, "antenna chain"], hybrid: SubarrayHybrid | None = None
) -> DesignProblem:
    """The problem once the network of its hybrid array is chosen.

    Args:
        problem: with a hybrid array.
        network: F, of any form.
        hybrid: where it goes, if the problem itself has no hybrid array.
    """
    where = hybrid or hybrid_of(problem)
    assert where is not None
    digital = digital_relaxation(problem)
    if where.side == "transmit":
        return digital.with_constraints(FixedAnalog(where.port, network))
    projector = network @ np.linalg.pinv(network)
    criteria = tuple(
        replace(criterion, map=criterion.map.with_receive({where.port: 0.5 * (projector + projector.conj().T)}))
        if any(part.receiver == where.port for part in criterion.map.contributions)
        else criterion
        for criterion in digital.criteria
    )
    constraints = tuple(
        replace(part, uplink=replace(part.uplink, network=network)) if isinstance(part, MinimumUplinkSinr) else part
        for part in digital.constraints
    )
    return replace(digital, criteria=criteria, constraints=constraints)


def by_phase(
    slope: Complex[np.ndarray, "antenna chain"], network: Complex[np.ndarray, "antenna chain"]
) -> Float[np.ndarray, " antenna"]:
    """Derivative by the phases of a network F, `2 Re sum_c conj(S_nc) j F_nc`, from S, that by the conjugate of F."""
    return 2.0 * np.sum(np.real(slope.conj() * 1j * network), axis=1)
