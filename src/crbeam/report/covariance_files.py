"""Transmit covariances from files of several formats.

All computation is in double precision. Covariances that a file stores in single precision are made sound once, here:
what rounding to single precision did to them is taken away, and what remains is Hermitian and positive semidefinite.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Complex

from crbeam.errors import InvalidInput
from crbeam.information import Transmission
from crbeam.linalg import hermitian_part, is_hermitian, is_positive_semidefinite, positive_part

KEY = "covariances"

#: Asymmetry, or negative eigenvalue, relative to the largest entry or eigenvalue, that counts as rounding.
ROUNDING_TOLERANCE = 1e-9
#: The same for each antenna where the numbers are stored in single precision: the relative step of that format. A sum
#: of products over n antennas is off by up to n of these.
SINGLE_STEP = float(np.finfo(np.float32).eps)

#: Least and most power of all blocks together, per subcarrier: beyond, results leave double precision.
LEAST_POWER_W = 1e-30
MOST_POWER_W = 1e12


def read_transmission(path: str | os.PathLike[str], block_sets: Sequence[Mapping[str, int]]) -> Transmission:
    """Transmit covariances of a file, whose blocks are one of several sets.

    A file that names its blocks tells which set it has, another by their number.

    Args:
        path: the file.
        block_sets: number of antennas of each block, by its name.

    Raises:
        InvalidInput: as `read_covariances`; the file has none of these sets.
    """
    source = Path(path)
    named = _block_names(source)
    fitting = [each for each in block_sets if named is None or sorted(each) == sorted(named)]
    if not fitting:
        wanted = " or ".join(", ".join(each) for each in block_sets)
        raise InvalidInput(unusable(source, f"its blocks must be {wanted}, but they are {', '.join(named or ())}"))
    if len({len(each) for each in fitting}) > 1:
        fitting = [each for each in fitting if len(each) == _block_count(source)] or fitting
    return read_covariances(source, fitting[0])


def filled_up(covariances: Transmission) -> Complex[np.ndarray, "block tx tx"]:
    """Covariances as a stack for a file, with zeros beyond the antennas of blocks that have fewer than the largest."""
    size = max(covariances.antennas.values())
    return np.stack([np.pad(matrix, (0, size - len(matrix))) for matrix in covariances.values()])


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


def read_covariances(path: str | os.PathLike[str], antennas: Mapping[str, int]) -> Transmission:
    """Transmit covariances of a file, in watt per subcarrier summed over slots.

    Accepted: `.nc` as `write_design` makes it, `.npz` and `.mat` with the key `covariances`, and `.npy`; complex
    `[block, tx, tx]`, or `[tx, tx]` for a single block, in double or single precision. Blocks with fewer antennas than
    the largest are filled up with zeros. In double precision a covariance may be off from a Hermitian
    positive-semidefinite one by `ROUNDING_TOLERANCE`, in single precision by n steps `SINGLE_STEP` for n antennas. The
    latter is then replaced by the nearest positive-semidefinite one of its power.

    Args:
        path: the file.
        antennas: number of antennas of each block that is wanted, by its name.

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
        values = _READERS[source.suffix](source, tuple(antennas))
    except InvalidInput:
        raise
    except Exception as error:  # each format's reader raises many kinds for a broken file
        kind = source.suffix.removeprefix(".")
        raise InvalidInput(unusable(source, f"it must be a {kind} file that can be read, found: {error}")) from error
    return _checked(source, np.asarray(values), antennas)


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
    is_single = any(_is_single(part) for part in (real, imaginary))
    return (real + 1j * imaginary).astype(np.complex64 if is_single else complex)


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


def _checked(source: Path, values: np.ndarray, antennas: Mapping[str, int]) -> Transmission:
    largest = max(antennas.values())
    expected = (len(antennas), largest, largest)
    if values.dtype.kind not in "fciu":
        raise InvalidInput(unusable(source, f"`{KEY}` must be numbers, found type {values.dtype}"))
    if values.shape == expected[1:] and len(antennas) == 1:
        values = values[None]
    if values.shape != expected:
        words = f"{expected} [block, tx, tx] for the blocks {', '.join(antennas)}"
        raise InvalidInput(unusable(source, f"`{KEY}` must have shape {words}, found {values.shape}"))
    stack = values.astype(complex)
    if not np.all(np.isfinite(stack)):
        raise InvalidInput(
            unusable(source, f"`{KEY}` must be finite, found {int((~np.isfinite(stack)).sum())} entries not")
        )
    sent = Transmission({block: stack[place, :n, :n] for place, (block, n) in enumerate(antennas.items())})
    if np.count_nonzero(stack) > sum(np.count_nonzero(matrix) for matrix in sent.values()):
        sizes = ", ".join(f"{block} has {size}" for block, size in antennas.items())
        raise InvalidInput(unusable(source, f"`{KEY}` must be zero beyond the antennas of each block ({sizes})"))
    if not LEAST_POWER_W <= sent.power_w <= MOST_POWER_W:
        limits = f"from {LEAST_POWER_W:g} W to {MOST_POWER_W:g} W per subcarrier"
        raise InvalidInput(unusable(source, f"the power of all blocks must be {limits}, found {sent.power_w:.3g} W"))
    is_single = _is_single(values)
    for block, matrix in sent.items():
        _require_covariance(source, block, matrix, len(matrix) * SINGLE_STEP if is_single else ROUNDING_TOLERANCE)
    sound = _without_rounding if is_single else hermitian_part
    return Transmission({block: sound(matrix) for block, matrix in sent.items()})


def _is_single(values: np.ndarray) -> bool:
    """Whether numbers are stored in single precision."""
    return values.dtype.kind in "fc" and float(np.finfo(values.dtype).eps) == SINGLE_STEP


def _without_rounding(matrix: Complex[np.ndarray, "tx tx"]) -> Complex[np.ndarray, "tx tx"]:
    """Nearest positive-semidefinite matrix, scaled to the same power."""
    sound = positive_part(matrix)
    power_w, sound_w = (float(np.trace(each).real) for each in (matrix, sound))
    return sound * (power_w / sound_w) if power_w > 0.0 else sound


def _require_covariance(source: Path, block: str, matrix: np.ndarray, tolerance: float) -> None:
    """Refuse what no station can transmit, beyond a relative tolerance for rounding."""
    if not is_hermitian(matrix, rtol=tolerance):
        raise InvalidInput(unusable(source, f"the covariance of block {block} must be Hermitian, found it is not"))
    if not is_positive_semidefinite(matrix, rtol=tolerance):
        lowest = float(np.linalg.eigvalsh(hermitian_part(matrix))[0])
        raise InvalidInput(
            unusable(
                source, f"the covariance of block {block} must be positive semidefinite, found eigenvalue {lowest:.3g}"
            )
        )


def unusable(source: Path, problem: str) -> str:
    """What messages say of a file that cannot be used."""
    return f"`{source}` is not a usable covariance file: {problem}."
