"""Likelihood of the paths of a link, with their complex gains concentrated out."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float

from crbeam.estimation.link_model import LinkModel
from crbeam.estimation.observations import PathParameters

#: Added to a unit diagonal of signature products, so that two estimates of one path do not stop a computation.
REGULAR = 1e-12


@dataclass(frozen=True, eq=False)
class Score:
    """Log-likelihood of some real parameters, up to a constant, with its slope and expected curvature.

    Attributes:
        energy: of the observation within the span of the paths' signatures: the log-likelihood plus a constant.
        gradient: derivative of `energy / 2`.
        information: half the Fisher information of the parameters, gains eliminated.
        gain: complex gain of each path that maximises the likelihood.
    """

    energy: float
    gradient: Float[np.ndarray, " parameter"]
    information: Float[np.ndarray, "parameter parameter"]
    gain: Complex[np.ndarray, " path"]

    def chained(self, jacobian: Float[np.ndarray, "parameter new"]) -> "Score":
        """The same for other parameters, by the Jacobian of the old with respect to the new."""
        return Score(self.energy, jacobian.T @ self.gradient, jacobian.T @ self.information @ jacobian, self.gain)


def path_score(
    model: LinkModel, observation: Complex[np.ndarray, "subcarrier beam_chain"], parameters: PathParameters
) -> Score:
    """Score of departure, arrival, delay (in this order, each for all paths) of a link.

    With S the signatures of the paths, the likelihood of y is largest over the gains at `b = (S^H S)^-1 S^H y`, where
    it is `y^H S b` plus a constant. With D the derivatives of `S b` by the real parameters at fixed b, gradient
    `Re D^H (y - S b)` and information `Re D^H (I - S (S^H S)^-1 S^H) D` are those of variable projection in the form
    of Kaufman. Every column is a product of a transmit, a receive and a frequency part, so y enters through
    `E^H y` alone, E being tones and their derivatives.

    Reference: theory/estimation#likelihood.
    """
    n = len(parameters.delay_s)
    transmit, transmit_slope = model.transmit_side(parameters.departure_rad)
    receive, receive_slope = model.receive_side(parameters.arrival_rad)
    tone = model.tones(parameters.delay_s)
    tones = np.concatenate([tone, -2j * np.pi * model.centred_frequency_hz[:, None] * tone], axis=1)
    left = np.concatenate([transmit, transmit_slope, transmit, transmit], axis=1)
    right = np.concatenate([receive, receive, receive_slope, receive], axis=1)
    row = np.concatenate([np.tile(np.arange(n), 3), n + np.arange(n)])
    gram = (left.conj().T @ left) * (right.conj().T @ right) * (tones.conj().T @ tones)[np.ix_(row, row)]
    contracted = (tones.conj().T @ observation).reshape(2 * n, left.shape[0], right.shape[0])[row]
    product = np.sum((contracted @ right.conj().T[:, :, None])[:, :, 0] * left.conj().T, axis=1)
    return _concentrated(gram, product, n)


def _concentrated(gram: Complex[np.ndarray, "term term"], product: Complex[np.ndarray, " term"], n: int) -> Score:
    """Score from the products of all terms with one another and with the observation; the first n are signatures."""
    signature = gram[:n, :n] + REGULAR * np.diag(np.real(np.diagonal(gram))[:n])
    solved = np.linalg.solve(signature, np.concatenate([product[:n, None], gram[:n, n:]], axis=1))
    gain = solved[:, 0]
    weight = np.tile(gain, 3)
    residual = product[n:] - gram[n:, :n] @ gain
    projected = gram[n:, n:] - gram[n:, :n] @ solved[:, 1:]
    return Score(
        energy=float(np.real(np.vdot(product[:n], gain))),
        gradient=np.real(weight.conj() * residual),
        information=np.real(np.outer(weight.conj(), weight) * projected),
        gain=gain,
    )


def beamwise_score(
    model: LinkModel,
    observation: Complex[np.ndarray, "subcarrier beam_chain"],
    arrival_rad: Float[np.ndarray, " path"],
    delay_s: Float[np.ndarray, " path"],
) -> tuple[Score, Complex[np.ndarray, "path beam"]]:
    """Score of arrival and delay of a link if each path may have any gain in each beam, and these gains.

    The gains in the beams stand for gain and departure together: no departure is needed to find a path. `Score.gain`
    is that of the first beam.
    """
    n = len(delay_s)
    receive, slope = model.receive_side(arrival_rad)
    tone = model.tones(delay_s)
    tones = np.concatenate([tone, -2j * np.pi * model.centred_frequency_hz[:, None] * tone], axis=1)
    right = np.concatenate([receive, slope, receive], axis=1)
    row = np.concatenate([np.arange(n), np.arange(n), n + np.arange(n)])
    gram = (right.conj().T @ right) * (tones.conj().T @ tones)[np.ix_(row, row)]
    contracted = (tones.conj().T @ observation).reshape(2 * n, -1, right.shape[0])[row]
    product = (contracted @ right.conj().T[:, :, None])[:, :, 0]
    signature = gram[:n, :n] + REGULAR * np.diag(np.real(np.diagonal(gram))[:n])
    solved = np.linalg.solve(signature, np.concatenate([product[:n], gram[:n, n:]], axis=1))
    gains, response = solved[:, : product.shape[1]], solved[:, product.shape[1] :]
    weight = np.tile(gains, (2, 1))
    residual = product[n:] - gram[n:, :n] @ gains
    projected = gram[n:, n:] - gram[n:, :n] @ response
    score = Score(
        energy=float(np.real(np.vdot(product[:n], gains))),
        gradient=np.real(np.sum(weight.conj() * residual, axis=1)),
        information=np.real((weight.conj() @ weight.T) * projected),
        gain=gains[:, 0],
    )
    return score, gains
