"""Ray tracing of a built-in scene into recorded paths.

The tracer is Sionna RT (extra `trace`), imported only when a trace runs. It compiles its kernels with libLLVM and ends
the whole process if it does not like the version it finds, so it is first tried in a process of its own.
"""

import functools
import importlib
import importlib.metadata
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Complex, Float

from crbeam.errors import InvalidInput
from crbeam.propagation.path_file import COINCIDENT_M, RecordedPaths, TraceProvenance

OFF_PLANE = "off the plane of transmitter and receiver"
NOT_SPECULAR = "not a single specular bounce"
UNRESOLVABLE = "unresolvable by the transmit array"
END_FIRE = "near the end-fire of the transmit array"

LLVM_VARIABLE = "DRJIT_LIBLLVM_PATH"
OLDEST_LLVM = 17
PROBE_SECONDS = 180
_REMEDY = (
    f"Install LLVM {OLDEST_LLVM} or newer (on Debian or Ubuntu: apt-get install libllvm19), "
    f"or set {LLVM_VARIABLE} to the path of its libLLVM."
)
_LLVM_PLACES = (
    "/usr/lib/*/libLLVM[-.]*",
    "/usr/lib*/libLLVM[-.]*",
    "/usr/lib/llvm*/lib/libLLVM[-.]*",
    "/usr/local/lib/libLLVM[-.]*",
    "/usr/local/opt/llvm*/lib/libLLVM[-.]*",
    "/opt/homebrew/opt/llvm*/lib/libLLVM[-.]*",
)
_PROBE = """
import sionna.rt as rt
scene = rt.load_scene(rt.scene.simple_reflector)
scene.tx_array = scene.rx_array = rt.PlanarArray(num_rows=1, num_cols=1, pattern="iso", polarization="V")
scene.add(rt.Transmitter("t", position=[-1.0, 0.0, 2.0]))
scene.add(rt.Receiver("r", position=[1.0, 0.0, 2.0]))
paths = rt.PathSolver(deterministic=True)(scene, max_depth=1, samples_per_src=1000)
print("traced", paths.valid.numpy().sum())
"""
_OPEN_STREET_MAP_SCENES = ("munich", "etoile", "florence", "san_francisco")


@dataclass(frozen=True)
class ArrayResolution:
    """What a half-wavelength line array at the transmitter can tell apart.

    Attributes:
        axis_rad: azimuth of the line of the array.
        min_cosine_separation: least distance between the cosines of two departures from the axis, on the circle of
            circumference 2 (the cosines 1 and -1 give such an array the same steering vector).
        max_cosine: departures with a larger |cosine| are too close to the line of the array.
    """

    axis_rad: float
    min_cosine_separation: float = 1.5 / 16
    max_cosine: float = 0.95


@dataclass(frozen=True, eq=False)
class _TracedPaths:
    """What the tracer found, unfiltered: vertex NaN for the line of sight, gain without carrier phase."""

    vertex_m: Float[np.ndarray, "path 3"]
    gain: Complex[np.ndarray, " path"]
    n_other: int


def ray_tracer_status() -> tuple[bool, str]:
    """Whether the ray tracer works here, and a sentence that says with what or what to install."""
    works, _, message = _find_tracer()
    return works, message


def ray_trace(
    scene: str,
    *,
    transmitter_m: Sequence[float],
    receiver_m: Sequence[float],
    carrier_frequency_hz: float,
    seed: int = 1,
    height_tolerance_m: float = 0.5,
    resolution: ArrayResolution | None = None,
) -> RecordedPaths:
    """Line of sight and single specular bounces between two points of a built-in scene.

    One isotropic, vertically polarised antenna at each end; at most one bounce; specular reflection only: diffuse
    reflection, refraction and diffraction are off. Bounces more than `height_tolerance_m` above or below the plane of
    the two antennas are dropped (ground and roofs); the small height that is left is ignored: delays and azimuths are
    those of the horizontal projection, computed in double precision from the vertices. With a `resolution`, bounces
    that the transmit array cannot resolve are dropped too, see `resolvable_paths`. The record counts what was dropped.

    Deviation: bounce vertices are taken as fixed point scatterers.

    Args:
        scene: name of a scene that comes with Sionna RT, such as `munich`.
        transmitter_m, receiver_m: x, y, z in the coordinates of the scene, at one height.
        carrier_frequency_hz: within the ranges of the scene's ITU-R P.2040 materials (1 to 40 GHz for brick).
        seed: of the tracer's ray directions; the vertices do not depend on it beyond which walls are found.

    Raises:
        InvalidInput: the tracer does not work here, the scene or frequency is unknown to it, the positions differ in
            height or coincide, there is no path, or the line of sight is blocked.
    """
    transmitter, receiver = _check_ends(transmitter_m, receiver_m)
    if not (np.isfinite(carrier_frequency_hz) and carrier_frequency_hz > 0 and height_tolerance_m >= 0 and seed >= 0):
        raise InvalidInput(
            "The carrier frequency must be positive, the height tolerance and the seed not negative, "
            f"found {carrier_frequency_hz} Hz, {height_tolerance_m} m, {seed}."
        )
    works, llvm, message = _find_tracer()
    if not works:
        raise InvalidInput(message)
    if llvm and "drjit" not in sys.modules:
        os.environ[LLVM_VARIABLE] = llvm
    traced = _trace(scene, transmitter, receiver, carrier_frequency_hz, seed)
    source, licence = _origin(scene)
    provenance = TraceProvenance(
        scene=scene,
        source=source,
        licence=licence,
        command=_command(scene, transmitter, receiver, carrier_frequency_hz, seed, height_tolerance_m, resolution),
        software=_software(llvm),
    )
    paths = _record(traced, transmitter, receiver, carrier_frequency_hz, height_tolerance_m, provenance)
    return paths if resolution is None else resolvable_paths(paths, resolution)


def resolvable_paths(paths: RecordedPaths, resolution: ArrayResolution) -> RecordedPaths:
    """The paths whose departures a line array at the transmitter can tell apart, the strongest first choice.

    Starting from the line of sight, which is always kept, bounces are taken by decreasing amplitude; one whose
    departure cosine is closer than `min_cosine_separation` to that of a kept path, or beyond `max_cosine`, is dropped
    and counted.

    Raises:
        InvalidInput: the line of sight itself lies beyond `max_cosine`.
    """
    cosines = np.cos(paths.departure_rad - resolution.axis_rad)
    if abs(cosines[0]) > resolution.max_cosine:
        raise InvalidInput(
            "The line of sight must lie off the line of the transmit array "
            f"(|cosine| at most {resolution.max_cosine}), but its cosine is {cosines[0]:.3f}. Turn the array."
        )
    kept, dropped = [0], {UNRESOLVABLE: 0, END_FIRE: 0}
    for path in 1 + np.argsort(-np.abs(paths.gain[1:]), kind="stable"):
        apart = np.abs(cosines[path] - cosines[kept])
        if abs(cosines[path]) > resolution.max_cosine:
            dropped[END_FIRE] += 1
        elif np.minimum(apart, 2 - apart).min() < resolution.min_cosine_separation:
            dropped[UNRESOLVABLE] += 1
        else:
            kept.append(int(path))
    return RecordedPaths.from_vertices(
        paths.transmitter_m,
        paths.receiver_m,
        paths.vertex_m[sorted(kept)],
        gain=paths.gain[sorted(kept)],
        carrier_frequency_hz=paths.carrier_frequency_hz,
        provenance=replace(paths.provenance, dropped={**paths.provenance.dropped, **dropped}),
    )


def _check_ends(
    transmitter_m: Sequence[float], receiver_m: Sequence[float]
) -> tuple[Float[np.ndarray, "3"], Float[np.ndarray, "3"]]:
    transmitter, receiver = np.asarray(transmitter_m, dtype=np.float64), np.asarray(receiver_m, dtype=np.float64)
    for name, point in (("transmitter", transmitter), ("receiver", receiver)):
        if point.shape != (3,) or not np.isfinite(point).all():
            raise InvalidInput(f"The {name} must be x, y, z in metres, all finite, found {point.tolist()}.")
    if abs(transmitter[2] - receiver[2]) > COINCIDENT_M:
        raise InvalidInput(
            f"Transmitter and receiver must have one height, found {transmitter[2]} m and {receiver[2]} m. "
            "Give both the same z: the systems are two-dimensional."
        )
    if np.hypot(*(transmitter - receiver)[:2]) < COINCIDENT_M:
        raise InvalidInput(f"Transmitter and receiver must be apart, but both are at {transmitter.tolist()}. Move one.")
    return transmitter, receiver


def _record(
    traced: _TracedPaths,
    transmitter_m: Float[np.ndarray, "3"],
    receiver_m: Float[np.ndarray, "3"],
    carrier_frequency_hz: float,
    height_tolerance_m: float,
    provenance: TraceProvenance,
) -> RecordedPaths:
    where = f"between {transmitter_m.tolist()} and {receiver_m.tolist()} m"
    direct = np.isnan(traced.vertex_m[:, 0])
    if len(direct) + traced.n_other == 0:
        raise InvalidInput(f"There must be a path {where}, but the tracer found none. Choose positions in the open.")
    if not direct.any():
        raise InvalidInput(
            f"The line of sight {where} must be free, but it is blocked ({len(direct)} bounces found). Move one end."
        )
    in_plane = direct | (np.abs(traced.vertex_m[:, 2] - transmitter_m[2]) <= height_tolerance_m)
    return RecordedPaths.from_vertices(
        transmitter_m,
        receiver_m,
        traced.vertex_m[in_plane],
        gain=traced.gain[in_plane],
        carrier_frequency_hz=carrier_frequency_hz,
        provenance=replace(provenance, dropped={OFF_PLANE: int((~in_plane).sum()), NOT_SPECULAR: traced.n_other}),
    )


def _trace(
    name: str,
    transmitter_m: Float[np.ndarray, "3"],
    receiver_m: Float[np.ndarray, "3"],
    carrier_frequency_hz: float,
    seed: int,
) -> _TracedPaths:
    rt: Any = importlib.import_module("sionna.rt")
    scene = _load_scene(rt, name)
    try:
        scene.frequency = carrier_frequency_hz
    except ValueError as error:
        raise InvalidInput(
            f"The carrier frequency must suit the materials of the scene {name!r}, but "
            f"{carrier_frequency_hz / 1e9:g} GHz does not ({error}). Most of them are defined from 1 to 40 GHz."
        ) from error
    scene.tx_array = rt.PlanarArray(num_rows=1, num_cols=1, pattern="iso", polarization="V")
    scene.rx_array = scene.tx_array
    scene.add(rt.Transmitter("transmitter", position=transmitter_m.tolist()))
    scene.add(rt.Receiver("receiver", position=receiver_m.tolist()))
    paths = rt.PathSolver(deterministic=True)(
        scene,
        max_depth=1,
        los=True,
        specular_reflection=True,
        diffuse_reflection=False,
        refraction=False,
        diffraction=False,
        seed=seed,
    )
    return _traced_paths(paths, rt.InteractionType)


def _traced_paths(paths: Any, kinds: Any) -> _TracedPaths:
    valid = paths.valid.numpy().ravel()
    kind = paths.interactions.numpy().reshape(-1, valid.size)[0] if valid.size else np.zeros(0, dtype=int)
    vertex_m = paths.vertices.numpy().reshape(-1, valid.size, 3)[0] if valid.size else np.zeros((0, 3))
    gain = (paths.a[0].numpy() + 1j * paths.a[1].numpy()).ravel()
    direct, bounce = kind == kinds.NONE, kind == kinds.SPECULAR
    wanted = valid & (direct | bounce)
    vertex_m = np.where(direct[:, None], np.nan, vertex_m).astype(np.float64)
    return _TracedPaths(vertex_m[wanted], gain[wanted].astype(np.complex128), int((valid & ~wanted).sum()))


def _load_scene(rt: Any, name: str) -> Any:
    scenes = {key: value for key, value in vars(rt.scene).items() if isinstance(value, str) and value.endswith(".xml")}
    if name not in scenes:
        raise InvalidInput(f"The scene must be one of {', '.join(sorted(scenes))}, found {name!r}.")
    return rt.load_scene(scenes[name])


def _origin(scene: str) -> tuple[str, str]:
    if scene in _OPEN_STREET_MAP_SCENES:
        source = (
            f"scene {scene} of Sionna RT, created with data downloaded from OpenStreetMap (OpenStreetMap contributors)"
        )
        return source, "Open Data Commons Open Database License (ODbL), https://openstreetmap.org/copyright"
    return f"example scene {scene} of Sionna RT", "Apache-2.0"


def _software(llvm: str | None) -> str:
    packages = ("crbeam", "sionna-rt", "mitsuba", "drjit")
    versions = [f"{name} {importlib.metadata.version(name)}" for name in packages]
    return ", ".join([*versions, *([Path(llvm).resolve().name] if llvm else [])])


def _command(
    scene: str,
    transmitter_m: Float[np.ndarray, "3"],
    receiver_m: Float[np.ndarray, "3"],
    carrier_frequency_hz: float,
    seed: int,
    height_tolerance_m: float,
    resolution: ArrayResolution | None,
) -> str:
    """The command line that traces this again, without its `--out`."""
    ends = (",".join(f"{coordinate:.12g}" for coordinate in point) for point in (transmitter_m, receiver_m))
    words = [
        f"crbeam trace {scene}",
        *(f"--{end} {point}" for end, point in zip(("transmitter", "receiver"), ends, strict=True)),
    ]
    words += [f"--frequency {carrier_frequency_hz / 1e9:.12g}GHz", f"--seed {seed}"]
    words += [f"--height-tolerance {height_tolerance_m:.12g}"]
    if resolution is not None:
        words += [f"--array-axis {np.rad2deg(resolution.axis_rad):.12g}deg"]
        words += [f"--min-separation {resolution.min_cosine_separation:.12g} --max-cosine {resolution.max_cosine:.12g}"]
    return " ".join(words)


def _find_tracer() -> tuple[bool, str | None, str]:
    """Whether a trace works, the libLLVM to use (None: the tracer's own choice), and a sentence for the user."""
    try:
        version = importlib.metadata.version("sionna-rt")
    except importlib.metadata.PackageNotFoundError:
        return False, None, f"The ray tracer must be installed, but it is not: pip install 'crbeam[trace]'. {_REMEDY}"
    failures = []
    for llvm in _llvm_candidates():
        failure = _probe(llvm)
        if failure is None:
            return True, llvm, f"sionna-rt {version} works with {llvm or 'the LLVM it found itself'}."
        failures.append(f"{llvm or 'the LLVM it finds itself'}: {failure}")
    return False, None, f"sionna-rt {version} must be able to trace, but it fails ({'; '.join(failures)}). {_REMEDY}"


def _llvm_candidates() -> tuple[str | None, ...]:
    """Libraries to try: the user's own choice only, or the newest three installed and then the tracer's default."""
    chosen = os.environ.get(LLVM_VARIABLE)
    if chosen:
        return (chosen,)
    places = (*_LLVM_PLACES, f"{sys.prefix}/lib/libLLVM[-.]*")
    found = {path.resolve() for place in places for path in Path("/").glob(place.lstrip("/"))}
    versions = {str(path): int(number[0]) for path in found if (number := re.findall(r"\d+", path.name))}
    usable = [path for path, version in versions.items() if version >= OLDEST_LLVM]
    return (*sorted(usable, key=lambda path: (-versions[path], path))[:3], None)


@functools.cache
def _probe(llvm: str | None) -> str | None:
    """Trace a tiny scene in a process of its own: None if it works, else what went wrong."""
    environment = os.environ | ({LLVM_VARIABLE: llvm} if llvm else {})
    command = [sys.executable, "-c", _PROBE]
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=PROBE_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if done.returncode == 0 and done.stdout.startswith("traced"):
        return None
    said = [line for line in done.stderr.splitlines() if line.strip()] or ["it said nothing"]
    return f"exit status {done.returncode}, {said[-1].strip()[:200]}"
