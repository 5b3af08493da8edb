"""Propagation paths of one link, as a value."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float

from crbeam.errors import InvalidInput


@dataclass(frozen=True, eq=False)
class Motion:
    """What moves while a link is observed, and how fast.

    Attributes:
        velocity_mps: velocity of the moving object, `[x, y]`.
        wavelength_m: of the carrier.
        mover: name of the bounce point that moves (`user`), or None if the receiver moves.
    """

    velocity_mps: Float[np.ndarray, "2"]
    wavelength_m: float
    mover: str | None = None


@dataclass(frozen=True, eq=False)
class Paths:
    """What a link's signals go through: delays, angles, gains and the points they visit.

    Angles are global azimuths, counted from the x axis towards the y axis; an arrival angle points from the receiver
    towards where the wave comes from.

    Attributes:
        link: name of the link.
        transmitter_m: position of the transmitter, `[x, y]`.
        receiver_m: position of the receiver; that of the transmitter for echoes.
        vertex_m: the point each path bounces at; NaN for the line of sight.
        vertex_names: name of the object at that point (`user`, `target[0]`), or None for the line of sight.
        departure_rad: direction in which each path leaves the transmitter.
        arrival_rad: direction from which each path reaches the receiver.
        delay_s: propagation time plus the receiver's clock bias.
        gain: complex amplitude of each path.
        motion: what moves; None in a static scene, where paths have no Doppler shift.
    """

    link: str
    transmitter_m: Float[np.ndarray, "2"]
    receiver_m: Float[np.ndarray, "2"]
    vertex_m: Float[np.ndarray, "path 2"]
    vertex_names: tuple[str | None, ...]
    departure_rad: Float[np.ndarray, " path"]
    arrival_rad: Float[np.ndarray, " path"]
    delay_s: Float[np.ndarray, " path"]
    gain: Complex[np.ndarray, " path"]
    motion: Motion | None = None

    def __post_init__(self) -> None:
        sizes = {len(self.vertex_names), *(len(v) for v in (self.departure_rad, self.arrival_rad, self.delay_s))}
        if sizes != {len(self.gain)}:
            raise InvalidInput(f"All attributes of paths must have one length, found {sorted(sizes)}.")
        if not np.all(np.isfinite(np.stack([self.departure_rad, self.arrival_rad, self.delay_s, abs(self.gain)]))):
            raise InvalidInput(f"Delays, angles and gains of link `{self.link}` must be finite.")

    @property
    def n_paths(self) -> int:
        """Number of paths."""
        return len(self.gain)

    @property
    def moving(self) -> tuple[int, ...]:
        """Indices of the paths whose length changes with time: those that have a Doppler shift."""
        if self.motion is None:
            return ()
        mover = self.motion.mover
        return tuple(path for path, name in enumerate(self.vertex_names) if mover in (None, name))
