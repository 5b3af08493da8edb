"""Transmit covariances from files of several formats."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Complex

from crbeam.errors import InvalidInput
from crbeam.linalg import hermitian_part, is_hermitian, is_positive_semidefinite

KEY = "covariances"

#: Asymmetry, or negative eigenvalue, relative to the largest entry or eigenvalue, that counts as rounding.
ROUNDING_TOLERANCE = 1e-9

#: Least and most power of all blocks together, per subcarrier: beyond, results leave double precision.
LEAST_POWER_W = 1e-30
MOST_POWER_W = 1e12


def read_transmission(
    path: str | os.PathLike[str], block_sets: Sequence[Sequence[str]], n_tx: int
) -> tuple[Complex[np.ndarray, "block tx tx"], tuple[str, ...]]:
    """Transmit covariances of a file, and the names of their blocks, which are one of several sets.

    A file that names its blocks tells which set it has, another by their number.

    Raises:
        InvalidInput: as `read_covariances`; the file has none of these sets.
    """
    source = Path(path)
    named = _block_names(source)
    fitting = [tuple(each) for each in block_sets if named is None or sorted(each) == sorted(named)]
    if not fitting:
        wanted = " or ".join(", ".join(each) for each in block_sets)
        raise InvalidInput(unusable(source, f"its blocks must be {wanted}, but they are {', '.join(named or ())}"))
    if len({len(each) for each in fitting}) > 1:
        fitting = [each for each in fitting if len(each) == _block_count(source)] or fitting
    return read_covariances(source, fitting[0], n_tx), fitting[0]


def _block_names(source: Path) -> tuple[str, ...] | None:
    """Names of the blocks of a NetCDF file; None where a file has none, or cannot be read."""
    if source.suffix != ".nc" or not source.is_file():
        return None
    import xarray as xr

    try:
        with xr.open_dataset(source, engine="h5netcdf", decode_times=False) as dataset:
            return tuple(map(str, dataset["block"].values)) if "block" in dataset.coords else None
    except Exception:  # each broken file fails in its own way; `read_covariances` says what is wrong
        return None


def _block_count(source: Path) -> int:
    """Number of covariances in a file without names of blocks; 0 if it cannot be read."""
    try:
        values = np.asarray(_READERS[source.suffix](source, ()))
    except Exception:  # `read_covariances` says what is wrong
        return 0
    return len(values) if values.ndim == 3 else 1


def read_covariances(
    path: str | os.PathLike[str], blocks: Sequence[str], n_tx: int
) -> Complex[np.ndarray, "block tx tx"]:
    """Transmit covariances of a file, in watt per subcarrier summed over slots, in the order of `blocks`.

    Accepted: `.nc` as `write_design` makes it, `.npz` and `.mat` with the key `covariances`, and `.npy`; complex
    `[block, tx, tx]`, or `[tx, tx]` for a single block.

    Args:
        path: the file.
        blocks: names of the blocks that are wanted.
        n_tx: number of transmit antennas of each.

    Raises:
        InvalidInput: the file is missing, broken, of another kind or shape, or holds no covariances.
    """
    source = Path(path)
    if source.suffix not in _READERS:
        raise InvalidInput(unusable(source, f"its name must end in one of {', '.join(_READERS)}"))
    if not source.is_file():
        raise InvalidInput(
            f"A covariance file must exist, but `{source}` is no file. Make one with `crbeam design --out DIR`."
        )
    try:
        values = _READERS[source.suffix](source, tuple(blocks))
    except InvalidInput:
        raise
    except Exception as error:  # each format's reader raises many kinds for a broken file
        kind = source.suffix.removeprefix(".")
        raise InvalidInput(unusable(source, f"it must be a {kind} file that can be read, found: {error}")) from error
    return _checked(source, np.asarray(values), tuple(blocks), n_tx)


def _read_netcdf(source: Path, blocks: tuple[str, ...]) -> np.ndarray:
    import xarray as xr

    dataset = xr.load_dataset(source, engine="h5netcdf", decode_times=False)
    parts = [_pick(source, dataset.data_vars, f"{KEY}_{part}") for part in ("real", "imag")]
    if "block" in dataset.coords:
        found = tuple(map(str, dataset["block"].values))
        if sorted(found) != sorted(blocks):
            raise InvalidInput(
                unusable(source, f"its blocks must be {', '.join(blocks)}, but they are {', '.join(found)}")
            )
        parts = [part.sel(block=list(blocks)) for part in parts]
    real, imaginary = (part.to_numpy() for part in parts)
    return real + 1j * imaginary


def _read_npz(source: Path, _: tuple[str, ...]) -> np.ndarray:
    with np.load(source, allow_pickle=False) as archive:
        return _pick(source, archive, KEY)


def _read_npy(source: Path, _: tuple[str, ...]) -> np.ndarray:
    return np.load(source, allow_pickle=False)


def _read_mat(source: Path, _: tuple[str, ...]) -> np.ndarray:
    from scipy.io import loadmat

    try:
        content = loadmat(source)
    except NotImplementedError as error:
        raise InvalidInput(
            unusable(source, "it must be of version 7 or older: save it with `save(..., '-v7')`")
        ) from error
    return _pick(source, {name: value for name, value in content.items() if not name.startswith("__")}, KEY)


_READERS: Mapping[str, Callable[[Path, tuple[str, ...]], np.ndarray]] = {
    ".nc": _read_netcdf,
    ".npz": _read_npz,
    ".mat": _read_mat,
    ".npy": _read_npy,
}


def _pick(source: Path, content: Mapping[Any, Any], key: str) -> Any:
    if key not in content:
        found = ", ".join(map(str, content)) or "nothing"
        raise InvalidInput(unusable(source, f"it must hold `{key}`, found {found}"))
    return content[key]


def _checked(source: Path, values: np.ndarray, blocks: tuple[str, ...], n_tx: int) -> np.ndarray:
    expected = (len(blocks), n_tx, n_tx)
    if values.dtype.kind not in "fciu":
        raise InvalidInput(unusable(source, f"`{KEY}` must be numbers, found type {values.dtype}"))
    if values.shape == expected[1:] and len(blocks) == 1:
        values = values[None]
    if values.shape != expected:
        words = f"{expected} [block, tx, tx] for the blocks {', '.join(blocks)}"
        raise InvalidInput(unusable(source, f"`{KEY}` must have shape {words}, found {values.shape}"))
    stack = values.astype(complex)
    if not np.all(np.isfinite(stack)):
        raise InvalidInput(
            unusable(source, f"`{KEY}` must be finite, found {int((~np.isfinite(stack)).sum())} entries not")
        )
    _require_transmission(source, stack, blocks)
    return hermitian_part(stack)


def _require_transmission(source: Path, stack: np.ndarray, blocks: tuple[str, ...]) -> None:
    """Refuse what no station can transmit."""
    power_w = float(np.trace(stack, axis1=1, axis2=2).real.sum())
    if not LEAST_POWER_W <= power_w <= MOST_POWER_W:
        limits = f"from {LEAST_POWER_W:g} W to {MOST_POWER_W:g} W per subcarrier"
        raise InvalidInput(unusable(source, f"the power of all blocks must be {limits}, found {power_w:.3g} W"))
    for name, matrix in zip(blocks, stack, strict=True):
        if not is_hermitian(matrix, rtol=ROUNDING_TOLERANCE):
            raise InvalidInput(unusable(source, f"the covariance of block {name} must be Hermitian, found it is not"))
        if not is_positive_semidefinite(matrix, rtol=ROUNDING_TOLERANCE):
            lowest = float(np.linalg.eigvalsh(hermitian_part(matrix))[0])
            raise InvalidInput(
                unusable(
                    source,
                    f"the covariance of block {name} must be positive semidefinite, found eigenvalue {lowest:.3g}",
                )
            )


def unusable(source: Path, problem: str) -> str:
    """What messages say of a file that cannot be used."""
    return f"`{source}` is not a usable covariance file: {problem}."
