"""What a transmission may be: the closed list of constraints of a design problem."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Complex, Float

from crbeam.design.choices import Choice
from crbeam.design.service_constraints import ServiceConstraint
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


@dataclass(frozen=True)
class PowerBudget:
    """`sum_b tr R_b <= power_per_subcarrier_w` over the named blocks.

    Attributes:
        blocks: the blocks that share the budget; every block of a problem is in exactly one budget.
        power_per_subcarrier_w: watt per subcarrier, summed over slots.
    """

    blocks: tuple[str, ...]
    power_per_subcarrier_w: float

    def __post_init__(self) -> None:
        if not self.blocks or not (np.isfinite(self.power_per_subcarrier_w) and self.power_per_subcarrier_w > 0.0):
            raise InvalidInput(
                f"A power budget must have blocks and a positive power, found blocks {self.blocks} with "
                f"{self.power_per_subcarrier_w} W."
            )


@dataclass(frozen=True)
class GroupPower:
    """`sum_b w_b tr R_b <= power_per_subcarrier_w` over some blocks together, beside the budgets that they have anyway.

    For example what all stations of a site may send together, or a cap on emissions.

    Attributes:
        blocks: the blocks whose power is limited together.
        power_per_subcarrier_w: watt per subcarrier, summed over slots.
        weights: w, how much the power of each block counts, positive; 1 if none are given.
    """

    blocks: tuple[str, ...]
    power_per_subcarrier_w: float
    weights: tuple[float, ...] = ()

    def weight_of(self, block: str) -> float:
        """How much the power of one of the blocks counts."""
        return self.weights[self.blocks.index(block)] if self.weights else 1.0

    def __post_init__(self) -> None:
        has_power = np.isfinite(self.power_per_subcarrier_w) and self.power_per_subcarrier_w > 0.0
        if self.weights and (len(self.weights) != len(self.blocks) or not 0.0 < min(self.weights) < np.inf):
            raise InvalidInput(f"A group must have a positive weight for each block, found {self.weights}.")
        if not self.blocks or len(set(self.blocks)) < len(self.blocks) or not has_power:
            raise InvalidInput(
                f"A limit on the power of a group must have different blocks and a positive power, found blocks "
                f"{self.blocks} with {self.power_per_subcarrier_w} W."
            )


@dataclass(frozen=True, eq=False)
class AntennaPower:
    """`(R_b)_nn <= powers_w[n]`: every antenna of a block has a power amplifier of its own.

    Attributes:
        block: the block that it restricts.
        powers_w: most power of each antenna, watt per subcarrier, summed over slots; infinite without a limit.
    """

    block: str
    powers_w: Float[np.ndarray, " tx"]

    def __post_init__(self) -> None:
        if not np.all(self.powers_w > 0.0):
            raise InvalidInput(f"Limits on the power of single antennas must be positive, found {self.powers_w}.")


@dataclass(frozen=True, eq=False)
class Codebook:
    """`R_b = sum_l rho_l u_l u_l^H` with `rho >= 0`: only the powers of given beams may be chosen.

    Attributes:
        block: the block that it restricts.
        codewords: beams `u_l` as columns, none of them zero.
    """

    block: str
    codewords: Complex[np.ndarray, "tx word"]

    def __post_init__(self) -> None:
        if self.codewords.shape[1] == 0 or np.any(np.linalg.norm(self.codewords, axis=0) == 0.0):
            raise InvalidInput("A codebook must have at least one beam and no zero beam.")

    @property
    def unit_codewords(self) -> Complex[np.ndarray, "tx word"]:
        """The codewords scaled to unit norm, so that their powers add up to the transmit power."""
        return self.codewords / np.linalg.norm(self.codewords, axis=0)


@dataclass(frozen=True, eq=False)
class ConstantModulus:
    """`R_b = F F^H` with `F_nl = sqrt(rho_l / N) exp(j phi_nl)`: the entries of a beam differ in phase only.

    What phase shifters behind one amplifier can send, one beam a slot, with a power of its own.

    Attributes:
        block: the block that it restricts.
        codewords: beams as columns that keep the constraint, for methods that only share out power; None without.
    """

    block: str
    codewords: Complex[np.ndarray, "tx word"] | None = None

    def __post_init__(self) -> None:
        if self.codewords is not None and not has_constant_modulus(self.codewords):
            raise InvalidInput(
                f"The codewords of an analog array must be beams whose entries all have the same modulus, but some of "
                f"block `{self.block}` have not."
            )


def has_constant_modulus(beams: Complex[np.ndarray, "tx beam"]) -> bool:
    """Whether the entries of every beam have one modulus, and no beam is zero."""
    moduli = np.abs(beams)
    mean = moduli.mean(axis=0)
    return bool(beams.shape[1] > 0 and np.all(mean > 0.0) and np.all(np.abs(moduli - mean) <= MODULUS_TOLERANCE * mean))


@dataclass(frozen=True)
class TiedBlocks:
    """The covariances of the named blocks are equal: one set of beams serves all of them.

    Solved and certified as one block whose power is the least that the budgets of the tied blocks leave it.

    Attributes:
        blocks: at least two. They share power budgets with each other only.

    Reference: hamrouni2026 eq. (22).
    """

    blocks: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(set(self.blocks)) < 2 or len(set(self.blocks)) < len(self.blocks):
            raise InvalidInput(f"At least two different blocks must be tied, found {self.blocks}.")


Constraint = (
    PowerBudget
    | GroupPower
    | AntennaPower
    | Codebook
    | ConstantModulus
    | TiedBlocks
    | ServiceConstraint
    | SubarrayHybrid
    | Choice
)
