"""Algebra of information maps. Each law also meets a deliberately wrong variant."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given

from crbeam.errors import InvalidInput
from crbeam.information import Information, InformationMap, ParameterLayout
from crbeam.testing import (
    assert_additive,
    assert_adjoint,
    assert_bilinear,
    assert_invariant,
    assert_linear,
    assert_monotone,
    assert_same_information,
    random_covariance,
    random_map,
    random_prior,
)
from crbeam.testing.strategies import generators

N_TX = 6
BLOCKS = ("first", "second")


@dataclass(frozen=True, eq=False)
class UnconjugatedTranspose(InformationMap):
    """Wrong: `T^T R T` in place of `T^H R T`."""

    def at(self, covariances):
        matrix = self.constant + 0.0
        for part in self.contributions:
            seen = part.transmit.T @ covariances[self.blocks.index(part.block)] @ part.transmit
            matrix = matrix + part.jacobian.T @ (part.weight * seen.conj()).real @ part.jacobian
        return Information(0.5 * (matrix + matrix.T), self.layout)


@dataclass(frozen=True, eq=False)
class Amplitudes(InformationMap):
    """Wrong: information of the beam amplitudes, `sqrt` of the power."""

    def at(self, covariances):
        return Information(np.sqrt(np.abs(super().at(covariances).matrix)), self.layout)


@dataclass(frozen=True, eq=False)
class FirstBlockOnly(InformationMap):
    """Wrong: every contribution sees the first covariance of the stack."""

    def at(self, covariances):
        return super().at(np.stack([covariances[0]] * len(covariances)))


@dataclass(frozen=True, eq=False)
class UnconjugatedGram(InformationMap):
    """Wrong: swapping transmit and receive without conjugating O."""

    def with_transmit(self, covariances):
        swapped = super().with_transmit(covariances)
        parts = tuple(replace(part, gram=part.gram.conj()) for part in swapped.contributions)
        return replace(swapped, contributions=parts)


def as_variant(kind, information_map):
    return kind(information_map.layout, information_map.contributions, information_map.constant, information_map.blocks)


def two_blocks(rng, prior=0.3):
    return random_map(rng, n_tx=N_TX, blocks=BLOCKS, prior=prior)


@given(generators())
def test_the_map_is_linear_but_for_its_constant(rng):
    first, second = (random_covariance(rng, N_TX, n_blocks=2) for _ in range(2))
    assert_linear(two_blocks(rng), first, second)


def test_linearity_rejects_amplitudes(rng):
    wrong = as_variant(Amplitudes, two_blocks(rng))
    with pytest.raises(AssertionError, match="information differs"):
        assert_linear(wrong, random_covariance(rng, N_TX, n_blocks=2), random_covariance(rng, N_TX, n_blocks=2))


@given(generators())
def test_more_power_in_any_direction_is_more_information(rng):
    more = random_covariance(rng, N_TX, n_blocks=2, rank=1)
    assert_monotone(two_blocks(rng), random_covariance(rng, N_TX, n_blocks=2, rank=2), more)


def test_monotonicity_rejects_an_indefinite_gram(rng):
    information_map = two_blocks(rng)
    parts = tuple(
        replace(part, gram=part.gram * (30 - 29 * np.eye(len(part.gram)))) for part in information_map.contributions
    )
    wrong = replace(information_map, contributions=parts)
    with pytest.raises(AssertionError, match="eigenvalue"):
        assert_monotone(wrong, random_covariance(rng, N_TX, n_blocks=2), random_covariance(rng, N_TX, n_blocks=2))


@given(generators())
def test_the_adjoint_is_the_gradient_of_inner_products(rng):
    information_map = two_blocks(rng)
    matrix = random_prior(rng, information_map.layout).matrix
    assert_adjoint(information_map, random_covariance(rng, N_TX, n_blocks=2), matrix)


@pytest.mark.parametrize("kind", [UnconjugatedTranspose, FirstBlockOnly])
def test_the_adjoint_rejects_another_map(rng, kind):
    wrong = as_variant(kind, two_blocks(rng))
    matrix = random_prior(rng, wrong.layout).matrix
    with pytest.raises(AssertionError, match="inner products differ"):
        assert_adjoint(wrong, random_covariance(rng, N_TX, n_blocks=2), matrix)


def random_projector(rng, n_rx, rank):
    basis, _ = np.linalg.qr(rng.standard_normal((n_rx, rank)) + 1j * rng.standard_normal((n_rx, rank)))
    return basis @ basis.conj().T


@given(generators())
def test_transmit_and_receive_sides_can_be_swapped(rng):
    information_map = random_map(rng, n_tx=N_TX, n_rx=5, prior=0.2)
    assert_bilinear(information_map, random_covariance(rng, N_TX), [random_projector(rng, 5, 3)])


def test_swapping_without_conjugating_the_gram_is_rejected(rng):
    wrong = as_variant(UnconjugatedGram, random_map(rng, n_tx=N_TX, n_rx=5))
    with pytest.raises(AssertionError, match="information differs"):
        assert_bilinear(wrong, random_covariance(rng, N_TX), [random_projector(rng, 5, 3)])


def test_swapping_twice_is_the_same_map(rng):
    information_map = random_map(rng, n_tx=N_TX, n_rx=5)
    covariances = random_covariance(rng, N_TX)
    swapped = information_map.with_transmit(covariances)
    back = swapped.with_transmit(random_projector(rng, 5, 2)[None])
    projected = information_map.with_receive({"receiver": back.contributions[0].projector})
    assert_same_information(back.at(covariances).matrix, projected.at(covariances).matrix)


@given(generators())
def test_sums_of_maps_add_information_by_name(rng):
    first = random_map(rng, n_tx=N_TX, sizes={"position": 2, "own/gain": 2})
    second = random_map(rng, n_tx=N_TX, sizes={"clock": 1, "position": 2}, prior=0.4)
    assert_additive(first, second, random_covariance(rng, N_TX))
    total = first + second
    assert total.layout.names == ("position", "own/gain", "clock")
    assert total.blocks == ("block",)


def test_sums_do_not_share_blocks_of_different_names(rng):
    information_map = random_map(rng, n_tx=N_TX)
    covariances = random_covariance(rng, N_TX, n_blocks=2)
    total = information_map + information_map.renamed_blocks({"block": "later"})
    expected = information_map.at(covariances[:1]).matrix + information_map.at(covariances[1:]).matrix
    assert_same_information(total.at(covariances).matrix, expected)
    with pytest.raises(AssertionError, match="information differs"):
        assert_same_information(total.at(covariances[::-1]).matrix, 2 * information_map.at(covariances[:1]).matrix)


@given(generators())
def test_a_change_of_parameters_is_a_congruence(rng):
    information_map = two_blocks(rng)
    jacobian = rng.standard_normal((information_map.layout.size, 3))
    new = ParameterLayout.of({"user_position": 3})
    covariances = random_covariance(rng, N_TX, n_blocks=2)
    matrix = information_map.at(covariances).matrix
    changed = information_map.change_parameters(jacobian, new).at(covariances).matrix
    assert_same_information(changed, jacobian.T @ matrix @ jacobian)


def test_a_change_of_parameters_with_the_inverse_jacobian_is_rejected(rng):
    information_map = two_blocks(rng)
    jacobian = rng.standard_normal((5, 5))
    covariances = random_covariance(rng, N_TX, n_blocks=2)
    changed = information_map.change_parameters(np.linalg.inv(jacobian), information_map.layout).at(covariances)
    with pytest.raises(AssertionError, match="information differs"):
        assert_same_information(changed.matrix, jacobian.T @ information_map.at(covariances).matrix @ jacobian)


def test_blocks_and_parameters_can_be_selected_and_known(rng):
    information_map = two_blocks(rng, prior=0.0)
    covariances = random_covariance(rng, N_TX, n_blocks=2)
    dark = covariances * np.array([1.0, 0.0])[:, None, None]
    selected = information_map.select_blocks(["first"]).at(covariances[:1])
    assert_same_information(selected.matrix, information_map.at(dark).matrix)
    known = information_map.known(["clock"]).at(covariances)
    index = information_map.layout.indices(["position", "gain"])
    assert_same_information(known.matrix, information_map.at(covariances).matrix[np.ix_(index, index)])
    assert known.layout.names == ("position", "gain")


def test_a_stack_of_the_wrong_shape_is_refused(rng):
    information_map = two_blocks(rng)
    with pytest.raises(InvalidInput, match="must have shape"):
        information_map.at(random_covariance(rng, N_TX, n_blocks=1))
    with pytest.raises(InvalidInput, match="must have shape"):
        information_map.at(random_covariance(rng, N_TX - 1, n_blocks=2))


def test_maps_of_unequal_arrays_are_refused(rng):
    first = random_map(rng, n_tx=4, blocks=("first",))
    second = random_map(rng, n_tx=5, blocks=("second",))
    with pytest.raises(InvalidInput, match="one number of transmit antennas"):
        first + second


@given(generators())
def test_a_projector_onto_everything_changes_nothing_and_a_smaller_one_never_helps(rng):
    information_map = random_map(rng, n_tx=N_TX, n_rx=4)
    covariances = random_covariance(rng, N_TX)
    whole = information_map.at(covariances).matrix
    spanning = information_map.with_receive({"receiver": random_projector(rng, 4, 4)}).at(covariances).matrix
    assert_invariant(whole, spanning)
    fewer = information_map.with_receive({"receiver": random_projector(rng, 4, 2)}).at(covariances).matrix
    worst = np.linalg.eigvalsh(whole - fewer)[0]
    assert worst >= -1e-9 * np.linalg.norm(whole)
    assert np.trace(fewer) < np.trace(whole)


def test_no_argument_is_changed(rng):
    information_map = two_blocks(rng)
    covariances = random_covariance(rng, N_TX, n_blocks=2)
    copy, constant = covariances.copy(), information_map.constant.copy()
    information_map.at(covariances)
    information_map.with_transmit(covariances)
    information_map.adjoint(constant)
    assert np.array_equal(copy, covariances)
    assert np.array_equal(constant, information_map.constant)
