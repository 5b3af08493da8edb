"""Annotations are checked at every call of a kind that has not passed before."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pytest
from beartype import beartype
from jaxtyping import Float, TypeCheckError
from tests.shapes import jaxtyped

checked = jaxtyped(typechecker=beartype)
CALLS = []


@checked
def product(left: Float[np.ndarray, "n m"], right: Float[np.ndarray, " m"], *, turned: bool = False):
    CALLS.append(left.shape)
    return left @ right


@checked
def first(values: Float[np.ndarray, " n"], count: int) -> Float[np.ndarray, " n"]:
    return values[:count]


@checked
def total(parts: Sequence[Float[np.ndarray, "2 n"]]) -> float:
    return float(sum(part.sum() for part in parts))


@checked
def split(values: Float[np.ndarray, " n"], at: int) -> tuple[Float[np.ndarray, " _"], Float[np.ndarray, "2"]]:
    return values[:at], values[at:]


@checked
def side(which: Literal["left", "right"]) -> str:
    return which


@checked
@dataclass(frozen=True)
class Pair:
    left: Float[np.ndarray, " n"]
    right: Float[np.ndarray, " n"]


def test_arguments_of_another_shape_or_type_are_refused_after_those_that_pass():
    for _ in range(3):
        product(np.ones((2, 3)), np.ones(3))
        product(np.ones((2, 3)), np.ones(3), turned=True)
    CALLS.clear()
    wrong = (np.ones((2, 3)), np.ones(4)), (np.ones((2, 3)), np.ones(3, dtype=int)), (np.ones((2, 3)), [1.0, 1.0, 1.0])
    for arguments in wrong:
        with pytest.raises(TypeCheckError, match="product"):
            product(*arguments)
    with pytest.raises(TypeCheckError, match="turned"):
        product(np.ones((2, 3)), np.ones(3), turned="yes")
    assert CALLS == []


def test_results_of_another_shape_are_refused_though_their_arguments_passed():
    for _ in range(3):
        assert first(np.ones(3), 3).shape == (3,)
        with pytest.raises(TypeCheckError, match="return value"):
            first(np.ones(3), 2)


def test_every_item_of_a_result_counts():
    for _ in range(3):
        assert split(np.ones(3), 1)[1].shape == (2,)
        with pytest.raises(TypeCheckError, match="return value"):
            split(np.ones(3), 2)


def test_sequences_of_unlike_items_are_looked_at_again():
    """A check draws an item: the wrong one is found sooner or later, though the right one may have passed before."""
    unlike, found = [np.ones((2, 3)), np.ones((3, 2))], 0
    for _ in range(100):
        assert total([np.ones((2, 3)), np.ones((2, 3))]) == 12.0
        try:
            total(unlike)
        except TypeCheckError:
            found += 1
    assert 0 < found < 100
    with pytest.raises(TypeCheckError):
        total([np.ones((3, 2))] * 2)


def test_literals_count_by_their_value():
    for _ in range(3):
        assert side("left") == "left"
        with pytest.raises(TypeCheckError):
            side("top")


def test_fields_of_dataclasses_fit_together():
    for _ in range(3):
        Pair(np.ones(2), np.ones(2))
        with pytest.raises(TypeCheckError):
            Pair(np.ones(2), np.ones(3))


def shifted(by):
    @checked
    def inner(value: float) -> float:
        return value + by if value < 3.0 else inner(value - 1.0)

    return inner


def test_functions_within_functions_are_told_apart():
    assert [shifted(by)(2.0) for by in (0.0, 1.0)] == [2.0, 3.0]
    assert shifted(5.0)(4.0) == 7.0


def test_methods_and_their_objects():
    class Scale:
        def __init__(self, factor):
            self.factor = factor

        @checked
        def apply(self, values: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
            if self.factor == 0.0:
                raise ZeroDivisionError
            return self.factor * values

        @classmethod
        @checked
        def double(cls) -> "Scale":
            return cls(2.0)

    with pytest.raises(ZeroDivisionError):
        Scale(0.0).apply(np.ones(2))
    assert [Scale(f).apply(np.ones(2)).tolist() for f in (2.0, 3.0)] == [[2.0, 2.0], [3.0, 3.0]]
    assert Scale.double().apply(np.ones(1)).tolist() == [2.0]
    with pytest.raises(TypeCheckError):
        Scale(2.0).apply(np.ones((1, 1)))


def test_the_library_is_checked():
    from crbeam.linalg import hermitian_part

    for _ in range(3):
        hermitian_part(np.eye(2, dtype=complex))
        with pytest.raises(TypeCheckError):
            hermitian_part(np.ones((2, 3), dtype=complex))
