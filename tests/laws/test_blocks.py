"""Transmissions and information maps over blocks that have arrays of their own."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given

from crbeam.design import Criterion, DesignProblem, PowerBudget
from crbeam.errors import InvalidInput
from crbeam.information import InformationMap, Transmission
from crbeam.testing import (
    assert_adjoint,
    assert_bilinear,
    assert_linear,
    assert_monotone,
    assert_same_information,
    random_covariance,
    random_map,
    random_prior,
    random_transmission,
)
from crbeam.testing.strategies import generators

SIZES = {"a": 6, "b": 3}


def same(first, second):
    """Whether two transmissions are equal, entry by entry, in the same order of blocks."""
    return list(first) == list(second) and all(np.array_equal(first[block], second[block]) for block in first)


# --- transmissions ----------------------------------------------------------------------------------------------------


@given(generators())
def test_transmissions_are_a_vector_space_block_by_block(rng):
    first, second = (random_transmission(rng, SIZES, rank=int(rng.integers(1, 4))) for _ in range(2))
    mixed = 0.5 * first + np.float64(3.0) * second - first * 0.25
    assert isinstance(mixed, Transmission)
    expected = {block: 0.25 * first[block] + 3.0 * second[block] for block in SIZES}
    for block, matrix in expected.items():
        np.testing.assert_allclose(mixed[block], matrix, rtol=1e-14, atol=1e-15)
    assert mixed.antennas == SIZES
    assert mixed.power_w == pytest.approx(0.25 * first.power_w + 3.0 * second.power_w)
    assert same(first + second.only(["b", "a"]), Transmission.sum_of([first, second]))
    assert same(Transmission.silent(SIZES) + first, first)


def test_powers_and_parts_of_a_transmission(rng):
    factors = [rng.standard_normal((size, 2)) + 1j * rng.standard_normal((size, 2)) for size in SIZES.values()]
    sent = Transmission.of_factors(list(SIZES), factors)
    assert sent.powers_w == pytest.approx({b: np.linalg.norm(f) ** 2 for b, f in zip(SIZES, factors, strict=True)})
    assert sent.power_w == pytest.approx(sum(sent.powers_w.values()))
    assert list(sent.only(["b", "a"])) == ["b", "a"]
    assert dict(sent.only(["b"])).keys() == {"b"}
    other = random_covariance(rng, 3)
    changed = sent.replaced({"b": other})
    assert changed["b"] is other
    assert changed["a"] is sent["a"]
    assert sent["b"] is not other
    assert Transmission.silent(SIZES).power_w == 0.0


def test_transmissions_of_other_blocks_are_not_added(rng):
    sent = random_transmission(rng, SIZES)
    for operation in (sent.__add__, sent.__sub__):
        with pytest.raises(InvalidInput, match="must have the same blocks to be added, found a, b and a"):
            operation(sent.only(["a"]))


# --- maps -------------------------------------------------------------------------------------------------------------


@given(generators())
def test_the_map_is_linear_and_monotone(rng):
    information_map = random_map(rng, antennas=SIZES, prior=0.3)
    first, second = (random_transmission(rng, SIZES, rank=int(rng.integers(1, 4))) for _ in range(2))
    assert information_map.antennas == SIZES
    assert_linear(information_map, first, second)
    assert_monotone(information_map, first, second)


@given(generators())
def test_the_adjoint_has_the_blocks_and_sizes_of_the_map(rng):
    information_map = random_map(rng, antennas=SIZES, prior=0.3)
    matrix = random_prior(rng, information_map.layout).matrix
    assert information_map.adjoint(matrix).antennas == SIZES
    assert_adjoint(information_map, random_transmission(rng, SIZES), matrix)


def conjugated(information_map):
    parts = tuple(replace(part, transmit=part.transmit.conj()) for part in information_map.contributions)
    return replace(information_map, contributions=parts)


class OfOthers(InformationMap):
    """Wrong: the adjoint is that of the map with conjugated transmit vectors."""

    def adjoint(self, matrix):
        return conjugated(InformationMap(self.layout, self.contributions, self.constant)).adjoint(matrix)


def test_the_adjoint_of_another_map_is_rejected(rng):
    right = random_map(rng, antennas=SIZES)
    wrong = OfOthers(right.layout, right.contributions, right.constant, right.antennas)
    with pytest.raises(AssertionError, match="inner products differ"):
        assert_adjoint(wrong, random_transmission(rng, SIZES), random_prior(rng, right.layout).matrix)


@given(generators())
def test_sums_of_maps_of_stations_with_different_arrays(rng):
    """Each sees its own block and what both share; parameters of one name are shared."""
    first = random_map(rng, antennas={"a": 6, "common": 4}, sizes={"position": 2, "a/gain": 2}, prior=0.2)
    second = random_map(rng, antennas={"common": 4, "b": 3}, sizes={"position": 2, "b/gain": 3})
    total = first + second
    assert total.antennas == {"a": 6, "common": 4, "b": 3}
    assert total.layout.names == ("position", "a/gain", "b/gain")
    sent = random_transmission(rng, total.antennas)
    assert_same_information(total.at(sent).matrix, (first.at(sent) + second.at(sent)).matrix)
    matrix = random_prior(rng, total.layout).matrix
    assert_adjoint(total, sent, matrix)
    alone = first.at(sent.only(["a", "common"])).matrix
    assert_same_information(first.at(sent).matrix, alone, tolerance=1e-15)


def test_sums_and_renamings_that_give_a_block_two_sizes_are_refused(rng):
    one, other = random_map(rng, antennas=SIZES), random_map(rng, antennas={"b": 4})
    message = r"one number of transmit antennas, but `{}` has {} and {}; give transmissions of different arrays"
    with pytest.raises(InvalidInput, match=message.format("b", 3, 4)):
        one + other
    with pytest.raises(InvalidInput, match=message.format("a", 6, 3)):
        one.renamed_blocks({"b": "a"})
    with pytest.raises(InvalidInput, match=message.format("b", 3, 4)):
        DesignProblem(
            (Criterion(one, {"position": 1.0}), Criterion(other, {"position": 1.0})), (PowerBudget(("a", "b"), 1.0),)
        )


@given(generators())
def test_renamed_blocks_keep_their_arrays_and_those_of_one_name_see_one_covariance(rng):
    information_map = random_map(rng, antennas={"a": 6, "b": 3, "c": 3}, prior=0.1)
    sent = random_transmission(rng, {"a": 6, "b": 3})
    renamed = information_map.renamed_blocks({"a": "north", "c": "b"})
    assert renamed.antennas == {"north": 6, "b": 3}
    expected = information_map.at({**sent, "c": sent["b"]})
    assert_same_information(renamed.at({"north": sent["a"], "b": sent["b"]}).matrix, expected.matrix)


@given(generators())
def test_a_fixed_block_becomes_part_of_the_constant_and_leaves_the_others(rng):
    information_map, sent = random_map(rng, antennas=SIZES, prior=0.1), random_transmission(rng, SIZES)
    for fixed, left in (("a", "b"), ("b", "a")):
        rest = information_map.with_fixed(fixed, sent[fixed])
        assert rest.antennas == {left: SIZES[left]}
        assert_same_information(rest.at(sent.only([left])).matrix, information_map.at(sent).matrix)
        selected = information_map.select_blocks([left])
        assert selected.antennas == rest.antennas
        silent = Transmission.silent(SIZES).replaced({left: sent[left]})
        assert_same_information(selected.at(sent).matrix, information_map.at(silent).matrix)


def random_projector(rng, n_rx, rank):
    basis, _ = np.linalg.qr(rng.standard_normal((n_rx, rank)) + 1j * rng.standard_normal((n_rx, rank)))
    return basis @ basis.conj().T


def with_two_receivers(rng):
    """Block a is received with 5 antennas at one place, and block b with 2 at another."""
    one, other = random_map(rng, antennas={"a": 6}, n_rx=5, prior=0.2), random_map(rng, antennas={"b": 3}, n_rx=2)
    (part,) = other.contributions
    return one + replace(other, contributions=(replace(part, receiver="other"),))


@given(generators())
def test_transmit_and_receive_sides_of_different_arrays_can_be_swapped(rng):
    information_map, sent = with_two_receivers(rng), random_transmission(rng, SIZES)
    assert information_map.with_transmit(sent).antennas == {"receiver": 5, "other": 2}
    projectors = [random_projector(rng, 5, 3), random_projector(rng, 2, 1)]
    assert_bilinear(information_map, sent, projectors)
    identity = {"receiver": np.eye(5, dtype=complex), "other": np.eye(2, dtype=complex)}
    assert_same_information(information_map.with_transmit(sent).at(identity).matrix, information_map.at(sent).matrix)
    back = information_map.with_transmit(sent).with_transmit(identity)
    assert back.antennas == SIZES
    assert_same_information(back.at(sent).matrix, information_map.at(sent).matrix)
