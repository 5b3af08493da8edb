"""The store of a study: one SQLite file, with one writer, and one transaction for each finished batch.

    facts     what the store is of: format, study, metrics, versions, as JSON
    sessions  every run, with host, process, versions
    attempts  every batch that was handed out; `outcome` is `committed`, `lost`, or null if the run was killed
    cases     one row for each finished case, with one column for each metric

A case is only ever inserted, so that nothing committed can be overwritten.
"""

import json
import os
import platform
import socket
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from crbeam.studies.cases import Grid
from crbeam.studies.checks import objective_unit
from crbeam.studies.computing import CaseRecord
from crbeam.studies.planning import Plan, differences
from crbeam.studies.store_faults import StoreFault, explained, fault

FORMAT, SCHEMA_VERSION = "crbeam-study", 1
#: Marks the file as a store, in the header of the database.
APPLICATION_ID = 0x43524253
CASE_COLUMNS = ("number", "identity", "batch", "attempt", "status", "error", "reason", "seconds", "host")
_SCHEMA = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE sessions (
    id INTEGER PRIMARY KEY AUTOINCREMENT, started_utc TEXT NOT NULL, ended_utc TEXT, host TEXT NOT NULL,
    process INTEGER NOT NULL, backend TEXT NOT NULL, versions TEXT NOT NULL
);
CREATE TABLE attempts (
    id INTEGER PRIMARY KEY AUTOINCREMENT, batch INTEGER NOT NULL, session INTEGER NOT NULL, outcome TEXT
);
CREATE INDEX attempts_of_batch ON attempts (batch);
CREATE TABLE cases (
    number INTEGER PRIMARY KEY, identity TEXT NOT NULL, batch INTEGER NOT NULL, attempt INTEGER NOT NULL,
    status TEXT NOT NULL, error TEXT, reason TEXT, seconds REAL, host TEXT NOT NULL{metrics}
);
"""


def metric_column(index: int) -> str:
    """Name of the column of a metric, by its position among the metrics."""
    return f"metric_{index}"


class Store:
    """A store that is open for writing; made by `open_store`."""

    def __init__(self, file: Path, connection: sqlite3.Connection, session: int, n_metrics: int) -> None:
        self.file, self.connection, self._session = file, connection, session
        names = (*CASE_COLUMNS, *(metric_column(index) for index in range(n_metrics)))
        places = ", ".join("?" * len(names))
        self._insert = f"INSERT INTO cases ({', '.join(names)}) VALUES ({places})"

    def finished_batches(self) -> set[int]:
        """Numbers of the batches whose cases are stored."""
        with explained(self.file):
            rows = self.connection.execute("SELECT batch FROM attempts WHERE outcome = 'committed'")
            return {number for (number,) in rows}

    def begin(self, batch: int) -> int:
        """Note that a batch is handed out; the number of the attempt."""
        with self._transaction():
            cursor = self.connection.execute(
                "INSERT INTO attempts (batch, session) VALUES (?, ?)", (batch, self._session)
            )
            return int(cursor.lastrowid or 0)

    def commit(self, batch: int, attempt: int, records: Sequence[CaseRecord]) -> None:
        """Store all cases of a batch, or none."""
        rows = [
            (
                *(record.number, record.identity, batch, attempt, record.status, record.error, record.reason),
                *(record.seconds, record.host, *record.values),
            )
            for record in records
        ]
        with self._transaction():
            self.connection.executemany(self._insert, rows)
            self.connection.execute("UPDATE attempts SET outcome = 'committed' WHERE id = ?", (attempt,))

    def lose(self, attempt: int) -> None:
        """Note that the worker of an attempt was lost."""
        with self._transaction():
            self.connection.execute("UPDATE attempts SET outcome = 'lost' WHERE id = ?", (attempt,))

    def remember(self, name: str, value: Any) -> None:
        """Store a fact, in place of an earlier one of that name."""
        with self._transaction():
            self.connection.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, json.dumps(value)))

    def end_session(self) -> None:
        """Note when this run ended."""
        with self._transaction():
            self.connection.execute("UPDATE sessions SET ended_utc = ? WHERE id = ?", (_now(), self._session))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with explained(self.file), transaction(self.connection):
            yield


@contextmanager
def open_store(file: str | os.PathLike[str], plan: Plan, *, backend: str) -> Iterator[Store]:
    """The store of a study, made if there is none; nobody else can write to it meanwhile.

    Raises:
        StoreFault: another run is using it, it is not a store, it is damaged, or it belongs to another study.
    """
    path = Path(file)
    with _alone(path), explained(path), _connection(path) as connection:
        _require_store_or_nothing(path, connection)
        is_new = not _tables(connection)
        if not is_new:
            _require_same_study(path, read_facts(connection), plan)
        _prepare(connection)
        if is_new:
            _create(connection, plan)
        session = _new_session(connection, backend)
        store = Store(path, connection, session, len(plan.columns))
        try:
            yield store
        finally:
            store.end_session()
            with suppress(sqlite3.OperationalError):  # somebody may be reading; then the log stays beside the file
                connection.execute("PRAGMA journal_mode = DELETE")


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All statements inside, or none."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold a lock beside the file, which the system takes back when this process ends, however it ends."""
    if path.is_dir():
        raise fault(path, "it is a directory. Name a file in it.")
    path.parent.mkdir(parents=True, exist_ok=True)
    lock_file = path.with_name(path.name + ".lock")
    with explained(lock_file):
        lock = sqlite3.connect(lock_file, timeout=0.0, isolation_level=None)
    try:
        try:
            lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                with explained(lock_file):
                    raise
            raise fault(path, f"another run is writing to it{_holder(path)}. Wait until it has ended.") from None
        yield
    finally:
        lock.close()


def _holder(path: Path) -> str:
    """Who holds the lock, as far as the store tells."""
    try:
        with reading(path) as connection:
            row = connection.execute(
                "SELECT process, host, started_utc FROM sessions ORDER BY id DESC LIMIT 1"
            ).fetchone()
    except (StoreFault, sqlite3.Error):
        return ""
    return f", process {row[0]} on {row[1]} since {row[2]}" if row else ""


@contextmanager
def _connection(path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(path, timeout=10.0, isolation_level=None)
    try:
        yield connection
    finally:
        connection.close()


@contextmanager
def reading(file: str | os.PathLike[str]) -> Iterator[sqlite3.Connection]:
    """A connection that can only read a store, also while a run writes to it.

    Raises:
        StoreFault: there is no such file, it is not a store, or it is damaged.
    """
    path = Path(file)
    if not path.is_file():
        raise fault(path, "there is no such file. Run the study first.")
    with explained(path):
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=10.0, isolation_level=None
        )
        try:
            _require_store_or_nothing(path, connection)
            if not _tables(connection):
                raise fault(path, "it is empty. Run the study first.")
            connection.execute("BEGIN")  # one state of the store, even if a run goes on writing
            yield connection
        finally:
            connection.close()


def _tables(connection: sqlite3.Connection) -> set[str]:
    return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def _require_store_or_nothing(path: Path, connection: sqlite3.Connection) -> None:
    """Refuse a database of somebody else, a damaged one, one of another version."""
    tables = _tables(connection)
    if not tables:
        return
    (found,) = connection.execute("PRAGMA application_id").fetchone()
    if found != APPLICATION_ID:
        raise fault(path, "it is a database of something else. Nothing was changed; name another file.")
    (health,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if health != "ok":
        raise fault(path, f"it is damaged ({health}). Nothing was changed; restore a copy, or move it away.")
    schema = read_facts(connection).get("schema_version")
    if schema != SCHEMA_VERSION:
        raise fault(path, f"its schema is version {schema}, not {SCHEMA_VERSION}. Use the crbeam that made it.")


def _prepare(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")


def _create(connection: sqlite3.Connection, plan: Plan) -> None:
    metrics = "".join(f", {metric_column(index)} REAL" for index in range(len(plan.columns)))
    facts = {
        "format": FORMAT,
        "schema_version": SCHEMA_VERSION,
        "fingerprint": plan.fingerprint,
        "description": plan.description,
        "study": plan.document,
        "columns": list(plan.columns),
        "objective_unit": objective_unit(plan.study),
        "cases": Grid.of(plan.study).n_cases,
        "created_utc": _now(),
    }
    with transaction(connection):
        for statement in _SCHEMA.format(metrics=metrics).split(";"):
            if statement.strip():
                connection.execute(statement)
        connection.executemany(
            "INSERT INTO facts VALUES (?, ?)", [(name, json.dumps(value)) for name, value in facts.items()]
        )
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")


def read_facts(connection: sqlite3.Connection) -> dict[str, Any]:
    """All facts of a store."""
    return {name: json.loads(value) for name, value in connection.execute("SELECT name, value FROM facts")}


def _require_same_study(path: Path, facts: dict[str, Any], plan: Plan) -> None:
    """Refuse a store of another study.

    Raises:
        StoreFault: names what differs.
    """
    if facts["fingerprint"] == plan.fingerprint:
        return
    changed = differences(facts["description"], plan.description)
    raise fault(
        path,
        f"it belongs to a study that differs from this one: {'; '.join(changed[:6])}"
        f"{f'; {len(changed) - 6} more' if len(changed) > 6 else ''}. Nothing was changed; undo the change, or name "
        f"another store.",
    )


def _new_session(connection: sqlite3.Connection, backend: str) -> int:
    versions = {"python": platform.python_version(), **{name: version(name) for name in ("crbeam", "numpy", "scipy")}}
    row = (_now(), socket.gethostname(), os.getpid(), backend, json.dumps(versions))
    with transaction(connection):
        cursor = connection.execute(
            "INSERT INTO sessions (started_utc, host, process, backend, versions) VALUES (?, ?, ?, ?, ?)", row
        )
    return int(cursor.lastrowid or 0)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
