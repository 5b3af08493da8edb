"""Interior-point method for the Lagrangian dual of a weighted bound under linear requirements.

Over responses `Y_t` (any matrices), multipliers `mu >= 0` of the requirements and prices `lam >= 0` of the budgets,

    D = sum_t [2 tr(E_t^T Y_t) - tr(Y_t^T I0_t Y_t)] + c . mu - sum_g lam_g
    with  S_sb = lam_g(b) 1 - G_b(Y) - sum_j mu_j A_jsb >= 0  for every stream s of every block b,

is below every feasible objective, and its maximum is the least objective. G is the adjoint of the maps at `Y Y^T`. The
dual has a handful of unknowns; its covariances are the central path's `W_sb = barrier S_sb^-1`, which are strictly
feasible, with `I(W) Y = E`.

A finite ceiling on the multipliers makes the requirements elastic: they may be missed, at that price.
"""

from dataclasses import dataclass

import numpy as np

from crbeam.design.served.reduction import SeenCriterion, ServedProblem

#: Newton decrement, squared, below which a point counts as on the central path.
CENTRED = 1e-2
#: Factor on the barrier from one point of the central path to the next.
REDUCTION = 0.1
#: Newton steps after which the method stops.
MAX_STEPS = 400
#: Newton steps between checks whether the requirements contradict each other.
STEPS_PER_CHECK = 5
#: Trial steps of one line search.
MAX_HALVINGS = 40
#: Share of the predicted increase that a step must bring.
ARMIJO = 1e-3


@dataclass(frozen=True, eq=False)
class DualPoint:
    """A point of the dual.

    Attributes:
        responses: Y of each criterion, in whitened parameters.
        multipliers: mu of each requirement.
        prices: lam of each budget.
    """

    responses: tuple[np.ndarray, ...]
    multipliers: np.ndarray
    prices: np.ndarray

    def vector(self) -> np.ndarray:
        """All unknowns in a row."""
        return np.concatenate([*(response.ravel() for response in self.responses), self.multipliers, self.prices])

    def moved(self, step: np.ndarray) -> "DualPoint":
        """The point after a step in all unknowns."""
        responses, start = [], 0
        for response in self.responses:
            responses.append(response + step[start : start + response.size].reshape(response.shape))
            start += response.size
        split = start + self.multipliers.size
        return DualPoint(tuple(responses), self.multipliers + step[start:split], self.prices + step[split:])


@dataclass(frozen=True, eq=False)
class CentralPoint:
    """A point near the central path with the covariances that belong to it.

    Attributes:
        dual: the point.
        covariances: reduced covariances of every stream of each block, `[stream, size, size]`; positive semidefinite.
        barrier: weight of the barrier.
        decrement: squared Newton decrement.
    """

    dual: DualPoint
    covariances: tuple[np.ndarray, ...]
    barrier: float
    decrement: float


def adjoints(problem: ServedProblem, responses: tuple[np.ndarray, ...]) -> list[np.ndarray]:
    """`G_b(Y)` of each block."""
    found = [np.zeros((block.basis.shape[1],) * 2, dtype=complex) for block in problem.blocks]
    for criterion, response in zip(problem.criteria, responses, strict=True):
        for part in criterion.parts:
            slopes = part.jacobian @ response
            found[part.block] += part.transmit @ ((slopes @ slopes.T) * part.weight) @ part.transmit.conj().T
    return found


def information_at(criterion: SeenCriterion, totals: list[np.ndarray]) -> np.ndarray:
    """`I0 + I(X)` of a criterion at reduced covariances of the blocks, summed over streams."""
    matrix = criterion.constant
    for part in criterion.parts:
        gram = part.transmit.conj().T @ totals[part.block] @ part.transmit
        matrix = matrix + part.jacobian.T @ np.real(part.weight * gram.conj()) @ part.jacobian
    return 0.5 * (matrix + matrix.T)


def slacks(problem: ServedProblem, point: DualPoint) -> list[np.ndarray]:
    """`S_sb` of each block, `[stream, size, size]`."""
    found = []
    for block, adjoint in zip(problem.blocks, adjoints(problem, point.responses), strict=True):
        shared = point.prices[block.budget] * np.eye(len(adjoint)) - adjoint
        found.append(shared - np.tensordot(block.rows, point.multipliers, axes=(1, 0)))
    return found


def barrier_value(problem: ServedProblem, point: DualPoint, barrier: float) -> float:
    """`D + barrier (sum log det S + sum log mu + sum log lam)`; minus infinity outside its domain."""
    if np.any(point.multipliers <= 0.0) or np.any(point.prices <= 0.0):
        return -np.inf
    logarithms = float(np.sum(np.log(point.multipliers)) + np.sum(np.log(point.prices)))
    if np.isfinite(problem.ceiling):
        room = problem.ceiling - point.multipliers
        if np.any(room <= 0.0):
            return -np.inf
        logarithms += float(np.sum(np.log(room)))
    try:
        for slack in slacks(problem, point):
            factor = np.linalg.cholesky(slack)
            logarithms += 2.0 * float(np.sum(np.log(np.real(np.diagonal(factor, axis1=1, axis2=2)))))
    except np.linalg.LinAlgError:
        return -np.inf
    return dual_value(problem, point) + barrier * logarithms


def dual_value(problem: ServedProblem, point: DualPoint) -> float:
    """D, which no feasible objective is below if all S are positive semidefinite."""
    value = float(problem.floors @ point.multipliers) - float(np.sum(point.prices))
    for criterion, response in zip(problem.criteria, point.responses, strict=True):
        value += 2.0 * float(np.sum(criterion.selection * response))
        value -= float(np.sum(response * (criterion.constant @ response)))
    return value


def slack_slopes(problem: ServedProblem, point: DualPoint) -> list[np.ndarray]:
    """Derivative of `S_sb` by every unknown, `[stream, unknown, size, size]` of each block."""
    n_unknowns = point.vector().size
    n_responses = n_unknowns - point.multipliers.size - point.prices.size
    found = []
    for block in problem.blocks:
        size = block.basis.shape[1]
        slopes = np.zeros((len(block.streams), n_unknowns, size, size), dtype=complex)
        slopes[:, n_responses : n_responses + point.multipliers.size] = -block.rows
        slopes[:, n_responses + point.multipliers.size + block.budget] = np.eye(size)
        found.append(slopes)
    start = 0
    for criterion, response in zip(problem.criteria, point.responses, strict=True):
        for part in criterion.parts:
            scaled = part.transmit * part.jacobian.T[:, None, :]
            inner = part.weight @ (part.transmit * (part.jacobian @ response).T[:, None, :]).conj().swapaxes(1, 2)
            products = scaled[:, None] @ inner[None]
            products = products + products.conj().swapaxes(-1, -2)
            found[part.block][:, start : start + response.size] -= products.reshape(response.size, *products.shape[2:])
        start += response.size
    return found


@dataclass(frozen=True, eq=False)
class NewtonStep:
    """Newton step at a point, with what it was made of.

    Attributes:
        step: change of all unknowns.
        decrement: squared Newton decrement.
        inverses: `S^-1` of each block, `[stream, size, size]`.
        slopes: derivative of S by every unknown, `[stream, unknown, size, size]`.
    """

    step: np.ndarray
    decrement: float
    inverses: list[np.ndarray]
    slopes: list[np.ndarray]


def newton_step(problem: ServedProblem, point: DualPoint, barrier: float) -> NewtonStep:
    """Step to the maximum of the second-order model of the barrier function."""
    slopes = slack_slopes(problem, point)
    n_unknowns = slopes[0].shape[1]
    gradient, hessian = np.zeros(n_unknowns), np.zeros((n_unknowns, n_unknowns))
    inverses = []
    for slack, slope in zip(slacks(problem, point), slopes, strict=True):
        root = np.linalg.inv(np.linalg.cholesky(slack))
        inverses.append(root.conj().swapaxes(-1, -2) @ root)
        scaled = root[:, None] @ slope @ root.conj().swapaxes(-1, -2)[:, None]
        gradient += barrier * np.real(np.trace(scaled, axis1=2, axis2=3)).sum(axis=0)
        flat = scaled.swapaxes(0, 1).reshape(n_unknowns, -1)
        hessian += barrier * np.real(flat @ flat.conj().T)
    add_objective(problem, point, [barrier * part.sum(axis=0) for part in inverses], gradient, hessian)
    positive = np.concatenate([point.multipliers, point.prices])
    places = np.arange(n_unknowns - positive.size, n_unknowns)
    gradient[places] += barrier / positive
    hessian[places, places] += barrier / positive**2
    if np.isfinite(problem.ceiling):
        places, room = places[: point.multipliers.size], problem.ceiling - point.multipliers
        gradient[places] -= barrier / room
        hessian[places, places] += barrier / room**2
    scale = 1.0 / np.sqrt(np.diagonal(hessian))
    step = scale * np.linalg.solve(hessian * np.outer(scale, scale), scale * gradient)
    return NewtonStep(step, float(gradient @ step) / barrier, inverses, slopes)


def add_objective(
    problem: ServedProblem, point: DualPoint, totals: list[np.ndarray], gradient: np.ndarray, hessian: np.ndarray
) -> None:
    """Add gradient and negative Hessian of D, and the curvature of S, whose slopes depend on Y."""
    start = 0
    for criterion, response in zip(problem.criteria, point.responses, strict=True):
        places = slice(start, start + response.size)
        gradient[places] += 2.0 * (criterion.selection - criterion.constant @ response).ravel()
        information = information_at(criterion, totals)
        every = information[:, None, :, None] * np.eye(response.shape[1])[:, None, :]
        hessian[places, places] += 2.0 * every.reshape(response.size, response.size)
        start += response.size
    gradient[start : start + point.multipliers.size] += problem.floors
    gradient[start + point.multipliers.size :] -= 1.0


def advanced(problem: ServedProblem, point: DualPoint, newton: NewtonStep, barrier: float) -> DualPoint | None:
    """The point after a damped Newton step; None if no step increases the barrier function."""
    value = barrier_value(problem, point, barrier)
    trial = 1.0
    for _ in range(MAX_HALVINGS):
        moved = point.moved(trial * newton.step)
        if barrier_value(problem, moved, barrier) >= value + ARMIJO * trial * barrier * newton.decrement:
            return moved
        trial *= 0.5
    return None


def starting_point(problem: ServedProblem) -> DualPoint:
    """A strictly feasible dual point: Y of the isotropic covariances, small multipliers, a price that covers both."""
    totals = [np.eye(block.basis.shape[1]) / max(block.basis.shape[1], 1) + 0j for block in problem.blocks]
    responses = tuple(
        np.linalg.solve(information_at(criterion, totals), criterion.selection) for criterion in problem.criteria
    )
    multipliers = np.full(len(problem.requirements), 0.1)
    point = DualPoint(responses, multipliers, np.zeros(problem.n_budgets))
    worst = [-float(np.linalg.eigvalsh(slack).min(initial=0.0)) for slack in slacks(problem, point)]
    return DualPoint(responses, multipliers, np.full(problem.n_budgets, 2.0 * max(worst) + 0.1))


@dataclass(frozen=True, eq=False)
class CentralPath:
    """How far the central path was followed.

    Attributes:
        points: near the path, the barrier falling; the last may be off it if rounding ended the search.
        last: last point of the dual; if nothing is feasible, its multipliers prove that.
        steps: number of Newton steps.
    """

    points: tuple[CentralPoint, ...]
    last: DualPoint
    steps: int


def follow_path(problem: ServedProblem, *, gap: float) -> CentralPath:
    """The central path, until the duality gap is below `gap` of the objective or the requirements contradict."""
    weight = sum(block.rows.shape[0] * block.basis.shape[1] for block in problem.blocks)
    weight += problem.n_budgets + len(problem.requirements)
    point, barrier = starting_point(problem), 1.0 / weight
    found: list[CentralPoint] = []
    step = 0
    while step < MAX_STEPS:
        if step % STEPS_PER_CHECK == 0 and power_share(problem, point.multipliers) < 1.0:
            break
        step += 1
        try:
            newton = newton_step(problem, point, barrier)
        except np.linalg.LinAlgError:
            break
        moved = advanced(problem, point, newton, barrier)
        if newton.decrement < CENTRED or moved is None:
            found.append(central_point(point, newton, barrier))
            if newton.decrement >= CENTRED or weight * barrier < gap * dual_value(problem, point):
                break
            barrier *= REDUCTION
        point = moved or point
    return CentralPath(tuple(found), point, step)


def power_share(problem: ServedProblem, multipliers: np.ndarray) -> float:
    """The most that the weighted sum of the requirements can be within the budgets, over what it must be.

    Below 1 no transmission meets all of them. Infinite if the weighted sum asks for nothing.
    """
    asked = float(problem.floors @ multipliers)
    steepest = np.zeros(problem.n_budgets)
    for block in problem.blocks:
        eigenvalues = np.linalg.eigvalsh(np.tensordot(block.rows, multipliers, axes=(1, 0)))
        steepest[block.budget] = max(steepest[block.budget], float(eigenvalues.max(initial=0.0)))
    return float(steepest.sum()) / asked if asked > 0.0 else np.inf


def central_point(point: DualPoint, newton: NewtonStep, barrier: float) -> CentralPoint:
    """`W = barrier (S^-1 - S^-1 dS S^-1)` with the change of S in the Newton step: the requirements hold exactly."""
    covariances = []
    for inverse, slopes in zip(newton.inverses, newton.slopes, strict=True):
        change = np.tensordot(slopes, newton.step, axes=(1, 0))
        covariance = barrier * (inverse - inverse @ change @ inverse)
        covariances.append(0.5 * (covariance + covariance.conj().swapaxes(-1, -2)))
    return CentralPoint(point, tuple(covariances), barrier, newton.decrement)
