"""When pilot symbols are sent, which of them count, and how two stages share them."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from crbeam.scenario import Scenario


@dataclass(frozen=True, eq=False)
class Symbols:
    """Pilot symbols that count for one stage.

    Attributes:
        time_s: when they are sent.
        weight: how many symbols they stand for, if a stage has a share of each.
        slot: number of the slot that each is in.
    """

    time_s: Float[np.ndarray, " symbol"]
    weight: float
    slot: Int[np.ndarray, " symbol"]


@dataclass(frozen=True, eq=False)
class Schedule:
    """The symbols of an interval.

    Attributes:
        every: all symbols that count.
        monostatic: those of the sensing stage.
        bistatic: those of the positioning stage, after the message.
    """

    every: Symbols
    monostatic: Symbols
    bistatic: Symbols


def coherence_time_s(wavelength_m: float, speed_mps: float) -> float:
    """Time in which the user moves by half a wavelength, `wavelength / (2 speed)`; infinite at rest.

    Reference: hamrouni2026 eq. (1), Table I.
    """
    return float("inf") if speed_mps == 0.0 else wavelength_m / (2.0 * speed_mps)


def effective_slots(slots: int, speed_mps: float, reference_speed_mps: float) -> int:
    """Slots that count for a user of some speed, `clip(floor(L v_ref / v), 1, L)`.

    Reference: hamrouni2026 Fig. 4.

    Deviation: the paper does not define its effective slots; this is the law of (1), `T_c ~ 1/v`, scaled so that all
    slots fit at the reference speed.
    """
    if speed_mps <= reference_speed_mps:
        return slots
    return int(np.clip(np.floor(slots * reference_speed_mps / speed_mps), 1, slots))


def schedule(scenario: Scenario) -> Schedule:
    """The symbols of a scenario's interval, by its protocol.

    Symbol p of slot l starts at `((l - 1) P + (p - 1)) T`, T the symbol's duration. With contiguous symbols sensing
    gets the first `round(share (N - message))` of N, then the message is sent, positioning gets the rest. Interleaved,
    both stages reach over the whole interval and each counts with its share.

    Reference: hamrouni2026 section II-A, eqs. (16), (17).

    Deviation: the interval of Table II is far longer than the coherence time (1); by default all symbols count.
    """
    protocol, time_s = scenario.protocol, _times_that_count(scenario)
    assert protocol is not None
    free = max(time_s.size - protocol.message_symbols, 0)
    slot = np.arange(time_s.size) // scenario.waveform.symbols_per_slot
    every = Symbols(time_s, float(time_s.size), slot)
    if protocol.order == "interleaved":
        shares = (
            (1.0, 1.0) if protocol.sensing_share is None else (protocol.sensing_share, 1.0 - protocol.sensing_share)
        )
        return Schedule(every, *(Symbols(time_s, share * free, slot) for share in shares))
    assert protocol.sensing_share is not None
    first = round(protocol.sensing_share * free)
    start = time_s.size - (free - first)
    return Schedule(
        every,
        Symbols(time_s[:first], float(first), slot[:first]),
        Symbols(time_s[start:], float(free - first), slot[start:]),
    )


def shared_symbols(scenario: Scenario) -> int:
    """Number of symbols that both stages share, those of the message left out; at least one."""
    assert scenario.protocol is not None
    return max(_times_that_count(scenario).size - scenario.protocol.message_symbols, 1)


def _times_that_count(scenario: Scenario) -> Float[np.ndarray, " symbol"]:
    waveform, protocol = scenario.waveform, scenario.protocol
    assert protocol is not None
    assert scenario.user.velocity_mps is not None
    speed_mps = float(np.hypot(*scenario.user.velocity_mps))
    slots = waveform.slots
    if protocol.coherence == "inverse_speed":
        slots = effective_slots(slots, speed_mps, protocol.reference_speed_mps)
    time_s = waveform.symbol_duration_s * np.arange(slots * waveform.symbols_per_slot)
    if protocol.coherence == "coherence_time":
        time_s = time_s[time_s <= coherence_time_s(waveform.wavelength_m, speed_mps)]
    return time_s
