"""Small multistatic scenes: one transmitter with six antennas, receivers with two, short blocks."""

import numpy as np

from crbeam.scenario import read_scenario
from crbeam.systems.pulse_receivers import pulse_receivers, true_pulse_echo
from crbeam.systems.wang2024 import Wang2024

THREE = ((60.0, 30.0), (-35.0, 55.0), (25.0, -40.0))
MONOSTATIC = "links.monostatic={transmitter: transmitter, receiver: transmitter}"


def scene(*overrides, places=THREE, symbols=128, duration="50 ns"):
    return read_scenario(
        "wang2024",
        overrides=[
            f"receivers.positions={[list(place) for place in places]}",
            f"receivers.count={len(places)}",
            "stations.transmitter.transmit_array.elements=6",
            f"waveform.symbols_per_slot={symbols}",
            f"multistatic.symbol_duration={duration}",
            *overrides,
        ],
    )


def lit(scenario):
    """The covariance that sends everything to the target."""
    direction = Wang2024(scenario).transmit_directions()
    return direction @ direction.conj().T / len(direction)


def spread(scenario, rng, beams=3):
    """A covariance of several random beams, besides that to the target."""
    shape = (len(lit(scenario)), beams - 1)
    beam = rng.standard_normal(shape) + 1j * rng.standard_normal(shape)
    covariance = lit(scenario) + 0.3 * beam @ beam.conj().T
    return covariance / np.trace(covariance).real


def heard(scenario, covariance):
    """Receivers with their echoes and the gains of their beams."""
    system = Wang2024(scenario)
    receivers = pulse_receivers(system, covariance)
    target_m = np.array(scenario.targets.positions_m[0])
    echoes = {link: true_pulse_echo(paths) for link, paths in system.paths().items()}
    gains = {name: echoes[name].gain * each.beam_gains(target_m) for name, each in receivers.items()}
    return receivers, echoes, gains
