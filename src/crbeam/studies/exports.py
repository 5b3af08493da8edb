"""Results as files: NetCDF, CSV, MATLAB."""

import csv
import io
import os
import re
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from crbeam.errors import InvalidInput
from crbeam.files import write_atomically
from crbeam.studies.results import StoredStudy, read_results
from crbeam.studies.store import metric_column, reading

Format = Literal["nc", "csv", "mat"]
FORMATS: tuple[str, ...] = get_args(Format)
_ROWS = 5_000
_MATLAB_NAME = 63


def export_results(
    store: str | os.PathLike[str], file: str | os.PathLike[str], file_format: str, *, host_fields: bool = False
) -> Path:
    """Path of a file with the results of a study, written whole or not at all.

    `nc` is NetCDF, the dataset of `read_results`; `mat` has the same variables and axes for MATLAB, with `_` in place
    of what MATLAB does not allow in names; `csv` has a line for each stored case, with its identity and the reason if
    it failed.

    Args:
        store: the study's file.
        file: where to write.
        file_format: `nc`, `csv` or `mat`.
        host_fields: also write the wall-clock time of each design, and in `csv` the host.

    Raises:
        StoreFault: there is no store at that place, or it is damaged.
        InvalidInput: the format is none of these, or the file cannot be written.
    """
    writers = {"nc": _write_netcdf, "csv": _write_csv, "mat": _write_mat}
    if file_format not in writers:
        raise InvalidInput(f"The format must be one of {', '.join(writers)}, found `{file_format}`.")
    return write_atomically(file, lambda temporary: writers[file_format](Path(store), temporary, host_fields))


def _write_netcdf(store: Path, file: Path, host_fields: bool) -> None:
    dataset = read_results(store, host_fields=host_fields)
    floats = [name for name, variable in dataset.data_vars.items() if variable.dtype.kind == "f"]
    encoding = {name: {"zlib": True, "complevel": 1, "shuffle": True} for name in floats}
    dataset.to_netcdf(file, engine="h5netcdf", encoding=encoding)


def _write_csv(store: Path, file: Path, host_fields: bool) -> None:
    with reading(store) as connection, file.open("w", newline="", encoding="utf-8") as stream:
        study = StoredStudy.of(connection)
        fixed = ["identity", "status", "error", "reason", *(["seconds", "host"] if host_fields else [])]
        columns = [metric_column(index) for index in range(len(study.columns))]
        writer = csv.writer(stream)
        writer.writerow(["number", *study.dimensions, *fixed, *study.columns])
        axes = [study.axis_values(name)[0] for name in study.dimensions]
        query = f"SELECT number, {', '.join([*fixed, *columns])} FROM cases ORDER BY number"
        cursor = connection.execute(query)
        while rows := cursor.fetchmany(_ROWS):
            places = study.grid.indices(np.array([row[0] for row in rows], dtype=np.int64))
            labels = [[axis[index] for index in places[k].tolist()] for k, axis in enumerate(axes)]
            writer.writerows(
                [row[0], *label, *row[1:]] for row, label in zip(rows, zip(*labels, strict=True), strict=True)
            )


def _write_mat(store: Path, file: Path, host_fields: bool) -> None:
    """A MATLAB file; its header text, where a date would stand, is fixed."""
    from scipy.io import savemat

    dataset = read_results(store, host_fields=host_fields)
    contents: dict[str, object] = {}
    for name, variable in dataset.variables.items():
        values = variable.values
        contents[_matlab_name(str(name))] = values.astype(object) if values.dtype.kind in "OUT" else values
    contents["status_meanings"] = np.array(dataset["status"].attrs["flag_meanings"].split(), dtype=object)
    contents["error_meanings"] = np.array(dataset["error"].attrs["flag_meanings"].split(), dtype=object)
    contents["dimensions"] = np.array([str(name) for name in dataset["status"].dims], dtype=object)
    buffer = io.BytesIO()
    savemat(buffer, contents, do_compression=True, oned_as="column", long_field_names=True)
    header = b"MATLAB 5.0 MAT-file, results of a study: one array for each metric, over `dimensions`"
    file.write_bytes(header.ljust(116) + buffer.getvalue()[116:])


def _matlab_name(name: str) -> str:
    return re.sub(r"\W", "_", name)[:_MATLAB_NAME]
