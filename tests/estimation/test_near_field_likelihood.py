"""Near-field echoes: what is observed, its likelihood, and the information that both share with the maps."""

from dataclasses import replace

import numpy as np
import pytest

from crbeam.errors import InvalidInput
from crbeam.estimation import simulate
from crbeam.estimation.near_field_likelihood import EchoLikelihood, signature_score
from crbeam.estimation.near_field_model import EchoModel, mean_echo
from crbeam.scenario import read_scenario
from crbeam.systems.li2024 import Li2024

SETTINGS = {
    "downlink": ("li2024-downlink", ()),
    "uplink": ("li2024-uplink", ()),
    "spherical": ("li2024-uplink", ("sensing.serving_model=spherical", "sensing.sensing_model=spherical")),
    "turned": ("li2024-downlink", ("stations.main.orientation=20 deg", "stations.assisting.orientation=-10 deg")),
    "other side": ("li2024-downlink", ("targets.positions=[[-9 m, 6 m]]", "stations.main.transmit_array.axis=x")),
    "phase": ("li2024-downlink", ("sensing.unknown_gain=phase",)),
}
SMALLER = ("stations.main.transmit_array.elements=24", "stations.main.transmit_array.spacing=1.9")


class Echo:
    """An echo under a random transmission."""

    def __init__(self, name, overrides=(), *, n_chains=None):
        self.scenario = read_scenario(name, overrides=[*SMALLER, *overrides])
        self.truth = Li2024(self.scenario).true_echo()
        ((_, link),) = self.scenario.links.items()
        self.transmitter = link.transmitter
        n_tx, n_rx = (
            self.scenario.stations[each].transmit_array.elements for each in (link.transmitter, link.receiver)
        )
        rng = np.random.default_rng(5)
        beams = rng.standard_normal((n_tx, 3)) + 1j * rng.standard_normal((n_tx, 3))
        self.covariance = beams @ beams.conj().T / n_tx
        self.network = None
        if n_chains is not None:
            self.network = np.exp(1j * rng.uniform(0.0, 2.0 * np.pi, (n_rx, n_chains)))
        self.model = Li2024(self.scenario).echo_model(self.covariance, network=self.network)
        self.place = np.array([self.truth.angle_rad, 1.0 / self.truth.range_m])

    @property
    def known_strength(self):
        return abs(self.truth.strength) if self.truth.is_modulus_known else None

    def mean(self):
        return mean_echo(self.model, self.truth.angle_rad, self.truth.range_m, self.truth.strength)

    def likelihood(self, observation):
        return EchoLikelihood(self.model, observation, self.known_strength)


@pytest.fixture(params=SETTINGS)
def echo(request):
    return Echo(*SETTINGS[request.param])


def polar_information(echo):
    """Information of angle and range, gain eliminated, by the map."""
    information = Li2024(echo.scenario).polar_map(network=echo.network).at({echo.transmitter: echo.covariance})
    return information.equivalent(["target_angle[0]", "target_range[0]"]).matrix


def assert_same_information(echo):
    score = echo.likelihood(echo.mean()).score(echo.place)
    to_range = np.diag([1.0, -(echo.place[1] ** 2)])  # of the inverse range by the range
    found, expected = 2.0 * to_range @ score.information @ to_range, polar_information(echo)
    scale = 1.0 / np.sqrt(np.diagonal(expected))
    assert np.max(np.abs(found - expected) * np.outer(scale, scale)) < 1e-8


def test_information_is_that_of_the_map(echo):
    """Two derivations that share no code but the responses: signatures here, transmit covariances there."""
    assert_same_information(echo)


def test_information_through_an_analog_combiner_is_that_of_the_map():
    assert_same_information(Echo("li2024-uplink", n_chains=7))


def test_a_known_modulus_tells_more():
    free, known = (Echo("li2024-downlink", (f"sensing.unknown_gain={kind}",)) for kind in ("complex", "phase"))
    difference = polar_information(known) - polar_information(free)
    assert np.linalg.eigvalsh(difference)[1] > 1e-3 * np.linalg.eigvalsh(polar_information(free))[0]
    with pytest.raises(AssertionError):
        assert_same_information(Wrong(known))


class Wrong:
    """An echo whose likelihood forgets that the modulus is known."""

    def __init__(self, echo):
        self.__dict__.update(echo.__dict__)
        self.mean = echo.mean
        self.likelihood = lambda observation: EchoLikelihood(echo.model, observation)


def test_the_true_place_is_a_maximum_without_noise(echo):
    likelihood = echo.likelihood(echo.mean())
    score = likelihood.score(echo.place)
    assert np.all(np.abs(score.gradient) < 1e-7 * np.sqrt(np.diagonal(score.information)) * np.sqrt(score.energy))
    assert score.gain[0] == pytest.approx(echo.truth.strength, rel=1e-9)
    assert likelihood.at(echo.place[:1], echo.place[1:])[0] == pytest.approx(score.energy, rel=1e-12)


def test_slope_away_from_the_maximum(echo):
    likelihood = echo.likelihood(simulate(echo.mean(), np.random.default_rng(7)))
    score = likelihood.score(echo.place)
    accuracy = 1.0 / np.sqrt(np.diagonal(score.information))
    for index in range(2):
        step = np.zeros(2)
        step[index] = 1e-4 * accuracy[index]
        ahead, behind = likelihood.score(echo.place + step), likelihood.score(echo.place - step)
        slope = (ahead.energy - behind.energy) / (4.0 * step[index])
        assert slope * accuracy[index] == pytest.approx(score.gradient[index] * accuracy[index], rel=1e-3, abs=1e-3)


def test_the_grid_has_the_likelihood_of_its_places(echo):
    likelihood = echo.likelihood(simulate(echo.mean(), np.random.default_rng(7)))
    grid = echo.model.grid
    energies = likelihood.on_grid()
    for row, column in ((0, 0), (17, 3), (-1, -1)):
        place = grid.angle_rad[[row]], grid.inverse_range_per_m[[column]]
        assert likelihood.at(*place)[0] == pytest.approx(energies[row, column], rel=1e-9)


def whole_energy(echo, symbols, received, place):
    """Energy of what is received in every symbol that the place explains, `|<g, Y>|^2 / |g|^2`, g with all symbols."""
    z = echo.model.receive_side(place[:1], place[1:]).value[:, 0]
    a = echo.model.responses(echo.model.transmit, place[:1], place[1:])[:, 0]
    signature = np.outer(z, a @ symbols)
    return abs(np.vdot(signature, received)) ** 2 / np.vdot(signature, signature).real


def test_the_observation_is_a_sufficient_statistic():
    """Likelihood of all symbols together, from a column for each, equals that of the statistic up to a constant."""
    echo = Echo("li2024-downlink")
    rng, n_symbols = np.random.default_rng(3), 12
    beams = echo.model.beams
    square = rng.standard_normal((n_symbols, n_symbols)) + 1j * rng.standard_normal((n_symbols, n_symbols))
    rows = np.linalg.qr(square)[0][: beams.shape[1]]
    symbols = np.sqrt(n_symbols) * beams @ rows
    assert np.allclose(symbols @ symbols.conj().T, n_symbols * echo.covariance)
    strength = echo.truth.strength / np.sqrt(echo.scenario.waveform.symbols_per_slot)
    z = echo.model.receive_side(echo.place[:1], echo.place[1:]).value[:, 0]
    a = echo.model.responses(echo.model.transmit, echo.place[:1], echo.place[1:])[:, 0]
    received = simulate(strength * np.outer(z, a @ symbols), rng)
    statistic = EchoLikelihood(echo.model, received @ rows.conj().T)
    places = echo.place + np.array([[0.0, 0.0], [0.01, 0.0], [-0.3, 0.02]])
    whole = [whole_energy(echo, symbols, received, place) for place in places]
    assert np.allclose(whole, statistic.at(*places.T), rtol=1e-9)
    assert not np.allclose(whole, EchoLikelihood(echo.model, received[:, :3]).at(*places.T), rtol=1e-2)


def test_a_gain_that_belongs_to_another_place_moves_the_maximum():
    """Why the gain is concentrated out at every place: one that is estimated elsewhere first is meaningless."""
    echo = Echo("li2024-downlink")
    observation = echo.mean()
    inverse = np.linspace(0.5, 2.0, 301) * echo.place[1]
    angle = np.full(len(inverse), echo.place[0])
    concentrated = echo.likelihood(observation).at(angle, inverse)
    assert inverse[np.argmax(concentrated)] == pytest.approx(echo.place[1], rel=0.01)
    elsewhere = signature_score(
        observation,
        echo.model.receive_side(angle[:1], inverse[:1]),
        echo.model.transmit_side(angle[:1], inverse[:1]),
    ).gain[0]
    z, t = echo.model.receive_side(angle, inverse).value, echo.model.transmit_side(angle, inverse).value
    misfit = [
        float(np.sum(np.abs(observation - elsewhere * np.outer(z[:, i], t[:, i])) ** 2)) for i in range(len(inverse))
    ]
    assert abs(inverse[np.argmin(misfit)] / echo.place[1] - 1.0) > 0.05


def test_nothing_outside_the_region_of_targets_has_a_score(echo):
    likelihood = echo.likelihood(echo.mean())
    least_m, most_m = echo.model.range_m
    for place in ((echo.place[0], 1.01 / least_m), (echo.place[0], 0.99 / most_m), (echo.model.facing_rad + 2.0, 0.05)):
        assert likelihood.score(np.array(place)) is None


def test_beams_and_combiners_must_fit():
    echo = Echo("li2024-uplink")
    with pytest.raises(InvalidInput, match="`beams` must have a row for each of the 16"):
        replace(echo.model, beams=echo.model.beams[:3])
    with pytest.raises(InvalidInput, match="not be zero"):
        replace(echo.model, beams=0.0 * echo.model.beams)
    with pytest.raises(InvalidInput, match="`combiner` must have a row for each of the 24"):
        replace(echo.model, combiner=np.eye(3, dtype=complex))
    assert isinstance(echo.model, EchoModel)
