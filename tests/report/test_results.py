"""Designs survive being written and read; bad covariance files are refused."""

import json

import numpy as np
import pytest
import xarray as xr
from scipy.io import loadmat, savemat

from crbeam.errors import InvalidInput
from crbeam.report import provenance, read_covariances, write_design
from crbeam.scenario import Scenario, read_scenario
from crbeam.testing import random_transmission


@pytest.fixture
def files(tmp_path, scenario, design, evaluation):
    return write_design(tmp_path / "new" / "run", scenario, design, evaluation, weight=0.25)


def test_every_format_gives_the_covariances_back(files, covariances):
    assert [path.name for path in files] == ["design.nc", "design.npz", "design.mat"]
    for path in files:
        found = read_covariances(path, {"bs": 16})
        np.testing.assert_allclose(found["bs"], covariances["bs"], rtol=1e-15, atol=0)
    assert loadmat(files[2])["covariances"].shape == (1, 16, 16)


def test_the_labelled_file_says_everything(files, scenario, design, evaluation):
    dataset = xr.load_dataset(files[0], engine="h5netcdf")
    assert dataset.attrs["method"] == "hand-made"
    assert dataset.attrs["weight"] == 0.25
    assert dataset.attrs["status"] == "feasible"
    assert dataset.attrs["status_sentence"] == design.status.value
    assert Scenario.model_validate(json.loads(dataset.attrs["scenario"])) == scenario
    assert {"crbeam", "numpy", "scipy", "cvxpy", "python"} == set(json.loads(dataset.attrs["versions"]))
    assert list(dataset["block"].values) == ["bs"]
    assert dataset["covariances_real"].dims == ("block", "tx", "tx2")
    assert (float(dataset["gap"]), float(dataset["lower_bound"])) == pytest.approx((0.1, 0.9))
    beams = (dataset["beamformers_real"] + 1j * dataset["beamformers_imag"]).to_numpy()[0]
    np.testing.assert_allclose(beams @ beams.conj().T, design.covariances["bs"], atol=1e-14 * design.power_w)
    for name, link in evaluation.links.items():
        bound = dataset[f"bound_{name}_user_position_m"]
        assert float(bound) == link.quantities["user_position_m"]
        assert bound.attrs["units"] == "m"
        np.testing.assert_array_equal(
            dataset[f"bound_{name}_target_positions_m"], link.quantities["target_positions_m"]
        )
    assert dataset["bound_bistatic_clock_bias_s"].attrs["units"] == "s"


def test_nothing_stands_where_there_is_no_bound(tmp_path, covariances, make_design):
    from crbeam.evaluation import evaluate

    scenario = read_scenario("zhang2025", overrides=["targets.count=0"], seed=5)
    evaluation = evaluate(scenario, covariances)
    path = write_design(tmp_path, scenario, make_design(covariances, lower_bound=None), evaluation)[0]
    dataset = xr.load_dataset(path, engine="h5netcdf")
    assert not {"bound_bistatic_user_position_m", "lower_bound", "gap"} & set(dataset)
    assert "user_position" in dataset.attrs["unidentifiable_bistatic"]
    assert dataset.attrs["seed"] == 5
    assert not any(np.isnan(variable).any() for variable in dataset.data_vars.values())


def test_the_same_design_gives_the_same_content(tmp_path, scenario, covariances, evaluation, make_design):
    first, second = (
        write_design(tmp_path / name, scenario, make_design(covariances, seconds=seconds), evaluation)
        for name, seconds in (("a", 1.0), ("b", 2.0))
    )
    assert [path.read_bytes() for path in first[1:]] == [path.read_bytes() for path in second[1:]]
    assert xr.load_dataset(first[0], engine="h5netcdf").identical(xr.load_dataset(second[0], engine="h5netcdf"))
    dated = write_design(tmp_path / "c", scenario, make_design(covariances), evaluation, date_utc="2026-01-02T03:04Z")
    assert xr.load_dataset(dated[0], engine="h5netcdf").attrs["date_utc"] == "2026-01-02T03:04Z"
    assert "date_utc" not in provenance(scenario)


def test_a_failed_write_leaves_nothing(tmp_path, scenario, design, evaluation):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(InvalidInput, match="writable folder"):
        write_design(tmp_path / "file", scenario, design, evaluation)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_plain_array_and_a_single_matrix_are_accepted(tmp_path, covariances):
    np.save(tmp_path / "r.npy", covariances["bs"])
    found = read_covariances(tmp_path / "r.npy", {"bs": 16})
    np.testing.assert_allclose(found["bs"], covariances["bs"], rtol=1e-15)
    savemat(tmp_path / "real.mat", {"covariances": np.eye(3)})
    np.testing.assert_array_equal(read_covariances(tmp_path / "real.mat", {"bs": 3})["bs"], np.eye(3, dtype=complex))


def _swap_blocks(path):
    values = np.stack([np.eye(2), 2 * np.eye(2)])
    dims = ("block", "tx", "tx2")
    parts = {"covariances_real": (dims, values), "covariances_imag": (dims, 0 * values)}
    xr.Dataset(parts, {"block": ["b", "a"]}).to_netcdf(path, engine="h5netcdf")


def test_blocks_of_a_labelled_file_are_found_by_name(tmp_path):
    _swap_blocks(tmp_path / "two.nc")
    found = read_covariances(tmp_path / "two.nc", {"a": 2, "b": 2})
    assert {block: matrix[0, 0] for block, matrix in found.items()} == {"a": 2.0, "b": 1.0}
    with pytest.raises(InvalidInput, match="its blocks must be a, c, but they are b, a"):
        read_covariances(tmp_path / "two.nc", {"a": 2, "c": 2})


@pytest.mark.parametrize("ending", ["nc", "npz", "mat"])
def test_blocks_of_different_arrays_come_back_as_they_were(tmp_path, scenario, evaluation, make_design, ending, rng):
    sent = random_transmission(rng, {"macro": 5, "small": 2})
    write_design(tmp_path, scenario, make_design(sent), evaluation)
    found = read_covariances(tmp_path / f"design.{ending}", sent.antennas)
    assert found.antennas == {"macro": 5, "small": 2}
    for block, matrix in sent.items():
        np.testing.assert_allclose(found[block], matrix, rtol=1e-15, atol=0)
    with pytest.raises(InvalidInput, match=r"zero beyond the antennas of each block.*macro has 5, small has 1"):
        read_covariances(tmp_path / f"design.{ending}", {"macro": 5, "small": 1})


NOT_HERMITIAN = np.array([[1.0, 0.5j], [0.5j, 1.0]])
BAD = {
    "missing.npz": (None, "must exist"),
    "wrong.txt": (lambda path: path.write_text("1"), r"end in one of \.nc, \.npz, \.mat, \.npy"),
    "no_key.npz": (lambda path: np.savez(path, R=np.eye(2), power=1.0), "must hold `covariances`, found R, power"),
    "no_key.mat": (lambda path: savemat(path, {"V": np.eye(2)}), "must hold `covariances`, found V"),
    "no_key.nc": (
        lambda path: xr.Dataset({"gain": ("path", [1.0])}).to_netcdf(path, engine="h5netcdf"),
        "must hold `covariances_real`, found gain",
    ),
    "shape.npz": (lambda path: np.savez(path, covariances=np.eye(3)), r"shape \(1, 2, 2\).*found \(3, 3\)"),
    "nan.npz": (lambda path: np.savez(path, covariances=np.full((2, 2), np.nan)), "must be finite, found 4"),
    "asymmetric.npz": (lambda path: np.savez(path, covariances=NOT_HERMITIAN), "block bs must be Hermitian"),
    "indefinite.npz": (lambda path: np.savez(path, covariances=np.diag([1.0, -0.1])), "found eigenvalue -0.1"),
    "words.npz": (lambda path: np.savez(path, covariances=np.array([["a", "b"]])), "must be numbers"),
    "objects.npy": (lambda path: np.save(path, np.array([{}]), allow_pickle=True), "npy file that can be read"),
    "broken.nc": (lambda path: path.write_bytes(b"no"), "nc file that can be read"),
    "broken.mat": (lambda path: path.write_bytes(b"no"), "mat file that can be read"),
    "broken.npz": (lambda path: path.write_bytes(b"no"), "npz file that can be read"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_refused_with_its_reason(tmp_path, name):
    write, message = BAD[name]
    if write is not None:
        write(tmp_path / name)
    with pytest.raises(InvalidInput, match=message) as caught:
        read_covariances(tmp_path / name, {"bs": 2})
    assert name in str(caught.value)


def stored_in_single(covariance, path):
    """A covariance file in single precision, as other programs write it."""
    single = covariance.astype(np.complex64)
    if path.suffix == ".nc":
        dims = ("block", "tx", "tx2")
        parts = {f"covariances_{name}": (dims, part) for name, part in (("real", single.real), ("imag", single.imag))}
        xr.Dataset(parts, {"block": ["bs"]}).to_netcdf(path, engine="h5netcdf")
    elif path.suffix == ".mat":
        savemat(path, {"covariances": single})
    elif path.suffix == ".npz":
        np.savez(path, covariances=single)
    else:
        np.save(path, single)


def low_rank(*, is_real=False):
    """A covariance `[1, tx, tx]` of rank 2, whose rounding to single precision has eigenvalues below 0."""
    rng = np.random.default_rng(3)
    beams = rng.normal(size=(16, 2)) + 1j * rng.normal(size=(16, 2)) * (not is_real)
    return (beams @ beams.conj().T)[None]


@pytest.mark.parametrize("is_real", [False, True])
@pytest.mark.parametrize("ending", ["nc", "npz", "mat", "npy"])
def test_single_precision_is_accepted_and_made_sound(tmp_path, ending, is_real):
    covariance, path = low_rank(is_real=is_real), tmp_path / f"single.{ending}"
    stored_in_single(covariance, path)
    assert np.linalg.eigvalsh(covariance.astype(np.complex64).astype(complex))[0, 0] < -1e-9 * np.trace(covariance[0])
    found = read_covariances(path, {"bs": 16})["bs"]
    assert found.dtype == np.complex128
    np.testing.assert_array_equal(found, found.conj().T)
    eigenvalues = np.linalg.eigvalsh(found)
    assert eigenvalues[0] >= -1e-15 * eigenvalues[-1]
    np.testing.assert_allclose(found, covariance[0], rtol=0, atol=3e-7 * np.max(np.abs(covariance)))
    stored_w = np.trace(covariance[0].astype(np.complex64).astype(complex)).real
    assert np.trace(found).real == pytest.approx(stored_w, rel=1e-14)


def test_a_product_that_was_computed_in_single_precision_is_accepted(tmp_path):
    rng = np.random.default_rng(8)
    for n in (4, 16, 128):
        beams = (rng.normal(size=(n, 3)) + 1j * rng.normal(size=(n, 3))).astype(np.complex64)
        np.save(tmp_path / "product.npy", np.einsum("ik,jk->ij", beams, beams.conj()))
        assert np.linalg.eigvalsh(read_covariances(tmp_path / "product.npy", {"bs": n})["bs"])[0] > -1e-14 * n


def test_one_part_in_single_precision_makes_the_whole_so(tmp_path):
    covariance = low_rank()
    dims = ("block", "tx", "tx2")
    parts = {
        "covariances_real": (dims, covariance.real),
        "covariances_imag": (dims, covariance.imag.astype(np.float32)),
    }
    xr.Dataset(parts, {"block": ["bs"]}).to_netcdf(tmp_path / "mixed.nc", engine="h5netcdf")
    assert np.linalg.eigvalsh(read_covariances(tmp_path / "mixed.nc", {"bs": 16})["bs"])[0] > -1e-14


@pytest.mark.parametrize("excess", [1e-5, 1e-2])
def test_single_precision_excuses_its_rounding_only(tmp_path, excess):
    np.save(tmp_path / "r.npy", np.diag([1.0, -excess]).astype(np.complex64))
    with pytest.raises(InvalidInput, match="positive semidefinite"):
        read_covariances(tmp_path / "r.npy", {"bs": 2})
    np.save(tmp_path / "r.npy", np.array([[1.0, excess], [0.0, 1.0]], dtype=np.complex64))
    with pytest.raises(InvalidInput, match="Hermitian"):
        read_covariances(tmp_path / "r.npy", {"bs": 2})


def test_the_same_numbers_in_double_precision_are_refused(tmp_path):
    rounded = low_rank().astype(np.complex64).astype(complex)
    np.save(tmp_path / "r.npy", rounded)
    with pytest.raises(InvalidInput, match="positive semidefinite, found eigenvalue -"):
        read_covariances(tmp_path / "r.npy", {"bs": 16})
