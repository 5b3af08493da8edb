"""What can go wrong, as a tree of exceptions.

    CrbeamError                       exit status of the command line
    ├── InvalidInput          2       an argument, option or file is not what it must be
    │   └── InvalidScenario   2       a scenario file, with file, line and field
    ├── Unidentifiable        3       the observations do not determine a requested parameter
    ├── Infeasible            4       no transmission meets the requirements; names the binding one
    └── SolverFailed          5       a solver stopped without an answer; carries status and trace

Every message says what must hold, what was found and what to do.
"""

from collections.abc import Mapping, Sequence


class CrbeamError(Exception):
    """Root of every error that crbeam raises on purpose."""

    exit_status: int = 1


class InvalidInput(CrbeamError, ValueError):
    """An argument, option or file is not what it must be."""

    exit_status = 2


class InvalidScenario(InvalidInput):
    """A scenario is wrong at a known place.

    Attributes:
        problem: what must hold, what was found, what to do.
        file: the scenario's file or preset, if it came from one.
        line: line number in that file, from 1.
        field: dotted path of the offending field.
    """

    def __init__(self, problem: str, *, file: str | None = None, line: int | None = None, field: str | None = None):
        self.problem, self.file, self.line, self.field = problem, file, line, field
        where = ", ".join(
            part
            for part in (
                file,
                None if line is None else f"line {line}",
                None if not field else f"field `{field}`",
            )
            if part
        )
        super().__init__(f"{where}: {problem}" if where else problem)


class Unidentifiable(CrbeamError):
    """The observations carry no information on some direction of the requested parameters.

    Attributes:
        names: requested parameters that are not determined.
        direction: for each of them its share of the worst undetermined direction (unit vector over the
            requested parameters, each scaled by its own accuracy were all others known).
        remedy: what would make them identifiable.
        link: whose observations do not determine them; None if nothing says.
    """

    exit_status = 3

    def __init__(
        self, names: Sequence[str], *, direction: Mapping[str, float], remedy: str, link: str | None = None
    ) -> None:
        self.names, self.direction, self.remedy, self.link = tuple(names), dict(direction), remedy, link
        shares = ", ".join(f"{name} {share:.2f}" for name, share in self.direction.items() if share >= 0.005)
        whose = "they" if link is None else f"those of {link}"
        super().__init__(
            f"The observations must determine {', '.join(self.names)}, but {whose} carry no information along a "
            f"direction of these parameters (shares: {shares}). {remedy}"
        )

    def explained(self, *, link: str | None = None, remedy: str | None = None) -> "Unidentifiable":
        """The same error with the name of the link, or another remedy."""
        return Unidentifiable(
            self.names, direction=self.direction, remedy=remedy or self.remedy, link=link or self.link
        )


class Infeasible(CrbeamError):
    """No transmission meets all requirements.

    Attributes:
        requirement: the binding requirement.
        sufficient_power: factor on all power budgets with which the requirements are met; infinite if no power
            suffices, None where that is unknown or power is not the question.
        insufficient_power: factor with which they certainly are not; None likewise.
    """

    exit_status = 4

    def __init__(
        self,
        message: str,
        *,
        requirement: str,
        sufficient_power: float | None = None,
        insufficient_power: float | None = None,
    ):
        self.requirement = requirement
        self.sufficient_power, self.insufficient_power = sufficient_power, insufficient_power
        super().__init__(message)


class SolverFailed(CrbeamError):
    """A solver stopped without a usable answer.

    Attributes:
        status: the solver's own word for how it stopped.
        trace: objective values of the iterations so far.
    """

    exit_status = 5

    def __init__(self, message: str, *, status: str, trace: Sequence[float] = ()):
        self.status, self.trace = status, tuple(trace)
        super().__init__(message)
