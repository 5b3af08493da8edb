"""A start of the path beside rows that take nearly all of the power, from what each takes beside all others."""

import numpy as np

from crbeam.design.convex.cone import Cone
from crbeam.design.convex.dual import Dual, Point

#: Rounds in which multipliers rise, and their relative rise below which they stay.
ROUNDS, SETTLED = 3000, 1e-9
#: Share of the largest multipliers that is taken.
SHARE = 0.5
#: Halvings of responses until the slacks of all streams are positive.
MAX_HALVINGS = 60


def start_beside_others(dual: Dual, point: Point) -> np.ndarray | None:
    """The unknowns of a point with multipliers of rows that are in proportion; None for codebooks.

    From 0 on each multiplier rises to the largest at which the stream that serves its row costs nothing beside all
    others, `rise_k mu_k h_k^H M(mu)^-1 h_k = 1`: the powers of the virtual uplink, whatever the decades between them.
    Any share of them is inside the domain.
    """
    program = dual.program
    if any(cone.is_line for cone in program.cones) or not program.n_rows:
        return None
    levels = point.levels.copy()
    levels[: program.n_rows] = 0.0
    for _ in range(ROUNDS):
        most = np.min([_largest(cone, levels) for cone in program.cones], axis=0)[: program.n_rows]
        raised = np.where(np.isfinite(most), most, point.levels[: program.n_rows])
        is_settled = np.all(raised <= levels[: program.n_rows] * (1.0 + SETTLED))
        levels[: program.n_rows] = raised
        if is_settled:
            break
    x = point.x.copy()
    x[dual.first_level :] = levels
    x[dual.first_level : dual.first_level + program.n_rows] *= SHARE
    for _ in range(MAX_HALVINGS):
        if dual.point(x) is not None:
            return x
        x[: dual.first_scale] *= 0.5
    return None


def _largest(cone: Cone, levels: np.ndarray) -> np.ndarray:
    """Largest multiplier of each row for the streams of a block beside the others; infinite where it serves nobody."""
    least = cone.factors.min(axis=0)
    rises = cone.factors.max(axis=0) - least
    price = cone.price + float(cone.counts @ levels)
    shared = price * np.eye(cone.size) - (cone.vectors * (least * (cone.selector @ levels))) @ cone.vectors.conj().T
    seen = np.real(np.sum(cone.vectors.conj() * np.linalg.solve(shared, cone.vectors), axis=0))
    asked = (rises * seen)[:, None] * cone.selector
    return 1.0 / asked.max(axis=0, initial=0.0)
