"""Claims of papers as checks on measured data.

A paper lists `Claim`s and gathers the numbers that their checks read. A check gets these numbers as its argument and
finds its verdict from them by stated criteria, so that altered numbers alter the verdict.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from typing import Any, Generic, TypeVar

from crbeam.files import write_atomically

Data = TypeVar("Data")


class Verdict(Enum):
    """How a claim compares with our measurement; the value is the sentence that reports show."""

    REPRODUCED = "Our numbers meet the criterion in every reading of the paper that was tried."
    REPRODUCED_IN_PART = "Our numbers meet the criterion in some readings or parts of the claim, not in all."
    NOT_REPRODUCED = "Our numbers meet the criterion in no reading of the paper that was tried."
    NOT_TESTABLE = "Numbers that the criterion needs could not be measured."

    @property
    def words(self) -> str:
        """The verdict in tables and files: `reproduced`, `reproduced in part`, `not reproduced`, `not testable`."""
        return self.name.lower().replace("_", " ")


class NotMeasured(Exception):
    """A number that a check needs does not exist; the message says which, and why."""


@dataclass(frozen=True)
class Finding:
    """What a check found.

    Attributes:
        measured: our numbers, in words.
        verdict: how they compare with the claim.
        reason: why the verdict is what it is, as far as can be told.
        readings: whether the criterion is met, for each reading or part of the claim.
        samples: number of random draws, if there are any.
        seed: from which they come.
        quantity: what was averaged over the draws, with its unit.
        interval: its 95 % confidence interval.
    """

    measured: str
    verdict: Verdict
    reason: str
    readings: Mapping[str, bool] = field(default_factory=dict)
    samples: int | None = None
    seed: int | None = None
    quantity: str | None = None
    interval: tuple[float, float] | None = None


@dataclass(frozen=True)
class Sampling:
    """What random draws say about one quantity.

    Attributes:
        samples: number of draws.
        seed: from which they come.
        quantity: what was averaged over them, with its unit.
        interval: its 95 % confidence interval.
    """

    samples: int
    seed: int
    quantity: str
    interval: tuple[float, float]


@dataclass(frozen=True)
class Claim(Generic[Data]):
    """A statement of a paper with the check that decides on it.

    Attributes:
        number: in the paper's list.
        statement: what the paper says.
        where: the place in the paper.
        expected: what must be measured for the claim to hold.
        check: from measured data to a finding; raises `NotMeasured` when data are missing.
    """

    number: int
    statement: str
    where: str
    expected: str
    check: Callable[[Data], Finding]


def verdict_on(readings: Mapping[str, bool]) -> Verdict:
    """Reproduced if every reading meets the criterion, in part if some do, not if none does."""
    if not readings:
        return Verdict.NOT_TESTABLE
    if all(readings.values()):
        return Verdict.REPRODUCED
    return Verdict.REPRODUCED_IN_PART if any(readings.values()) else Verdict.NOT_REPRODUCED


def found(
    readings: Mapping[str, bool], measured: str, reasons: Mapping[Verdict, str], *, sampling: Sampling | None = None
) -> Finding:
    """The finding that follows from readings.

    Args:
        readings: whether the criterion is met, for each reading or part of the claim; `part (reading)` to have the
            parts that fail listed by reading.
        measured: our numbers, in words.
        reasons: the likely reason for each verdict that has one.
        sampling: the random part of what was measured.
    """
    verdict = verdict_on(readings)
    sentences = [reasons[verdict]] if verdict in reasons else []
    if verdict is Verdict.REPRODUCED_IN_PART:
        sentences.insert(0, f"Not met for {_grouped([name for name, holds in readings.items() if not holds])}.")
    finding = Finding(measured, verdict, " ".join(sentences), dict(readings))
    if sampling is None:
        return finding
    return replace(
        finding,
        samples=sampling.samples,
        seed=sampling.seed,
        quantity=sampling.quantity,
        interval=sampling.interval,
    )


def _grouped(names: Sequence[str]) -> str:
    """`a, b (x); c (y)` from `a (x)`, `b (x)`, `c (y)`."""
    groups: dict[str, list[str]] = {}
    for name in names:
        part, _, reading = name.partition(" (")
        groups.setdefault(reading, []).append(part)
    return "; ".join(", ".join(parts) + (f" ({reading}" if reading else "") for reading, parts in groups.items())


def reproduce(claims: Iterable[Claim[Data]], data: Data) -> list[tuple[Claim[Data], Finding]]:
    """Every claim with what its check finds in the data."""
    return [(claim, _finding(claim, data)) for claim in claims]


def _finding(claim: Claim[Data], data: Data) -> Finding:
    try:
        return claim.check(data)
    except NotMeasured as missing:
        return Finding("nothing", Verdict.NOT_TESTABLE, str(missing))


def claim_records(results: Sequence[tuple[Claim[Any], Finding]]) -> list[dict[str, Any]]:
    """Claims and findings as plain records."""
    return [
        {
            "number": claim.number,
            "statement": claim.statement,
            "where": claim.where,
            "expected": claim.expected,
            "measured": finding.measured,
            "verdict": finding.verdict.words,
            "reason": finding.reason,
            "readings": dict(finding.readings),
            "samples": finding.samples,
            "seed": finding.seed,
            "quantity": finding.quantity,
            "interval": None if finding.interval is None else list(finding.interval),
        }
        for claim, finding in results
    ]


def sampling_words(finding: Finding) -> str:
    """`95 % interval of the mean (mm): 0.1 to 0.2 (n = 60, seed 1)`; empty where nothing is random."""
    if finding.interval is None:
        return ""
    low, high = finding.interval
    return f"95 % interval of {finding.quantity}: {low:.3g} to {high:.3g} (n = {finding.samples}, seed {finding.seed})"


def claims_markdown(results: Sequence[tuple[Claim[Any], Finding]]) -> str:
    """Claims and findings as a Markdown table, with what the verdicts mean below it."""
    header = ["#", "claim (where)", "expected", "measured", "verdict", "likely reason"]
    lines = [header, ["---:", *["---"] * (len(header) - 1)]]
    for claim, finding in results:
        place = f"{claim.statement} ({claim.where})"
        measured = "; ".join(filter(None, [finding.measured, sampling_words(finding)]))
        by_line = measured.replace("; ", ";<br>")
        lines.append([str(claim.number), place, claim.expected, by_line, finding.verdict.words, finding.reason])
    legend = [f"- *{verdict.words}*: {verdict.value}" for verdict in Verdict]
    rows = [f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |" for cells in lines]
    return "\n".join([*rows, "", *legend]) + "\n"


def write_claims(out_dir: Path, paper: str, results: Sequence[tuple[Claim[Any], Finding]]) -> list[Path]:
    """Paths of `claims.md` and `claims.json` in a folder.

    Raises:
        InvalidInput: they cannot be written there.
    """
    document = {"paper": paper, "claims": claim_records(results)}
    page = f"# Claims of {paper}\n\n{claims_markdown(results)}"
    texts = {"claims.md": page, "claims.json": json.dumps(document, indent=2, ensure_ascii=False) + "\n"}
    return [_written(out_dir / name, text) for name, text in texts.items()]


def _written(path: Path, text: str) -> Path:
    return write_atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))
