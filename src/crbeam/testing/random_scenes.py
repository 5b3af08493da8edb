"""Random scenes with one station, one user and targets, each drawn from a generator that the caller seeds."""

from collections.abc import Mapping

import numpy as np

from crbeam.errors import InvalidInput
from crbeam.scenario import USER, Scenario, scenario_document

#: Directions of user and targets differ by at least this over the number of station antennas, in cosine to its array.
DIRECTION_SEPARATION = 1.5

#: Names of the link to the user and of the link back to the station. Nothing may be concluded from a name.
LINK_NAMES = (
    ("bistatic", "monostatic"),
    ("access", "echo"),
    ("monostatic_to_user", "bistatic_back"),
)

#: Length of the observed interval of moving scenes, that of Table II of hamrouni2026.
INTERVAL_S = 0.0137

_PLAIN_AXIS_COSINE, _AXIS_COSINE = 0.95, 0.995
_SPACINGS = (0.3, 0.7)


def random_scenario(
    rng: np.random.Generator,
    *,
    n_targets: int | None = None,
    n_antennas: int | None = None,
    subcarriers: int = 64,
    overrides: Mapping[str, object] | None = None,
    plain: bool = False,
) -> Scenario:
    """Random scene of the system zhang2025 with resolvable directions and random path phases.

    1..6 targets, 4..32 station antennas and at least two for each target, total power between -40 and 0 dBm, user and
    targets 6..40 m from the station, on all sides of it, with directions at least `1.5 / antennas` apart in cosine to
    the axis of the transmit array (grating lobes count as the direction itself). Place, frame, arrays (size, axis,
    spacing, reference) of station and user, the user's combiner, link names and their order are drawn too: use
    `station_name` and `link_names`.

    Args:
        rng: source of all randomness.
        n_targets: number of targets, drawn if None.
        n_antennas: number of station antennas, drawn if None.
        subcarriers: number of subcarriers.
        overrides: further top-level entries of the scenario document, in place of the drawn ones.
        plain: keep the conventions of the paper: the station `bs` in the origin, half-wavelength arrays along x about
            their centres, all objects in front of it, links `bistatic` and `monostatic`, no combiner.
    """
    n_targets = int(rng.integers(1, 7)) if n_targets is None else n_targets
    n_antennas = int(rng.integers(max(4, 2 * n_targets), 33)) if n_antennas is None else n_antennas
    draw = _plain_world if plain else _general_world
    document = {
        "system": "zhang2025",
        "noise": {"density": "-173.855 dBm/Hz", "figure": "10 dB"},
        **draw(rng, n_targets, n_antennas, subcarriers),
    }
    return Scenario.model_validate({**document, **(overrides or {})})


def random_moving_scenario(
    rng: np.random.Generator,
    *,
    n_targets: int | None = None,
    n_antennas: int | None = None,
    subcarriers: int = 64,
    slots: int = 16,
    symbols_per_slot: int = 100,
    protocol: Mapping[str, object] | None = None,
) -> Scenario:
    """Random scene of the system hamrouni2026: as `random_scenario`, with a user that moves.

    Speed 5..30 m/s in any direction, path-loss exponent 2..3.5, shadowing listed for every path, and a cyclic prefix
    such that the interval lasts 14 ms, in which Doppler shifts turn phases by many cycles. All symbols may be sent for
    sensing or for positioning: the message has none.

    Args:
        rng: source of all randomness.
        n_targets: number of targets, drawn if None.
        n_antennas: number of station antennas, drawn if None.
        subcarriers: number of subcarriers.
        slots: number of slots.
        symbols_per_slot: number of symbols in each.
        protocol: entries of the scenario's protocol, in place of a drawn share of sensing and order of the symbols.
    """
    scene = random_scenario(rng, n_targets=n_targets, n_antennas=n_antennas, subcarriers=subcarriers)
    document = scenario_document(scene)
    n_paths = 1 + len(document["targets"]["positions"])
    speed_mps, heading_rad = rng.uniform(5.0, 30.0), rng.uniform(-np.pi, np.pi)
    document["user"]["velocity"] = [float(speed_mps * np.cos(heading_rad)), float(speed_mps * np.sin(heading_rad))]
    document["propagation"]["path_loss_exponent"] = float(rng.uniform(2.0, 3.5))
    document["propagation"]["shadow_losses"] = {
        link: (10.0 ** rng.uniform(-0.5, 0.5, n_paths)).tolist() for link in document["links"]
    }
    drawn = {
        "sensing_share": float(rng.uniform(0.2, 0.8)),
        "order": str(rng.choice(["contiguous", "interleaved"])),
        "message_symbols": 0,
    }
    symbol_s = INTERVAL_S / (slots * symbols_per_slot)
    timing = {
        "slots": slots,
        "symbols_per_slot": symbols_per_slot,
        "cyclic_prefix": max(symbol_s - 1.0 / scene.waveform.subcarrier_spacing_hz, 0.0),
    }
    return Scenario.model_validate(
        {
            **document,
            "system": "hamrouni2026",
            "waveform": {**document["waveform"], **timing},
            "protocol": {**drawn, **(protocol or {})},
            "requirements": {},
        }
    )


def station_name(scenario: Scenario) -> str:
    """Name of the only station."""
    (name,) = scenario.stations
    return name


def link_names(scenario: Scenario) -> tuple[str, str]:
    """Names of the link to the user and of the link back to the station, told by their receivers."""
    by_receiver = {link.receiver == USER: name for name, link in scenario.links.items()}
    return by_receiver[True], by_receiver[False]


def _plain_world(
    rng: np.random.Generator, n_targets: int, n_antennas: int, subcarriers: int
) -> dict[str, dict[str, object]]:
    separation = DIRECTION_SEPARATION / n_antennas
    cosines = _separate_cosines(rng, n_targets + 1, separation, bound=_PLAIN_AXIS_COSINE, period=np.inf)
    radii_m = rng.uniform(6.0, 40.0, n_targets + 1)
    points_m = [[float(r * c), float(r * np.sqrt(1.0 - c * c))] for r, c in zip(radii_m, cosines, strict=True)]
    phases = {name: _angles(rng, n_targets + 1) for name in LINK_NAMES[0]}
    station = {
        "position": [0.0, 0.0],
        "transmit_array": {"elements": n_antennas},
        "receive_array": {"elements": int(rng.integers(4, 17))},
        "total_power": _power_w(rng),
    }
    user = {
        "position": points_m[0],
        "orientation": float(rng.uniform(-np.pi, np.pi)),
        "clock_bias": float(rng.uniform(-1e-6, 1e-6)),
        "rcs": float(rng.uniform(1.0, 20.0)),
        "array": {"elements": int(rng.integers(4, 17))},
    }
    targets = {"positions": points_m[1:], "rcs": rng.uniform(10.0, 100.0, n_targets).tolist()}
    return {
        "stations": {"bs": station},
        "user": user,
        "targets": targets if n_targets else {"count": 0},
        "waveform": _waveform(subcarriers, 1),
        "links": _links("bs", LINK_NAMES[0]),
        "propagation": {"phases": phases},
    }


def _general_world(
    rng: np.random.Generator, n_targets: int, n_antennas: int, subcarriers: int
) -> dict[str, dict[str, object]]:
    separation = DIRECTION_SEPARATION / n_antennas
    most = min(_SPACINGS[1], 0.8 / ((n_targets + 1) * separation))
    if most < _SPACINGS[0]:
        raise InvalidInput(f"{n_targets + 1} directions cannot be {separation:.3g} apart; use more antennas.")
    spacing = float(rng.uniform(_SPACINGS[0], most))
    cosines = _separate_cosines(rng, n_targets + 1, separation, bound=_AXIS_COSINE, period=1.0 / spacing)
    name, links = str(rng.choice(["bs", "north_mast"])), LINK_NAMES[rng.integers(len(LINK_NAMES))]
    station = {
        "position": rng.uniform(-100.0, 100.0, 2).tolist(),
        "orientation": float(rng.uniform(-np.pi, np.pi)),
        "transmit_array": {**_array(rng, n_antennas), "spacing": spacing},
        "receive_array": _array(rng, int(rng.integers(4, 17))),
        "total_power": _power_w(rng),
    }
    points_m = _points_m(rng, station, cosines)
    targets = {
        "positions": points_m[1:],
        "rcs": rng.uniform(10.0, 100.0, n_targets).tolist(),
        "bistatic_rcs": rng.uniform(10.0, 100.0, n_targets).tolist(),
    }
    both = _links(name, links)
    return {
        "stations": {name: station},
        "user": _user(rng, points_m[0]),
        "targets": targets if n_targets else {"count": 0},
        "waveform": _waveform(subcarriers, int(rng.integers(-subcarriers, 9))),
        "links": both if rng.random() < 0.5 else dict(reversed(both.items())),
        "propagation": {
            "phases": {link: _angles(rng, n_targets + 1) for link in links},
            "rcs_amplitude": "as_printed" if rng.random() < 0.25 else "sqrt",
        },
    }


def _user(rng: np.random.Generator, position_m: list[float]) -> dict[str, object]:
    array = _array(rng, int(rng.integers(4, 17)))
    user: dict[str, object] = {
        "position": position_m,
        "orientation": float(rng.uniform(-np.pi, np.pi)),
        "orientation_sign": int(rng.choice([1, -1])),
        "clock_bias": float(rng.uniform(-1e-6, 1e-6)),
        "rcs": float(rng.uniform(1.0, 20.0)),
        "array": array,
    }
    kind = rng.choice(["none", "none", "dft_beams", "phases"])
    if kind != "none":
        elements = int(array["elements"])
        n_chains = int(rng.integers(3, elements + 1))
        beams = rng.permutation(elements)[:n_chains].tolist()
        user["combiner"] = {
            str(kind): beams if kind == "dft_beams" else rng.uniform(-np.pi, np.pi, (n_chains, elements)).tolist()
        }
    return user


def _array(rng: np.random.Generator, elements: int) -> dict[str, int | float | str]:
    return {
        "elements": elements,
        "spacing": float(rng.uniform(*_SPACINGS)),
        "axis": str(rng.choice(["x", "y"])),
        "reference": str(rng.choice(["centre", "first"])),
    }


def _points_m(rng: np.random.Generator, station: dict, cosines: list[float]) -> list[list[float]]:
    """Points around a station whose directions have these cosines to the axis of its transmit array, on either side."""
    axis_rad = station["orientation"] + (np.pi / 2 if station["transmit_array"]["axis"] == "y" else 0.0)
    azimuth_rad = axis_rad + rng.choice([1.0, -1.0], len(cosines)) * np.arccos(cosines)
    radii_m = rng.uniform(6.0, 40.0, len(cosines))
    offsets_m = radii_m[:, None] * np.stack([np.cos(azimuth_rad), np.sin(azimuth_rad)], axis=1)
    return (np.array(station["position"]) + offsets_m).tolist()


def _separate_cosines(
    rng: np.random.Generator, count: int, separation: float, *, bound: float, period: float
) -> list[float]:
    """Cosines within the bound that differ by at least `separation`, also modulo the period of grating lobes."""
    if (count - 1) * separation > 1.4:
        raise InvalidInput(f"{count} directions cannot be {separation:.3g} apart in cosine; use more antennas.")
    cosines: list[float] = []
    while len(cosines) < count:
        cosines = []
        for _ in range(200):
            candidate = float(rng.uniform(-bound, bound))
            apart = [abs(candidate - other) for other in cosines]
            if all(min(distance, abs(distance - period)) >= separation for distance in apart):
                cosines.append(candidate)
            if len(cosines) == count:
                break
    return cosines


def _angles(rng: np.random.Generator, count: int) -> list[float]:
    return rng.uniform(-np.pi, np.pi, count).tolist()


def _power_w(rng: np.random.Generator) -> float:
    return float(10.0 ** rng.uniform(-7.0, -3.0))


def _links(station: str, names: tuple[str, str]) -> dict[str, object]:
    return {
        names[0]: {"transmitter": station, "receiver": USER},
        names[1]: {"transmitter": station, "receiver": station},
    }


def _waveform(subcarriers: int, first_subcarrier: int) -> dict[str, object]:
    return {
        "carrier_frequency": 28e9,
        "bandwidth": 120e6,
        "subcarriers": subcarriers,
        "first_subcarrier": first_subcarrier,
        "slots": 16,
        "symbols_per_slot": 100,
    }
