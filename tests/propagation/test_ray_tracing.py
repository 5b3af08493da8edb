"""Ray tracing: what is kept, what the user is told, and the shipped site traced again where the tracer works."""

import importlib.metadata
import os
from pathlib import Path

import numpy as np
import pytest

from crbeam.errors import InvalidInput
from crbeam.propagation import ray_tracing
from crbeam.propagation.path_file import RecordedPaths, TraceProvenance, read_path_file
from crbeam.propagation.ray_tracing import (
    END_FIRE,
    NOT_SPECULAR,
    OFF_PLANE,
    UNRESOLVABLE,
    ArrayResolution,
    ray_trace,
    ray_tracer_status,
    resolvable_paths,
)

SHIPPED = Path(__file__).parents[2] / "examples" / "munich" / "munich.nc"
ENDS = {"transmitter_m": (62.0, 35.0, 4.0), "receiver_m": (3.0, 77.0, 4.0)}
PROVENANCE = TraceProvenance("yard", "drawn by hand", "none", "crbeam trace yard", "pencil")
FROM, TO = np.array([0.0, 0.0, 4.0]), np.array([0.0, 40.0, 4.0])
DIRECT = [np.nan, np.nan, np.nan]


def at(cosine: float, distance_m: float = 30.0, height_m: float = 4.0) -> list[float]:
    """A point seen from the transmitter under this cosine from the x axis, on the north side."""
    return [distance_m * cosine, distance_m * np.sqrt(1 - cosine**2), height_m]


def record(
    vertices: list[list[float]], gains: list[float], n_other: int = 0, tolerance_m: float = 0.5
) -> RecordedPaths:
    traced = ray_tracing._TracedPaths(np.array(vertices).reshape(-1, 3), np.array(gains, dtype=complex), n_other)
    return ray_tracing._record(traced, FROM, TO, 28e9, tolerance_m, PROVENANCE)


@pytest.fixture
def without_tracer(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(ray_tracing.importlib.metadata, "version", missing)


def test_bounces_off_the_plane_are_dropped_and_counted() -> None:
    vertices = [at(0.5, height_m=4.5), DIRECT, at(-0.5, height_m=0.0), at(0.3, height_m=4.51)]
    paths = record(vertices, [1e-6, 1e-5, 2e-6, 3e-6], n_other=2)
    np.testing.assert_array_equal(paths.vertex_m, [DIRECT, at(0.5, height_m=4.5)])
    assert paths.provenance.dropped == {OFF_PLANE: 2, NOT_SPECULAR: 2}
    assert record(vertices, [1e-6, 1e-5, 2e-6, 3e-6], tolerance_m=5.0).n_bounces == 3


def test_kept_height_does_not_enter_delay_and_azimuth() -> None:
    level, raised = (record([DIRECT, at(0.5, height_m=z)], [1e-5, 1e-6]) for z in (4.0, 4.4))
    np.testing.assert_array_equal(level.delay_s, raised.delay_s)
    np.testing.assert_array_equal(level.departure_rad, raised.departure_rad)


@pytest.mark.parametrize(
    ("vertices", "message"), [([], "tracer found none"), ([at(0.5)], "is blocked .1 bounces found")]
)
def test_no_path_and_blocked_line_of_sight(vertices: list, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        record(vertices, [1e-6] * len(vertices))


def test_strongest_resolvable_paths_are_kept() -> None:
    cosines = [0.30, 0.36, -0.6, 0.05, 0.97]
    paths = record([DIRECT, *(at(c, 20 + i) for i, c in enumerate(cosines))], [9e-5, 2e-6, 3e-6, 1e-6, 4e-6, 5e-6])
    kept = resolvable_paths(paths, ArrayResolution(axis_rad=0.0))
    np.testing.assert_allclose(np.sort(np.cos(kept.departure_rad)), [-0.6, 0.0, 0.36], atol=1e-12)
    assert kept.provenance.dropped == {OFF_PLANE: 0, NOT_SPECULAR: 0, UNRESOLVABLE: 2, END_FIRE: 1}
    fine = resolvable_paths(paths, ArrayResolution(axis_rad=0.0, min_cosine_separation=0.04, max_cosine=1.0))
    assert fine.n_bounces == 5
    assert resolvable_paths(kept, ArrayResolution(axis_rad=0.0)).n_bounces == kept.n_bounces


def test_cosines_wrap_and_the_array_has_a_mirror_image() -> None:
    south = [at(-0.6)[0], -at(-0.6)[1], 4.0]
    paths = record([DIRECT, at(0.96, 50), at(-0.97, 20), at(-0.6), south], [9e-5, 5e-6, 4e-6, 3e-6, 2e-6])
    kept = resolvable_paths(paths, ArrayResolution(axis_rad=0.0, max_cosine=1.0))
    np.testing.assert_allclose(np.sort(np.cos(kept.departure_rad)), [-0.6, 0.0, 0.96], atol=1e-12)
    assert (np.sin(kept.departure_rad) > 0).all()


def test_user_at_the_end_of_the_array_is_refused() -> None:
    with pytest.raises(InvalidInput, match="Turn the array"):
        resolvable_paths(record([DIRECT, at(0.5)], [1e-5, 1e-6]), ArrayResolution(axis_rad=np.pi / 2))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"receiver_m": (3.0, 77.0, 1.5)}, "one height, found 4.0 m and 1.5 m"),
        ({"receiver_m": (62.0, 35.0, 4.0)}, "apart, but both are at"),
        ({"receiver_m": (3.0, 77.0)}, "receiver must be x, y, z"),
        ({"transmitter_m": (np.nan, 35.0, 4.0)}, "transmitter must be x, y, z"),
        ({"carrier_frequency_hz": 0.0}, "carrier frequency must be positive"),
        ({"seed": -1}, "seed not negative"),
    ],
)
def test_wrong_arguments_need_no_tracer(without_tracer: None, changes: dict, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        ray_trace("munich", **({"carrier_frequency_hz": 28e9} | ENDS | changes))


def test_absent_tracer_says_what_to_install(without_tracer: None) -> None:
    works, message = ray_tracer_status()
    assert not works
    with pytest.raises(InvalidInput) as caught:
        ray_trace("munich", carrier_frequency_hz=28e9, **ENDS)
    assert str(caught.value) == message
    assert "pip install 'crbeam[trace]'" in message
    assert "libllvm19" in message


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """As if the tracer were installed; each probe runs what `_PROBE` is set to."""
    monkeypatch.setattr(ray_tracing.importlib.metadata, "version", lambda _: "2.2.0")
    ray_tracing._probe.cache_clear()
    yield monkeypatch
    ray_tracing._probe.cache_clear()


def test_aborting_tracer_is_reported_not_suffered(installed: pytest.MonkeyPatch) -> None:
    installed.setenv("DRJIT_LIBLLVM_PATH", "/nowhere/libLLVM-15.so")
    installed.setattr(ray_tracing, "_PROBE", "import os, sys; print('bad LLVM', file=sys.stderr); os.abort()")
    works, message = ray_tracer_status()
    assert not works
    assert "/nowhere/libLLVM-15.so: exit status -6, bad LLVM" in message
    assert "apt-get install libllvm19" in message
    with pytest.raises(InvalidInput, match="bad LLVM"):
        ray_trace("munich", carrier_frequency_hz=28e9, **ENDS)


def test_first_working_library_is_taken(installed: pytest.MonkeyPatch) -> None:
    probe = "import os, sys; ok = os.environ.get('DRJIT_LIBLLVM_PATH', '') == '/b'; print('traced' if ok else 'no')"
    installed.setattr(ray_tracing, "_PROBE", probe)
    installed.setattr(ray_tracing, "_llvm_candidates", lambda: ("/a", "/b", None))
    assert ray_tracing._find_tracer() == (True, "/b", "sionna-rt 2.2.0 works with /b.")


def test_old_libraries_are_not_tried(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("DRJIT_LIBLLVM_PATH", raising=False)
    for name in ("libLLVM-14.0.6.so.1", "libLLVM-15.so", "libLLVM.so.19.1", "libLLVM-17.so.1", "libLLVMSupport.so.20"):
        (tmp_path / name).touch()
    monkeypatch.setattr(ray_tracing, "_LLVM_PLACES", (f"{tmp_path}/libLLVM[-.]*",))
    monkeypatch.setattr(ray_tracing.sys, "prefix", "/nowhere")
    found = ray_tracing._llvm_candidates()
    assert found == (str(tmp_path / "libLLVM.so.19.1"), str(tmp_path / "libLLVM-17.so.1"), None)


def test_command_makes_the_trace_again() -> None:
    command = ray_tracing._command("munich", FROM, TO, 28e9, 3, 0.5, ArrayResolution(np.deg2rad(60)))
    assert command == (
        "crbeam trace munich --transmitter 0,0,4 --receiver 0,40,4 --frequency 28GHz --seed 3 --height-tolerance 0.5 "
        "--array-axis 60deg --min-separation 0.09375 --max-cosine 0.95"
    )


@pytest.mark.slow
def test_shipped_site_traced_again(monkeypatch: pytest.MonkeyPatch) -> None:
    works, message = ray_tracer_status()
    if not works:
        pytest.skip(f"the ray tracer does not work here: {message}")
    monkeypatch.setenv("DRJIT_LIBLLVM_PATH", os.environ.get("DRJIT_LIBLLVM_PATH", ""))
    shipped = read_path_file(SHIPPED)
    resolution = ArrayResolution(np.deg2rad(60))
    again = ray_trace("munich", carrier_frequency_hz=28e9, resolution=resolution, **ENDS)
    np.testing.assert_allclose(again.vertex_m, shipped.vertex_m, atol=1e-3)
    np.testing.assert_allclose(again.gain, shipped.gain, rtol=1e-3)
    assert again.provenance.command == shipped.provenance.command
    assert again.provenance.dropped == shipped.provenance.dropped
    for scene, frequency_hz, message in (("munch", 28e9, "one of .*munich"), ("munich", 80e9, "80 GHz does not")):
        with pytest.raises(InvalidInput, match=message):
            ray_trace(scene, carrier_frequency_hz=frequency_hz, **ENDS)
