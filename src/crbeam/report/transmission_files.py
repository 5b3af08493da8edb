"""Transmissions from files of designs: covariances, phase networks of hybrid arrays, and the receivers that sense.

`.nc`, `.npz` and `.mat` files carry all of it, `.npy` files covariances alone.
"""

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from crbeam.errors import InvalidInput
from crbeam.evaluation.given_transmission import GivenTransmission
from crbeam.report.covariance_files import read_transmission, unusable
from crbeam.scenario import Scenario
from crbeam.systems import System, World, system_of

#: Names in files: of the phase network of a port, and of the receivers that sense.
NETWORK_PREFIX, SELECTED = "analog_", "selected"


def read_design(path: str | os.PathLike[str], world: World) -> GivenTransmission:
    """Everything that a file of a design determines of the bounds in a scenario; cautions say what it leaves open.

    Raises:
        InvalidInput: as `read_covariances`; a phase network does not fit to a receiver or station of the scenario, or
            the receivers that sense are not among those of the scenario.
    """
    source, system = Path(path), system_of(world)
    scenario = system.scenario
    covariances = read_transmission(source, [system.antennas_of(blocks) for blocks in system.block_sets()])
    networks, selected = _CONTENTS[source.suffix](source) if source.suffix in _CONTENTS else ({}, ())
    _require_networks(source, system, networks)
    networks = {port: network.astype(complex) for port, network in networks.items()}
    _require_receivers(source, scenario, selected)
    cautions = [
        *_left_out(source, system),
        *_overruled(source, scenario, selected),
        *system.power_cautions(covariances),
    ]
    return GivenTransmission(covariances, networks, selected, tuple(cautions))


def _netcdf_contents(source: Path) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    import xarray as xr

    with xr.open_dataset(source, engine="h5netcdf", decode_times=False) as dataset:
        words = str(dataset.attrs.get(SELECTED, ""))
        names = [str(name) for name in dataset.data_vars if str(name).startswith(NETWORK_PREFIX)]
        ports = dict.fromkeys(name.removeprefix(NETWORK_PREFIX).rpartition("_")[0] for name in names)
        networks = {}
        for port in ports:
            parts = [f"{NETWORK_PREFIX}{port}_{part}" for part in ("real", "imag")]
            if not set(parts) <= set(names):
                raise InvalidInput(unusable(source, f"a phase network must have the parts {' and '.join(parts)}"))
            real, imaginary = (dataset[part].to_numpy() for part in parts)
            networks[port] = real + 1j * imaginary
    return networks, tuple(filter(None, words.split(", ")))


def _npz_contents(source: Path) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    with np.load(source, allow_pickle=False) as archive:
        return _contents(archive)


def _mat_contents(source: Path) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    from scipy.io import loadmat

    return _contents(loadmat(source))


def _contents(content: Mapping[str, np.ndarray]) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    networks = {
        name.removeprefix(NETWORK_PREFIX): np.asarray(content[name])
        for name in content
        if name.startswith(NETWORK_PREFIX)
    }
    names = np.ravel(content[SELECTED]).tolist() if SELECTED in content else []
    return networks, tuple(str(name).strip() for name in names)


_CONTENTS = {".nc": _netcdf_contents, ".npz": _npz_contents, ".mat": _mat_contents}


def _require_networks(source: Path, system: System, networks: Mapping[str, np.ndarray]) -> None:
    """Refuse phase networks that no array of the scenario can have."""
    if not networks:
        return
    antennas = {name: station.transmit_array.elements for name, station in system.scenario.stations.items()}
    for link_map in system.link_maps().values():
        antennas |= {part.receiver: len(part.receive) for part in link_map.contributions}
    for port, network in networks.items():
        if port not in antennas:
            problem = f"its phase network `{port}` must belong to one of {', '.join(antennas)} of the scenario"
            raise InvalidInput(unusable(source, problem))
        is_matrix = network.ndim == 2 and network.dtype.kind in "fciu" and len(network) == antennas[port]
        if not is_matrix or not np.all(np.isfinite(network)) or not np.any(network):
            problem = (
                f"the phase network `{port}` must be a finite matrix with a row for each of {antennas[port]} antennas "
                f"and not be zero, found shape {network.shape} of type {network.dtype}"
            )
            raise InvalidInput(unusable(source, problem))


def _require_receivers(source: Path, scenario: Scenario, selected: tuple[str, ...]) -> None:
    names = () if scenario.receivers is None else scenario.receivers.names
    unknown = [name for name in selected if name not in names]
    if unknown:
        known = ", ".join(names) or "none"
        problem = f"the receivers that sense must be among those of the scenario ({known}), found {', '.join(unknown)}"
        raise InvalidInput(unusable(source, problem))


def _left_out(source: Path, system: System) -> list[str]:
    """What a file of covariances alone cannot say of a design for this scenario."""
    if source.suffix in _CONTENTS:
        return []
    lost = {
        f"the phase network of `{port}`": f"`{port}` counts as digital, with a chain for each antenna"
        for port in system.phase_network_ports()
        if port in system.scenario.links
    }
    receivers = system.scenario.receivers
    if receivers is not None and receivers.selected is None and receivers.cost_budget_m is not None:
        lost["which receivers sense"] = "all receivers count as sensing"
    return [
        f"`{source}` holds covariances alone: its format cannot carry {what}, so that {consequence}. If a design chose "
        f"that, give its .nc, .npz or .mat file."
        for what, consequence in lost.items()
    ]


def _overruled(source: Path, scenario: Scenario, selected: tuple[str, ...]) -> list[str]:
    """That a scenario which names the receivers that sense has others than the design."""
    receivers = scenario.receivers
    if not selected or receivers is None or receivers.selected is None:
        return []
    named = tuple(receivers.names[number] for number in receivers.selected)
    if set(named) == set(selected):
        return []
    return [
        f"`{source}` is a design with {len(selected)} receivers that sense ({', '.join(selected)}), but the scenario "
        f"names {', '.join(named) or 'none'} (`receivers.selected`), which count here."
    ]
