"""Methods whose designs are optimal up to a certified gap of the user's choice."""

from dataclasses import dataclass

from crbeam.design.method import DesignMethod

#: Largest gap that may be asked for: beyond it a design is no optimum in any useful sense.
LARGEST_TOLERANCE = 1e-2


@dataclass(frozen=True)
class CertifiedMethod(DesignMethod):
    """A method that looks for the global optimum until its certified gap is small enough.

    Attributes:
        tolerance: certified relative gap up to which a design counts as optimal, at most `LARGEST_TOLERANCE`.
    """

    tolerance: float = 1e-6

    def __post_init__(self) -> None:
        holds = 0.0 < self.tolerance <= LARGEST_TOLERANCE
        self.require_option("tolerance", holds, f"greater than 0 and at most {LARGEST_TOLERANCE:g}")
