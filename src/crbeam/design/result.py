"""A design: what to transmit, how good it is and how good it could be."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

import numpy as np
from jaxtyping import Complex, Inexact

from crbeam.design.beamformers import Beamformers
from crbeam.design.convex.evidence import Evidence, Listed
from crbeam.information.transmission import Transmission


class Status(Enum):
    """How a design method stopped; the value is the sentence that reports show."""

    OPTIMAL = "The design is within the tolerance of a proven lower bound."
    FEASIBLE = "The design meets all constraints; its distance from the optimum is the gap."
    TIME_LIMIT = "The time limit ended the search; this is the best design found, with its proven gap."

    @property
    def key(self) -> str:
        """Name in files and on the command line."""
        return self.name.lower()


@dataclass(frozen=True, eq=False)
class SubarrayEvidence:
    """What proves a lower bound for a hybrid array that is tighter than that of digital ones (`hybrid.certificate`).

    Attributes:
        dual: point of the dual of the problem without the hybrid array; prices of its budget are found anew.
        prices: of a transmitter, what the price of power on each antenna has beyond that of all, `[tx]`, by stream; of
            a receiver, a Hermitian matrix of each of its antennas, `[rx, tx, tx]`, by the receiver's name.
        users: of a receiver that serves users, the multiplier S_k of each of them (`hybrid.certificate`).
    """

    dual: Evidence
    prices: Mapping[str, Inexact[np.ndarray, "..."]]
    users: Complex[np.ndarray, "user row row"] | None = None


@dataclass(frozen=True, eq=False)
class Proposal:
    """What a method hands over to be graded.

    Attributes:
        covariances: proposed transmit covariance of each block, watt per subcarrier summed over slots.
        factors: of each block F `[tx, beam]` with `R = F F^H`, if the method has them; grading checks them and is
            then spared the eigenvalues of R.
        trace: the method's own objective along its iterations.
        iterations: number of iterations.
        hit_time_limit: whether a time limit ended the search.
        stream_covariances: covariance of each stream, if the problem has several; they add up to `covariances`.
        stream_factors: of each stream and block F with `W = F F^H`, if the method has them; checked as `factors` are.
        details: numbers of the method's own (`evaluations`, `solver_seconds`, ...), for reports.
        evidence: point of the dual that proves a lower bound (see `convex.certificate`); of a problem with a hybrid
            array, that of the problem without any.
        cover: proofs that together cover all choices (see `search.boxes`).
        networks: analog network of each hybrid array, by its port.
        subarrays: evidence for a tighter bound if an array is hybrid.
        selected: names of those who take part, where that is a choice.
    """

    covariances: Transmission
    factors: Mapping[str, Complex[np.ndarray, "_ _"]] | None = None
    trace: tuple[float, ...] = ()
    iterations: int = 0
    hit_time_limit: bool = False
    stream_covariances: Mapping[str, Transmission] | None = None
    stream_factors: Mapping[str, Mapping[str, Complex[np.ndarray, "_ _"]]] | None = None
    details: Mapping[str, float | int | str] = field(default_factory=dict)
    evidence: Evidence | None = None
    cover: tuple[Evidence | Listed, ...] = ()
    networks: Mapping[str, Complex[np.ndarray, "antenna chain"]] = field(default_factory=dict)
    subarrays: SubarrayEvidence | None = None
    selected: tuple[str, ...] = ()

    def scaled(self, factor: float) -> "Proposal":
        """The same with a multiple of everything that is sent."""
        root, streams, factors = np.sqrt(factor), self.stream_covariances, self.stream_factors
        return replace(
            self,
            covariances=factor * self.covariances,
            factors=self.factors and {block: root * each for block, each in self.factors.items()},
            stream_covariances=streams and {name: factor * sent for name, sent in streams.items()},
            stream_factors=factors
            and {name: {block: root * each for block, each in sent.items()} for name, sent in factors.items()},
        )

    def sending(self, streams: Mapping[str, Transmission]) -> "Proposal":
        """The same with other covariances of its streams, whose factors are not known."""
        total = Transmission.sum_of(streams.values())
        return replace(self, covariances=total, factors=None, stream_covariances=streams, stream_factors=None)


@dataclass(frozen=True, eq=False)
class Design:
    """A transmission with its certificate.

    Attributes:
        method: name of the method: its key, and options that are not the defaults.
        covariances: of each block, watt per subcarrier, summed over slots.
        stream_covariances: the same of each stream, by stream name.
        beamformers: eigenbeams of each block.
        beamforming_loss: relative increase of the objective from sending one beam a slot. Where order does not count,
            from having fewer slots than beams: 0 if all fit. Where it does, from the sequence `slot_beams`; below
            0 if that is better than beams shared out within each slot. None if the beams do not determine what
            the objective asks for, or raise it from 0.
        status: how the method stopped.
        objective: the problem's objective, recomputed from the covariances.
        lower_bound: proven lower bound on the objective of any design of the problem, or None if none is known.
        bound_note: what the lower bound rests on, or why there is none.
        trace: the method's own objective along its iterations.
        iterations: number of iterations.
        seconds: wall-clock time (of a batch: its time divided by its size).
        details: numbers of the method's own; with a `Hinge` also the `trace_loss`, the weighted bound.
        analog: analog network F of each hybrid array, by its port.
        digital: what the chains behind it send or combine, by its port: beams of all streams in sqrt(watt), `[chain,
            beam]`, or the combiner of each served user, `[chain, user]`.
        selected: names of the receivers that sense, where that was a choice; else empty.
        slot_beams: what every slot sends, `[tx, slot]` by block, in sqrt(watt per subcarrier) of each of its symbols;
            zero in slots of other blocks. Empty where the order of the beams does not count (`sequences`).
        time_shares: share of the time in which each block is sent, of blocks that are sent one after the other.
        objective_unit: of the objective and its lower bound, as the problem has it.
    """

    method: str
    covariances: Transmission
    stream_covariances: Mapping[str, Transmission]
    beamformers: Mapping[str, Beamformers]
    beamforming_loss: float | None
    status: Status
    objective: float
    lower_bound: float | None
    bound_note: str
    trace: tuple[float, ...]
    iterations: int
    seconds: float
    details: Mapping[str, float | int | str]
    analog: Mapping[str, Complex[np.ndarray, "antenna chain"]] = field(default_factory=dict)
    digital: Mapping[str, Complex[np.ndarray, "chain stream"]] = field(default_factory=dict)
    selected: tuple[str, ...] = ()
    slot_beams: Mapping[str, Complex[np.ndarray, "tx slot"]] = field(default_factory=dict)
    time_shares: Mapping[str, float] = field(default_factory=dict)
    objective_unit: str = "1"

    @property
    def blocks(self) -> tuple[str, ...]:
        """Names of the blocks."""
        return tuple(self.covariances)

    @property
    def gap(self) -> float | None:
        """`(objective - lower_bound) / objective`; 0 when both are 0, None without a bound."""
        if self.lower_bound is None:
            return None
        if self.objective == 0.0:
            return 0.0
        return (self.objective - self.lower_bound) / self.objective

    @property
    def power_w(self) -> float:
        """Transmit power, watt per subcarrier summed over slots; each block counts for its share of the time."""
        powers_w = self.covariances.powers_w
        return sum((self.time_shares.get(block, 1.0) * power_w for block, power_w in powers_w.items()), 0.0)
