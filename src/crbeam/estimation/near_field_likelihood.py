"""Likelihood of a target's place in a near-field echo, with the gain concentrated out."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float

from crbeam.estimation.near_field_model import EchoModel, Side
from crbeam.estimation.path_likelihood import Score


@dataclass(frozen=True, eq=False)
class EchoLikelihood:
    """Log-likelihood of places (angle, inverse range), up to a constant.

    With the signature `g = z t^T`: `|<g, y>|^2 / |g|^2` if the gain is unknown, and `2 s |<g, y>| - s^2 |g|^2` if only
    its phase is and the strength has the modulus s.

    Attributes:
        model: the link.
        observation: in units of the noise.
        known_strength: modulus of the strength, if it is known.

    Reference: li2024 eq. (22), eq. (23).

    Deviation: (23) reads as if the gain were estimated once, before the search; that is meaningless, since its estimate
    belongs to a place. It is concentrated out at every place, as the right-hand side of (23) has it.
    """

    model: EchoModel
    observation: Complex[np.ndarray, "chain beam"]
    known_strength: float | None = None

    def on_grid(self) -> Float[np.ndarray, "angle range"]:
        """Likelihood at all places of the model's grid; nothing speaks for those to which the combiner is deaf."""
        grid = self.model.grid
        product = np.sum((grid.receive.conj() @ self.observation) * grid.transmit.conj(), axis=-1)
        norm = np.sum(np.abs(grid.receive) ** 2, axis=-1) * np.sum(np.abs(grid.transmit) ** 2, axis=-1)
        return np.where(grid.is_heard, self._energy(np.abs(product), norm), 0.0)

    def at(
        self, angle_rad: Float[np.ndarray, " point"], inverse_range_per_m: Float[np.ndarray, " point"]
    ) -> Float[np.ndarray, " point"]:
        """Likelihood at places."""
        receive = self.model.receive_side(angle_rad, inverse_range_per_m).value
        transmit = self.model.transmit_side(angle_rad, inverse_range_per_m).value
        product = np.sum((self.observation.T @ receive.conj()) * transmit.conj(), axis=0)
        norm = np.sum(np.abs(receive) ** 2, axis=0) * np.sum(np.abs(transmit) ** 2, axis=0)
        return self._energy(np.abs(product), norm)

    def _energy(self, product: np.ndarray, norm: np.ndarray) -> np.ndarray:
        if self.known_strength is None:
            return product**2 / np.maximum(norm, np.finfo(float).tiny)
        return 2.0 * self.known_strength * product - self.known_strength**2 * norm

    def score(self, place: Float[np.ndarray, "2"]) -> Score | None:
        """Score of a place (angle, inverse range); None where no target can be."""
        if not self.model.holds(float(place[0]), float(place[1])):
            return None
        sides = self.model.receive_side(place[:1], place[1:]), self.model.transmit_side(place[:1], place[1:])
        return signature_score(self.observation, *sides, known_strength=self.known_strength)


def signature_score(
    observation: Complex[np.ndarray, "chain beam"],
    receive: Side,
    transmit: Side,
    *,
    known_strength: float | None = None,
) -> Score | None:
    """Likelihood of the signature `g = z t^T` with slope and expected curvature in (angle, inverse range).

    With the best strength s, `gradient = Re <y - s g, s dg>` and `information = Re(<s dg, s dg'>)` less its part along
    g, or along `j g` if only the phase is unknown.
    """
    z, t = receive.value[:, 0], transmit.value[:, 0]
    signature = np.outer(z, t).ravel()
    slopes = np.stack(
        [
            (np.outer(dz[:, 0], t) + np.outer(z, dt[:, 0])).ravel()
            for dz, dt in (
                (receive.angle_slope, transmit.angle_slope),
                (receive.inverse_slope, transmit.inverse_slope),
            )
        ]
    )
    data = observation.ravel()
    norm = float(np.vdot(signature, signature).real)
    product = complex(np.vdot(signature, data))
    if norm <= np.finfo(float).tiny or product == 0.0:
        return None
    strength = product / norm if known_strength is None else known_strength * product / abs(product)
    changes = strength * slopes
    along = changes @ signature.conj() / np.sqrt(norm)
    inner = (changes.conj() @ changes.T).real
    if known_strength is None:
        removed, energy = np.real(np.outer(along.conj(), along)), abs(product) ** 2 / norm
    else:
        turned = (along * strength.conjugate() / abs(strength)).imag
        removed = np.outer(turned, turned)
        energy = 2.0 * known_strength * abs(product) - known_strength**2 * norm
    gradient = (changes @ (data - strength * signature).conj()).real
    return Score(energy, gradient, inner - removed, np.array([strength]))
