"""Recorded propagation paths of a real site, kept in a NetCDF file.

A path file holds the line of sight and the single bounces between one transmitter and one receiver at the same height.
Its variables (dimensions `path` and `axis` = x, y, z; float64; each with `units` and `long_name`) are

    transmitter_m, receiver_m [axis]    positions in the coordinates of the scene
    vertex_m [path, axis]               where the ray bounces, as traced; NaN in the first row, the line of sight
    gain_real, gain_imag [path]         see `RecordedPaths.gain`: without the carrier phase
    delay_s [path]                      horizontal length of the path over the speed of light
    departure_rad [path]                azimuth in which the ray leaves the transmitter
    arrival_rad [path]                  azimuth from the receiver towards the source of the ray
    carrier_frequency_hz                scalar

Global attributes: `format`, `format_version`, `title`, the sentences `deviation`, `plane`, `gain_convention`, and the
provenance `scene`, `source`, `licence`, `command`, `software`, `dropped_paths` (JSON object: reason -> count).

Deviation: bounce vertices are taken as fixed point scatterers. A specular bounce moves along its wall when an end of
the path moves; the papers' targets stand still, and so do the recorded ones.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Complex, Float

from crbeam.errors import InvalidInput
from crbeam.files import write_atomically
from crbeam.scenario import SPEED_OF_LIGHT_MPS

if TYPE_CHECKING:
    import xarray

FORMAT = "crbeam-paths"
FORMAT_VERSION = 1
MAX_FILE_BYTES = 4 * 2**20
COINCIDENT_M = 1e-3
RELATIVE_TOLERANCE = 1e-12

DEVIATION = (
    "Deviation: bounce vertices are taken as fixed point scatterers. A specular bounce moves along its wall when the "
    "transmitter or the receiver moves; here it stays where it was traced, and echoes are round trips to that point."
)
PLANE = (
    "Transmitter and receiver have one height. Vertices keep their traced height, which differs from it by at most the "
    "tolerance of the trace; delays and azimuths are those of the projection on the horizontal plane."
)
GAIN_CONVENTION = (
    "gain is the amplitude between isotropic, vertically polarised antennas with free-space loss and reflection, "
    "without the carrier phase: the channel at frequency f is the sum over paths of gain * exp(-j 2 pi f delay_s)."
)

_VARIABLES: dict[str, tuple[tuple[str, ...], str, str]] = {
    "transmitter_m": (("axis",), "m", "position of the transmitter in the coordinates of the scene"),
    "receiver_m": (("axis",), "m", "position of the receiver in the coordinates of the scene"),
    "vertex_m": (("path", "axis"), "m", "point where the ray bounces; NaN for the line of sight, the first path"),
    "gain_real": (("path",), "1", "real part of the path's amplitude without the carrier phase"),
    "gain_imag": (("path",), "1", "imaginary part of the path's amplitude without the carrier phase"),
    "delay_s": (("path",), "s", "horizontal length of the path over the speed of light"),
    "departure_rad": (("path",), "rad", "azimuth, counter-clockwise from +x, in which the ray leaves the transmitter"),
    "arrival_rad": (("path",), "rad", "azimuth, counter-clockwise from +x, from the receiver towards the ray's source"),
    "carrier_frequency_hz": ((), "Hz", "carrier frequency of the trace"),
}


@dataclass(frozen=True)
class TraceProvenance:
    """Where recorded paths come from.

    Attributes:
        scene: name of the traced scene.
        source: whose data the scene was made of, and with what.
        licence: licence of that data.
        command: command line that makes the record again.
        software: names and versions of the ray tracer and what it stands on.
        dropped: how many traced paths are not in the record, by reason.
    """

    scene: str
    source: str
    licence: str
    command: str
    software: str
    dropped: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class RecordedPaths:
    """Line of sight and single bounces between a transmitter and a receiver at one height.

    The line of sight is the first path, bounces follow by increasing delay. Every instance is checked: lengths, finite
    numbers, order, one height, no coincident points, and delays and azimuths equal to `path_geometry` of the positions
    (`RecordedPaths.from_vertices` computes them). Arrays are read-only.

    Deviation: bounce vertices are taken as fixed point scatterers (see the module).

    Attributes:
        transmitter_m, receiver_m: positions in the coordinates of the scene.
        vertex_m: where each path bounces, NaN for the line of sight.
        gain: amplitude between isotropic, vertically polarised antennas, free-space loss and reflection coefficient
            included, carrier phase **not** included; `channel_gain` includes it.
        delay_s: horizontal path length over the speed of light, 299 792 458 m/s.
        departure_rad: global azimuth in which the ray leaves the transmitter.
        arrival_rad: global azimuth of the direction from the receiver towards the source of the ray.
        carrier_frequency_hz: carrier of the trace.
        provenance: scene, source, licence, command, software, dropped paths.

    Raises:
        InvalidInput: an array has the wrong shape or content; the message names it.
    """

    transmitter_m: Float[np.ndarray, "3"]
    receiver_m: Float[np.ndarray, "3"]
    vertex_m: Float[np.ndarray, "path 3"]
    gain: Complex[np.ndarray, " path"]
    delay_s: Float[np.ndarray, " path"]
    departure_rad: Float[np.ndarray, " path"]
    arrival_rad: Float[np.ndarray, " path"]
    carrier_frequency_hz: float
    provenance: TraceProvenance

    def __post_init__(self) -> None:
        for name in ("transmitter_m", "receiver_m", "vertex_m", "gain", "delay_s", "departure_rad", "arrival_rad"):
            array = np.array(getattr(self, name), dtype=np.complex128 if name == "gain" else np.float64)
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        object.__setattr__(self, "carrier_frequency_hz", float(self.carrier_frequency_hz))
        _check_shapes(self)
        _check_values(self)
        _check_positions(self)
        _check_geometry(self)

    @classmethod
    def from_vertices(
        cls,
        transmitter_m: Float[np.ndarray, "3"],
        receiver_m: Float[np.ndarray, "3"],
        vertex_m: Float[np.ndarray, "path 3"],
        *,
        gain: Complex[np.ndarray, " path"],
        carrier_frequency_hz: float,
        provenance: TraceProvenance,
    ) -> "RecordedPaths":
        """Paths with delays and azimuths computed from the vertices and sorted: line of sight, then by delay."""
        delay_s, departure_rad, arrival_rad = path_geometry(transmitter_m, receiver_m, vertex_m)
        bounces = ~np.isnan(vertex_m).all(axis=1)
        order = np.lexsort((delay_s, bounces))
        return cls(
            transmitter_m=transmitter_m,
            receiver_m=receiver_m,
            vertex_m=vertex_m[order],
            gain=gain[order],
            delay_s=delay_s[order],
            departure_rad=departure_rad[order],
            arrival_rad=arrival_rad[order],
            carrier_frequency_hz=carrier_frequency_hz,
            provenance=provenance,
        )

    @property
    def n_bounces(self) -> int:
        """Number of paths with a bounce: all but the line of sight."""
        return len(self.gain) - 1

    @property
    def scatterer_m(self) -> Float[np.ndarray, "target 2"]:
        """Horizontal positions of the bounces, in the order of the paths."""
        return self.vertex_m[1:, :2]

    @property
    def channel_gain(self) -> Complex[np.ndarray, " path"]:
        """Amplitude of each path with its carrier phase: gain * exp(-j 2 pi f_c delay)."""
        return self.gain * np.exp(-2j * np.pi * self.carrier_frequency_hz * self.delay_s)


def path_geometry(
    transmitter_m: Float[np.ndarray, "axis"],
    receiver_m: Float[np.ndarray, "axis"],
    vertex_m: Float[np.ndarray, "path axis"],
) -> tuple[Float[np.ndarray, " path"], Float[np.ndarray, " path"], Float[np.ndarray, " path"]]:
    """Delay, azimuth of departure and azimuth of arrival of each path, in the horizontal plane.

    With t, r, v the horizontal parts of transmitter, receiver and vertex: delay = (|v - t| + |r - v|) / c, departure =
    azimuth of v - t, arrival = azimuth of v - r (it points to the source of the ray). A row of NaN is the line of
    sight: delay = |r - t| / c, departure = azimuth of r - t, arrival = azimuth of t - r. Azimuths are atan2(y, x).
    """
    transmitter, receiver = (np.asarray(point, dtype=np.float64)[:2] for point in (transmitter_m, receiver_m))
    vertices = np.asarray(vertex_m, dtype=np.float64)[:, :2]
    direct = np.isnan(vertices[:, 0]) & np.isnan(vertices[:, 1])
    outward = np.where(direct[:, None], receiver, vertices) - transmitter
    inward = np.where(direct[:, None], transmitter, vertices) - receiver
    length_m = np.hypot(*outward.T) + np.where(direct, 0.0, np.hypot(*inward.T))
    return length_m / SPEED_OF_LIGHT_MPS, np.arctan2(*outward.T[::-1]), np.arctan2(*inward.T[::-1])


def write_path_file(path: str | os.PathLike[str], paths: RecordedPaths) -> None:
    """Write recorded paths to a NetCDF file (fields: see the module), whole or not at all.

    Raises:
        InvalidInput: the file cannot be written there.
    """
    dataset = _to_dataset(paths)
    encoding = {name: {"dtype": "<f8", "_FillValue": None} for name in dataset.data_vars}
    write_atomically(path, lambda temporary: dataset.to_netcdf(temporary, engine="h5netcdf", encoding=encoding))


def read_path_file(path: str | os.PathLike[str]) -> RecordedPaths:
    """Recorded paths of a NetCDF file written by `write_path_file`, checked.

    Raises:
        InvalidInput: the file is missing, broken, of another kind, or inconsistent: its delays and azimuths must equal
            those recomputed from its vertices to 1e-12.
    """
    source = Path(path)
    dataset = _load(source)
    if dataset.attrs.get("format") != FORMAT:
        raise InvalidInput(
            _wrong(source, f"its attribute `format` must be {FORMAT!r}, found {dataset.attrs.get('format')!r}")
        )
    if dataset.attrs.get("format_version") != FORMAT_VERSION:
        found = dataset.attrs.get("format_version")
        raise InvalidInput(_wrong(source, f"its `format_version` must be {FORMAT_VERSION}, found {found!r}"))
    for name, (dims, units, _) in _VARIABLES.items():
        _check_variable(source, dataset, name, dims, units)
    try:
        return _from_dataset(dataset)
    except InvalidInput as error:
        raise InvalidInput(_wrong(source, str(error))) from error


def _to_dataset(paths: RecordedPaths) -> "xarray.Dataset":
    import xarray as xr

    values: dict[str, Any] = {"gain_real": np.real(paths.gain), "gain_imag": np.imag(paths.gain)}
    variables = {
        name: (dims, values.get(name, getattr(paths, name, None)), {"units": units, "long_name": meaning})
        for name, (dims, units, meaning) in _VARIABLES.items()
    }
    record = paths.provenance
    attributes = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "title": f"Propagation paths of the scene {record.scene}: line of sight and single bounces",
        "deviation": DEVIATION,
        "plane": PLANE,
        "gain_convention": GAIN_CONVENTION,
        "scene": record.scene,
        "source": record.source,
        "licence": record.licence,
        "command": record.command,
        "software": record.software,
        "dropped_paths": json.dumps(dict(record.dropped), sort_keys=True),
    }
    return xr.Dataset(variables, coords={"axis": ("axis", ["x", "y", "z"])}, attrs=attributes)


def _from_dataset(dataset: "xarray.Dataset") -> RecordedPaths:
    values = {name: dataset[name].to_numpy() for name in _VARIABLES}
    gain = values.pop("gain_real") + 1j * values.pop("gain_imag")
    carrier_frequency_hz = float(values.pop("carrier_frequency_hz"))
    words = {name: str(dataset.attrs.get(name, "")) for name in ("scene", "source", "licence", "command", "software")}
    missing = [name for name, text in words.items() if not text]
    if missing:
        raise InvalidInput(f"the attributes {', '.join(missing)} must be texts, but they are empty or missing")
    return RecordedPaths(
        **values,
        gain=gain,
        carrier_frequency_hz=carrier_frequency_hz,
        provenance=TraceProvenance(**words, dropped=_read_dropped(dataset.attrs.get("dropped_paths"))),
    )


def _read_dropped(text: object) -> dict[str, int]:
    try:
        dropped = json.loads(str(text))
    except ValueError:
        dropped = None
    if not isinstance(dropped, dict) or not all(isinstance(n, int) and n >= 0 for n in dropped.values()):
        raise InvalidInput(f"the attribute dropped_paths must be a JSON object of counts, found {text!r}")
    return dropped


def _load(source: Path) -> "xarray.Dataset":
    import xarray as xr

    if not source.is_file():
        raise InvalidInput(f"A path file must exist, but {str(source)!r} is no file. Make one with `crbeam trace`.")
    if source.stat().st_size > MAX_FILE_BYTES:
        raise InvalidInput(
            _wrong(source, f"it must have at most {MAX_FILE_BYTES} bytes, found {source.stat().st_size}")
        )
    try:
        return xr.load_dataset(source, engine="h5netcdf", decode_times=False)
    except Exception as error:  # the NetCDF stack raises many kinds for a broken file
        raise InvalidInput(_wrong(source, f"it must be a NetCDF file that can be read, found: {error}")) from error


def _check_variable(source: Path, dataset: "xarray.Dataset", name: str, dims: tuple[str, ...], units: str) -> None:
    if name not in dataset.data_vars:
        raise InvalidInput(
            _wrong(source, f"it must hold the variable `{name}`, found only {', '.join(map(str, dataset))}")
        )
    variable = dataset[name]
    if variable.dims != dims or variable.dtype != np.float64 or variable.attrs.get("units") != units:
        found = f"dimensions {variable.dims}, type {variable.dtype}, units {variable.attrs.get('units')!r}"
        raise InvalidInput(
            _wrong(source, f"`{name}` must be float64 with dimensions {dims} in {units!r}, found {found}")
        )


def _wrong(source: Path, problem: str) -> str:
    return f"{str(source)!r} is not a usable path file: {problem}. Make it again with `crbeam trace`."


def _check_shapes(paths: RecordedPaths) -> None:
    n_paths = paths.gain.size
    wanted = {"transmitter_m": (3,), "receiver_m": (3,), "vertex_m": (n_paths, 3)}
    wanted |= dict.fromkeys(("gain", "delay_s", "departure_rad", "arrival_rad"), (n_paths,))
    for name, shape in wanted.items():
        found = getattr(paths, name).shape
        if found != shape or n_paths == 0:
            raise InvalidInput(f"`{name}` must have shape {shape} with at least one path, found {found}")


def _check_values(paths: RecordedPaths) -> None:
    for name in ("transmitter_m", "receiver_m", "gain", "delay_s", "departure_rad", "arrival_rad"):
        if not np.isfinite(getattr(paths, name)).all():
            raise InvalidInput(f"`{name}` must be finite everywhere, found {getattr(paths, name).tolist()}")
    if not (np.isnan(paths.vertex_m[0]).all() and np.isfinite(paths.vertex_m[1:]).all()):
        raise InvalidInput(
            "`vertex_m` must be NaN in its first row, the line of sight, and finite in all others, "
            f"found {paths.vertex_m.tolist()}"
        )
    if not (np.isfinite(paths.carrier_frequency_hz) and paths.carrier_frequency_hz > 0):
        raise InvalidInput(f"`carrier_frequency_hz` must be positive, found {paths.carrier_frequency_hz}")
    if (paths.gain == 0).any():
        raise InvalidInput(f"`gain` must not be zero on any path, found {paths.gain.tolist()}")


def _check_positions(paths: RecordedPaths) -> None:
    heights_m = paths.transmitter_m[2], paths.receiver_m[2]
    if abs(heights_m[0] - heights_m[1]) > COINCIDENT_M:
        raise InvalidInput(
            f"transmitter and receiver must have one height, found {heights_m[0]} m and {heights_m[1]} m"
        )
    points = np.vstack([paths.transmitter_m, paths.receiver_m, paths.vertex_m[1:]])[:, :2]
    apart_m = np.hypot(*(points[:, None] - points).T) + np.diag(np.full(len(points), np.inf))
    if apart_m.min() < COINCIDENT_M:
        first, second = sorted(divmod(int(apart_m.argmin()), len(points)))
        names = ["the transmitter", "the receiver", *(f"the bounce of path {i}" for i in range(1, len(paths.gain)))]
        raise InvalidInput(
            f"points must be {COINCIDENT_M} m apart or more in plan, but {names[first]} and {names[second]} coincide"
        )


def _check_geometry(paths: RecordedPaths) -> None:
    delay_s, departure_rad, arrival_rad = path_geometry(paths.transmitter_m, paths.receiver_m, paths.vertex_m)
    departure_off, arrival_off = (
        np.abs(np.angle(np.exp(1j * (given - made))))
        for given, made in ((paths.departure_rad, departure_rad), (paths.arrival_rad, arrival_rad))
    )
    misfits = {
        "delay_s": np.abs(paths.delay_s - delay_s) / delay_s.max(),
        "departure_rad": departure_off,
        "arrival_rad": arrival_off,
    }
    for name, misfit in misfits.items():
        if misfit.max() > RELATIVE_TOLERANCE:
            raise InvalidInput(
                f"`{name}` must follow from the positions to {RELATIVE_TOLERANCE}, "
                f"but path {int(misfit.argmax())} is off by {misfit.max():.3g}"
            )
    if (np.diff(paths.delay_s[1:]) < 0).any():
        raise InvalidInput(f"bounces must come by increasing delay, found {paths.delay_s.tolist()}")
