"""Information maps of path parameters from propagation paths."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from jaxtyping import Complex, Float, Inexact, Int

from crbeam.errors import InvalidInput
from crbeam.information.information_map import Contribution, InformationMap, SlotGrams
from crbeam.information.state import path_layout
from crbeam.linalg import column_products, upper_factor
from crbeam.propagation.jacobians import doppler_shifts_hz
from crbeam.propagation.paths import Paths
from crbeam.scenario import Waveform


@dataclass(frozen=True, eq=False)
class Pilots:
    """Pilot symbols that see one transmit covariance.

    Attributes:
        block: name of that covariance, in watt per subcarrier summed over slots.
        symbols: number of symbols times the share of the covariance that each of them carries. With P symbols in
            each slot, whose beams add up to the covariance, P; if L slots share it equally, P again, `1 / L` a symbol.
        time_s: when each of them is sent; None where nothing moves and only their number matters.
        slot: number of the slot that each of them is in, not falling; None where it is not needed.
    """

    block: str
    symbols: float
    time_s: Float[np.ndarray, " symbol"] | None = None
    slot: Int[np.ndarray, " symbol"] | None = None

    def of_slots(self) -> tuple["Pilots", ...]:
        """The pilots of each slot that there are."""
        if self.slot is None or self.time_s is None:
            return ()
        numbers, counts = np.unique(self.slot, return_counts=True)
        return tuple(
            Pilots(self.block, self.symbols * count / self.slot.size, self.time_s[self.slot == number])
            for number, count in zip(numbers, counts.tolist(), strict=True)
        )


def subcarrier_gram(
    delay_s: Float[np.ndarray, " path"], waveform: Waveform
) -> Complex[np.ndarray, "double_path double_path"]:
    """`sum_m conj(g_i[m]) g_j[m]` of the functions `e_k[m] = exp(-2j pi m df tau_k)` and their delay derivatives.

    The first half of the rows are `e_k`, the second half `-2j pi m df e_k`. The sum over subcarriers is one matrix
    product. A common phase ramp does not change it, so delays enter relative to the first path.
    """
    functions = _subcarrier_functions(delay_s, waveform)
    return functions.conj() @ functions.T


def _subcarrier_functions(
    delay_s: Float[np.ndarray, " path"], waveform: Waveform
) -> Complex[np.ndarray, "double_path subcarrier"]:
    return _tones(delay_s[0] - delay_s, waveform.subcarrier_indices * waveform.subcarrier_spacing_hz, -1.0)


def symbol_gram(
    doppler_hz: Float[np.ndarray, " path"], pilots: Pilots
) -> Complex[np.ndarray, "double_path double_path"]:
    """`sum_t conj(g_i[t]) g_j[t]` of `e_k[t] = exp(2j pi nu_k t)` and their derivatives by `nu_k`, over pilot symbols.

    The first half of the rows are `e_k`, the second half `2j pi t e_k`; each symbol counts with its share of the
    covariance. Without times the functions are 1, and 0.
    """
    functions, weight = _symbol_functions(doppler_hz, pilots)
    return weight * (functions.conj() @ functions.T)


def _symbol_functions(
    doppler_hz: Float[np.ndarray, " path"], pilots: Pilots
) -> tuple[Complex[np.ndarray, "double_path symbol"], float]:
    """The functions of `symbol_gram`, and the weight of each symbol."""
    if pilots.time_s is None:
        return np.repeat([1.0 + 0j, 0j], doppler_hz.size)[:, None], pilots.symbols
    return _tones(doppler_hz, pilots.time_s, 1.0), pilots.symbols / max(pilots.time_s.size, 1)


def _tones(
    rate: Float[np.ndarray, " path"], abscissa: Float[np.ndarray, " sample"], sign: float
) -> Complex[np.ndarray, "double_path sample"]:
    """`exp(2j pi rate_k x)` and, as the second half, `sign 2j pi x` times that."""
    tone = np.exp(2j * np.pi * np.outer(rate, abscissa))
    return np.concatenate([tone, sign * 2j * np.pi * abscissa * tone])


@dataclass(frozen=True, eq=False)
class _TermFunctions:
    """Functions of subcarrier and symbol of the terms of one link: products `factor_i tone_i[m] turn_i[t]`.

    Attributes:
        delay_s: of each path.
        doppler_hz: of each path.
        waveform: the subcarriers.
        pilots: the symbols.
        factor: of each term.
        tone: which function of the subcarriers each term has, by row of `subcarrier_gram`.
        turn: which function of the symbols, by row of `symbol_gram`.
    """

    delay_s: Float[np.ndarray, " path"]
    doppler_hz: Float[np.ndarray, " path"]
    waveform: Waveform
    pilots: Pilots
    factor: Complex[np.ndarray, " term"]
    tone: Int[np.ndarray, " term"]
    turn: Int[np.ndarray, " term"]

    def root(self) -> Complex[np.ndarray, "row term"]:
        """Few rows with the same inner products.

        Doppler shifts enter relative to the first path: a common one turns all functions alike, and large phases have
        fewer digits.
        """
        tones = upper_factor(_subcarrier_functions(self.delay_s, self.waveform).T)
        turns, weight = _symbol_functions(self.doppler_hz - self.doppler_hz[0], self.pilots)
        turns = np.sqrt(weight) * upper_factor(turns.T)
        return column_products(tones[:, self.tone], turns[:, self.turn]) * self.factor


def path_information(
    paths: Paths,
    waveform: Waveform,
    *,
    noise_power_w: float,
    transmit_response: tuple[Complex[np.ndarray, "tx path"], Complex[np.ndarray, "tx path"]],
    receive_response: tuple[Complex[np.ndarray, "rx path"], Complex[np.ndarray, "rx path"]],
    pilots: Sequence[Pilots],
    projector: Inexact[np.ndarray, "rx rx"] | None = None,
) -> InformationMap:
    """Information about departure, arrival, delay, Doppler shift and complex gain of every path of a link.

    For `H_m(t) = sum_k gain_k exp(-2j pi m df delay_k) exp(2j pi doppler_k t) z_k t_k^H` each path has five rank-one
    terms: departure (`z (dt)^H`), arrival (`(dz) t^H`), delay, and real and imaginary part of the gain; one that moves
    has a sixth, the Doppler shift. `I_ij = (2 / noise_power) sum_{m,t} Re tr(dH/dx_j R_t dH^H/dx_i)`, where R_t is the
    share of the covariance that the symbol at t carries. Sums over subcarriers and symbols are Gram matrices of their
    own, whose product is taken entry by entry.

    Unknown: all path parameters (`path_layout`). Assumed known: noise power, arrays, number of paths.

    Args:
        paths: the paths of the link.
        waveform: its subcarriers.
        noise_power_w: of one antenna on one subcarrier.
        transmit_response: responses of the transmit array towards each path, and their derivatives by the angle.
        receive_response: the same of the receive array.
        pilots: the observed symbols, by the covariance that they see.
        projector: receive projector of an analog combiner; None without one.

    Reference: zhang2025 eq. (6); hamrouni2026 eq. (9).

    Deviation: the second line of zhang2025 (6) prints `2N/sigma^2`; the factor is `2P/sigma^2` (pilots per slot).
    hamrouni2026 neglects the coupling between paths; here it is kept (see `within_paths`).
    """
    if paths.motion is not None and any(part.time_s is None for part in pilots):
        raise InvalidInput("Pilots must have times where something moves, but some have none.")
    n_paths, moving = paths.n_paths, np.asarray(paths.moving, dtype=int)
    every, ones = np.arange(n_paths), np.ones(n_paths, dtype=complex)
    twice = np.repeat(every, 2)
    path_of = np.concatenate([every, every, every, moving, twice])
    factor = np.concatenate([np.tile(paths.gain, 3), paths.gain[moving], np.stack([ones, 1j * ones], axis=1).ravel()])
    tone = path_of.copy()
    tone[2 * n_paths : 3 * n_paths] += n_paths
    turn = path_of.copy()
    turn[3 * n_paths : 3 * n_paths + moving.size] += n_paths
    common = 2.0 / noise_power_w * np.outer(factor.conj(), factor) * _at(subcarrier_gram(paths.delay_s, waveform), tone)
    transmit, receive = transmit_response[0][:, path_of], receive_response[0][:, path_of]
    transmit[:, :n_paths] = transmit_response[1]
    receive[:, n_paths : 2 * n_paths] = receive_response[1]
    doppler_hz = doppler_shifts_hz(paths)
    layout = path_layout(paths.link, n_paths, paths.moving)
    contributions = []
    for part in pilots:
        gram = _hermitian_product(common, _at(symbol_gram(doppler_hz, part), turn))
        of_slots = [_hermitian_product(common, _at(symbol_gram(doppler_hz, each), turn)) for each in part.of_slots()]
        scaled = np.sqrt(2.0 / noise_power_w) * factor
        functions = _TermFunctions(paths.delay_s, doppler_hz, waveform, part, scaled, tone, turn)
        contributions.append(
            Contribution(
                block=part.block,
                receiver=paths.link,
                transmit=transmit,
                receive=receive,
                gram=gram,
                jacobian=np.eye(layout.size),
                projector=projector,
                gram_root=functions.root,
                slots=_slots(part, of_slots),
            )
        )
    return InformationMap(layout, tuple(contributions))


def _hermitian_product(
    first: Complex[np.ndarray, "term term"], second: Complex[np.ndarray, "term term"]
) -> Complex[np.ndarray, "term term"]:
    """Hermitian part of a product entry by entry."""
    gram = first * second
    return 0.5 * (gram + gram.conj().T)


def _slots(pilots: Pilots, grams: Sequence[Complex[np.ndarray, "term term"]]) -> SlotGrams | None:
    """Gram matrices of the slots of pilots; None where pilots do not say which slot they are in."""
    if pilots.slot is None or not grams:
        return None
    numbers, counts = np.unique(pilots.slot, return_counts=True)
    return SlotGrams(tuple(numbers.tolist()), counts / pilots.slot.size, np.stack(grams))


def within_paths(information_map: InformationMap) -> InformationMap:
    """Map of path parameters that neglects every coupling between different paths; those inside a path stay.

    Reference: hamrouni2026 section IV.
    """
    path_of = np.array([name.partition("[")[2] for name in _component_names(information_map)])
    same = path_of[:, None] == path_of
    own = (path_of == np.unique(path_of)[:, None]) + 0j
    parts = tuple(
        replace(
            part,
            gram=part.gram * same,
            gram_root=part.gram_root and partial(_by_path, part.gram_root, own),
            slots=None if part.slots is None else replace(part.slots, grams=part.slots.grams * same),
        )
        for part in information_map.contributions
    )
    return replace(information_map, contributions=parts)


def _by_path(
    make: Callable[[], Complex[np.ndarray, "row term"]], own: Complex[np.ndarray, "path term"]
) -> Complex[np.ndarray, "product term"]:
    """Functions that differ from path to path in more than they do: those of different paths are orthogonal."""
    return column_products(own, make())


def _component_names(information_map: InformationMap) -> list[str]:
    layout = information_map.layout
    return [name for name, size in zip(layout.names, layout.sizes, strict=True) for _ in range(size)]


def _at(
    gram: Complex[np.ndarray, "double_path double_path"], index: Int[np.ndarray, " term"]
) -> Complex[np.ndarray, "term term"]:
    return gram[np.ix_(index, index)]
