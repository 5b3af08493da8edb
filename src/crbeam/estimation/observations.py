"""What a link receives: simulated pilots, as exact sufficient statistics, and their signal-to-noise ratio."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Complex, Float

from crbeam.estimation.link_model import LinkModel
from crbeam.propagation import Paths


@dataclass(frozen=True, eq=False)
class PathParameters:
    """Parameters of the paths of a link, angles in the frames of the arrays.

    Attributes:
        departure_rad: local angles at the transmitter.
        arrival_rad: local angles at the receiver.
        delay_s: including the receiver's clock bias.
    """

    departure_rad: Float[np.ndarray, " path"]
    arrival_rad: Float[np.ndarray, " path"]
    delay_s: Float[np.ndarray, " path"]

    def select(self, order: np.ndarray) -> "PathParameters":
        """Some of the paths, in another order."""
        return PathParameters(self.departure_rad[order], self.arrival_rad[order], self.delay_s[order])


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
        paths.departure_rad - model.station_orientation_rad, paths.arrival_rad + rotation_rad, paths.delay_s
    )


def mean_observation(
    model: LinkModel, parameters: PathParameters, gain: Complex[np.ndarray, " path"]
) -> Complex[np.ndarray, "subcarrier beam_chain"]:
    """Noise-free observation of every subcarrier, beam and receive chain, in units of the noise.

    `sqrt(P / noise_power) sum_k gain_k exp(-2j pi f_m delay_k) (t_k^H f_l) (W^H z_k)`, with P pilots in each slot. The
    columns run over beams, and within a beam over receive chains.
    """
    transmit, _ = model.transmit_side(parameters.departure_rad)
    receive, _ = model.receive_side(parameters.arrival_rad)
    signature = transmit[:, None, :] * receive[None, :, :] * gain
    return model.tones(parameters.delay_s) @ signature.reshape(-1, len(gain)).T


def simulate(
    mean: Complex[np.ndarray, "subcarrier beam_chain"], rng: np.random.Generator
) -> Complex[np.ndarray, "subcarrier beam_chain"]:
    """One observation: the mean plus circular Gaussian noise of unit variance.

    It stands for all pilots of all slots, and loses nothing. In a slot the P pilots have unit modulus and are known:
    multiplied by their conjugates they are P observations of one mean in independent noise, whose average, with noise
    power / P, is a sufficient statistic. Slots without a beam receive noise only. After an analog combiner W the
    projection on an orthonormal basis of its columns is one as well.
    """
    noise = rng.standard_normal((*mean.shape, 2)).view(complex)[..., 0]
    return mean + noise * np.sqrt(0.5)


def signal_to_noise(
    model: LinkModel, parameters: PathParameters, gain: Complex[np.ndarray, " path"], power_per_subcarrier_w: float
) -> float:
    """Mean received energy per antenna and subcarrier over the noise power, under isotropic transmission.

    `P p / (N noise_power) mean |h|^2`: P pilots in each slot, p the transmit power on a subcarrier summed over the
    slots, N transmit antennas, and the mean over receive antennas and subcarriers of the squared norm of an antenna's
    channel to all transmit antennas. The energy is that of all pilots of all slots together. A combiner counts as
    absent.

    Args:
        model: the link; its beams do not matter.
        parameters: its true paths.
        gain: their complex gains.
        power_per_subcarrier_w: the station's power on a subcarrier, summed over the slots.
    """
    count = len(model.transmit_positions_wavelengths)
    beams = np.sqrt(power_per_subcarrier_w / count) * np.eye(count, dtype=complex)
    open_model = replace(model, beams=beams, combiner=None)
    return float(np.mean(np.abs(mean_observation(open_model, parameters, gain)) ** 2) * count)
