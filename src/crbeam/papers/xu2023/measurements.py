"""What the claims of xu2023 are judged on."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from crbeam.papers.claims import NotMeasured
from crbeam.papers.xu2023.choices import Choice
from crbeam.papers.xu2023.draws import Drops, Fading
from crbeam.papers.xu2023.enumeration import Enumeration
from crbeam.papers.xu2023.proofs import Appendix, RankOne


@dataclass(frozen=True, eq=False)
class Measurements:
    """All numbers that the claims are judged on.

    Attributes:
        seed: of the random draws.
        appendix: the bound of the position, derived in several ways.
        rank_one: beams in place of covariances.
        choices: of every method in one draw of the setting of Fig. 2, by losses, then method.
        fading: that setting over draws of the channels, by losses.
        drops: random places of users and target.
        enumeration: an instance of which every choice was tried.
    """

    seed: int
    appendix: Appendix
    rank_one: RankOne
    choices: Mapping[str, Mapping[str, Choice]]
    fading: Mapping[str, Fading]
    drops: Drops
    enumeration: Enumeration

    def choice(self, losses: str, method: str) -> Choice:
        """A choice; raises `NotMeasured` if the method was not tried."""
        if method not in self.choices.get(losses, {}):
            raise NotMeasured(f"There is no choice of {method} under {losses}.")
        return self.choices[losses][method]


def finite(values: Float[np.ndarray, " draw"]) -> Float[np.ndarray, " known"]:
    """The values that exist; raises `NotMeasured` if there are none."""
    known = values[np.isfinite(values)]
    if not known.size:
        raise NotMeasured("There is no draw with this value.")
    return known
