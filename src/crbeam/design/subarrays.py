"""Partially connected analog networks: every chain drives a sub-array of its own through phase shifters."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from jaxtyping import Complex, Float

from crbeam.errors import InvalidInput

#: Relative difference of moduli that counts as rounding.
MODULUS_TOLERANCE = 1e-9


@dataclass(frozen=True)
class SubarrayHybrid:
    """An array works through phase shifters, `F = blkdiag(f_1, f_2, ...)` with entries of one modulus, F to be chosen.

    Sub-arrays of M neighbouring antennas share a chain, and entries have the modulus `1 / sqrt(M)`, so that F has
    orthonormal columns. A transmitter sends `R = F R' F^H`; what a receiver hears is projected on the columns of F.

    Attributes:
        side: which end of the link it is.
        port: the block of a transmitter, or the receiver as the contributions of information maps name it.
        antennas_per_chain: M.

    Reference: li2024 eq. (1), eq. (26), eq. (53).
    """

    allows_subspace_reduction: ClassVar[bool] = False

    side: Literal["transmit", "receive"]
    port: str
    antennas_per_chain: int

    def __post_init__(self) -> None:
        if self.side not in ("transmit", "receive"):
            raise InvalidInput(f"The side of a hybrid array must be transmit or receive, found `{self.side}`.")
        if self.antennas_per_chain < 1:
            raise InvalidInput(f"A chain must have at least one antenna, found {self.antennas_per_chain}.")

    def chain_of(self, n_antennas: int) -> np.ndarray:
        """Number of the chain of each antenna.

        Raises:
            InvalidInput: the antennas do not share out evenly.
        """
        if n_antennas % self.antennas_per_chain:
            raise InvalidInput(
                f"`antennas_per_chain` must divide the {n_antennas} antennas of the hybrid array ({self.side} side of "
                f"{self.port}); found {self.antennas_per_chain}."
            )
        return np.arange(n_antennas) // self.antennas_per_chain

    def network(self, phases_rad: Float[np.ndarray, " antenna"]) -> Complex[np.ndarray, "antenna chain"]:
        """F with these phases."""
        chains = self.chain_of(phases_rad.size)
        found = np.zeros((phases_rad.size, phases_rad.size // self.antennas_per_chain), dtype=complex)
        found[np.arange(phases_rad.size), chains] = np.exp(1j * phases_rad) / np.sqrt(self.antennas_per_chain)
        return found

    def phases_rad(self, network: Complex[np.ndarray, "antenna chain"]) -> Float[np.ndarray, " antenna"]:
        """Phase of each antenna in a network."""
        return np.angle(network[np.arange(len(network)), self.chain_of(len(network))])

    def allows(self, network: Complex[np.ndarray, "antenna chain"], n_antennas: int) -> bool:
        """Whether a network has this form."""
        if network.shape != (n_antennas, n_antennas // self.antennas_per_chain) or not np.all(np.isfinite(network)):
            return False
        return bool(np.max(np.abs(network - self.network(self.phases_rad(network)))) <= MODULUS_TOLERANCE)
