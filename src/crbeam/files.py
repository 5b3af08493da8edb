"""Writing files whole or not at all."""

import os
from collections.abc import Callable
from pathlib import Path

from crbeam.errors import InvalidInput


def write_atomically(path: str | os.PathLike[str], write: Callable[[Path], object]) -> Path:
    """Path of a file that `write` makes, given a temporary path beside it; its folder is made if need be.

    Raises:
        InvalidInput: the file cannot be written there.
    """
    target = Path(path)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        write(temporary)
        temporary.replace(target)
    except OSError as error:
        raise InvalidInput(
            f"A file must go to a writable folder, but `{target}` cannot be written ({error.strerror or error}). "
            f"Name another folder."
        ) from error
    finally:
        if temporary.parent.is_dir():
            temporary.unlink(missing_ok=True)
    return target
