"""Laws that every information map must keep, as assertions that others can run on maps of their own.

Matrices are compared after scaling by the diagonal of what is expected, so that metres, seconds and gains count alike.
"""

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float, Inexact

from crbeam.information import Information, InformationMap, Transmission
from crbeam.linalg import diagonal_scale


def scaled_difference(actual: Float[np.ndarray, "n n"], expected: Float[np.ndarray, "n n"]) -> float:
    """Largest entry of `actual - expected` after scaling `expected` to a unit diagonal."""
    scale = diagonal_scale(expected)
    return float(np.max(np.abs((actual - expected) * np.outer(scale, scale)), initial=0.0))


def assert_same_information(
    actual: Float[np.ndarray, "n n"], expected: Float[np.ndarray, "n n"], *, tolerance: float = 1e-10
) -> None:
    """Two information matrices agree after diagonal scaling."""
    difference = scaled_difference(actual, expected)
    assert difference <= tolerance, f"information differs by {difference:.3g} after scaling (tolerance {tolerance:g})"


def assert_loewner_at_least(
    larger: Float[np.ndarray, "n n"], smaller: Float[np.ndarray, "n n"], *, tolerance: float = 1e-9
) -> None:
    """`larger - smaller` is positive semidefinite, after scaling by the diagonal of `larger`."""
    scale = diagonal_scale(larger)
    worst = float(np.linalg.eigvalsh((larger - smaller) * np.outer(scale, scale))[0])
    assert worst >= -tolerance, f"the difference has the scaled eigenvalue {worst:.3g}, below -{tolerance:g}"


def assert_linear(
    information_map: InformationMap,
    first: Transmission,
    second: Transmission,
    *,
    factors: tuple[float, float] = (0.7, 2.5),
) -> None:
    """`I(aR + bS) - I0 = a (I(R) - I0) + b (I(S) - I0)`."""
    a, b = factors
    constant = information_map.constant
    together = information_map.at(a * first + b * second).matrix - constant
    parts = a * (information_map.at(first).matrix - constant) + b * (information_map.at(second).matrix - constant)
    assert_same_information(together, parts)


def assert_monotone(
    information_map: InformationMap,
    covariances: Transmission,
    more: Transmission,
) -> None:
    """`I(R + S) >= I(R) >= I0 >= 0` in the Loewner order, for positive-semidefinite S."""
    less = information_map.at(covariances).matrix
    assert_loewner_at_least(information_map.at(covariances + more).matrix, less)
    assert_loewner_at_least(less, information_map.constant)
    assert_loewner_at_least(less, np.zeros_like(less))


def assert_adjoint(
    information_map: InformationMap,
    covariances: Transmission,
    matrix: Float[np.ndarray, "parameter parameter"],
) -> None:
    """`sum_b Re tr(adjoint(S)_b R_b) = tr(S (I(R) - I0))` for symmetric S."""
    gradient = information_map.adjoint(matrix)
    inner = sum(float(np.sum(gradient[block].conj() * covariance).real) for block, covariance in covariances.items())
    linear = information_map.at(covariances).matrix - information_map.constant
    size = float(np.sum(np.abs(matrix * linear)))
    error = abs(inner - float(np.sum(matrix * linear)))
    assert error <= 1e-10 * size, f"inner products differ by {error / size:.3g} of their size"


def assert_bilinear(
    information_map: InformationMap,
    covariances: Transmission,
    projectors: Sequence[Inexact[np.ndarray, "_ _"]],
) -> None:
    """`with_transmit(R).at(Q) = with_receive(Q).at(R)` for one projector Q for each receiver of the map."""
    swapped = information_map.with_transmit(covariances)
    by_name = dict(zip(swapped.blocks, projectors, strict=True))
    direct = information_map.with_receive(by_name).at(covariances).matrix
    sent = {name: projector.astype(complex) for name, projector in by_name.items()}
    assert_same_information(swapped.at(sent).matrix, direct)


def assert_same_as_derivative(
    information_map: InformationMap,
    covariances: Transmission,
    derivative_information: Float[np.ndarray, "parameter parameter"],
    *,
    tolerance: float = 1e-10,
) -> None:
    """The map agrees with a Fisher matrix from derivatives of the whole channel at one (non-isotropic) covariance."""
    assert_same_information(information_map.at(covariances).matrix, derivative_information, tolerance=tolerance)


def assert_schur_complement(
    information: Information,
    names: Sequence[str],
    equivalent: Float[np.ndarray, "kept kept"] | None = None,
    *,
    tolerance: float = 1e-7,
) -> None:
    """Eliminating nuisances and inverting gives the block of the whole inverse.

    Args:
        information: regular information.
        names: parameters that stay.
        equivalent: what is claimed to be their equivalent information; by default `information.equivalent(names)`.
        tolerance: relative to the block's diagonal.
    """
    equivalent = information.equivalent(names).matrix if equivalent is None else equivalent
    index = information.layout.indices(names)
    scale = diagonal_scale(information.matrix)
    inverse = np.linalg.inv(information.matrix * np.outer(scale, scale)) * np.outer(scale, scale)
    own = diagonal_scale(equivalent)
    bound = np.linalg.inv(equivalent * np.outer(own, own)) * np.outer(own, own)
    assert_same_information(bound, inverse[np.ix_(index, index)], tolerance=tolerance)


def assert_knowledge_helps(
    less: Information, more: Information, names: Sequence[str], *, tolerance: float = 1e-8
) -> None:
    """Whoever knows more (a nuisance, another link, a prior) has no larger bound, in the Loewner order."""
    assert_loewner_at_least(less.bound(names), more.bound(names), tolerance=tolerance)


def assert_bounds_scale(
    bound_at: Callable[[float], Float[np.ndarray, "n n"]], *, factor: float = 7.0, power: float = -1.0
) -> None:
    """A bound as a function of a resource x (power, snapshots) obeys `bound(factor x) = factor^power bound(x)`.

    Args:
        bound_at: the bound when the resource is multiplied by its argument.
        factor: how much more of the resource.
        power: exponent of the law; -1 for power and snapshots.
    """
    assert_same_information(bound_at(factor), factor**power * bound_at(1.0), tolerance=1e-8)


def assert_invariant(
    bound: Float[np.ndarray, "n n"], changed: Float[np.ndarray, "n n"], *, tolerance: float = 1e-8
) -> None:
    """A bound stays what it was after a change that must not matter."""
    assert_same_information(changed, bound, tolerance=tolerance)


def assert_additive(first: InformationMap, second: InformationMap, covariances: Transmission) -> None:
    """The sum of two maps that see the same blocks has the sum of their information, parameter by parameter."""
    total = (first + second).at(covariances)
    assert_same_information(total.matrix, (first.at(covariances) + second.at(covariances)).matrix)
