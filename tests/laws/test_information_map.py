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
    random_map,
    random_prior,
    random_transmission,
)
from crbeam.testing.strategies import generators

N_TX = 6
ONE, TWO = {"block": N_TX}, {"first": N_TX, "second": N_TX}


@dataclass(frozen=True, eq=False)
class UnconjugatedTranspose(InformationMap):
    """Wrong: `T^T R T` in place of `T^H R T`."""

    def at(self, covariances):
        matrix = self.constant + 0.0
        for part in self.contributions:
            seen = part.transmit.T @ covariances[part.block] @ part.transmit
            matrix = matrix + part.jacobian.T @ (part.weight * seen.conj()).real @ part.jacobian
        return Information(0.5 * (matrix + matrix.T), self.layout)


@dataclass(frozen=True, eq=False)
class Amplitudes(InformationMap):
    """Wrong: information of the beam amplitudes, `sqrt` of the power."""

    def at(self, covariances):
        return Information(np.sqrt(np.abs(super().at(covariances).matrix)), self.layout)


@dataclass(frozen=True, eq=False)
class FirstBlockOnly(InformationMap):
    """Wrong: every contribution sees the covariance of the first block."""

    def at(self, covariances):
        return super().at(dict.fromkeys(self.blocks, covariances[self.blocks[0]]))


@dataclass(frozen=True, eq=False)
class UnconjugatedGram(InformationMap):
    """Wrong: swapping transmit and receive without conjugating O."""

    def with_transmit(self, covariances):
        swapped = super().with_transmit(covariances)
        parts = tuple(replace(part, gram=part.gram.conj()) for part in swapped.contributions)
        return replace(swapped, contributions=parts)


def as_variant(kind, information_map):
    return kind(
        information_map.layout, information_map.contributions, information_map.constant, information_map.antennas
    )


def two_blocks(rng, prior=0.3):
    return random_map(rng, antennas=TWO, prior=prior)


@given(generators())
def test_the_map_is_linear_but_for_its_constant(rng):
    first, second = (random_transmission(rng, TWO) for _ in range(2))
    assert_linear(two_blocks(rng), first, second)


def test_linearity_rejects_amplitudes(rng):
    wrong = as_variant(Amplitudes, two_blocks(rng))
    with pytest.raises(AssertionError, match="information differs"):
        assert_linear(wrong, random_transmission(rng, TWO), random_transmission(rng, TWO))


@given(generators())
def test_more_power_in_any_direction_is_more_information(rng):
    more = random_transmission(rng, TWO, rank=1)
    assert_monotone(two_blocks(rng), random_transmission(rng, TWO, rank=2), more)


def test_monotonicity_rejects_an_indefinite_gram(rng):
    information_map = two_blocks(rng)
    parts = tuple(
        replace(part, gram=part.gram * (30 - 29 * np.eye(len(part.gram)))) for part in information_map.contributions
    )
    wrong = replace(information_map, contributions=parts)
    with pytest.raises(AssertionError, match="eigenvalue"):
        assert_monotone(wrong, random_transmission(rng, TWO), random_transmission(rng, TWO))


@given(generators())
def test_the_adjoint_is_the_gradient_of_inner_products(rng):
    information_map = two_blocks(rng)
    matrix = random_prior(rng, information_map.layout).matrix
    assert_adjoint(information_map, random_transmission(rng, TWO), matrix)


@pytest.mark.parametrize("kind", [UnconjugatedTranspose, FirstBlockOnly])
def test_the_adjoint_rejects_another_map(rng, kind):
    wrong = as_variant(kind, two_blocks(rng))
    matrix = random_prior(rng, wrong.layout).matrix
    with pytest.raises(AssertionError, match="inner products differ"):
        assert_adjoint(wrong, random_transmission(rng, TWO), matrix)


def random_projector(rng, n_rx, rank):
    basis, _ = np.linalg.qr(rng.standard_normal((n_rx, rank)) + 1j * rng.standard_normal((n_rx, rank)))
    return basis @ basis.conj().T


@given(generators())
def test_transmit_and_receive_sides_can_be_swapped(rng):
    information_map = random_map(rng, antennas=ONE, n_rx=5, prior=0.2)
    assert_bilinear(information_map, random_transmission(rng, ONE), [random_projector(rng, 5, 3)])


def test_swapping_without_conjugating_the_gram_is_rejected(rng):
    wrong = as_variant(UnconjugatedGram, random_map(rng, antennas=ONE, n_rx=5))
    with pytest.raises(AssertionError, match="information differs"):
        assert_bilinear(wrong, random_transmission(rng, ONE), [random_projector(rng, 5, 3)])


def test_swapping_twice_is_the_same_map(rng):
    information_map = random_map(rng, antennas=ONE, n_rx=5)
    covariances = random_transmission(rng, ONE)
    swapped = information_map.with_transmit(covariances)
    back = swapped.with_transmit({"receiver": random_projector(rng, 5, 2)})
    projected = information_map.with_receive({"receiver": back.contributions[0].projector})
    assert_same_information(back.at(covariances).matrix, projected.at(covariances).matrix)


@given(generators())
def test_sums_of_maps_add_information_by_name(rng):
    first = random_map(rng, antennas=ONE, sizes={"position": 2, "own/gain": 2})
    second = random_map(rng, antennas=ONE, sizes={"clock": 1, "position": 2}, prior=0.4)
    assert_additive(first, second, random_transmission(rng, ONE))
    total = first + second
    assert total.layout.names == ("position", "own/gain", "clock")
    assert total.blocks == ("block",)


def test_sums_do_not_share_blocks_of_different_names(rng):
    information_map = random_map(rng, antennas=ONE)
    sent = random_transmission(rng, {"block": N_TX, "later": N_TX})
    total = information_map + information_map.renamed_blocks({"block": "later"})
    first, second = (information_map.at({"block": matrix}).matrix for matrix in sent.values())
    assert_same_information(total.at(sent).matrix, first + second)
    exchanged = {"block": sent["later"], "later": sent["block"]}
    with pytest.raises(AssertionError, match="information differs"):
        assert_same_information(total.at(exchanged).matrix, 2 * first)


@given(generators())
def test_a_change_of_parameters_is_a_congruence(rng):
    information_map = two_blocks(rng)
    jacobian = rng.standard_normal((information_map.layout.size, 3))
    new = ParameterLayout.of({"user_position": 3})
    covariances = random_transmission(rng, TWO)
    matrix = information_map.at(covariances).matrix
    changed = information_map.change_parameters(jacobian, new).at(covariances).matrix
    assert_same_information(changed, jacobian.T @ matrix @ jacobian)


def test_a_change_of_parameters_with_the_inverse_jacobian_is_rejected(rng):
    information_map = two_blocks(rng)
    jacobian = rng.standard_normal((5, 5))
    covariances = random_transmission(rng, TWO)
    changed = information_map.change_parameters(np.linalg.inv(jacobian), information_map.layout).at(covariances)
    with pytest.raises(AssertionError, match="information differs"):
        assert_same_information(changed.matrix, jacobian.T @ information_map.at(covariances).matrix @ jacobian)


def test_blocks_and_parameters_can_be_selected_and_known(rng):
    information_map = two_blocks(rng, prior=0.0)
    covariances = random_transmission(rng, TWO)
    dark = covariances.replaced({"second": np.zeros((N_TX, N_TX), dtype=complex)})
    selected = information_map.select_blocks(["first"]).at(covariances.only(["first"]))
    assert_same_information(selected.matrix, information_map.at(dark).matrix)
    known = information_map.known(["clock"]).at(covariances)
    index = information_map.layout.indices(["position", "gain"])
    assert_same_information(known.matrix, information_map.at(covariances).matrix[np.ix_(index, index)])
    assert known.layout.names == ("position", "gain")


@pytest.mark.parametrize("use", ["at", "with_transmit"])
def test_a_transmission_without_a_block_or_of_another_array_is_refused(rng, use):
    information_map = two_blocks(rng)
    right = random_transmission(rng, TWO)
    with pytest.raises(InvalidInput, match=r"shape \(6, 6\) for block `second`, found none"):
        getattr(information_map, use)(right.only(["first"]))
    with pytest.raises(InvalidInput, match=r"shape \(6, 6\) for block `first`, found one of shape \(5, 5\)"):
        getattr(information_map, use)(random_transmission(rng, {"first": N_TX - 1, "second": N_TX - 1}))
    with pytest.raises(InvalidInput, match=r"shape \(6, 6\) for block `second`, found one of shape \(7, 7\)"):
        getattr(information_map, use)(random_transmission(rng, {"first": N_TX, "second": N_TX + 1}))


def test_a_block_of_two_sizes_is_refused(rng):
    first, second = (random_map(rng, antennas={"block": size}) for size in (4, 5))
    with pytest.raises(InvalidInput, match=r"one number of transmit antennas, but `block` has 4 and 5"):
        first + second
    later = second.renamed_blocks({"block": "later"})
    with pytest.raises(InvalidInput, match=r"one number of transmit antennas, but `block` has 4 and 5"):
        (first + later).renamed_blocks({"later": "block"})
    with pytest.raises(InvalidInput, match=r"one number of transmit antennas, but `block` has 5 and 4"):
        replace(first, antennas={"block": 5})


@given(generators())
def test_a_projector_onto_everything_changes_nothing_and_a_smaller_one_never_helps(rng):
    information_map = random_map(rng, antennas=ONE, n_rx=4)
    covariances = random_transmission(rng, ONE)
    whole = information_map.at(covariances).matrix
    spanning = information_map.with_receive({"receiver": random_projector(rng, 4, 4)}).at(covariances).matrix
    assert_invariant(whole, spanning)
    fewer = information_map.with_receive({"receiver": random_projector(rng, 4, 2)}).at(covariances).matrix
    worst = np.linalg.eigvalsh(whole - fewer)[0]
    assert worst >= -1e-9 * np.linalg.norm(whole)
    assert np.trace(fewer) < np.trace(whole)


def test_no_argument_is_changed(rng):
    information_map = two_blocks(rng)
    covariances = random_transmission(rng, TWO)
    copies = {block: matrix.copy() for block, matrix in covariances.items()}
    constant = information_map.constant.copy()
    information_map.at(covariances)
    information_map.with_transmit(covariances)
    information_map.adjoint(constant)
    assert covariances.keys() == copies.keys()
    assert all(np.array_equal(copies[block], matrix) for block, matrix in covariances.items())
    assert np.array_equal(constant, information_map.constant)
