"""Keys of a scenario that its system accepts and does not use, said where they are set to something."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from crbeam.scenario import Scenario

#: Whether a scenario has something in a place that its system leaves aside.
Test = Callable[[Scenario], bool]
_ALONE_IN_BAND = "every symbol is one sample of one narrow band"
_OWN_LOSSES = "this system has losses of its own"


@dataclass(frozen=True)
class Unused:
    """A key that does not enter.

    Attributes:
        key: its path in a scenario file.
        reason: why, as the end of a sentence.
        is_set: whether it is set to something that would count elsewhere.
        value: what it is set to, in words.
    """

    key: str
    reason: str
    is_set: Test
    value: Callable[[Scenario], str] = lambda _: ""

    @property
    def sentence(self) -> Callable[[Scenario], str]:
        """The caution."""
        return lambda scenario: (
            f"`{self.key}`{' = ' + self.value(scenario) if self.value(scenario) else ''} does not enter: {self.reason}."
        )


def unused_cautions(scenario: Scenario) -> list[str]:
    """A sentence for each key that is set and enters no result of the scenario's system."""
    return [each.sentence(scenario) for each in _UNUSED[scenario.system] if each.is_set(scenario)]


def _prefix(reason: str) -> Unused:
    return Unused(
        "waveform.cyclic_prefix",
        reason,
        lambda scenario: scenario.waveform.cyclic_prefix_s > 0.0,
        lambda scenario: f"{1e6 * scenario.waveform.cyclic_prefix_s:g} us",
    )


_FIRST_SUBCARRIER = Unused(
    "waveform.first_subcarrier",
    f"delays turn no phases here, {_ALONE_IN_BAND}",
    lambda scenario: scenario.waveform.first_subcarrier not in (0, 1),
    lambda scenario: f"{scenario.waveform.first_subcarrier}",
)
_SHADOWING_WITHOUT_SEED = Unused(
    "propagation.shadowing_deviation",
    "without a `seed` nothing is drawn, so that no path is shadowed but those in `propagation.shadow_losses`",
    lambda scenario: (
        scenario.seed is None
        and scenario.propagation.shadowing_deviation != 1.0
        and set(scenario.propagation.shadow_losses or ()) != set(scenario.links)
    ),
)
_REFERENCE_SPEED = Unused(
    "protocol.reference_speed",
    "it counts with `protocol.coherence: inverse_speed` only",
    lambda scenario: (
        scenario.protocol is not None
        and scenario.protocol.coherence != "inverse_speed"
        and scenario.protocol.reference_speed_mps != type(scenario.protocol).model_fields["reference_speed_mps"].default
    ),
    lambda scenario: "" if scenario.protocol is None else f"{scenario.protocol.reference_speed_mps:g} m/s",
)
_SHADOWING = Unused(
    "propagation.shadowing_deviation",
    f"{_OWN_LOSSES}, without shadowing",
    lambda scenario: scenario.propagation.shadowing_deviation != 1.0,
)
_PATHS = (
    _SHADOWING,
    Unused(
        "propagation.shadow_losses",
        f"{_OWN_LOSSES}, without shadowing",
        lambda scenario: scenario.propagation.shadow_losses is not None,
    ),
    Unused(
        "propagation.phases",
        "the gains of echoes are unknown, and their phases change no bound",
        lambda scenario: scenario.propagation.phases_rad is not None,
    ),
    Unused(
        "propagation.rcs_amplitude",
        "targets have no radar cross section here",
        lambda scenario: scenario.propagation.rcs_amplitude != "sqrt",
    ),
    Unused(
        "propagation.path_coupling",
        "there are no paths of the systems zhang2025 and hamrouni2026 here",
        lambda scenario: scenario.propagation.path_coupling != "full",
    ),
    Unused(
        "targets.rcs", "what targets reflect is given otherwise here", lambda scenario: bool(scenario.targets.rcs_m2)
    ),
    _FIRST_SUBCARRIER,
)
_PATH_LOSS = Unused(
    "propagation.path_loss_exponent",
    f"{_OWN_LOSSES}, with exponents of their own",
    lambda scenario: scenario.propagation.path_loss_exponent != 2.0,
    lambda scenario: f"{scenario.propagation.path_loss_exponent:g}",
)
_RECEIVE_ARRAY = Unused(
    "stations.NAME.receive_array",
    "both arrays transmit and listen with their `transmit_array`",
    lambda scenario: any(each.receive_array != each.transmit_array for each in scenario.stations.values()),
)


def _has_snr(scenario: Scenario) -> bool:
    return scenario.sensing is not None and scenario.sensing.snr is not None and scenario.sensing.reflection != 1.0


def _serves_downlink(scenario: Scenario) -> bool:
    users, (link,) = scenario.served_users, scenario.links.values()
    return (
        users is not None
        and users.station == link.transmitter
        and users.power_w != type(users).model_fields["power_w"].default
    )


def _has_idle_limit(scenario: Scenario) -> bool:
    """A limit on antennas of a station that transmits on no link."""
    transmitters = {link.transmitter for link in scenario.links.values()}
    return any(
        each.power_per_antenna_w is not None for name, each in scenario.stations.items() if name not in transmitters
    )


def _has_idle_receive_array(scenario: Scenario) -> bool:
    """A receive array of the transmitter, which listens on no link."""
    ((name, station),) = scenario.stations.items()
    is_deaf = all(link.receiver != name for link in scenario.links.values())
    return is_deaf and station.receive_array != station.transmit_array


def _has_unseen_spacing(scenario: Scenario) -> bool:
    receivers = scenario.receivers
    return receivers is not None and receivers.rician_factor is None and receivers.array.spacing_wavelengths != 0.5


def _has_unpriced_share(scenario: Scenario) -> bool:
    receivers = scenario.receivers
    return receivers is not None and receivers.cost_budget_m is None and receivers.target_share != 0.5


def _has_unprinted_factor(scenario: Scenario) -> bool:
    options = scenario.multistatic
    return options is not None and options.formulas == "corrected" and options.printed_rician_factor != 0.5


_UNUSED: Mapping[str, tuple[Unused, ...]] = {
    "zhang2025": (
        _prefix("nothing moves, so that it does not count when symbols are sent, and echoes never outlast a symbol"),
        _SHADOWING_WITHOUT_SEED,
    ),
    "hamrouni2026": (_SHADOWING_WITHOUT_SEED, _REFERENCE_SPEED),
    "li2024": (
        _prefix(_ALONE_IN_BAND),
        *_PATHS,
        _PATH_LOSS,
        _RECEIVE_ARRAY,
        Unused("stations.NAME.power_per_antenna", "a station that transmits on no link sends nothing", _has_idle_limit),
        Unused("sensing.reflection", "`sensing.snr` says how strong the echo is; set that to null", _has_snr),
        Unused("served_users.power", "users are served in the downlink, and send nothing", _serves_downlink),
    ),
    "wang2024": (
        _prefix("the block is one train of pulses without a prefix"),
        *_PATHS,
        Unused("stations.NAME.receive_array", "the transmitter listens on no link", _has_idle_receive_array),
        Unused(
            "receivers.array.spacing",
            "directions of arrival are not measured, and in lines of sight all antennas hear the same",
            _has_unseen_spacing,
        ),
        Unused("receivers.target_share", "prices count with `receivers.cost_budget` only", _has_unpriced_share),
        Unused(
            "multistatic.printed_rician_factor",
            "it counts with `multistatic.formulas: as_printed` only",
            _has_unprinted_factor,
        ),
    ),
    "xu2023": (_prefix(_ALONE_IN_BAND), *_PATHS, _PATH_LOSS),
}
