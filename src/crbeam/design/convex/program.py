"""A convex problem in a few dimensions, whitened and scaled: what the engine works on.

Information and rows see a covariance only through the transmit vectors of the maps and the vectors of the rows, so each
block is restricted to their span, which loses nothing where power is limited for all directions alike. Blocks with
limits on single antennas keep the full space, blocks over a codebook the powers of its beams. Parameters are those in
which the information at an isotropic transmission is the identity; power, rows and objective are in units of their
size there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from crbeam.design.choices import Chosen
from crbeam.design.convex.cone import Cone, View
from crbeam.design.convex.evidence import Evidence
from crbeam.design.convex.statement import Scale, Statement, Term, is_limited
from crbeam.design.service_constraints import MinimumSinr, Requirement
from crbeam.information import Information, Transmission
from crbeam.linalg import span


@dataclass(frozen=True, eq=False)
class ProgramTerm:
    """A bound in whitened parameters.

    Attributes:
        transform: V, from whitened to the original parameters.
        constant: `V^T I0 V`.
        selection: `V^T E`, scaled.
        scale: place of its scale, or None.
        along: what a response of one number multiplies, in whitened parameters, of an amplitude (`presolve`).
    """

    transform: np.ndarray
    constant: np.ndarray
    selection: np.ndarray
    scale: int | None
    along: np.ndarray | None = None

    def original(self, response: np.ndarray) -> np.ndarray:
        """A response in the original parameters."""
        return self.transform @ (response if self.along is None else self.along * response)


@dataclass(frozen=True, eq=False)
class Program:
    """Reduced form of a statement.

    Attributes:
        statement: where it comes from.
        cones: blocks that something sees.
        terms: the bounds.
        scales: as in the statement, with levels in the unit of the objective.
        levels: `[c, -p]` of rows and limits, scaled.
        growing: `[c, -p]` of what is in proportion to a common factor, where the least such factor is the objective
            (`factor_program`); None elsewhere.
        n_rows: number of rows.
        unit: of the objective.
        unit_w: of power.
        row_units: of the rows.
        ceiling: what missing a scaled row by one costs, and so the most that its multiplier is; infinite if none may
            be missed.
        n_free: number of equalities: levels after those of rows and limits, of any sign.
    """

    statement: Statement
    cones: tuple[Cone, ...]
    terms: tuple[ProgramTerm, ...]
    scales: tuple[Scale, ...]
    levels: np.ndarray
    n_rows: int
    unit: float
    unit_w: float
    row_units: np.ndarray
    growing: np.ndarray | None = None
    ceiling: float = np.inf
    n_free: int = 0

    @property
    def limits(self) -> slice:
        """Levels of the limits of power."""
        return slice(self.n_rows, self.levels.size - self.n_free)

    def evidence(self, responses: Sequence[np.ndarray], scales: np.ndarray, levels: np.ndarray) -> Evidence:
        """A point of the dual in the units of the problem, from responses, scales, and `(mu, lambda)`."""
        lengths = [1.0 if each.kind != "limit" else each.level / self.unit for each in self.statement.scales]
        roots = [1.0 if term.scale is None else np.sqrt(lengths[term.scale]) for term in self.terms]
        found = [
            np.sqrt(self.unit) / root * term.original(each)
            for root, term, each in zip(roots, self.terms, responses, strict=True)
        ]
        multipliers, prices = levels[: self.n_rows], levels[self.n_rows :]
        return Evidence(
            tuple(found),
            scales / np.array(lengths),
            self.unit * multipliers / self.row_units,
            self.unit * prices / self.unit_w,
            self.statement.chosen,
        )

    @property
    def choices(self) -> Chosen:
        """What was chosen, of a problem in which something is."""
        assert self.statement.chosen is not None
        return self.statement.chosen

    @property
    def users(self) -> tuple[MinimumSinr, ...]:
        """The requirements of the users who count."""
        parts = self.statement.problem.constraints
        return tuple(part for part in parts if isinstance(part, MinimumSinr) and part.user in self.choices.servers)

    def served_by(self, servers: Mapping[str, tuple[str, ...]]) -> "Program":
        """The program with fewer blocks that may serve each user."""
        statement = self.statement.served_by(servers)
        cones = tuple(cone.with_streams(statement.streams[cone.name]) for cone in self.cones)
        return replace(self, statement=statement, cones=cones)


def program_of(statement: Statement) -> Program:
    """Reduced form of a statement.

    Raises:
        Unidentifiable: a parameter with a positive weight is not determined by any transmission.
    """
    bases = {block: _basis(statement, block) for block in statement.blocks}
    bases = {block: basis for block, basis in bases.items() if basis.shape[1]}
    is_power = statement.counts_power_only
    unit_w = max(_power_w(statement, block) for block in statement.blocks if block not in statement.lifted_blocks)
    if is_power:
        unit_w = _needed_w(statement, bases)
    even_w = {block: unit_w if is_power else _power_w(statement, block) for block in bases}
    transforms = [_whitening(term, bases, even_w) for term in statement.terms]
    unit = unit_w * statement.price
    for number, (term, transform) in enumerate(zip(statement.terms, transforms, strict=True)):
        if not is_limited(statement, number):
            unit += float(np.sum((transform.T @ term.selection) ** 2))
    unit = unit or 1.0
    adjoints = {block: basis.conj().T for block, basis in bases.items()}
    row_units = np.array([_row_unit(row, adjoints, unit_w) for row in statement.rows])
    terms = []
    for number, (term, transform) in enumerate(zip(statement.terms, transforms, strict=True)):
        length = statement.scales[term.scale or 0].level if is_limited(statement, number) else unit
        constant = transform.T @ term.criterion.map.constant @ transform
        terms.append(ProgramTerm(transform, constant, transform.T @ term.selection / np.sqrt(length), term.scale))
    scales = tuple(
        each if each.kind == "share" else replace(each, level=1.0 if each.kind == "limit" else each.level / unit)
        for each in statement.scales
    )
    floors = np.array([row.floor_w for row in statement.rows]) / row_units
    budgets = np.array([limit.power_w for limit in statement.limits]) / unit_w
    return Program(
        statement=statement,
        cones=tuple(
            _cone(statement, block, basis, (unit, unit_w), row_units, transforms) for block, basis in bases.items()
        ),
        terms=tuple(terms),
        scales=scales,
        levels=np.concatenate([floors, -budgets]),
        n_rows=len(statement.rows),
        unit=unit,
        unit_w=unit_w,
        row_units=row_units,
    )


def factor_program(program: Program) -> Program:
    """The program whose objective is the least factor t on all limits of power with which everything can be met.

    Minimise t subject to rows, limited bounds, and `<P_g, R> <= t p_g`; floors that are a share of the power grow with
    t as well. In the dual `t (1 + growing . y)` must be at least 0 for every t: the limits cost nothing, but have a
    budget of 1 together.
    """
    statement = program.statement
    kept = [number for number in range(len(program.terms)) if is_limited(statement, number)]
    grows = np.array([row.is_share for row in statement.rows] + [True] * len(statement.limits))
    n_scales = sum(scale.kind == "limit" for scale in statement.scales)
    return replace(
        program,
        statement=statement.without_objective,
        cones=tuple(
            replace(cone, price=0.0, views=tuple(cone.views[number] for number in kept)) for cone in program.cones
        ),
        terms=tuple(program.terms[number] for number in kept),
        scales=program.scales[:n_scales],
        levels=np.where(grows, 0.0, program.levels),
        growing=np.where(grows, program.levels, 0.0),
        unit=1.0,
    )


def _basis(statement: Statement, block: str) -> np.ndarray:
    """Columns Q of a block, none if nothing sees it."""
    columns = [
        part.transmit for term in statement.terms for part in term.criterion.map.contributions if part.block == block
    ]
    columns += [part.vector[:, None] for row in statement.rows for part in row.parts if part.block == block]
    if not any(np.any(each) for each in columns):
        return np.zeros((statement.size_of(block), 0), dtype=complex)
    network = statement.networks.get(block)
    if block in statement.codebooks:
        return statement.codebooks[block].unit_codewords
    if any(limit.antenna is not None and block in limit.blocks for limit in statement.limits):
        return np.eye(statement.size_of(block), dtype=complex) if network is None else network
    seen = np.concatenate(columns, axis=1)
    return span(seen) if network is None else network @ span(network.conj().T @ seen)


def _power_w(statement: Statement, block: str) -> float:
    """Most power of a block: of the least budget, or of all its antennas."""
    own = [limit for limit in statement.limits if block in limit.blocks]
    whole = [limit.power_w / limit.count(block) for limit in own if limit.antenna is None]
    antennas = {limit.antenna: limit.power_w for limit in own if limit.antenna is not None}
    if len(antennas) == statement.size_of(block):
        whole.append(sum(antennas.values()))
    return min(whole)


def _needed_w(statement: Statement, bases: dict[str, np.ndarray]) -> float:
    """Power of the size of the least: what each row takes alone, and limited bounds if all blocks send evenly."""
    needed_w = 0.0
    for row in statement.rows:
        gains: dict[tuple[str, str | None], float] = {}
        for part in row.parts:
            if part.block in bases:
                gain = part.factor * float(np.linalg.norm(bases[part.block].conj().T @ part.vector) ** 2)
                for stream in statement.streams[part.block] if part.stream is None else [part.stream]:
                    gains[part.block, stream] = gains.get((part.block, stream), 0.0) + gain
        most = max(gains.values(), default=0.0)
        if row.floor_w > 0.0 and most > 0.0:
            needed_w += row.floor_w / most
    for term in statement.terms:
        if term.scale is not None and statement.scales[term.scale].kind == "limit":
            value = float(np.sum((_whitening(term, bases, dict.fromkeys(bases, 1.0)).T @ term.selection) ** 2))
            needed_w = max(needed_w, value / statement.scales[term.scale].level)
    most_w = max(_power_w(statement, block) for block in statement.blocks)
    return min(needed_w, most_w) or most_w


def _whitening(term: Term, bases: dict[str, np.ndarray], power_w: dict[str, float]) -> np.ndarray:
    """V with `V^T I V = 1` for what is identifiable when every block sends a power evenly in its basis."""
    blocks = [block for block in term.criterion.map.blocks if block in bases]
    sent = [np.sqrt(power_w[block] / bases[block].shape[1]) * bases[block] for block in blocks]
    information: Information = term.criterion.map.select_blocks(blocks).at(Transmission.of_factors(tuple(blocks), sent))
    return information.whitening(term.criterion.requested)


def _row_unit(row: Requirement, adjoints: dict[str, np.ndarray], unit_w: float) -> float:
    """Largest coefficient of a row at the unit of power."""
    sizes = [
        abs(part.factor) * unit_w * float(np.linalg.norm(adjoints[part.block] @ part.vector) ** 2)
        for part in row.parts
        if part.block in adjoints
    ]
    return max(sizes, default=0.0) or abs(row.floor_w) or 1.0


def _parts_of_rows(
    statement: Statement, block: str, basis: np.ndarray, unit_w: float, row_units: np.ndarray
) -> tuple[list[np.ndarray], np.ndarray, list[np.ndarray]]:
    """Vectors of the parts of rows in a block, their columns of the selector, and factors of each stream."""
    streams, n_levels = statement.streams[block], len(statement.rows) + len(statement.limits)
    adjoint = basis.conj().T
    vectors: list[np.ndarray] = []
    places: list[int] = []
    factors: list[np.ndarray] = []
    for number, row in enumerate(statement.rows):
        # parts along one vector add before anything else does: what serves a user counts 1 + 1 / gamma less 1
        alike: dict[bytes, int] = {}
        for part in row.parts:
            if part.block != block:
                continue
            factor = np.array([part.factor * (part.stream in (None, stream)) for stream in streams])
            place = alike.setdefault(part.vector.tobytes(), len(vectors))
            if place < len(vectors):
                factors[place] = factors[place] + factor
                continue
            vectors.append(np.sqrt(unit_w / row_units[number]) * (adjoint @ part.vector))
            places.append(number)
            factors.append(factor)
    return vectors, np.eye(n_levels)[places], factors


def _cone(
    statement: Statement,
    block: str,
    basis: np.ndarray,
    units: tuple[float, float],
    row_units: np.ndarray,
    transforms: list[np.ndarray],
) -> Cone:
    unit, unit_w = units
    streams = statement.streams[block]
    vectors, selector, factors = _parts_of_rows(statement, block, basis, unit_w, row_units)
    if block in statement.lifted_blocks:
        vectors, selector, factors = _merged(vectors, selector, factors)
    n_levels = selector.shape[1]
    counts = np.zeros(n_levels)
    for number, limit in enumerate(statement.limits):
        if block in limit.blocks and limit.antenna is None:
            counts[len(statement.rows) + number] = limit.count(block)
        elif block in limit.blocks:
            vectors.append(basis[limit.antenna].conj())
            selector = np.concatenate([selector, np.eye(n_levels)[[len(statement.rows) + number]]])
            factors.append(np.full(len(streams), -1.0))
    views = tuple(
        _view(statement, block, basis, unit_w, number, transform) for number, transform in enumerate(transforms)
    )
    return Cone(
        name=block,
        basis=basis,
        is_line=block in statement.codebooks,
        streams=streams,
        vectors=np.stack(vectors, axis=1) if vectors else np.zeros((basis.shape[1], 0), dtype=complex),
        selector=selector,
        factors=np.array(factors).reshape(len(vectors), len(streams)).T,
        counts=counts,
        price=statement.price_of(block) * unit_w / unit,
        views=views,
        start=statement.start_shares(block),
    )


def _merged(
    vectors: list[np.ndarray], selector: np.ndarray, factors: list[np.ndarray]
) -> tuple[list[np.ndarray], np.ndarray, list[np.ndarray]]:
    """Vectors of one direction as one, which every level takes as often as all of them; for a block of one stream."""
    units: dict[bytes, int] = {}
    rows: list[np.ndarray] = []
    kept: list[np.ndarray] = []
    for vector, row, factor in zip(vectors, selector, factors, strict=True):
        length = float(np.linalg.norm(vector))
        unit = vector / (length or 1.0)
        place = units.setdefault(np.round(unit, 12).tobytes(), len(kept))
        if place == len(kept):
            kept.append(unit)
            rows.append(np.zeros(len(row)))
        rows[place] = rows[place] + float(factor[0]) * length**2 * row
    return kept, np.array(rows).reshape(len(kept), selector.shape[1]), [np.ones(1)] * len(kept)


def _view(
    statement: Statement, block: str, basis: np.ndarray, unit_w: float, number: int, transform: np.ndarray
) -> View | None:
    parts = [part for part in statement.terms[number].criterion.map.contributions if part.block == block]
    if not parts:
        return None
    columns = np.concatenate([part.transmit for part in parts], axis=1)
    weight = np.zeros((columns.shape[1],) * 2, dtype=complex)
    start = 0
    for part in parts:
        stop = start + len(part.weight)
        weight[start:stop, start:stop] = part.weight
        start = stop
    jacobian = np.concatenate([part.jacobian for part in parts]) @ transform
    return View(np.sqrt(unit_w) * basis.conj().T @ columns, weight, jacobian)
