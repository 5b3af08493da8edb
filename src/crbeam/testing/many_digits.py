"""Bounds of echoes in decimal arithmetic of any length: what double precision should have found.

Written out from the plain entries of a scenario, with nothing of the library's information packages. Isotropic
transmission only, for which `tr(z_a t_a^H R t_b z_b^H) = (P / N) (t_a^H t_b) (z_b^H z_a)`.
"""

from dataclasses import dataclass
from decimal import Decimal, localcontext

from crbeam.scenario import Scenario, UniformLinearArray
from crbeam.testing.random_scenes import link_names

_PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494459230781640628620899862803482534211706798")
_LIGHT_MPS = Decimal(299792458)


@dataclass(frozen=True)
class _Number:
    """A complex number of decimals."""

    re: Decimal
    im: Decimal

    def __add__(self, other: "_Number") -> "_Number":
        return _Number(self.re + other.re, self.im + other.im)

    def __mul__(self, other: "_Number") -> "_Number":
        return _Number(self.re * other.re - self.im * other.im, self.re * other.im + self.im * other.re)

    def conj(self) -> "_Number":
        return _Number(self.re, -self.im)

    def times(self, factor: Decimal) -> "_Number":
        return _Number(self.re * factor, self.im * factor)


_ZERO, _J = _Number(Decimal(0), Decimal(0)), _Number(Decimal(0), Decimal(1))


@dataclass(frozen=True)
class _Echo:
    """One path: gain, delay with gradient, responses of both arrays with derivatives by the coordinates."""

    gain: _Number
    delay_s: Decimal
    delay_gradient: list[Decimal]
    transmit: list[list[_Number]]
    receive: list[list[_Number]]


def echo_root_bounds_m(scenario: Scenario, *, digits: int = 60) -> list[float]:
    """Root bounds of the user and of each target, from echoes alone under isotropic transmission.

    Raises:
        ArithmeticError: exactly singular.
    """
    with localcontext() as context:
        context.prec = digits
        matrix = _information(scenario)
        inverse = _inverse_diagonal(matrix)
        n_positions = len(scenario.targets.positions_m) + 1
        return [float((inverse[2 * k] + inverse[2 * k + 1]).sqrt()) for k in range(n_positions)]


def _turn(phase: Decimal) -> _Number:
    """`exp(j phase)` by Taylor's series."""
    phase = phase.remainder_near(2 * _PI) / 8
    term = total = _Number(Decimal(1), Decimal(0))
    count = 0
    while abs(term.re) + abs(term.im) > Decimal(10) ** -100:
        count += 1
        term = (term * _J).times(phase / count)
        total = total + term
    for _ in range(3):
        total = total * total
    return total


def _responses(
    array: UniformLinearArray, orientation_rad: float, unit: list[Decimal], range_m: Decimal
) -> list[list[_Number]]:
    """`exp(2j pi d_n c)` with the cosine c of a direction to the array, and its derivatives by x and y."""
    frame = _turn(Decimal(orientation_rad))
    axis = [frame.re, frame.im] if array.axis == "x" else [-frame.im, frame.re]
    cosine = axis[0] * unit[0] + axis[1] * unit[1]
    slopes = [(axis[i] - cosine * unit[i]) / range_m for i in range(2)]
    first = Decimal(0) if array.reference == "first" else -Decimal(array.elements - 1) / 2
    waves = [2 * _PI * Decimal(array.spacing_wavelengths) * (first + n) for n in range(array.elements)]
    response = [_turn(wave * cosine) for wave in waves]
    return [
        response,
        *([(a * _J).times(wave * slope) for a, wave in zip(response, waves, strict=True)] for slope in slopes),
    ]


def _echoes(scenario: Scenario) -> list[_Echo]:
    (station,) = scenario.stations.values()
    _, link = link_names(scenario)
    points = [scenario.user.position_m, *scenario.targets.positions_m]
    areas = [scenario.user.rcs_m2, *scenario.targets.rcs_m2]  # pyright: ignore[reportGeneralTypeIssues]
    phases = (scenario.propagation.phases_rad or {}).get(link, (0.0,) * len(points))
    wavelength_m = _LIGHT_MPS / Decimal(scenario.waveform.carrier_frequency_hz)
    echoes = []
    for point, area, phase in zip(points, areas, phases, strict=True):
        offset = [Decimal(point[i]) - Decimal(station.position_m[i]) for i in range(2)]
        range_m = (offset[0] ** 2 + offset[1] ** 2).sqrt()
        unit = [coordinate / range_m for coordinate in offset]
        amplitude = Decimal(area) if scenario.propagation.rcs_amplitude == "as_printed" else Decimal(area).sqrt()
        amplitude *= wavelength_m / ((4 * _PI) ** 3).sqrt() / range_m**2
        echoes.append(
            _Echo(
                _turn(Decimal(phase)).times(amplitude),
                2 * range_m / _LIGHT_MPS,
                [2 * coordinate / _LIGHT_MPS for coordinate in unit],
                _responses(station.transmit_array, station.orientation_rad, unit, range_m),
                _responses(station.receive_array, station.orientation_rad, unit, range_m),
            )
        )
    return echoes


def _inner(first: list[_Number], second: list[_Number]) -> _Number:
    total = _ZERO
    for a, b in zip(first, second, strict=True):
        total = total + a.conj() * b
    return total


def _tone_sums(scenario: Scenario, apart_s: Decimal) -> list[_Number]:
    """`sum_m (2 pi m df)^p exp(-2j pi m df apart)` for p = 0, 1, 2."""
    spacing_hz = Decimal(scenario.waveform.bandwidth_hz) / scenario.waveform.subcarriers
    step, first = _turn(-2 * _PI * spacing_hz * apart_s), scenario.waveform.first_subcarrier
    tone, sums = _turn(-2 * _PI * first * spacing_hz * apart_s), [_ZERO, _ZERO, _ZERO]
    for m in range(first, first + scenario.waveform.subcarriers):
        sums = [total + tone.times(Decimal(m) ** p if p else Decimal(1)) for p, total in enumerate(sums)]
        tone = tone * step
    return [total.times((2 * _PI * spacing_hz) ** p) for p, total in enumerate(sums)]


def _terms(echo: _Echo, parameter: int) -> list[tuple[_Number, int, list[_Number], list[_Number]]]:
    """Derivative by x, y, real or imaginary gain: factor, power of `2 pi m df`, receive and transmit vector."""
    receive, transmit = echo.receive, echo.transmit
    if parameter >= 2:
        return [(_J if parameter == 3 else _J.conj() * _J, 0, receive[0], transmit[0])]
    return [
        (echo.gain, 0, receive[1 + parameter], transmit[0]),
        (echo.gain, 0, receive[0], transmit[1 + parameter]),
        ((echo.gain * _J).times(-echo.delay_gradient[parameter]), 1, receive[0], transmit[0]),
    ]


def _information(scenario: Scenario) -> list[list[Decimal]]:
    echoes = _echoes(scenario)
    (station,) = scenario.stations.values()
    waveform, count = scenario.waveform, len(echoes)
    spacing_hz = Decimal(waveform.bandwidth_hz) / waveform.subcarriers
    noise_w = Decimal(scenario.noise.figure) * Decimal(scenario.noise.density_w_per_hz) * spacing_hz
    power_w = Decimal(station.total_power_w) / waveform.subcarriers / station.transmit_array.elements
    scale = 2 * waveform.symbols_per_slot * power_w / noise_w
    order = [(k, p) for k in range(count) for p in (0, 1)] + [(k, p) for k in range(count) for p in (2, 3)]
    sums = {
        (a, b): _tone_sums(scenario, echoes[b].delay_s - echoes[a].delay_s) for a in range(count) for b in range(count)
    }
    return [[scale * _entry(echoes, i, j, sums[i[0], j[0]]).re for j in order] for i in order]


def _entry(echoes: list[_Echo], first: tuple[int, int], second: tuple[int, int], sums: list[_Number]) -> _Number:
    """`sum_m tr(D_j D_i^H)` for parameter i of one echo and j of another."""
    total = _ZERO
    for factor, power, receive, transmit in _terms(echoes[first[0]], first[1]):
        for other, other_power, other_receive, other_transmit in _terms(echoes[second[0]], second[1]):
            seen = _inner(receive, other_receive) * _inner(other_transmit, transmit)
            total = total + factor.conj() * other * seen * sums[power + other_power]
    return total


def _inverse_diagonal(matrix: list[list[Decimal]]) -> list[Decimal]:
    """Diagonal of the inverse, by elimination without pivots: the matrix is positive definite."""
    size = len(matrix)
    rows = [[*row, *(Decimal(int(i == j)) for j in range(size))] for i, row in enumerate(matrix)]
    for i in range(size):
        pivot = rows[i][i]
        rows[i] = [entry / pivot for entry in rows[i]]
        for j in range(size):
            if j != i and rows[j][i]:
                factor = rows[j][i]
                rows[j] = [entry - factor * other for entry, other in zip(rows[j], rows[i], strict=True)]
    return [rows[i][size + i] for i in range(size)]
