"""Quantities with units, converted to SI at the edges of the library.

Inside, every number is SI, linear and in radians; text such as ``28 GHz`` exists only in scenario files, on the command
line and in reports.
"""

import difflib
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeVar, cast

import numpy as np

from crbeam.errors import InvalidInput

Values = TypeVar("Values", float, np.ndarray)

NUMBER_PATTERN = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_QUANTITY = re.compile(rf"\s*({NUMBER_PATTERN})\s*(.*?)\s*", re.DOTALL)


@dataclass(frozen=True)
class LinearUnit:
    """A unit that is a multiple or a fraction of the SI unit: ``multiple / divisor`` of it.

    The divisor is a whole number, so that `70 cm` is the float nearest to 0.7.
    """

    multiple: float
    divisor: float = 1.0

    def to_si(self, value: float) -> float:
        """SI value: ``value * multiple / divisor``."""
        return value * self.multiple / self.divisor

    def from_si(self, value: float) -> float:
        """Value in this unit: ``value * divisor / multiple``."""
        return value * self.divisor / self.multiple


@dataclass(frozen=True)
class DecibelUnit:
    """A logarithmic unit of power: ``10 log10(value / reference)``."""

    reference: float

    def to_si(self, value: float) -> float:
        """SI value: ``reference * 10^(value / 10)``."""
        return self.reference * 10.0 ** (value / 10.0)

    def from_si(self, value: float) -> float:
        """Decibels: ``10 log10(value / reference)``; raises InvalidInput unless the value is above zero."""
        return ratio_to_db(value / self.reference)


@dataclass(frozen=True)
class Dimension:
    """A physical dimension and the units in which it may be written.

    Attributes:
        name: what the quantity is, in words.
        si_unit: unit of a plain number; empty for a ratio.
        units: every accepted unit, by symbol.
        spellings: other ways to write some of these symbols.
        examples: texts that are accepted, the most usual first.
        choose_unit: symbol that suits an SI value in a report.
    """

    name: str
    si_unit: str
    units: Mapping[str, LinearUnit | DecibelUnit]
    examples: tuple[str, ...]
    choose_unit: Callable[[float], str]
    spellings: Mapping[str, str] = field(default_factory=dict)

    @property
    def allowed(self) -> str:
        """The accepted units as a list in words."""
        return ", ".join(self.units)

    @property
    def described(self) -> str:
        """The name with its article."""
        return f"an {self.name}" if self.name[0] in "aeiou" else f"a {self.name}"


#: Significant digits that tell any two numbers apart.
MOST_DIGITS = 17


def _scaled(units: Mapping[str, float]) -> Callable[[float], str]:
    """Choice of the largest unit that keeps the number at or above one; for zero, the SI unit."""

    def choose(value: float) -> str:
        size = abs(value) * (1.0 + 1e-12) or 1.0
        fitting = [symbol for symbol, scale in units.items() if scale <= size]
        return max(fitting, key=units.__getitem__) if fitting else min(units, key=units.__getitem__)

    return choose


def _linear(units: Mapping[str, float]) -> dict[str, LinearUnit | DecibelUnit]:
    return {
        symbol: LinearUnit(scale) if scale >= 1.0 else LinearUnit(1.0, float(round(1.0 / scale)))
        for symbol, scale in units.items()
    }


_FREQUENCY = {"Hz": 1.0, "kHz": 1e3, "MHz": 1e6, "GHz": 1e9}
_LENGTH = {"mm": 1e-3, "cm": 1e-2, "m": 1.0, "km": 1e3}
_TIME = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
_POWER = {"W": 1.0, "mW": 1e-3, "uW": 1e-6}

DIMENSIONS: Mapping[str, Dimension] = MappingProxyType(
    {
        "frequency": Dimension("frequency", "Hz", _linear(_FREQUENCY), ("28 GHz", "120 MHz"), _scaled(_FREQUENCY)),
        "length": Dimension("length", "m", _linear(_LENGTH), ("17 m", "2 km"), _scaled(_LENGTH)),
        "time": Dimension("time", "s", _linear(_TIME), ("1 us", "250 ns"), _scaled(_TIME), {"µs": "us", "μs": "us"}),
        "speed": Dimension(
            "speed",
            "m/s",
            {"m/s": LinearUnit(1.0), "km/h": LinearUnit(1.0, 3.6)},
            ("12 m/s", "50 km/h"),
            lambda _: "m/s",
        ),
        "power": Dimension(
            "power",
            "W",
            {**_linear(_POWER), "dBm": DecibelUnit(1e-3), "dBW": DecibelUnit(1.0)},
            ("-20 dBm", "10 mW"),
            lambda value: "dBm" if value > 0 else "W",
            {"µW": "uW", "μW": "uW"},
        ),
        "power density": Dimension(
            "power density",
            "W/Hz",
            {"dBm/Hz": DecibelUnit(1e-3), "W/Hz": LinearUnit(1.0)},
            ("-173.855 dBm/Hz", "4.1e-21 W/Hz"),
            lambda value: "dBm/Hz" if value > 0 else "W/Hz",
        ),
        "angle": Dimension(
            "angle",
            "rad",
            {"rad": LinearUnit(1.0), "deg": LinearUnit(math.pi / 180.0)},
            ("110 deg", "1.92 rad"),
            lambda _: "deg",
            {"°": "deg"},
        ),
        "area": Dimension(
            "area",
            "m^2",
            {"m^2": LinearUnit(1.0), "dBsm": DecibelUnit(1.0)},
            ("10 m^2", "20 dBsm"),
            lambda _: "m^2",
            {"m2": "m^2", "m²": "m^2"},
        ),
        "gain ratio": Dimension(
            "gain ratio",
            "",
            {"dB": DecibelUnit(1.0)},
            ("10 dB", "3 dB"),
            lambda value: "dB" if value > 0 else "",
        ),
    }
)


def db_to_ratio(ratio_db: Values) -> Values:
    """Power ratio of a level in decibels: ``10^(dB / 10)``."""
    return cast(Values, 10.0 ** (ratio_db / 10.0))


def ratio_to_db(ratio: Values) -> Values:
    """Level in decibels of a power ratio: ``10 log10(ratio)``; raises InvalidInput unless every ratio is above zero."""
    if not np.all(np.greater(ratio, 0.0)):
        raise InvalidInput(f"A ratio must be above zero to be expressed in dB, but the smallest is {np.min(ratio)}.")
    decibels = 10.0 * np.log10(ratio)
    return cast(Values, decibels if isinstance(ratio, np.ndarray) else float(decibels))


def dbm_to_watt(power_dbm: Values) -> Values:
    """Power in watt of a level in dBm: ``10^(dBm / 10) / 1000``."""
    return 1e-3 * db_to_ratio(power_dbm)


def watt_to_dbm(power_w: Values) -> Values:
    """Level in dBm of a power in watt; raises InvalidInput unless every power is above zero."""
    return ratio_to_db(power_w / 1e-3)


def parse_quantity(text_or_number: object, dimension: str) -> float:
    """Value in SI units of a number (taken as SI) or of text such as ``28 GHz``.

    Arguments:
        text_or_number: a finite number in the SI unit, or a number followed by a unit of the dimension.
        dimension: a key of DIMENSIONS.

    Raises InvalidInput that names what was found and the units allowed.
    """
    kind = _dimension(dimension)
    plain = text_or_number.item() if isinstance(text_or_number, np.generic) else text_or_number
    if isinstance(plain, str):
        value = _parse_text(plain, kind)
    elif isinstance(plain, int | float) and not isinstance(plain, bool):
        value = _as_float(plain)
    else:
        raise InvalidInput(f"must be {_what_is_allowed(kind)}, found {describe(text_or_number)}")
    if not math.isfinite(value):
        raise InvalidInput(f"must be a finite {kind.name}, found {describe(text_or_number)}")
    return value


def format_quantity(value: float, dimension: str, *, unit: str | None = None, digits: int = 6) -> str:
    """Text of an SI value, such as ``28 GHz``, in the given unit or in one that suits its size.

    Raises InvalidInput for a unit that the dimension does not have.
    """
    kind = _dimension(dimension)
    symbol = kind.choose_unit(value) if unit is None else kind.spellings.get(unit, unit)
    if not symbol:
        return f"{value:.{digits}g}"
    if symbol not in kind.units:
        raise InvalidInput(f"{_unit_problem(f'unit `{unit}`', symbol, kind)}")
    return f"{kind.units[symbol].from_si(value):.{digits}g} {symbol}"


def describe(value: object) -> str:
    """A value as an error message shows it."""
    if value is None:
        return "nothing (null)"
    if isinstance(value, bool):
        return f"the boolean `{str(value).lower()}`"
    if isinstance(value, Mapping):
        return f"a mapping with the keys {', '.join(map(str, value))}" if value else "an empty mapping"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}" if value else "an empty list"
    text = value if isinstance(value, str) else str(value)
    return f"`{text if len(text) <= 60 else text[:57] + '...'}`"


def suggestion(word: str, known: Iterable[str]) -> str | None:
    """The known word that is closest to a misspelt one, if any is close."""
    words = list(known)
    same = [item for item in words if item.lower() == word.lower()]
    return next(iter(same or difflib.get_close_matches(word, words, n=1, cutoff=0.6)), None)


def _dimension(name: str) -> Dimension:
    if name not in DIMENSIONS:
        raise InvalidInput(f"A dimension must be one of {', '.join(DIMENSIONS)}, found `{name}`.")
    return DIMENSIONS[name]


def _what_is_allowed(kind: Dimension) -> str:
    examples = " or ".join(f"`{example}`" for example in kind.examples)
    plain = f"a plain number in {kind.si_unit}" if kind.si_unit else "a plain number for the linear ratio"
    return f"{kind.described} such as {examples}, or {plain}"


def _parse_text(text: str, kind: Dimension) -> float:
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise InvalidInput(f"must be {_what_is_allowed(kind)}, found {describe(text)}")
    number, symbol = float(match[1]), match[2]
    symbol = kind.spellings.get(symbol, symbol)
    if not symbol:
        if not kind.si_unit:
            return number
        raise InvalidInput(
            f"{describe(text)}: unit is missing, it must be one of {kind.allowed}; "
            f"a number without quotes is taken in {kind.si_unit}"
        )
    if symbol not in kind.units:
        raise InvalidInput(_unit_problem(describe(text), symbol, kind))
    try:
        return kind.units[symbol].to_si(number)
    except OverflowError:
        return math.inf


def _unit_problem(found: str, symbol: str, kind: Dimension) -> str:
    close = suggestion(symbol, kind.units)
    hint = f"; did you mean {close}?" if close else ""
    return f"{found}: unit must be one of {kind.allowed}{hint}"


def _as_float(number: int | float) -> float:
    try:
        return float(number)
    except OverflowError:
        return math.inf


def distinct(first: float, second: float, *, digits: int = 6) -> tuple[str, str]:
    """Two numbers in as many significant digits as tell them apart, at least so many; equal ones in so many."""
    for shown in range(digits, MOST_DIGITS + 1):
        texts = f"{first:.{shown}g}", f"{second:.{shown}g}"
        if texts[0] != texts[1]:
            return texts
    return f"{first:.{digits}g}", f"{second:.{digits}g}"
