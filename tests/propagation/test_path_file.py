"""Recorded paths: the geometry law, the round trip through NetCDF, and what a wrong file is told."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import assume, given
from hypothesis import strategies as st

from crbeam.errors import InvalidInput
from crbeam.propagation.path_file import (
    RecordedPaths,
    TraceProvenance,
    path_geometry,
    read_path_file,
    write_path_file,
)

SHIPPED = Path(__file__).parents[2] / "examples" / "munich" / "munich.nc"
SPEED_MPS = 299_792_458.0
PROVENANCE = TraceProvenance(
    scene="yard",
    source="drawn by hand",
    licence="none",
    command="crbeam trace yard",
    software="pencil",
    dropped={"far": 2},
)


def yard(**changes: object) -> RecordedPaths:
    """Transmitter at the origin, receiver 30 m east; bounces 15-20-25 triangles to the north, 40-30 to the south."""
    vertices = np.array([[0.0, -40.0, 2.0], [np.nan] * 3, [15.0, 20.0, 2.3]])
    arguments = {"gain": np.array([3e-6j, 2e-5, -1e-5]), "carrier_frequency_hz": 28e9, "provenance": PROVENANCE}
    return RecordedPaths.from_vertices(np.array([0.0, 0, 2]), np.array([30.0, 0, 2]), vertices, **(arguments | changes))


def assert_same(first: RecordedPaths, second: RecordedPaths) -> None:
    for name in ("transmitter_m", "receiver_m", "vertex_m", "gain", "delay_s", "departure_rad", "arrival_rad"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name), err_msg=name)
    assert first.carrier_frequency_hz == second.carrier_frequency_hz
    assert first.provenance == second.provenance


def test_geometry_of_right_triangles() -> None:
    paths = yard()
    np.testing.assert_allclose(paths.delay_s * SPEED_MPS, [30.0, 50.0, 90.0], rtol=1e-14)
    np.testing.assert_allclose(paths.departure_rad, [0.0, np.arctan2(20, 15), -np.pi / 2], atol=1e-15)
    np.testing.assert_allclose(paths.arrival_rad, [np.pi, np.arctan2(20, -15), np.arctan2(-40, -30)], atol=1e-15)
    np.testing.assert_array_equal(paths.gain, [2e-5, -1e-5, 3e-6j])
    np.testing.assert_array_equal(paths.scatterer_m, [[15.0, 20.0], [0.0, -40.0]])
    assert paths.n_bounces == 2


def test_carrier_phase_is_that_of_the_delay() -> None:
    paths = yard(carrier_frequency_hz=SPEED_MPS / 40.0)  # wavelength 40 m: path lengths 3/4, 5/4 and 9/4 of it
    np.testing.assert_allclose(paths.channel_gain, paths.gain * np.array([1j, -1j, -1j]), rtol=1e-12)
    assert np.abs(paths.channel_gain - paths.gain).min() > 1e-6


coordinate = st.floats(-500, 500)


def assert_moves_with_the_scene(geometry: Callable, shift: tuple, turn: float, vertex: tuple) -> None:
    ends, vertices = np.array([[0.0, 0.0], [30.0, 0.0]]), np.array([[np.nan, np.nan], vertex])
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    before = geometry(*ends, vertices)
    after = geometry(*(points @ rotation.T + shift for points in (*ends, vertices)))
    np.testing.assert_allclose(after[0], before[0], rtol=1e-11)
    for angle, turned in zip(before[1:], after[1:], strict=True):
        np.testing.assert_allclose(np.exp(1j * turned), np.exp(1j * (angle + turn)), atol=1e-10)


@given(st.tuples(coordinate, coordinate), st.floats(-np.pi, np.pi), st.tuples(coordinate, coordinate))
def test_geometry_moves_with_the_scene(shift: tuple, turn: float, vertex: tuple) -> None:
    assume(min(np.hypot(*vertex), np.hypot(vertex[0] - 30, vertex[1])) > 1)
    assert_moves_with_the_scene(path_geometry, shift, turn, vertex)


def test_clockwise_angles_are_rejected() -> None:
    def clockwise(*points: np.ndarray) -> tuple:
        delay_s, departure_rad, arrival_rad = path_geometry(*points)
        return delay_s, np.pi / 2 - departure_rad, np.pi / 2 - arrival_rad

    with pytest.raises(AssertionError):
        assert_moves_with_the_scene(clockwise, (1.0, 2.0), 0.3, (15.0, 20.0))


def test_shipped_file_follows_from_its_vertices() -> None:
    """Delays and azimuths of the shipped file, recomputed here with complex numbers instead of `path_geometry`."""
    paths = read_path_file(SHIPPED)
    transmitter, receiver = complex(*paths.transmitter_m[:2]), complex(*paths.receiver_m[:2])
    corners = paths.scatterer_m @ [1, 1j]
    via_receiver = np.concatenate([[receiver], corners])
    via_transmitter = np.concatenate([[transmitter], corners])
    length_m = abs(via_receiver - transmitter) + np.concatenate([[0.0], abs(corners - receiver)])
    np.testing.assert_allclose(paths.delay_s, length_m / SPEED_MPS, rtol=1e-13)
    np.testing.assert_allclose(paths.departure_rad, np.angle(via_receiver - transmitter), atol=1e-13)
    np.testing.assert_allclose(paths.arrival_rad, np.angle(via_transmitter - receiver), atol=1e-13)
    towards_user = np.angle(corners - receiver) + np.pi
    assert np.abs(np.exp(1j * paths.arrival_rad[1:]) - np.exp(1j * towards_user)).min() > 1, (
        "arrivals point to the source"
    )


def test_shipped_file_suits_its_array() -> None:
    paths = read_path_file(SHIPPED)
    assert paths.n_bounces >= 4
    assert paths.transmitter_m[2] == paths.receiver_m[2]
    assert np.abs(paths.vertex_m[1:, 2] - paths.receiver_m[2]).max() <= 0.5
    cosines = np.sort(np.cos(paths.departure_rad - np.deg2rad(60)))
    assert np.diff(cosines).min() > 1.5 / 16
    assert np.abs(cosines).max() < 0.95
    wavelength_m = SPEED_MPS / paths.carrier_frequency_hz
    free_space = wavelength_m / (4 * np.pi * paths.delay_s * SPEED_MPS)
    assert abs(paths.gain[0]) == pytest.approx(free_space[0], rel=1e-6)
    assert (np.abs(paths.gain[1:]) < free_space[1:]).all(), "a reflection loses power"
    assert "OpenStreetMap" in paths.provenance.source
    assert "Open Database License" in paths.provenance.licence
    assert paths.provenance.command.startswith("crbeam trace munich --transmitter 62,35,4 ")


def test_round_trip(tmp_path: Path) -> None:
    write_path_file(tmp_path / "yard.nc", yard())
    assert_same(read_path_file(tmp_path / "yard.nc"), yard())
    assert [file.name for file in tmp_path.iterdir()] == ["yard.nc"]
    assert (tmp_path / "yard.nc").stat().st_size < 40_000


def test_file_documents_itself(tmp_path: Path) -> None:
    write_path_file(tmp_path / "yard.nc", yard())
    dataset = xr.load_dataset(tmp_path / "yard.nc", engine="h5netcdf")
    assert all({"units", "long_name"} <= set(dataset[name].attrs) for name in dataset.data_vars)
    assert all(dataset[name].dtype == np.dtype("<f8") for name in dataset.data_vars)
    assert "fixed point scatterers" in dataset.attrs["deviation"]
    assert "without the carrier phase" in dataset.attrs["gain_convention"]


def test_writing_replaces_or_leaves_alone(tmp_path: Path) -> None:
    file = tmp_path / "yard.nc"
    file.write_text("old")
    write_path_file(file, yard())
    assert read_path_file(file).n_bounces == 2
    with pytest.raises(InvalidInput, match="writable"):
        write_path_file(file / "below.nc", yard())
    assert [found.name for found in tmp_path.iterdir()] == ["yard.nc"]


def test_values_cannot_change() -> None:
    paths = yard()
    with pytest.raises(ValueError, match="read-only"):
        paths.delay_s[0] = 0.0


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("delay_s", np.array([1e-7, 1.7e-7, 3e-7]), "`delay_s` must follow"),
        ("departure_rad", np.array([1e-9, np.arctan2(20, 15), -np.pi / 2]), "path 0 is off by 1e-09"),
        ("arrival_rad", np.array([0.0, np.arctan2(20, -15), np.arctan2(-40, -30)]), "`arrival_rad` must follow"),
        ("gain", np.array([1e-5, np.nan, 1e-6], dtype=complex), "`gain` must be finite"),
        ("gain", np.array([1e-5, 0, 1e-6], dtype=complex), "must not be zero"),
        ("vertex_m", np.zeros((3, 3)), "NaN in its first row"),
        ("vertex_m", np.full((3, 3), np.nan), "finite in all others"),
        ("receiver_m", np.array([30.0, 0, 3]), "one height"),
        ("receiver_m", np.array([0.0, 0, 2]), "the transmitter and the receiver coincide"),
        ("receiver_m", np.array([15.0, 20, 2]), "the receiver and the bounce of path 1 coincide"),
        ("carrier_frequency_hz", -1.0, "positive"),
    ],
)
def test_inconsistent_paths_are_refused(field: str, value: object, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        replace(yard(), **{field: value})


def test_wrong_shape_is_refused() -> None:
    with pytest.raises((InvalidInput, TypeError), match="vertex_m"):  # TypeError where annotations are checked as well
        replace(yard(), vertex_m=np.zeros((2, 3)))


def test_order_is_by_delay() -> None:
    paths, swapped = yard(), [0, 2, 1]
    fields = ("vertex_m", "gain", "delay_s", "departure_rad", "arrival_rad")
    with pytest.raises(InvalidInput, match="increasing delay"):
        replace(paths, **{name: getattr(paths, name)[swapped] for name in fields})


def altered(file: Path, change: object) -> Path:
    write_path_file(file, yard())
    dataset = xr.load_dataset(file, engine="h5netcdf", decode_times=False)
    change(dataset).to_netcdf(file, engine="h5netcdf")
    return file


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.assign_attrs(format="other"), "`format` must be 'crbeam-paths', found 'other'"),
        (lambda d: d.assign_attrs(format_version=2), "`format_version` must be 1, found"),
        (lambda d: d.drop_vars("delay_s"), "must hold the variable `delay_s`"),
        (lambda d: d.assign(delay_s=d.delay_s.astype("f4")), "`delay_s` must be float64"),
        (lambda d: d.assign(delay_s=d.delay_s.assign_attrs(units="ns")), "in 's', found .*'ns'"),
        (lambda d: d.assign(delay_s=d.delay_s.drop_attrs()), "units None"),
        (lambda d: d.assign(delay_s=(d.delay_s + 1e-12).assign_attrs(units="s")), "`delay_s` must follow"),
        (lambda d: d.assign(vertex_m=(d.vertex_m + 1e-3).assign_attrs(units="m")), "must follow from the positions"),
        (lambda d: d.isel(path=slice(1, None)), "NaN in its first row"),
        (lambda d: d.isel(path=slice(0, 0)), "at least one path"),
        (lambda d: d.assign_attrs(dropped_paths="many"), "JSON object of counts, found 'many'"),
        (lambda d: d.assign_attrs(licence=""), "attributes licence must be texts"),
    ],
)
def test_altered_files_say_what_is_wrong(tmp_path: Path, change: object, message: str) -> None:
    with pytest.raises(InvalidInput, match=message) as caught:
        read_path_file(altered(tmp_path / "yard.nc", change))
    assert "yard.nc" in str(caught.value)


def test_missing_foreign_and_truncated_files(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="is no file"):
        read_path_file(tmp_path / "none.nc")
    with pytest.raises(InvalidInput, match="is no file"):
        read_path_file(tmp_path)
    foreign = tmp_path / "foreign.nc"
    for content in (b"", b"title: a scenario\n", b"\x89HDF\r\n\x1a\n" + bytes(100), bytes(5 * 2**20)):
        foreign.write_bytes(content)
        with pytest.raises(InvalidInput, match="not a usable path file"):
            read_path_file(foreign)
    whole = SHIPPED.read_bytes()
    for size in range(0, len(whole) - 1, len(whole) // 40):
        foreign.write_bytes(whole[:size])
        with pytest.raises(InvalidInput, match="not a usable path file"):
            read_path_file(foreign)
