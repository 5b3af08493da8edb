"""Faults of a store's file, in words."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from crbeam.errors import InvalidInput

_EXPLANATIONS = {
    sqlite3.SQLITE_FULL: "there is no space left for it. What it held before is kept; free some space and run again.",
    sqlite3.SQLITE_NOTADB: "it is not a database. Nothing was changed; name another file.",
    sqlite3.SQLITE_CORRUPT: "it is damaged. Nothing was changed; restore a copy, or move it away and run again.",
    sqlite3.SQLITE_BUSY: "another process is using it. Wait until that one has ended.",
    sqlite3.SQLITE_LOCKED: "another process is using it. Wait until that one has ended.",
    sqlite3.SQLITE_READONLY: "it cannot be written. Make file and folder writable, or name another file.",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened. Check that the folder exists and may be written.",
    sqlite3.SQLITE_PERM: "it cannot be opened. Check that file and folder may be read and written.",
    sqlite3.SQLITE_IOERR: "reading or writing it failed. What was stored before is kept; check the disk and run again.",
}


class StoreFault(InvalidInput):
    """A study's store cannot be read or written, or belongs to another study."""


@contextmanager
def explained(file: Path) -> Iterator[None]:
    """Raise faults of SQLite as sentences about the file.

    Raises:
        StoreFault: what is wrong with the file and what to do.
    """
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", None)
        reason = _EXPLANATIONS.get(code & 0xFF) if code is not None else None
        raise fault(file, reason or f"the database reports: {error}.") from error


def fault(file: Path, reason: str) -> StoreFault:
    """The error for a file and a reason."""
    return StoreFault(f"The store of a study must be a file that it can use alone, but `{file}` is not: {reason}")
