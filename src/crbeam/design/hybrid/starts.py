"""Phases from which a search for an analog network begins."""

import numpy as np
from jaxtyping import Complex, Float

from crbeam.design.hybrid.networks import n_antennas_of
from crbeam.design.problem import DesignProblem
from crbeam.design.service_constraints import MinimumSinr, MinimumUplinkSinr
from crbeam.design.subarrays import SubarrayHybrid


def starting_phases_rad(
    problem: DesignProblem, hybrid: SubarrayHybrid, count: int, seed: np.random.SeedSequence
) -> Float[np.ndarray, "start antenna"]:
    """All sub-arrays on the target; on the sum of target and users; shared out among them; then random ones.

    The first two are the same without users. What the information sees most stands for the target.
    """
    target, users = _target(problem, hybrid), _users(problem, hybrid)
    n_antennas = n_antennas_of(problem, hybrid)
    objects = np.concatenate([target[:, None], users], axis=1)
    chosen = hybrid.chain_of(n_antennas) % objects.shape[1]
    structured = [np.angle(target), np.angle(objects.sum(axis=1)), np.angle(objects[np.arange(n_antennas), chosen])]
    structured = structured if users.size else structured[:1]
    rng = np.random.default_rng(seed)
    random = [rng.uniform(-np.pi, np.pi, n_antennas) for _ in range(max(0, count - len(structured)))]
    return np.array([*structured, *random][:count])


def _target(problem: DesignProblem, hybrid: SubarrayHybrid) -> Complex[np.ndarray, " antenna"]:
    """Direction that the vectors of the maps share most."""
    parts = [part for criterion in problem.active_criteria for part in criterion.map.contributions]
    if hybrid.side == "transmit":
        found = [part.transmit for part in parts if part.block == hybrid.port]
    else:
        found = [part.receive for part in parts if part.receiver == hybrid.port]
    columns = np.concatenate(found, axis=1)
    left, _, _ = np.linalg.svd(columns / np.linalg.norm(columns, axis=0), full_matrices=False)
    return left[:, 0]


def _users(problem: DesignProblem, hybrid: SubarrayHybrid) -> Complex[np.ndarray, "antenna user"]:
    """Unit vectors towards the users that the array serves."""
    vectors: list[np.ndarray] = []
    for part in problem.constraints:
        if isinstance(part, MinimumSinr) and hybrid.side == "transmit" and hybrid.port in part.channels:
            vectors.append(part.channels[hybrid.port])
        if isinstance(part, MinimumUplinkSinr) and hybrid.side == "receive":
            vectors += list(part.uplink.channels.T)
    unit = [vector / np.linalg.norm(vector) for vector in vectors if np.any(vector)]
    return np.stack(unit, axis=1) if unit else np.zeros((n_antennas_of(problem, hybrid), 0), dtype=complex)
