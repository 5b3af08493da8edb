"""Random scenarios, covariances, maps and priors, each drawn from a generator that the caller seeds."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from jaxtyping import Complex, Float

from crbeam.design import Criterion, DesignProblem, PowerBudget
from crbeam.errors import InvalidInput
from crbeam.information import Contribution, Information, InformationMap, ParameterLayout
from crbeam.scenario import Scenario
from crbeam.systems import design_problem, link_maps

#: Directions of user and targets differ by at least this over the number of station antennas, in cosine.
DIRECTION_SEPARATION = 1.5

#: Parameters of random maps, with their numbers of components.
RANDOM_SIZES = {"position": 2, "clock": 1, "gain": 2}


def random_scenario(
    rng: np.random.Generator,
    *,
    n_targets: int | None = None,
    n_antennas: int | None = None,
    subcarriers: int = 64,
    overrides: Mapping[str, object] | None = None,
) -> Scenario:
    """Random scene of the system zhang2025 with resolvable directions and random path phases.

    1..6 targets, 4..32 station antennas and at least two for each target, total power between -40 and 0 dBm,
    user and targets 6..40 m away, with directions at least `1.5 / antennas` apart in cosine.

    Args:
        rng: source of all randomness.
        n_targets: number of targets, drawn if None.
        n_antennas: number of station antennas, drawn if None.
        subcarriers: number of subcarriers.
        overrides: further top-level entries of the scenario document, in place of the drawn ones.
    """
    n_targets = int(rng.integers(1, 7)) if n_targets is None else n_targets
    n_antennas = int(rng.integers(max(4, 2 * n_targets), 33)) if n_antennas is None else n_antennas
    points_m = _random_points_m(rng, n_targets + 1, DIRECTION_SEPARATION / n_antennas)
    phases = {name: rng.uniform(-np.pi, np.pi, n_targets + 1).tolist() for name in ("bistatic", "monostatic")}
    document = {
        "system": "zhang2025",
        "stations": {
            "bs": {
                "position": [0.0, 0.0],
                "transmit_array": {"elements": n_antennas},
                "receive_array": {"elements": int(rng.integers(4, 17))},
                "total_power": float(10.0 ** rng.uniform(-7.0, -3.0)),
            }
        },
        "user": {
            "position": points_m[0],
            "orientation": float(rng.uniform(-np.pi, np.pi)),
            "clock_bias": float(rng.uniform(-1e-6, 1e-6)),
            "rcs": float(rng.uniform(1.0, 20.0)),
            "array": {"elements": int(rng.integers(4, 17))},
        },
        "targets": _targets(points_m[1:], rng.uniform(10.0, 100.0, n_targets).tolist()),
        "waveform": _waveform(subcarriers),
        "noise": {"density": "-173.855 dBm/Hz", "figure": "10 dB"},
        "links": {
            "bistatic": {"transmitter": "bs", "receiver": "user"},
            "monostatic": {"transmitter": "bs", "receiver": "bs"},
        },
        "propagation": {"phases": phases},
    }
    return Scenario.model_validate({**document, **(overrides or {})})


def _targets(points_m: list[list[float]], rcs_m2: list[float]) -> dict[str, object] | None:
    return {"positions": points_m, "rcs": rcs_m2} if points_m else None


def _waveform(subcarriers: int) -> dict[str, object]:
    return {
        "carrier_frequency": 28e9,
        "bandwidth": 120e6,
        "subcarriers": subcarriers,
        "first_subcarrier": 1,
        "slots": 16,
        "symbols_per_slot": 100,
    }


def _random_points_m(rng: np.random.Generator, count: int, separation: float) -> list[list[float]]:
    """Points above the x axis whose azimuths differ by at least `separation` in cosine."""
    if (count - 1) * separation > 1.4:
        raise InvalidInput(f"{count} directions cannot be {separation:.3g} apart in cosine; use more antennas.")
    cosines: list[float] = []
    while len(cosines) < count:
        cosines = []
        for _ in range(200):
            candidate = float(rng.uniform(-0.95, 0.95))
            if all(abs(candidate - other) >= separation for other in cosines):
                cosines.append(candidate)
            if len(cosines) == count:
                break
    radii_m = rng.uniform(6.0, 40.0, count)
    return [[float(r * c), float(r * np.sqrt(1.0 - c * c))] for r, c in zip(radii_m, cosines, strict=True)]


def random_covariance(
    rng: np.random.Generator, n_tx: int, *, n_blocks: int = 1, rank: int | None = None, power_w: float = 1.0
) -> Complex[np.ndarray, "block tx tx"]:
    """Random complex, non-isotropic, positive-semidefinite stack; each block has trace `power_w`."""
    rank = n_tx if rank is None else rank
    spread = np.exp(rng.uniform(-1.5, 1.5, (n_blocks, 1, rank)))
    beams = spread * _random_complex(rng, n_blocks, n_tx, rank)
    stack = beams @ np.conj(np.swapaxes(beams, 1, 2))
    return power_w * stack / np.trace(stack, axis1=1, axis2=2).real[:, None, None]


def _random_complex(rng: np.random.Generator, *shape: int) -> Complex[np.ndarray, "..."]:
    return rng.standard_normal(shape) + 1j * rng.standard_normal(shape)


def random_map(
    rng: np.random.Generator,
    *,
    n_tx: int = 6,
    n_rx: int = 4,
    blocks: tuple[str, ...] = ("block",),
    prior: float = 0.0,
    sizes: Mapping[str, int] = RANDOM_SIZES,
) -> InformationMap:
    """Random information map without any physics: one contribution for each block, complex in every part.

    Args:
        rng: source of all randomness.
        n_tx: transmit antennas.
        n_rx: receive antennas.
        blocks: names of the transmit covariances.
        prior: strength of a random constant term; 0 for none.
        sizes: parameters and their numbers of components.
    """
    layout = ParameterLayout.of(sizes)
    n_terms = layout.size + 2
    parts = []
    for block in blocks:
        functions = _random_complex(rng, 2 * n_terms, n_terms)
        parts.append(
            Contribution(
                block=block,
                transmit=_random_complex(rng, n_tx, n_terms),
                receive=_random_complex(rng, n_rx, n_terms),
                gram=functions.conj().T @ functions,
                jacobian=rng.standard_normal((n_terms, layout.size)),
            )
        )
    constant = random_prior(rng, layout, strength=prior).matrix
    return InformationMap(layout, tuple(parts), constant)


def random_prior(rng: np.random.Generator, layout: ParameterLayout, *, strength: float = 1.0) -> Information:
    """Random positive-semidefinite information about the parameters of a layout."""
    factor = rng.standard_normal((layout.size, layout.size))
    return Information(strength * factor @ factor.T, layout)


def position_prior(
    information: Information, names: tuple[str, ...], *, strength: float = 1.0
) -> Float[np.ndarray, "parameter parameter"]:
    """Prior about some parameters that is `strength` times what an information says about each component."""
    index = information.layout.indices(names)
    constant = np.zeros_like(information.matrix)
    constant[index, index] = strength / np.diagonal(information.bound(names))
    return constant


def random_problem(
    rng: np.random.Generator, *, scenario: Scenario | None = None, weight: float | None = None
) -> DesignProblem:
    """Design problem of a (random) scenario with a weight of bistatic positioning between 0.05 and 0.95."""
    scenario = random_scenario(rng) if scenario is None else scenario
    return design_problem(scenario, weight=float(rng.uniform(0.05, 0.95)) if weight is None else weight)


def with_position_prior(problem: DesignProblem, *, strength: float = 1.0) -> DesignProblem:
    """Same problem when every requested parameter is already known about as well as isotropic transmission tells."""
    criteria = []
    for criterion in problem.criteria:
        if not criterion.requested:
            criteria.append(criterion)
            continue
        information = criterion.map.at(problem.covariances_of(criterion.map, problem.isotropic()))
        constant = position_prior(information, criterion.requested, strength=strength)
        prior = Information(constant, information.layout).as_prior()
        criteria.append(Criterion(criterion.map + prior, criterion.weights, criterion.name))
    return replace(problem, criteria=tuple(criteria))


def two_stage_problem(scenario: Scenario, *, weight: float = 0.5) -> DesignProblem:
    """Problem with two blocks: the links of a scenario observed in two stages with covariances of their own.

    The stages share user and target positions; the first hears the station's echoes, the second the user. One power
    budget is shared by both.
    """
    maps = link_maps(scenario)
    station = next(iter(scenario.stations))
    first = maps["monostatic"].renamed_blocks({station: "first"})
    second = maps["bistatic"].renamed_blocks({station: "second"})
    targets = first.layout.family("target_position")
    power_w = scenario.power_per_subcarrier_w(station)
    return DesignProblem(
        (
            Criterion(first + second, {"user_position": weight}, "both"),
            Criterion(first, dict.fromkeys(("user_position", *targets), 1.0 - weight), "first"),
        ),
        (PowerBudget(("first", "second"), power_w),),
    )
