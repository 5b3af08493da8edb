"""Studies that take a second, and what tests do with stores."""

import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from crbeam.scenario.reading import scenario_source
from crbeam.studies import Study
from crbeam.studies.results import read_results

COMMAND = [str(Path(sys.executable).with_name("crbeam"))]
REGION = [["-15 m", "8 m"], ["15 m", "25 m"]]
SMALL = ["stations.bs.transmit_array.elements=8", "user.array.elements=4", "waveform.subcarriers=16"]


def small_scenario(*overrides: str) -> dict[str, Any]:
    """Data of the preset with few antennas and subcarriers."""
    return scenario_source("zhang2025", overrides=[*SMALL, *overrides]).value


def small_study(**changes: Any) -> Study:
    """Three weights and random targets in every realisation."""
    description: dict[str, Any] = {
        "scenario": small_scenario(),
        "axes": {"weight": [0.2, 0.5, 0.8], "realisations": 4},
        "random": {"seed": 3, "phases": True, "fields": {"targets.positions": {"uniform": REGION, "apart": "2 m"}}},
        "batch_cases": 6,
    }
    return Study(**{**description, **changes})


def rows(store: Path, *, columns: str = "*") -> list[tuple]:
    """Rows of the cases of a store."""
    connection = sqlite3.connect(store)
    try:
        return connection.execute(f"SELECT {columns} FROM cases ORDER BY number").fetchall()
    finally:
        connection.close()


def stored_cases(store: Path) -> int:
    """Number of cases in a store that another process may be about to make."""
    try:
        return len(rows(store, columns="number")) if store.exists() else 0
    except sqlite3.OperationalError:
        return 0


def execute(store: Path, statement: str, *parameters: Any) -> list[tuple]:
    """Any statement on a store, behind the back of the library."""
    connection = sqlite3.connect(store, isolation_level=None)
    try:
        return connection.execute(statement, parameters).fetchall()
    finally:
        connection.close()


def assert_same_results(first: Path, second: Path) -> None:
    """Two stores have the same cases and, bit by bit, the same dataset."""
    one, other = read_results(first), read_results(second)
    assert set(one.variables) == set(other.variables)
    for name in one.variables:
        np.testing.assert_array_equal(one[name].values, other[name].values, err_msg=str(name))
    assert one.attrs == other.attrs
    kept = "number, identity, batch, status, error, reason"
    assert rows(first, columns=kept) == rows(second, columns=kept)


def crbeam(*words: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own."""
    return subprocess.run([*COMMAND, *words], capture_output=True, text=True, timeout=600, check=False, **options)
