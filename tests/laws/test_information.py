"""Fisher matrices: elimination of nuisances, identifiability, priors."""

import numpy as np
import pytest
from hypothesis import given

from crbeam.errors import InvalidInput, Unidentifiable
from crbeam.information import Information, ParameterLayout
from crbeam.linalg import diagonal_scale, eliminate, inverse_positive_definite
from crbeam.testing import (
    assert_knowledge_helps,
    assert_same_information,
    assert_schur_complement,
    random_map,
    random_prior,
    random_transmission,
)
from crbeam.testing.strategies import generators

LAYOUT = ParameterLayout.of({"position": 2, "clock": 1, "gain": 2})
FOUR = {"block": 4}
DECADES = np.array([1.0, 1.0, 1e9, 1e-6, 1e-6])


def information(rng, scale=DECADES):
    matrix = random_prior(rng, LAYOUT).matrix
    return Information((matrix + np.eye(5)) * np.outer(scale, scale), LAYOUT)


@given(generators())
def test_schur_complement_is_the_inverse_of_the_block_of_the_inverse(rng):
    assert_schur_complement(information(rng), ["position"])
    assert_schur_complement(information(rng), ["clock", "position"])


def test_leaving_nuisances_out_instead_of_eliminating_them_is_rejected(rng):
    whole = information(rng)
    block = whole.matrix[:2, :2]
    with pytest.raises(AssertionError, match="information differs"):
        assert_schur_complement(whole, ["position"], block)


@given(generators())
def test_knowing_a_nuisance_a_further_link_or_a_prior_never_hurts(rng):
    one = random_map(rng, antennas=FOUR)
    other = random_map(rng, antennas=FOUR, sizes={"position": 2, "other/gain": 3})
    covariances = random_transmission(rng, FOUR)
    first = one.at(covariances)
    assert_knowledge_helps(first, one.known(["clock"]).at(covariances), ["position"])
    assert_knowledge_helps(first, (one + other).at(covariances), ["position"])
    prior = random_prior(rng, one.layout.select(["position"])).as_prior()
    assert_knowledge_helps(first, (one + prior).at(covariances), ["position"])
    assert_knowledge_helps(first, first + other.at(covariances), ["position"])


def test_an_unknown_more_is_rejected_as_help(rng):
    one = random_map(rng, antennas=FOUR)
    covariances = random_transmission(rng, FOUR)
    with pytest.raises(AssertionError, match="eigenvalue"):
        assert_knowledge_helps(one.known(["clock"]).at(covariances), one.at(covariances), ["position"])


def test_the_bound_does_not_depend_on_the_units_of_nuisances(rng):
    plain = information(rng, np.ones(5))
    scale = np.array([1.0, 1.0, 1e12, 1e-9, 1e-9])
    other = Information(plain.matrix * np.outer(scale, scale), LAYOUT)
    np.testing.assert_allclose(other.bound(["position"]), plain.bound(["position"]), rtol=1e-9)


def test_nuisances_without_information_drop_out(rng):
    whole = information(rng)
    blind = whole.matrix.copy()
    blind[3:, :] = blind[:, 3:] = 0.0
    without = Information(blind[:3, :3], LAYOUT.select(["position", "clock"]))
    np.testing.assert_allclose(Information(blind, LAYOUT).bound(["position"]), without.bound(["position"]), rtol=1e-12)


def test_a_null_direction_across_nuisances_drops_out(rng):
    factor = rng.standard_normal((5, 5))
    factor[4] = -factor[3]
    singular = Information(factor @ factor.T, LAYOUT)
    seen = np.linalg.pinv(singular.matrix, rcond=1e-10)[:2, :2]
    np.testing.assert_allclose(singular.bound(["position"]), seen, rtol=1e-6)


def test_an_empty_direction_of_what_is_requested_raises_and_is_named():
    direction = np.array([0.6, -0.8, 0.0, 0.0, 0.0])
    blind = Information(np.eye(5) - np.outer(direction, direction), LAYOUT)
    with pytest.raises(Unidentifiable) as caught:
        blind.bound(["position", "clock"])
    assert caught.value.names == ("position",)
    assert caught.value.direction["position"] == pytest.approx(1.0)
    assert caught.value.direction["clock"] == pytest.approx(0.0, abs=1e-9)
    assert "prior" in caught.value.remedy
    assert blind.is_identifiable(["clock"])
    assert not blind.is_identifiable(["position"])


def test_a_pseudo_inverse_would_be_a_number_where_there_is_no_bound():
    """The wrong variant: it returns a finite bound for an undetermined position, smaller than the determined one."""
    direction = np.array([0.6, -0.8])
    layout = ParameterLayout.of({"position": 2})
    blind = Information(np.eye(2) - np.outer(direction, direction), layout)
    assert np.trace(np.linalg.pinv(blind.matrix)) < np.trace(Information(np.eye(2), layout).bound(["position"]))
    with pytest.raises(Unidentifiable):
        blind.bound(["position"])


def test_identifiability_is_decided_on_scaled_information():
    tiny = Information(np.diag([1e-18, 2e-18, 1e3]), ParameterLayout.of({"position": 2, "gain": 1}))
    np.testing.assert_allclose(tiny.bound(["position"]), np.diag([1e18, 5e17]))
    assert not Information(np.diag([0.0, 2e-18, 1e3]), tiny.layout).is_identifiable(["position"])


def test_a_prior_makes_identifiable_what_was_not():
    blind = Information(np.diag([1.0, 0.0]), ParameterLayout.of({"position": 2}))
    prior = Information(np.diag([0.0, 4.0]), blind.layout)
    np.testing.assert_allclose((blind + prior).bound(["position"]), np.diag([1.0, 0.25]))


def test_a_prior_is_a_map_of_no_transmission(rng):
    prior = information(rng)
    one = random_map(rng, antennas=FOUR)
    covariances = random_transmission(rng, FOUR)
    together = (one + prior.as_prior()).at(covariances)
    assert_same_information(together.matrix, (one.at(covariances) + prior).matrix)


@given(generators())
def test_guarded_inverse_over_many_decades(rng):
    matrix = information(rng).matrix
    inverse = inverse_positive_definite(matrix)
    scale = np.sqrt(np.diagonal(matrix))
    np.testing.assert_allclose(
        (inverse * np.outer(scale, scale)) @ (matrix / np.outer(scale, scale)), np.eye(5), atol=1e-8
    )


def test_eliminating_no_parameter_leaves_the_matrix(rng):
    matrix = information(rng).matrix
    units = np.outer(diagonal_scale(matrix), diagonal_scale(matrix))
    np.testing.assert_allclose(eliminate(matrix * units, np.arange(5)).schur / units, matrix, rtol=1e-12)
    assert not np.allclose(eliminate(matrix * units, np.arange(4)).schur, (matrix * units)[:4, :4], rtol=1e-3)


@pytest.mark.parametrize("name", ["target position", "a/b/c", "", "gain[-1]", "9lives"])
def test_parameter_names_have_a_grammar(name):
    with pytest.raises(InvalidInput, match="must be named like"):
        ParameterLayout.of({name: 1})


def test_layouts_refuse_contradictions():
    with pytest.raises(InvalidInput, match="must differ"):
        ParameterLayout(("clock", "clock"), (1, 1))
    with pytest.raises(InvalidInput, match="one size everywhere"):
        LAYOUT.union(ParameterLayout.of({"clock": 2}))
    with pytest.raises(InvalidInput, match="There is no parameter `speed`"):
        LAYOUT["speed"]


def test_information_must_be_finite():
    with pytest.raises(InvalidInput, match="finite"):
        Information(np.full((5, 5), np.nan), LAYOUT)
