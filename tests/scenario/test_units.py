"""Quantities: text to SI and back."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crbeam.errors import InvalidInput
from crbeam.units import (
    DIMENSIONS,
    db_to_ratio,
    dbm_to_watt,
    format_quantity,
    parse_quantity,
    ratio_to_db,
    watt_to_dbm,
)

UNITS = [(name, symbol) for name, dimension in DIMENSIONS.items() for symbol in dimension.units]


@pytest.mark.parametrize(
    ("text", "dimension", "expected"),
    [
        ("28 GHz", "frequency", 28e9),
        ("120MHz", "frequency", 120e6),
        ("  1.5e3   kHz ", "frequency", 1.5e6),
        ("-.5 m", "length", -0.5),
        ("2 km", "length", 2000.0),
        ("17 mm", "length", 0.017),
        ("1 us", "time", 1e-6),
        ("1 µs", "time", 1e-6),
        ("1 μs", "time", 1e-6),
        ("250 ns", "time", 2.5e-7),
        ("-20 dBm", "power", 1e-5),
        ("3 dBW", "power", 10**0.3),
        ("5 µW", "power", 5e-6),
        ("-174 dBm/Hz", "power density", 10**-20.4),
        ("110 deg", "angle", 110 * math.pi / 180),
        ("110°", "angle", 110 * math.pi / 180),
        ("20 dBsm", "area", 100.0),
        ("10 m2", "area", 10.0),
        ("10 m²", "area", 10.0),
        ("10 dB", "gain ratio", 10.0),
        ("10", "gain ratio", 10.0),
        (28e9, "frequency", 28e9),
        (3, "length", 3.0),
        (np.int64(3), "length", 3.0),
        (np.float32(0.5), "length", 0.5),
    ],
)
def test_a_quantity_is_read_in_si(text, dimension, expected):
    assert parse_quantity(text, dimension) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize(
    ("value", "dimension", "says"),
    [
        ("28 GHzz", "frequency", r"`28 GHzz`: unit must be one of Hz, kHz, MHz, GHz; did you mean GHz\?"),
        ("10 mw", "power", r"did you mean mW\?"),
        ("28", "frequency", "unit is missing"),
        ("GHz", "frequency", "such as `28 GHz`"),
        ("28 GHz 3", "frequency", "unit must be one of"),
        ("", "length", "must be a length"),
        ("1_000 m", "length", "unit must be one of"),
        ("nan m", "length", "must be a length"),
        (math.nan, "length", "finite length"),
        (-math.inf, "length", "finite length"),
        ("1e400 m", "length", "finite length"),
        ("1e5 dBm", "power", "finite power"),
        (10**400, "length", "finite length"),
        (True, "length", "found the boolean `true`"),
        (np.True_, "length", "found `True`"),
        (None, "length", "nothing"),
        (None, "angle", "must be an angle such as"),
        (None, "area", "must be an area such as"),
        ([1], "length", "a list of 1"),
        (1j, "length", "must be a length"),
    ],
)
def test_what_is_no_quantity_is_refused_in_words(value, dimension, says):
    with pytest.raises(InvalidInput, match=says):
        parse_quantity(value, dimension)


def test_an_unknown_dimension_is_refused():
    with pytest.raises(InvalidInput, match="one of frequency, length"):
        parse_quantity("1 kg", "mass")


@settings(derandomize=True, deadline=None)
@given(unit=st.sampled_from(UNITS), exponent=st.floats(-12, 12))
def test_every_unit_is_read_as_it_is_written(unit, exponent):
    dimension, symbol = unit
    value = 10.0**exponent
    text = format_quantity(value, dimension, unit=symbol, digits=17)
    assert text.endswith(f" {symbol}")
    assert parse_quantity(text, dimension) == pytest.approx(value, rel=1e-12)


@settings(derandomize=True, deadline=None)
@given(name=st.sampled_from(sorted(DIMENSIONS)), exponent=st.floats(-12, 12))
def test_the_unit_that_suits_the_size_does_not_change_the_value(name, exponent):
    assert parse_quantity(format_quantity(10.0**exponent, name, digits=17), name) == pytest.approx(10.0**exponent)


@pytest.mark.parametrize(
    ("value", "dimension", "text"),
    [
        (28e9, "frequency", "28 GHz"),
        (0.0, "length", "0 m"),
        (-0.02, "length", "-2 cm"),
        (1e-5, "power", "-20 dBm"),
        (0.0, "power", "0 W"),
        (math.pi, "angle", "180 deg"),
        (10.0, "gain ratio", "10 dB"),
    ],
)
def test_a_report_uses_the_usual_unit(value, dimension, text):
    assert format_quantity(value, dimension) == text


def test_an_unknown_unit_of_a_report_is_refused():
    with pytest.raises(InvalidInput, match="did you mean GHz"):
        format_quantity(1.0, "frequency", unit="Ghz")


def test_decibels_are_of_power():
    assert db_to_ratio(3.0) == pytest.approx(1.9952623149688795)
    assert db_to_ratio(3.0) != pytest.approx(10 ** (3.0 / 20))
    assert dbm_to_watt(30.0) == pytest.approx(1.0)
    assert watt_to_dbm(1e-5) == pytest.approx(-20.0)
    levels = np.array([[-30.0, 0.0], [10.0, 40.0]])
    np.testing.assert_allclose(watt_to_dbm(dbm_to_watt(levels)), levels, atol=1e-12)


@pytest.mark.parametrize("ratio", [0.0, -1.0, math.nan, np.array([1.0, 0.0])])
def test_only_a_positive_ratio_has_decibels(ratio):
    with pytest.raises(InvalidInput, match="above zero"):
        ratio_to_db(ratio)
