"""Comparison of the methods in the setting of Fig. 2, for one draw of the channels.

Reference: xu2023 Table II.

Deviation: the paper has two rows, the proposed scheme and scheme 1. Here are all methods, with the gap that is proven
for each. The losses, which the paper does not give, are fitted so that the least power is near the printed one: that
level confirms nothing, the station and the difference to scheme 1 do.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from crbeam.files import write_atomically
from crbeam.papers.runs import PaperRun
from crbeam.papers.xu2023.choices import Choice, choices
from crbeam.papers.xu2023.levels import level_db, level_dbm
from crbeam.papers.xu2023.looks import LABELS
from crbeam.papers.xu2023.scenes import EXACT, LOSSES, SCHEME_1
from crbeam.report import write_csv

TITLE = "Table II: listening station and power of every method"
#: Listening station and power in dBm, as printed.
PRINTED = {EXACT: ("bs2", 29.7), SCHEME_1: ("bs1", 38.7)}
PRINTED_GAP_DB = PRINTED[SCHEME_1][1] - PRINTED[EXACT][1]


def make(run: PaperRun) -> list[Path]:
    """Paths of the table as data (CSV) and as text (Markdown)."""
    records = [_record(losses, name, each) for losses in LOSSES for name, each in choices(losses).items()]
    stem = run.out_dir / "xu2023_table_2"
    page = table_markdown(records)
    text = write_atomically(stem.with_suffix(".md"), lambda file: file.write_text(page, encoding="utf-8"))
    return [write_csv(stem.with_suffix(".csv"), records), text]


def _record(losses: str, name: str, choice: Choice) -> dict[str, Any]:
    receiver, power_dbm = PRINTED.get(name, ("", None)) if losses == next(iter(LOSSES)) else ("", None)
    known, optimum_w = not choice.problem, choices(losses)[EXACT].power_w
    return {
        "losses": losses,
        "method": LABELS[name],
        "listens": choice.receiver or choice.problem.lower(),
        "served by": ", ".join(choice.served_by),
        "power (dBm)": float(level_dbm(choice.power_w)) if known else None,
        "certified gap (dB)": float(level_db(choice.power_w / choice.lower_bound_w)) if known else None,
        "over exact (dB)": float(level_db(choice.power_w / optimum_w)) if known else None,
        "least SINR over required (dB)": choice.least_sinr_db if known else None,
        "programs": (choice.details or {}).get("programs"),
        "printed: listens": receiver,
        "printed: power (dBm)": power_dbm,
    }


def table_markdown(records: Sequence[dict[str, Any]]) -> str:
    """Records as a Markdown table; nothing where there is no number."""
    names = list(records[0])
    rows = [[_shown(name, record[name]) for name in names] for record in records]
    lines = [names, ["---"] * len(names), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"


def _shown(name: str, value: Any) -> str:
    if value is None or (isinstance(value, float) and not np.isfinite(value)):
        return ""
    if isinstance(value, float):
        return f"{value:.4f}" if "gap" in name else f"{abs(value) if abs(value) < 5e-3 else value:.2f}"
    return str(value)
