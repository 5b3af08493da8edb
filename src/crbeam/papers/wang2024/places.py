"""Section V on exact observations: the formulas as printed, and as put right."""

import numpy as np
from jaxtyping import Float

from crbeam.estimation.multistatic_fix import (
    distance_from_departure_m,
    doppler_direction,
    fix_from_arrival_m,
    fix_from_dopplers,
)
from crbeam.papers.wang2024.measurements import Places
from crbeam.scenario import SPEED_OF_LIGHT_MPS

#: Readings of the abbreviations in (52): those below it, and those of Appendix B, which contain the angle asked for.
PRINTED_XI, APPENDIX_XI, APPENDIX_SWAPPED = "(52)", "Appendix B, (87)", "Appendix B, (86)"
SEED, GEOMETRIES = 20250101, 200
_CARRIER_HZ, _SPEED_MPS = 3e9, 20.0


def printed_direction_rad(
    doppler_hz: Float[np.ndarray, "2"], arrival_rad: Float[np.ndarray, "2"], departure_rad: float, reading: str
) -> float:
    """The direction of departure by (52).

    `2 atan(y / x) - phi_k` with `x, y = Xi_k' - Xi_k cos d, Xi_k sin d`, d half the difference of the arrivals. Below
    (52) `Xi_k = f_k cos(phi_k / 2)`; in Appendix B `f_k cos((th - phi_k') / 2)` with the direction th itself, which is
    taken as known here. (87) has y over x, (86) the reciprocal.

    Reference: wang2024 eqs. (52), (84), (86), (87).
    """
    half = 0.5 * (arrival_rad[0] - arrival_rad[1])
    angles = 0.5 * arrival_rad if reading == PRINTED_XI else 0.5 * (departure_rad - arrival_rad[::-1])
    first, second = doppler_hz * np.cos(angles)
    x, y = second - first * np.cos(half), first * np.sin(half)
    turn = np.arctan2(x, y) if reading == APPENDIX_SWAPPED else np.arctan2(y, x)
    return float(2.0 * turn - arrival_rad[0])


def printed_distance_m(length_m: float, baseline_m: float, angle_rad: float) -> float:
    """Distance of the target from a receiver by (53): as (93), without `d^2`.

    Reference: wang2024 eqs. (53), (94).
    """
    along = baseline_m * np.cos(angle_rad)
    return float((length_m**2 - 2.0 * length_m * along) / (2.0 * length_m - 2.0 * along))


def place_errors(geometries: int = GEOMETRIES) -> Places:
    """Errors of all formulas for a target and two receivers anywhere within 100 m, and motion along the x axis."""
    generator = np.random.default_rng(SEED)
    rows = [_errors(*generator.uniform(-100.0, 100.0, (3, 2))) for _ in range(geometries)]
    columns = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    printed = {reading: columns[reading] for reading in (PRINTED_XI, APPENDIX_XI, APPENDIX_SWAPPED)}
    return Places(
        printed,
        columns["direction"],
        columns["printed distance"],
        columns["distance"],
        columns["sign"],
        columns["alone"],
    )


def _errors(target_m: np.ndarray, first_m: np.ndarray, second_m: np.ndarray) -> dict[str, float]:
    receivers_m = np.stack([first_m, second_m])
    back_m = target_m - receivers_m
    departure, arrivals = float(np.arctan2(*target_m[::-1])), np.arctan2(back_m[:, 1], back_m[:, 0])
    lengths_m = np.hypot(*target_m) + np.hypot(*back_m.T)
    ratio = _SPEED_MPS / SPEED_OF_LIGHT_MPS
    shifts = -ratio * _CARRIER_HZ * (np.cos(departure) + np.cos(arrivals)) / (1.0 + ratio * np.cos(arrivals))
    cosine, speed_mps = doppler_direction(shifts, arrivals, _CARRIER_HZ)
    fix = fix_from_dopplers(lengths_m, (cosine, speed_mps), arrivals, np.zeros(2), receivers_m)
    baseline_m, away_m = float(np.hypot(*first_m)), float(np.hypot(*back_m[0]))
    angle = departure - float(np.arctan2(*first_m[::-1]))
    alone_m = fix_from_arrival_m(float(lengths_m[0]), float(arrivals[0]), np.zeros(2), first_m)
    errors = {
        reading: _turn(printed_direction_rad(shifts, arrivals, departure, reading), departure)
        for reading in (PRINTED_XI, APPENDIX_XI, APPENDIX_SWAPPED)
    }
    return {
        **errors,
        "direction": abs(float(np.arccos(np.clip(cosine, -1.0, 1.0))) - abs(departure)),
        "printed distance": abs(printed_distance_m(float(lengths_m[0]), baseline_m, angle) - away_m),
        "distance": abs(distance_from_departure_m(float(lengths_m[0]), baseline_m, angle) - away_m),
        "sign": float(_turn(fix.departure_rad, departure) < 1e-3),
        "alone": float(np.hypot(*(alone_m - target_m))),
    }


def _turn(first_rad: float, second_rad: float) -> float:
    """Angle between two directions."""
    return abs(float(np.angle(np.exp(1j * (first_rad - second_rad)))))
