"""What the command writes of a hybrid array is the design: network and digital part give the covariance back."""

import json

import numpy as np
from typer.testing import CliRunner

from crbeam.interfaces.command_line import app

SIZES = (
    "stations.main.transmit_array.elements=8",
    "stations.main.transmit_array.spacing=6.67",
    "stations.assisting.transmit_array.elements=4",
    "served_users.count=1",
)


def test_network_and_beams_are_in_json_and_netcdf(tmp_path):
    import xarray as xr

    overrides = [word for override in SIZES for word in ("--set", override)]
    method = ["--method", "hybrid:starts=1,max_iterations=10", "--out", str(tmp_path), "--json"]
    run = CliRunner().invoke(app, ["design", "li2024-downlink", *method, *overrides])
    assert run.exit_code == 0, run.output
    found = json.loads(run.stdout)["analog"]["main"]
    phases_rad = np.array(found["phases_rad"])
    assert phases_rad.shape == (2, 4)
    with xr.open_dataset(tmp_path / "design.nc", engine="h5netcdf") as data:
        network = data["analog_main_real"].to_numpy() + 1j * data["analog_main_imag"].to_numpy()
        beams = data["digital_main_real"].to_numpy() + 1j * data["digital_main_imag"].to_numpy()
        covariance = data["covariances_real"].to_numpy()[0] + 1j * data["covariances_imag"].to_numpy()[0]
    assert np.allclose(np.abs(network[:4, 0]), 0.5)
    assert np.allclose(np.angle(network[4:, 1]), phases_rad[1])
    assert np.allclose(found["digital_real"], beams.real)
    sent = network @ beams
    assert np.allclose(sent @ sent.conj().T, covariance, atol=1e-6 * np.trace(covariance).real)
