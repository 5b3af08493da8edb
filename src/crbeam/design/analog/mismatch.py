"""Constant-modulus beams whose covariance comes near the guides, or whose patterns come near those of given beams.

Beams `f_l = sqrt(rho_l / N) exp(j phi_l)` are chosen to minimise `sum_c share_c || F F^H - V_c ||_F^2` over guides V_c,
summed over blocks, by alternating power and phase steps. Up to a constant this is the distance `|| F F^H - Psi ||_F^2`
from the blend `Psi = sum_c share_c V_c`.

Reference: zhang2025 eqs. (23)-(26), Algorithm 1.

Deviation: the total power of (23c) is P_B/M, not P/M; Psi is the blend, where (24) has a misplaced square root; the box
on the phases is vacuous and left out; several starts, as the result depends on the start.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Complex, Float

from crbeam.design.analog.smooth_descent import descend
from crbeam.design.constraints import has_constant_modulus
from crbeam.design.guides import Guide
from crbeam.design.mismatch import nearest_word_powers_w
from crbeam.design.problem import DesignProblem
from crbeam.errors import InvalidInput
from crbeam.information.transmission import Covariances
from crbeam.linalg import one_blas_thread

#: Relative decrease of the mismatch by one step on the phases below which a phase step ends.
PHASE_DECREASE = 1e-6
#: Most steps of the gradient projection from one start.
MAX_STEPS = 3000
#: Relative decrease of the squared pattern error over `CHECKED_STEPS` steps below which a start has converged.
CONVERGED = 1e-9
CHECKED_STEPS = 20


@dataclass(frozen=True, eq=False)
class AnalogBeams:
    """Beams whose entries differ in phase only, the same number in every block.

    Attributes:
        phases_rad: phase of each entry; blocks with fewer antennas than the largest are filled up, and send nothing
            from there.
        shares: power of each beam; in units of `MismatchTarget.power_w` where nothing else is said.
        antennas: number of antennas of each block.
    """

    phases_rad: Float[np.ndarray, "block tx beam"]
    shares: Float[np.ndarray, "block beam"]
    antennas: tuple[int, ...]

    @property
    def amplitudes(self) -> Float[np.ndarray, "block tx 1"]:
        """Amplitude of each entry of a beam of unit norm."""
        return element_amplitudes(self.antennas)

    @property
    def factors(self) -> Complex[np.ndarray, "block tx beam"]:
        """`sqrt(rho_l / N) exp(j phi_nl)`, so that `F F^H` is the covariance."""
        return self.amplitudes * np.sqrt(self.shares)[:, None, :] * np.exp(1j * self.phases_rad)


def element_amplitudes(antennas: Sequence[int]) -> Float[np.ndarray, "block tx 1"]:
    """`1 / sqrt(N_b)` for each of the antennas of a block, 0 beyond them up to the most antennas of any block."""
    sizes = np.asarray(antennas)[:, None]
    return (np.where(np.arange(sizes.max()) < sizes, 1.0, 0.0) / np.sqrt(sizes))[..., None]


def slots_of(problem: DesignProblem) -> int:
    """Number of beams that a block may send: one a slot, or as many as there are antennas at most."""
    return problem.n_slots or max(problem.antennas.values())


@dataclass(frozen=True, eq=False)
class MismatchTarget:
    """What beams should imitate, in units of the largest power budget.

    Attributes:
        blend: Psi of each block, filled up with zeros to the most antennas of any block.
        spread: `sum_c share_c |V_c|^2 - |Psi|^2`: what no transmission can undercut.
        size: `sum_c share_c |V_c|^2`, the mismatch of no transmission at all; mismatches are relative to it.
        budgets: blocks of each power budget, by number.
        levels: power of each budget.
        power_w: the largest budget, watt per subcarrier summed over slots.
        blocks: number of antennas of each block, by its name.
    """

    blend: Complex[np.ndarray, "block tx tx"]
    spread: float
    size: float
    budgets: tuple[tuple[int, ...], ...]
    levels: tuple[float, ...]
    power_w: float
    blocks: Mapping[str, int]

    @property
    def antennas(self) -> tuple[int, ...]:
        """Number of antennas of each block."""
        return tuple(self.blocks.values())

    def filled_up(self, covariances: Covariances) -> Complex[np.ndarray, "block tx tx"]:
        """Covariances in watt in the units and shape of the blend."""
        stack = np.zeros((len(self.blocks), *(max(self.antennas),) * 2), dtype=complex)
        for place, (block, size) in enumerate(self.blocks.items()):
            stack[place, :size, :size] = covariances[block] / self.power_w
        return stack


@dataclass(frozen=True)
class MismatchSettings:
    """How long to search.

    Attributes:
        starts: number of starts; the first has the phases of the blend's eigenvectors, the others are random.
        threshold: relative reduction of the mismatch by an outer iteration below which a start has converged.
        max_iterations: outer iterations of each start; with 0 the best start is returned as it is.
        phase_iterations: quasi-Newton steps on the phases in each outer iteration.
    """

    starts: int = 6
    threshold: float = 1e-3
    max_iterations: int = 20
    phase_iterations: int = 100


@dataclass(frozen=True, eq=False)
class MismatchResult:
    """Beams of the best start.

    Attributes:
        beams: powers in units of `target.power_w`.
        target: what they imitate.
        trace: relative mismatch of the best start: at the start, then after each outer iteration.
        traces: the same of every start.
        candidates: beams of every start.
    """

    beams: AnalogBeams
    target: MismatchTarget
    trace: tuple[float, ...]
    traces: tuple[tuple[float, ...], ...]
    candidates: tuple[AnalogBeams, ...]


def target_of(problem: DesignProblem, guides: Sequence[Guide]) -> MismatchTarget:
    """The blend of a problem's guides with what the mismatch is counted in."""
    power_w = max(budget.power_per_subcarrier_w for budget in problem.budgets)
    target = MismatchTarget(
        np.zeros((0, 0, 0), dtype=complex),
        0.0,
        0.0,
        tuple(tuple(problem.blocks.index(name) for name in budget.blocks) for budget in problem.budgets),
        tuple(budget.power_per_subcarrier_w / power_w for budget in problem.budgets),
        power_w,
        problem.antennas,
    )
    covariances = [target.filled_up(guide.covariances) for guide in guides]
    shares = [guide.share for guide in guides]
    blend = np.sum([share * part for share, part in zip(shares, covariances, strict=True)], axis=0)
    size = sum(share * float(np.linalg.norm(part)) ** 2 for share, part in zip(shares, covariances, strict=True))
    return replace(target, blend=blend, spread=max(size - float(np.linalg.norm(blend)) ** 2, 0.0), size=size)


def relative_mismatch(target: MismatchTarget, beams: AnalogBeams) -> float:
    """`sum_c share_c || F F^H - V_c ||_F^2`, relative to its value without transmission.

    Reference: zhang2025 eq. (23a).
    """
    return _value_and_slope(target, beams.factors)[0]


def covariance_mismatch(target: MismatchTarget, covariances: Covariances) -> float:
    """The same from covariances in watt: the distance from each guide itself is left to the spread of the guides."""
    distance = float(np.linalg.norm(target.filled_up(covariances) - target.blend))
    return (distance**2 + target.spread) / target.size


def _value_and_slope(target: MismatchTarget, factors: np.ndarray) -> tuple[float, np.ndarray]:
    """The relative mismatch and `(F F^H - Psi) F`, in the same units."""
    wanted = target.blend @ factors
    product = factors @ (factors.conj().swapaxes(1, 2) @ factors) - wanted
    overlap = float(np.sum(np.real(factors.conj() * (product - wanted))))
    return (overlap + target.size) / target.size, product / target.size


def phase_slopes(target: MismatchTarget, beams: AnalogBeams) -> Float[np.ndarray, "block tx beam"]:
    """Derivative of the relative mismatch with respect to each phase, `4 Im( ((F F^H - Psi) F) o conj(F) )`."""
    factors = beams.factors
    return 4.0 * np.imag(_value_and_slope(target, factors)[1] * factors.conj())


def power_step(target: MismatchTarget, beams: AnalogBeams) -> AnalogBeams:
    """The best powers for given phases, each budget used fully: a quadratic program on a simplex.

    Reference: zhang2025 eq. (25).
    """
    try:
        sent = np.sign(beams.amplitudes) * np.exp(1j * beams.phases_rad)
        powers = shared_powers(target, [each[:size] for each, size in zip(sent, beams.antennas, strict=True)])
    except RuntimeError:  # the program's solver gave up: keep the powers
        return beams
    better = replace(beams, shares=np.stack(powers))
    return better if relative_mismatch(target, better) <= relative_mismatch(target, beams) else beams


def shared_powers(target: MismatchTarget, beams: Sequence[Complex[np.ndarray, "_ _"]]) -> list[Float[np.ndarray, " _"]]:
    """Powers of the given beams of each block that bring their covariances nearest to the blend.

    Blocks of one budget are one program, in which the beams of different blocks do not overlap.
    """
    powers = [np.zeros(part.shape[1]) for part in beams]
    for members, level in zip(target.budgets, target.levels, strict=True):
        parts = [beams[member] for member in members]
        wanted = [target.blend[member, : len(part), : len(part)] for member, part in zip(members, parts, strict=True)]
        best = nearest_word_powers_w(parts, wanted, level)
        for member, values in zip(members, best, strict=True):
            powers[member] = values
    return powers


def phase_step(target: MismatchTarget, beams: AnalogBeams, iterations: int) -> AnalogBeams:
    """Better phases for given powers, by a quasi-Newton method with the exact gradient; never worse ones.

    Reference: zhang2025 eq. (26).
    """
    shape = beams.phases_rad.shape
    amplitudes = beams.amplitudes * np.sqrt(beams.shares)[:, None, :]

    def value(flat: np.ndarray) -> tuple[float, np.ndarray]:
        factors = amplitudes * np.exp(1j * flat.reshape(shape))
        mismatch, slope = _value_and_slope(target, factors)
        return mismatch, 4.0 * np.imag(slope * factors.conj()).ravel()

    start = beams.phases_rad.ravel()
    result = descend(value, start, max_iterations=iterations, tolerance=1e-8, least_decrease=PHASE_DECREASE)
    return replace(beams, phases_rad=result.point.reshape(shape))


def alternate(
    target: MismatchTarget, start: AnalogBeams, settings: MismatchSettings
) -> tuple[AnalogBeams, tuple[float, ...]]:
    """Beams from one start with the relative mismatch at the start and after each outer iteration.

    Reference: zhang2025 Algorithm 1.
    """
    beams, trace = start, [relative_mismatch(target, start)]
    for _ in range(settings.max_iterations):
        beams = phase_step(target, power_step(target, beams), settings.phase_iterations)
        trace.append(relative_mismatch(target, beams))
        if trace[-2] - trace[-1] <= settings.threshold * trace[-2]:
            break
    return beams, tuple(trace)


def beams_near(
    covariances: Complex[np.ndarray, "block tx tx"], target: MismatchTarget, n_beams: int, rng: np.random.Generator
) -> AnalogBeams:
    """Beams with the phases of a random factor `R^(1/2) W` of given covariances and equal powers."""
    phases = np.zeros((*covariances.shape[:2], n_beams))
    for place, (covariance, size) in enumerate(zip(covariances, target.antennas, strict=True)):
        eigenvalues, vectors = np.linalg.eigh(covariance[:size, :size])
        root = vectors * np.sqrt(np.maximum(eigenvalues, 0.0))
        mixing = rng.standard_normal((len(root), n_beams)) + 1j * rng.standard_normal((len(root), n_beams))
        phases[place, :size] = np.angle(root @ mixing)
    return with_equal_powers(phases, target)


def with_equal_powers(phases_rad: Float[np.ndarray, "block tx beam"], target: MismatchTarget) -> AnalogBeams:
    """Beams of given phases that share each budget equally."""
    n_blocks, _, n_beams = phases_rad.shape
    powers = np.zeros((n_blocks, n_beams))
    for members, level in zip(target.budgets, target.levels, strict=True):
        powers[list(members)] = level / (len(members) * n_beams)
    return AnalogBeams(phases_rad, powers, target.antennas)


def eigenvector_beams(
    covariances: Complex[np.ndarray, "block tx tx"], target: MismatchTarget, n_beams: int, rng: np.random.Generator
) -> AnalogBeams:
    """Beams with the phases of the strongest eigenvectors of given covariances; random ones where these end."""
    random = beams_near(covariances, target, n_beams, rng).phases_rad.copy()
    for phases, covariance, size in zip(random, covariances, target.antennas, strict=True):
        eigenvalues, vectors = np.linalg.eigh(covariance[:size, :size])
        count = min(n_beams, int(np.sum(eigenvalues > 1e-6 * eigenvalues[-1])))
        phases[:size, :count] = np.angle(vectors[:, ::-1][:, :count])
    return with_equal_powers(random, target)


def mismatch_starts(
    target: MismatchTarget, n_beams: int, count: int, rng: np.random.Generator
) -> tuple[AnalogBeams, ...]:
    """Starts: phases of the blend's eigenvectors, then in turn random phases and those of random factors of it."""
    starts = [eigenvector_beams(target.blend, target, n_beams, rng)]
    while len(starts) < count:
        if len(starts) % 2:
            shape = (len(target.blend), target.blend.shape[1], n_beams)
            starts.append(with_equal_powers(rng.uniform(-np.pi, np.pi, shape), target))
        else:
            starts.append(beams_near(target.blend, target, n_beams, rng))
    return tuple(starts)


def match_covariances(
    target: MismatchTarget, starts: Sequence[AnalogBeams], settings: MismatchSettings
) -> MismatchResult:
    """The best of what alternating power and phase steps reach from given starts."""
    runs = [alternate(target, start, settings) for start in starts]
    best = min(range(len(runs)), key=lambda index: runs[index][1][-1])
    return MismatchResult(
        runs[best][0], target, runs[best][1], tuple(trace for _, trace in runs), tuple(beams for beams, _ in runs)
    )


def analog_mismatch(
    problem: DesignProblem,
    guides: Sequence[Guide],
    *,
    seed: np.random.SeedSequence,
    start: Covariances | None = None,
    settings: MismatchSettings | None = None,
) -> MismatchResult:
    """Constant-modulus beams, as many as there are slots, whose covariance is near the guides.

    Args:
        problem: with a limited number of slots, or as many beams as antennas.
        guides: best transmission of each criterion alone, with its share.
        seed: of the random starts.
        start: a transmission whose eigenvectors' phases are one more start.
        settings: how long to search.

    Reference: zhang2025 eq. (23), Algorithm 1.
    """
    settings = settings or MismatchSettings()
    target, rng = target_of(problem, guides), np.random.default_rng(seed)
    n_beams = slots_of(problem)
    starts = mismatch_starts(target, n_beams, settings.starts, rng)
    if start is not None:
        starts = (*starts, eigenvector_beams(target.filled_up(start), target, n_beams, rng))
    return match_covariances(target, starts, settings)


def analog_codewords(
    words: Complex[np.ndarray, "tx word"], sweep: Complex[np.ndarray, "tx angle"], *, starts: int = 8
) -> Complex[np.ndarray, "tx word"]:
    """Beams of unit norm whose entries differ in phase only and whose patterns come near those of given beams.

    Minimises `|| T^H (A exp(j phi) - w) ||^2` over the phases and the amplitude A >= 0 for each word w, where the
    columns of T are the responses over which patterns are compared. Gradient projection,
    `z = f - T T^H (f - w) / lambda_max(T T^H)`, `f <- mean|z| exp(j arg z)`, which never increases the error, from the
    phases of the word itself and from other fixed starts. Words that have one modulus already are only scaled.

    Args:
        words: beams to imitate as columns, none of them zero.
        sweep: array responses over the angles.
        starts: number of starts for each word; results do not depend on any random state.

    Reference: zhang2025 eq. (27).

    Deviation: the box on the phases is vacuous and left out.
    """
    if np.any(np.linalg.norm(words, axis=0) == 0.0):
        raise InvalidInput("Every beam to imitate must have some entry that is not zero; leave out beams of no power.")
    with one_blas_thread():
        gram = sweep @ sweep.conj().T
        beams = np.stack([_imitation(word, gram, starts) for word in words.T], axis=1)
    return beams / np.linalg.norm(beams, axis=0)


def pattern_errors(
    beams: Complex[np.ndarray, "tx word"], words: Complex[np.ndarray, "tx word"], sweep: Complex[np.ndarray, "tx angle"]
) -> Float[np.ndarray, " word"]:
    """Relative distance of patterns, `min_{A >= 0} || T^H (A f - w) || / || T^H w ||` for each pair of beams.

    Reference: zhang2025 eq. (27), Fig. 3.
    """
    gram = sweep @ sweep.conj().T
    sizes = np.real(np.sum(words.conj() * (gram @ words), axis=0))
    return np.sqrt(_squared_errors(beams, gram @ words, gram, sizes) / sizes)


def _squared_errors(beams: np.ndarray, pulled: np.ndarray, gram: np.ndarray, size: np.ndarray | float) -> np.ndarray:
    """`|T^H w|^2 - max(0, Re f^H M w)^2 / f^H M f` for each column, M = T T^H: the error at the best amplitude."""
    overlap = np.maximum(np.real(np.sum(beams.conj() * pulled, axis=0)), 0.0)
    own = np.real(np.sum(beams.conj() * (gram @ beams), axis=0))
    return np.maximum(size - overlap**2 / own, 0.0)


def _imitation(word: np.ndarray, gram: np.ndarray, starts: int) -> np.ndarray:
    """The best beam of constant modulus for one word, all starts at once."""
    if has_constant_modulus(word[:, None]):
        return word
    word = word / np.linalg.norm(word)
    pulled, size = (gram @ word)[:, None], float(np.real(np.vdot(word, gram @ word)))
    step = 1.0 / float(np.linalg.eigvalsh(gram)[-1])
    beams = _first_beams(word, starts)
    errors = _squared_errors(beams, pulled, gram, size)
    for _ in range(MAX_STEPS // CHECKED_STEPS):
        for _ in range(CHECKED_STEPS):
            beams = _projected(beams - step * (gram @ beams - pulled))
        before, errors = errors, _squared_errors(beams, pulled, gram, size)
        if np.all(before - errors <= CONVERGED * size):
            break
    return beams[:, int(np.argmin(errors))]


def _projected(beams: np.ndarray) -> np.ndarray:
    """The nearest beams with entries of one modulus."""
    return np.abs(beams).mean(axis=0) * np.exp(1j * np.angle(beams))


def _first_beams(word: np.ndarray, starts: int) -> np.ndarray:
    """The phases of the word, then with chirps on top of either sign and growing rate."""
    place = np.linspace(-1.0, 1.0, word.size)[:, None]
    number = np.arange(starts)
    rate = np.pi * ((number + 1) // 2) * np.where(number % 2, 1.0, -1.0)
    return _projected(word[:, None] * np.exp(1j * rate * place**2) + 1e-300)
