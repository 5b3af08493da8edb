"""Likelihood of the paths of a link, with their complex gains concentrated out."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float, Int

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


@dataclass(frozen=True, eq=False)
class _Terms:
    """Products of a beam, a chain, a frequency and a time part that make up signatures and their derivatives.

    Attributes:
        path: path of each term; the signatures come first.
        rows: for each part, the column that each term takes of it.
    """

    path: Int[np.ndarray, " term"]
    rows: tuple[Int[np.ndarray, " term"], ...]

    @classmethod
    def of(cls, n: int, derivatives: Sequence[Int[np.ndarray, " _"]]) -> "_Terms":
        """Signatures of n paths and, for each part in turn, derivatives of some paths."""
        groups = [np.arange(n), *derivatives]
        path = np.concatenate(groups)
        kind = np.repeat(np.arange(-1, len(derivatives)), [len(group) for group in groups])
        return cls(path, tuple(path + n * (kind == part) for part in range(len(derivatives))))

    def gram(self, parts: Sequence[Complex[np.ndarray, "_ _"]]) -> Complex[np.ndarray, "term term"]:
        """Products of all terms with one another: entry by entry those of their parts."""
        result = np.ones((len(self.path), len(self.path)), dtype=complex)
        for part, row in zip(parts, self.rows, strict=True):
            result = result * (part.conj().T @ part)[np.ix_(row, row)]
        return result


def path_score(
    model: LinkModel,
    observation: Complex[np.ndarray, "subcarrier symbol_beam_chain"],
    parameters: PathParameters,
    moving: Sequence[int] | None = None,
) -> Score:
    """Score of departure, arrival, delay (in this order, each for all paths) and Doppler shift (of those that move).

    With S the signatures of the paths, the likelihood of y is largest over the gains at `b = (S^H S)^-1 S^H y`, where
    it is `y^H S b` plus a constant. With D the derivatives of `S b` by the real parameters at fixed b, gradient
    `Re D^H (y - S b)` and information `Re D^H (I - S (S^H S)^-1 S^H) D` are those of variable projection in the form
    of Kaufman. Every column is a product of a transmit, a receive, a frequency and a time part, so y enters through
    `E^H y` alone, E being tones and their derivatives.

    Args:
        model: the link.
        observation: in units of the noise.
        parameters: of the paths.
        moving: paths whose Doppler shifts are parameters; by default those that move in the model.

    Reference: theory/estimation#likelihood.
    """
    n = len(parameters.delay_s)
    shifted = np.asarray(model.moving if moving is None else moving, dtype=int)
    left = np.concatenate(model.transmit_side(parameters.departure_rad), axis=1)
    right = np.concatenate(model.receive_side(parameters.arrival_rad), axis=1)
    tones, turns = _tones(model, parameters.delay_s), _turns(model, parameters.doppler_hz)
    every = np.arange(n)
    terms = _Terms.of(n, (every, every, every, shifted))
    product = _matched(observation, right, tones, turns, terms.rows[1:])
    product = np.sum(product * left.conj().T[terms.rows[0]], axis=1)
    return _concentrated(terms.gram((left, right, tones, turns)), product, terms.path, n)


def _tones(model: LinkModel, delay_s: Float[np.ndarray, " path"]) -> Complex[np.ndarray, "subcarrier double_path"]:
    tone = model.tones(delay_s)
    return np.concatenate([tone, -2j * np.pi * model.centred_frequency_hz[:, None] * tone], axis=1)


def _turns(model: LinkModel, doppler_hz: Float[np.ndarray, " path"]) -> Complex[np.ndarray, "symbol double_path"]:
    turn = model.turns(doppler_hz)
    return np.concatenate([turn, 2j * np.pi * model.centred_time_s[:, None] * turn], axis=1)


def _matched(
    observation: Complex[np.ndarray, "subcarrier symbol_beam_chain"],
    right: Complex[np.ndarray, "chain column"],
    tones: Complex[np.ndarray, "subcarrier column"],
    turns: Complex[np.ndarray, "symbol column"],
    rows: tuple[Int[np.ndarray, " term"], ...],
) -> Complex[np.ndarray, "term beam"]:
    """Observation in each beam, matched to the chain, frequency and time parts of each term."""
    of_right, of_tone, of_turn = rows
    seen = (tones.conj().T @ observation).reshape(-1, right.shape[0]) @ right.conj()
    by_symbol = seen.reshape(tones.shape[1], turns.shape[0], -1, right.shape[1])[of_tone, :, :, of_right]
    return np.sum(by_symbol * turns.conj().T[of_turn][:, :, None], axis=1)


def _concentrated(
    gram: Complex[np.ndarray, "term term"],
    product: Complex[np.ndarray, " term"],
    path: Int[np.ndarray, " term"],
    n: int,
) -> Score:
    """Score from the products of all terms with one another and with the observation; the first n are signatures."""
    signature = gram[:n, :n] + REGULAR * np.diag(np.real(np.diagonal(gram))[:n])
    solved = np.linalg.solve(signature, np.concatenate([product[:n, None], gram[:n, n:]], axis=1))
    gain = solved[:, 0]
    weight = gain[path[n:]]
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
    observation: Complex[np.ndarray, "subcarrier symbol_beam_chain"],
    arrival_rad: Float[np.ndarray, " path"],
    delay_s: Float[np.ndarray, " path"],
    doppler_hz: Float[np.ndarray, " path"] | None = None,
) -> tuple[Score, Complex[np.ndarray, "path beam"]]:
    """Score of arrival and delay of a link if each path may have any gain in each beam, and these gains.

    The gains in the beams stand for gain and departure together: no departure is needed to find a path. `Score.gain`
    is that of the first beam. With Doppler shifts, these are parameters of all paths too.
    """
    n = len(delay_s)
    right = np.concatenate(model.receive_side(arrival_rad), axis=1)
    tones, turns = _tones(model, delay_s), _turns(model, np.zeros(n) if doppler_hz is None else doppler_hz)
    every = np.arange(n)
    terms = _Terms.of(n, (every, every, every[: 0 if doppler_hz is None else n]))
    gram = terms.gram((right, tones, turns))
    product = _matched(observation, right, tones, turns, terms.rows)
    signature = gram[:n, :n] + REGULAR * np.diag(np.real(np.diagonal(gram))[:n])
    solved = np.linalg.solve(signature, np.concatenate([product[:n], gram[:n, n:]], axis=1))
    gains, response = solved[:, : product.shape[1]], solved[:, product.shape[1] :]
    weight = gains[terms.path[n:]]
    residual = product[n:] - gram[n:, :n] @ gains
    projected = gram[n:, n:] - gram[n:, :n] @ response
    score = Score(
        energy=float(np.real(np.vdot(product[:n], gains))),
        gradient=np.real(np.sum(weight.conj() * residual, axis=1)),
        information=np.real((weight.conj() @ weight.T) * projected),
        gain=gains[:, 0],
    )
    return score, gains
