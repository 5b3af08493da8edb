"""What a link receives: simulated pilots, as exact sufficient statistics, and their signal-to-noise ratio."""

from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Complex, Float

from crbeam.estimation.link_model import LinkModel
from crbeam.propagation import Paths
from crbeam.propagation.jacobians import doppler_shifts_hz


@dataclass(frozen=True, eq=False)
class PathParameters:
    """Parameters of the paths of a link, angles in the frames of the arrays.

    Attributes:
        departure_rad: local angles at the transmitter.
        arrival_rad: local angles at the receiver.
        delay_s: including the receiver's clock bias.
        doppler_hz: Doppler shifts; zero unless given.
    """

    departure_rad: Float[np.ndarray, " path"]
    arrival_rad: Float[np.ndarray, " path"]
    delay_s: Float[np.ndarray, " path"]
    doppler_hz: Float[np.ndarray, " path"] = field(default_factory=lambda: np.zeros(0))

    def __post_init__(self) -> None:
        if not len(self.doppler_hz):
            object.__setattr__(self, "doppler_hz", np.zeros(len(self.delay_s)))

    def select(self, order: np.ndarray) -> "PathParameters":
        """Some of the paths, in another order."""
        parts = (self.departure_rad, self.arrival_rad, self.delay_s, self.doppler_hz)
        return PathParameters(*(part[order] for part in parts))


def local_parameters(model: LinkModel, paths: Paths, user_orientation_rad: float) -> PathParameters:
    """Parameters of traced paths as the arrays of the link see them.

    Args:
        model: the link.
        paths: its paths.
        user_orientation_rad: orientation of the user, if it is the receiver.
    """
    rotation_rad = (
        -model.station_orientation_rad if model.is_monostatic else model.names.orientation_sign * user_orientation_rad
    )
    return PathParameters(
        paths.departure_rad - model.station_orientation_rad,
        paths.arrival_rad + rotation_rad,
        paths.delay_s,
        doppler_shifts_hz(paths),
    )


def mean_observation(
    model: LinkModel, parameters: PathParameters, gain: Complex[np.ndarray, " path"]
) -> Complex[np.ndarray, "subcarrier symbol_beam_chain"]:
    """Noise-free observation of every subcarrier, symbol, beam and receive chain, in units of the noise.

    `sqrt(P / noise_power) sum_k gain_k exp(-2j pi f_m delay_k) (t_k^H f_l) (W^H z_k)`, with P pilots in each slot.
    Where something moves, each of N symbols has its share `sqrt(1 / N)` of that, with `exp(2j pi doppler_k t)` in the
    sum. The columns run over symbols, within a symbol over beams, and within a beam over receive chains.
    """
    transmit, _ = model.transmit_side(parameters.departure_rad)
    receive, _ = model.receive_side(parameters.arrival_rad)
    turns = model.turns(parameters.doppler_hz)
    signature = turns[:, None, None, :] * transmit[:, None, :] * receive * gain
    return model.tones(parameters.delay_s) @ signature.reshape(-1, len(gain)).T


def simulate(
    mean: Complex[np.ndarray, "subcarrier symbol_beam_chain"], rng: np.random.Generator
) -> Complex[np.ndarray, "subcarrier symbol_beam_chain"]:
    """One observation: the mean plus circular Gaussian noise of unit variance.

    It stands for all pilots of all slots, and loses nothing. In a slot the P pilots have unit modulus and are known:
    multiplied by their conjugates they are P observations of one mean in independent noise, whose average, with noise
    power / P, is a sufficient statistic. Slots without a beam receive noise only. After an analog combiner W the
    projection on an orthonormal basis of its columns is one as well.

    Where something moves, the mean changes from pilot to pilot, so that only the pilots themselves are a sufficient
    statistic: each symbol is kept, with its share of every beam. This is the transmission of the information maps, in
    which every symbol has the same covariance, `beams beams^H` over the number of slots.
    """
    noise = rng.standard_normal((*mean.shape, 2)).view(complex)[..., 0]
    return mean + noise * np.sqrt(0.5)


def signal_to_noise(
    model: LinkModel, parameters: PathParameters, gain: Complex[np.ndarray, " path"], power_per_subcarrier_w: float
) -> float:
    """Mean received energy per antenna and subcarrier over the noise power, under isotropic transmission.

    `P p / (N noise_power) mean |h|^2`: P pilots in each slot, p the transmit power on a subcarrier summed over the
    slots, N transmit antennas, and the mean over receive antennas and subcarriers of the squared norm of an antenna's
    channel to all transmit antennas. The energy is that of all pilots of all slots together, with the phases that the
    paths have at time 0. A combiner counts as absent.

    Args:
        model: the link; its beams do not matter.
        parameters: its true paths.
        gain: their complex gains.
        power_per_subcarrier_w: the station's power on a subcarrier, summed over the slots.
    """
    count = len(model.transmit_positions_wavelengths)
    beams = np.sqrt(power_per_subcarrier_w / count) * np.eye(count, dtype=complex)
    still = replace(model.names, velocity=None)
    open_model = replace(model, beams=beams, combiner=None, names=still, time_s=None)
    return float(np.mean(np.abs(mean_observation(open_model, parameters, gain)) ** 2) * count)
