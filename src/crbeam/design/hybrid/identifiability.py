"""Whether the chains of a hybrid array can tell what is asked for at all."""

import numpy as np

from crbeam.design.certificate import weighted_bound
from crbeam.design.hybrid.networks import digital_relaxation, n_antennas_of, with_network
from crbeam.design.problem import DesignProblem
from crbeam.design.subarrays import SubarrayHybrid
from crbeam.errors import Unidentifiable
from crbeam.information import Transmission

#: Random networks that must all fail. What one of them tells, almost all do.
NETWORKS = 3


def require_identifiable(problem: DesignProblem, hybrid: SubarrayHybrid, seed: np.random.SeedSequence) -> None:
    """Refuse a problem whose chains do not determine what it asks for, although all antennas do.

    The rank of the information is the same behind almost all networks, and largest if all chains send. So networks of
    random phases with equal powers of uncorrelated chains are tried.

    Raises:
        Unidentifiable: no transmission through the chains determines a parameter with a positive weight.
    """
    n_antennas = n_antennas_of(problem, hybrid)
    rng = np.random.default_rng(seed)
    failed: Unidentifiable | None = None
    for _ in range(NETWORKS):
        network = hybrid.network(rng.uniform(-np.pi, np.pi, n_antennas))
        sent = problem.isotropic()
        if hybrid.side == "transmit":
            power_w = problem.budgets[0].power_per_subcarrier_w
            sent = Transmission({hybrid.port: power_w / network.shape[1] * network @ network.conj().T})
        try:
            weighted_bound(with_network(problem, network), sent)
        except Unidentifiable as error:
            failed = error
        else:
            return
    weighted_bound(digital_relaxation(problem), problem.isotropic())
    assert failed is not None
    raise Unidentifiable(failed.names, direction=failed.direction, remedy=_remedy(hybrid, n_antennas)) from None


def _remedy(hybrid: SubarrayHybrid, n_antennas: int) -> str:
    """What to do."""
    n_chains = n_antennas // hybrid.antennas_per_chain
    verb = "send" if hybrid.side == "transmit" else "hear"
    chains = (
        f"one chain can only {verb} one beam, which ties what curved waves change in it to the unknown gain; "
        "there must be at least two chains"
        if n_chains == 1
        else f"{n_chains} chains {verb} too few beams; there must be more chains"
    )
    return (
        f"Sub-arrays of {hybrid.antennas_per_chain} of {n_antennas} antennas are too large, whatever the phases: "
        f"{chains}. Take fewer antennas per chain (`served_users.antennas_per_chain` of a scenario)."
    )
