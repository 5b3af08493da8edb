"""The lower bound that a point of the dual proves, from eigenvalues in the space of all antennas.

For any matrices Z_t, scales v, multipliers mu >= 0 and prices lambda >= 0, every transmission that keeps its rows
`sum <A_jsb, W_sb> >= c_j` and limits `<P_g, R> <= p_g` has an objective of at least

    D = sum_t [2 tr(E_t^T Z_t) - tr(Z_t^T I0_t Z_t) / v_t] - Phi*(v) + c . mu - p . lambda                        (1)

as long as, for every stream s of every block b,

    S_bs = kappa 1 + sum_g lambda_g P_gb - sum_t G_tb(Z_t) / v_t - sum_j mu_j A_jsb >= 0,                         (2)

G being the adjoint of the maps at `Z Z^T`. For `v u >= v tr(E^T I^-1 E) >= 2 tr(E^T Z) - tr(Z^T I Z) / v`, a completed
square, and `Phi(u) >= v . u - Phi*(v)`; what is left is linear in W and collected in S. Over a codebook (2) need only
hold along its beams, behind an analog network in its span. Nothing about the solver enters.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Complex, Float

from crbeam.design.convex.evidence import Evidence
from crbeam.design.convex.statement import Scale, Statement, is_limited
from crbeam.design.service_constraints import PowerPart
from crbeam.errors import InvalidInput
from crbeam.linalg import hermitian_part

#: Violation of (2), relative to all prices of the block, that counts as rounding and is paid for by higher prices.
ROUNDING = 1e-7


def certificate(statement: Statement, evidence: Evidence) -> float:
    """No feasible transmission has a smaller objective than this.

    Raises:
        InvalidInput: the evidence has other sizes than the problem, leaves the domain of a scale, or violates (2).
    """
    require_domain(statement, evidence)
    missing = {block: -least_slack(statement, evidence, block) for block in statement.blocks}
    for block, miss in missing.items():
        size = statement.price_of(block) + float(np.sum(evidence.prices[_places(statement, block)])) + miss
        if miss > ROUNDING * size:
            raise InvalidInput(
                f"Dual evidence must leave the slack of every stream positive semidefinite, but in block `{block}` its "
                f"least eigenvalue is {-miss:.3g}."
            )
    value = dual_value(statement, evidence)
    paid = value - _paid(statement, missing)
    free = [miss for block, miss in missing.items() if statement.price_of(block) == 0.0]
    if statement.counts_power_only and max(free, default=0.0) <= 0.0:
        # everything in (1) and (2) but kappa grows with the evidence, which may be shrunk until (2) holds
        priced_blocks = [(miss, statement.price_of(block)) for block, miss in missing.items()]
        short = max(0.0, *(miss / price for miss, price in priced_blocks if price > 0.0))
        shrunk = value / (1.0 + short)
        return max(paid, min(value, shrunk))
    return paid


def priced(statement: Statement, evidence: Evidence) -> Evidence:
    """The evidence with the least prices of budgets for which (2) holds, those of groups and antennas being kept."""
    budgets = _budgets(statement)
    prices = evidence.prices.copy()
    prices[: len(statement.problem.budgets)] = 0.0
    free = replace(evidence, prices=prices)
    found = prices.copy()
    for block, place in budgets.items():
        missing = -least_slack(statement, free, block) / statement.limits[place].count(block)
        found[place] = max(found[place], missing)
    return replace(evidence, prices=found)


def shortage(statement: Statement, evidence: Evidence) -> float:
    """What rows and limited bounds ask for over the most that the limits of power give; above 1 nothing is feasible.

    The evidence counts without the terms that the objective counts, without kappa, and at the least prices of budgets.
    """
    ray = ray_of(statement, evidence)
    asked = float(contributions(statement, ray).sum())
    free = priced(replace(statement, price=0.0), ray)
    given = float(free.prices @ np.array([limit.power_w for limit in statement.limits]))
    if asked <= 0.0:
        return 0.0
    return asked / given if given > 0.0 else np.inf


def ray_of(statement: Statement, evidence: Evidence) -> Evidence:
    """The evidence without the terms that the objective counts: a direction of the dual along which it may grow."""
    kept = [is_limited(statement, number) for number in range(len(statement.terms))]
    responses = [each if keep else 0.0 * each for each, keep in zip(evidence.responses, kept, strict=True)]
    return replace(evidence, responses=tuple(responses))


def contributions(statement: Statement, evidence: Evidence) -> Float[np.ndarray, " demand"]:
    """What each row, then each limited bound, adds to (1)."""
    floors = np.array([row.floor_w for row in statement.rows])
    bounds = np.zeros(sum(scale.kind == "limit" for scale in statement.scales))
    for number, (term, response) in enumerate(zip(statement.terms, evidence.responses, strict=True)):
        if is_limited(statement, number):
            assert term.scale is not None
            scale = evidence.scales[term.scale]
            bounds[term.scale] += square_completed(term.selection, term.criterion.map.constant, response, scale)
            bounds[term.scale] -= statement.scales[term.scale].level * scale
    return np.concatenate([floors * evidence.multipliers, bounds])


def dual_value(statement: Statement, evidence: Evidence) -> float:
    """D of (1)."""
    value = -cost_of_scales(statement.scales, evidence.scales)
    for term, response in zip(statement.terms, evidence.responses, strict=True):
        scale = 1.0 if term.scale is None else evidence.scales[term.scale]
        value += square_completed(term.selection, term.criterion.map.constant, response, scale)
    value += float(np.array([row.floor_w for row in statement.rows]) @ evidence.multipliers)
    return value - float(np.array([limit.power_w for limit in statement.limits]) @ evidence.prices)


def square_completed(selection: np.ndarray, constant: np.ndarray, response: np.ndarray, scale: float) -> float:
    """`2 tr(E^T Z) - tr(Z^T I0 Z) / v`: what a term adds to D."""
    return 2.0 * float(np.vdot(selection, response)) - float(np.vdot(response, constant @ response)) / scale


def cost_of_scales(scales: Sequence[Scale], values: Float[np.ndarray, " scale"]) -> float:
    """`Phi*(v)`."""
    cost = 0.0
    for scale, value in zip(scales, values.tolist(), strict=True):
        if scale.kind == "limit":
            cost += scale.level * value
        elif scale.kind == "threshold":
            cost += scale.level * value / (1.0 - value)
    return cost


def require_domain(statement: Statement, evidence: Evidence) -> None:
    """Refuse evidence of other sizes, with negative multipliers, or with scales outside their domain."""
    shapes = [term.selection.shape for term in statement.terms]
    found = [response.shape for response in evidence.responses]
    sizes = [evidence.scales.size, evidence.multipliers.size, evidence.prices.size]
    wanted = [len(statement.scales), len(statement.rows), len(statement.limits)]
    if found != shapes or sizes != wanted:
        raise InvalidInput(
            f"Dual evidence must have responses of shapes {shapes} and {wanted} scales, multipliers and prices, found "
            f"{found} and {sizes}."
        )
    numbers = np.concatenate([evidence.multipliers, evidence.prices])
    shares = [
        (v, s.level) for v, s in zip(evidence.scales.tolist(), statement.scales, strict=True) if s.kind == "share"
    ]
    below = [v < 1.0 for v, s in zip(evidence.scales.tolist(), statement.scales, strict=True) if s.kind == "threshold"]
    is_sound = all(bool(np.all(np.isfinite(response))) for response in evidence.responses)
    is_sound &= bool(np.all(np.isfinite(numbers)) and np.all(numbers >= 0.0) and np.all(evidence.scales > 0.0))
    is_sound &= all(below) and all(v <= cap for v, cap in shares) and sum(v for v, _ in shares) <= 1.0 + 1e-12
    if not is_sound:
        raise InvalidInput(
            f"Dual evidence must have finite responses, multipliers and prices of at least 0, and scales within their "
            f"domain, found {numbers} and {evidence.scales}."
        )


def least_slack(statement: Statement, evidence: Evidence, block: str) -> float:
    """Least eigenvalue of `S_bs` over the streams of a block; over a codebook, the least value along a beam."""
    level, antennas = statement.price_of(block), np.zeros(statement.size_of(block))
    for place in _places(statement, block):
        number = statement.limits[place].antenna
        if number is None:
            level += statement.limits[place].count(block) * float(evidence.prices[place])
        else:
            antennas[number] += float(evidence.prices[place])
    if block in statement.codebooks:
        words = statement.codebooks[block].unit_codewords
        spent = _seen_along(statement, evidence, block, words)
        return level + float(np.min(antennas @ np.abs(words) ** 2 - spent, initial=np.inf))
    frame, inners = seen_by_streams(statement, evidence, block)
    network = statement.networks.get(block)
    frame = frame if network is None else network.conj().T @ frame
    if antennas.any():
        own = np.diag(antennas.astype(complex)) if network is None else (network.conj().T * antennas) @ network
        slack = own - frame @ inners @ frame.conj().T
        return level + float(np.linalg.eigvalsh(hermitian_part(slack)).min(initial=np.inf))
    return level - float(powers_along(frame, inners).max(initial=0.0))


def powers_along(frame: np.ndarray, inner: np.ndarray, words: np.ndarray | None = None) -> np.ndarray:
    """Values of `T (.) T^H` along unit codewords, or its eigenvalues, `[..., direction]`; of one, or of many."""
    if words is not None:
        looks = words.conj().swapaxes(-1, -2) @ frame
        return np.sum(np.real((looks @ inner) * looks.conj()), axis=-1)
    looks = frame if frame.shape[-1] >= frame.shape[-2] else np.asarray(np.linalg.qr(frame, mode="r"))
    return np.linalg.eigvalsh(hermitian_part(looks @ inner @ looks.conj().swapaxes(-1, -2)))


def _seen_along(
    statement: Statement, evidence: Evidence, block: str, words: Complex[np.ndarray, "tx word"]
) -> Float[np.ndarray, "stream word"]:
    """`u^H (sum_t G_t / v_t + sum_j mu_j A_js) u` of every beam u of a codebook."""
    spent = np.zeros((len(statement.streams[block]), words.shape[1]))
    for columns, weight in _seen_by_terms(statement, evidence, block):
        spent += powers_along(columns, weight, words)
    parts = _seen_by_rows(statement, evidence, block)
    if parts:
        powers = np.abs(words.conj().T @ np.stack([part.vector for _, part in parts], axis=1)) ** 2
        for number, stream in enumerate(statement.streams[block]):
            factors = np.array([factor * (part.stream in (None, stream)) for factor, part in parts])
            spent[number] += powers @ factors
    return spent


def _seen_by_terms(statement: Statement, evidence: Evidence, block: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """Transmit vectors and inner matrices of `G_t / v_t`."""
    found = []
    for term, response in zip(statement.terms, evidence.responses, strict=True):
        scale = 1.0 if term.scale is None else evidence.scales[term.scale]
        for part in term.criterion.map.contributions:
            if part.block == block:
                slopes = part.jacobian @ response
                found.append((part.transmit, (slopes @ slopes.T) * part.weight / scale))
    return found


def _seen_by_rows(statement: Statement, evidence: Evidence, block: str) -> list[tuple[float, PowerPart]]:
    """Parts of rows in a block, with what they count."""
    return [
        (float(multiplier) * part.factor, part)
        for multiplier, row in zip(evidence.multipliers, statement.rows, strict=True)
        for part in row.parts
        if part.block == block
    ]


def seen_by_streams(statement: Statement, evidence: Evidence, block: str) -> tuple[np.ndarray, np.ndarray]:
    """Frame `[tx, column]` and inner matrices `[stream, column, column]` of `sum_t G_t / v_t + sum_j mu_j A_js`."""
    terms, parts = _seen_by_terms(statement, evidence, block), _seen_by_rows(statement, evidence, block)
    columns = [*(each for each, _ in terms), *(part.vector[:, None] for _, part in parts)]
    size = statement.size_of(block)
    frame = np.concatenate(columns, axis=1) if columns else np.zeros((size, 0), dtype=complex)
    streams = statement.streams[block]
    inners = np.zeros((len(streams), frame.shape[1], frame.shape[1]), dtype=complex)
    start = 0
    for _, weight in terms:
        inners[:, start : start + len(weight), start : start + len(weight)] = weight
        start += len(weight)
    for factor, part in parts:
        inners[[part.stream in (None, stream) for stream in streams], start, start] = factor
        start += 1
    return frame, inners


def _places(statement: Statement, block: str) -> Sequence[int]:
    """Limits that count the power of a block."""
    return [place for place, limit in enumerate(statement.limits) if block in limit.blocks]


def _budgets(statement: Statement) -> dict[str, int]:
    """For each block the budget that leaves it least power."""
    found: dict[str, int] = {}
    for place, limit in enumerate(statement.limits[: len(statement.problem.budgets)]):
        for block in limit.blocks:
            best = found.get(block)
            share_w = limit.power_w / limit.count(block)
            if best is None or share_w < statement.limits[best].power_w / statement.limits[best].count(block):
                found[block] = place
    return found


def _paid(statement: Statement, missing: dict[str, float]) -> float:
    """What higher prices of the budgets cost that make up for what is missing in (2)."""
    rises = np.zeros(len(statement.limits))
    for block, place in _budgets(statement).items():
        rises[place] = max(rises[place], missing[block] / statement.limits[place].count(block))
    return float(rises @ np.array([limit.power_w for limit in statement.limits]))
