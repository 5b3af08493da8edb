"""Methods that serve one link alone, with its share of the symbols or with all of them."""

from dataclasses import dataclass
from typing import ClassVar

from crbeam.design.engine_method import EngineMethod
from crbeam.design.problem import DesignProblem


@dataclass(frozen=True)
class OneLinkMethod(EngineMethod):
    """Least loss of one link alone.

    Attributes:
        symbols: `share`, only the symbols of the link's stage; or `all`, every symbol of the interval.
        link: the link, and the first word of its stage (in concrete methods).
    """

    link: ClassVar[str]

    symbols: str = "share"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require_option("symbols", self.symbols in ("share", "all"), "share or all")

    @property
    def judged_by(self) -> str:
        """The stage of the link, or the link with all symbols."""
        return f"{self.link}_stage" if self.symbols == "share" else self.link

    def why_not(self, problem: DesignProblem) -> str | None:
        """Needs a problem of one link."""
        if len(problem.criteria) > 1 or len(problem.blocks) > 1:
            return f"{self.key} needs a problem of one link alone, with one criterion and one block."
        return super().why_not(problem)
