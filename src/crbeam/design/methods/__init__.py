"""Design methods by their names on the command line."""

from crbeam.design.method import DesignMethod
from crbeam.design.methods.conic_wcrb import ConicWeightedBound
from crbeam.design.methods.cpa_wcrb import CodebookWeightedBound
from crbeam.design.methods.fdb_wcrb import FullDimensionalWeightedBound
from crbeam.design.methods.steered import Steered
from crbeam.design.methods.uniform import Uniform
from crbeam.errors import InvalidInput
from crbeam.units import suggestion

METHODS: dict[str, type[DesignMethod]] = {
    method.key: method
    for method in (FullDimensionalWeightedBound, CodebookWeightedBound, ConicWeightedBound, Uniform, Steered)
}


def method_named(key: str) -> DesignMethod:
    """Method with default hyper-parameters.

    Raises:
        InvalidInput: no method has that name.
    """
    if key not in METHODS:
        close = suggestion(key, METHODS)
        hint = f" Did you mean {close}?" if close else ""
        raise InvalidInput(f"The method must be one of {', '.join(METHODS)}, found `{key}`.{hint}")
    return METHODS[key]()


__all__ = [
    "METHODS",
    "CodebookWeightedBound",
    "ConicWeightedBound",
    "FullDimensionalWeightedBound",
    "Steered",
    "Uniform",
    "method_named",
]
