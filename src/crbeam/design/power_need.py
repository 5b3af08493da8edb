"""How much more power requirements take than there is, in numbers that a user can act on."""

from dataclasses import dataclass
from math import ceil, floor, isfinite, isinf, log10

#: Decimals of a level in dB, and the most that small levels are given.
DECIMALS, MOST_DECIMALS = 2, 9


@dataclass(frozen=True)
class PowerNeed:
    """Factors on power budgets.

    Attributes:
        sufficient: with this factor everything is met; infinite if none is known.
        insufficient: with this one, or less, it certainly is not; infinite if it never is.
    """

    sufficient: float
    insufficient: float

    def words(self, power_w: float | None = None) -> str:
        """`43.99 dB more power (73.99 dBm on a subcarrier) suffices, 43.98 dB more does not`.

        Levels that suffice are rounded up, those that do not are rounded down.

        Args:
            power_w: the power that the factors are on, on one subcarrier; None if there are several.
        """
        if isinf(self.insufficient):
            return "no power suffices"
        short = level_below_db(self.insufficient)
        if not isfinite(self.sufficient):
            known = (
                f"{short} dB more certainly does not suffice" if self.insufficient > 1.0 else "no proof rules one out"
            )
            return f"no power that suffices was found; {known}"
        enough = level_above_db(self.sufficient)
        dbm = "" if power_w is None else f" ({level_above_db(1e3 * power_w * self.sufficient)} dBm on a subcarrier)"
        fails = f", {short} dB more does not" if self.insufficient > 1.0 else ""
        return f"{enough} dB more power{dbm} suffices{fails}"


def level_above_db(ratio: float) -> str:
    """A ratio in dB, rounded up."""
    return f"{ceil(round(10.0 * log10(ratio) * 10**DECIMALS, 6)) / 10**DECIMALS:.{DECIMALS}f}"


def level_below_db(ratio: float) -> str:
    """A ratio in dB, rounded down, with as many decimals as keep a positive level from 0."""
    level = 10.0 * log10(ratio)
    for decimals in range(DECIMALS, MOST_DECIMALS):
        rounded = floor(round(level * 10**decimals, 6)) / 10**decimals
        if rounded != 0.0 or level <= 0.0:
            return f"{rounded:.{decimals}f}"
    return f"{level:.1e}"
