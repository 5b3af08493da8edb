"""Designs as files.

`design.nc` (NetCDF, labelled) has the dimensions `block`, `tx`, `tx2` (columns of a covariance), `beam`, `slot`,
`iteration` and

    covariances_real, covariances_imag [block, tx, tx2]   W per subcarrier, summed over slots
    antennas [block]                                      number of antennas of each block
    beamformers_real, beamformers_imag [block, tx, beam]  sqrt(W per subcarrier), strongest first, zeros after the last
    slot_beamformers_real, ..._imag [block, tx, slot]     sqrt(W per subcarrier) of each symbol of a slot, in the order
                                                          of time; where something moves (`sequence` in `details`)
    time_share [block]                                    of blocks that are sent one after the other
    stream_covariances_real, ..._imag [stream, block, tx, tx2]   if there is more than one stream
    analog_PORT_real, ..._imag [antenna_PORT, chain_PORT]   phase shifters of a hybrid array, antennas to chains
    digital_PORT_real, ..._imag [chain_PORT, column_PORT]   what its chains send, or the combiners behind them
    objective, lower_bound, gap, beamforming_loss         lower_bound and gap only where a bound is known
    trace [iteration]                                     the method's own objective
    bound_LINK_QUANTITY                                   roots of the bounds; lists over a dimension `target_LINK`

A bound that does not exist is left out; attribute `unidentifiable_LINK` lists these parameters. Global attributes:
`format`, `format_version`, `title`, `method`, `weight`, `selected` (receivers), `status`, `status_sentence`,
`bound_note`, `transmit_convention` (how to find out where beams radiate), `seed`, and as JSON `details`, `versions`,
`scenario`. Wall-clock times are left out, so that the same design gives the same values.

`design.npz` and `design.mat` have the key `covariances`, complex `[block, tx, tx]`, in the same unit, `antennas` as
above, `analog_PORT` for each hybrid array, complex `[antenna, chain]`, and `selected`, the names of the receivers that
sense, where a design chose them. `read_design` gives all of this back from each of the three. In all of them, blocks
with fewer antennas than the largest are filled up with zeros.
"""

import io
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Complex

from crbeam.design import Design
from crbeam.evaluation import Evaluation, LinkEvaluation
from crbeam.files import write_atomically
from crbeam.report.covariance_files import KEY, filled_up, read_covariances
from crbeam.report.provenance import provenance_attributes
from crbeam.report.transmission_files import NETWORK_PREFIX, SELECTED, read_design
from crbeam.scenario import Scenario
from crbeam.systems import system_of

if TYPE_CHECKING:
    import xarray

FORMAT = "crbeam-design"
FORMAT_VERSION = 1

__all__ = ["design_dataset", "read_covariances", "read_design", "write_design"]


def write_design(
    directory: str | os.PathLike[str],
    scenario: Scenario,
    design: Design,
    evaluation: Evaluation,
    *,
    weight: float | None = None,
    date_utc: str | None = None,
) -> list[Path]:
    """Paths of `design.nc`, `design.npz` and `design.mat` in a directory, each written whole or not at all.

    Args:
        directory: made if it does not exist.
        scenario: the world that the design is for.
        design: what to write.
        evaluation: bounds of the design.
        weight: weight of bistatic positioning that the design was made with.
        date_utc: a date for the NetCDF file; without one the files depend on the other arguments only.

    Raises:
        InvalidInput: the files cannot be written there.
    """
    folder = Path(directory)
    dataset = design_dataset(scenario, design, evaluation, weight=weight, date_utc=date_utc)
    encoding = {name: {"_FillValue": None} for name in dataset.data_vars}
    return [
        write_atomically(
            folder / "design.nc",
            lambda temporary: dataset.to_netcdf(temporary, engine="h5netcdf", encoding=encoding),
        ),
        write_atomically(folder / "design.npz", lambda temporary: _write_npz(temporary, _arrays(design))),
        write_atomically(folder / "design.mat", lambda temporary: _write_mat(temporary, _arrays(design))),
    ]


def design_dataset(
    scenario: Scenario,
    design: Design,
    evaluation: Evaluation,
    *,
    weight: float | None = None,
    date_utc: str | None = None,
) -> "xarray.Dataset":
    """A design with its bounds and provenance as a labelled dataset; the module lists its fields."""
    import xarray as xr

    variables = _design_variables(design)
    coordinates: dict[str, Any] = {"block": list(design.blocks)}
    if "stream_covariances_real" in variables:
        coordinates["stream"] = list(design.stream_covariances)
    attributes: dict[str, Any] = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "title": scenario.title,
        "method": design.method,
        "status": design.status.key,
        "status_sentence": design.status.value,
        "bound_note": design.bound_note,
        "transmit_convention": system_of(scenario).transmit_convention(),
        "details": json.dumps(_lasting(design.details), sort_keys=True),
    }
    if weight is not None:
        attributes["weight"] = float(weight)
    if design.selected:
        attributes[SELECTED] = ", ".join(design.selected)
    for link in evaluation.links.values():
        bounds, targets = _bound_variables(link)
        variables |= bounds
        coordinates |= targets
        attributes[f"unidentifiable_{link.name}"] = ", ".join(link.unidentifiable)
    return xr.Dataset(variables, coordinates, attributes | provenance_attributes(scenario, date_utc=date_utc))


def _lasting(details: Mapping[str, int | float | str]) -> dict[str, int | float | str]:
    return {name: value for name, value in details.items() if not name.endswith("seconds")}


def _network_variables(design: Design) -> dict[str, Any]:
    """Analog networks and digital parts of hybrid arrays."""
    variables: dict[str, Any] = {}
    for port, network in design.analog.items():
        antenna, chain, column = (f"{name}_{port}" for name in ("antenna", "chain", "column"))
        meaning = {"units": "1", "long_name": f"phase shifters of {port} between antennas and chains"}
        variables |= _complex(f"{NETWORK_PREFIX}{port}", (antenna, chain), network, meaning)
        meaning = {"long_name": f"digital part of {port} behind its chains"}
        variables |= _complex(f"digital_{port}", (chain, column), design.digital[port], meaning)
    return variables


def _design_variables(design: Design) -> dict[str, Any]:
    """Variables of the transmission and its grade."""
    power = {"units": "W", "long_name": "transmit covariance per subcarrier, summed over slots"}
    amplitude = {"units": "W^0.5", "long_name": "beamformers as columns, strongest first"}
    variables: dict[str, Any] = {
        **_complex("covariances", ("block", "tx", "tx2"), filled_up(design.covariances), power),
        "antennas": (("block",), list(design.covariances.antennas.values()), {"long_name": "antennas of the block"}),
        **_complex(
            "beamformers",
            ("block", "tx", "beam"),
            _filled_up_beams(design, {block: part.matrix for block, part in design.beamformers.items()}),
            amplitude,
        ),
    }
    if len(design.stream_covariances) > 1:
        stack = np.stack([filled_up(sent) for sent in design.stream_covariances.values()])
        variables |= _complex("stream_covariances", ("stream", "block", "tx", "tx2"), stack, power)
    variables |= _slot_variables(design) | _network_variables(design)
    numbers = {
        "objective": (design.objective, "weighted bound of the design"),
        "lower_bound": (design.lower_bound, "proven lower bound on the objective of any design"),
        "gap": (design.gap, "(objective - lower_bound) / objective"),
        "beamforming_loss": (design.beamforming_loss, "relative increase of the objective with one beam a slot"),
    }
    for name, (value, meaning) in numbers.items():
        if value is not None:
            variables[name] = ((), float(value), {"long_name": meaning})
    for name in {"objective", "lower_bound"} & set(variables):
        variables[name][2]["units"] = design.objective_unit
    trace = np.asarray(design.trace, dtype=float)
    variables["trace"] = (("iteration",), trace, {"long_name": "the method's own objective along its iterations"})
    return variables


def _slot_variables(design: Design) -> dict[str, Any]:
    """What every slot sends, and the shares of time of blocks that take turns."""
    variables: dict[str, Any] = {}
    if design.slot_beams:
        stack = _filled_up_beams(design, design.slot_beams)
        meaning = {"units": "W^0.5", "long_name": "beam that each symbol of a slot sends, zero where it is not sent"}
        variables |= _complex("slot_beamformers", ("block", "tx", "slot"), stack, meaning)
    if design.time_shares:
        shares = [design.time_shares.get(block, 1.0) for block in design.blocks]
        variables["time_share"] = (
            "block",
            shares,
            {"units": "1", "long_name": "share of the time in which it is sent"},
        )
    return variables


def _complex(name: str, dims: tuple[str, ...], values: np.ndarray, attributes: Mapping[str, str]) -> dict[str, Any]:
    return {
        f"{name}_{part}": (dims, np.ascontiguousarray(array), {**attributes, "part": words})
        for part, array, words in (("real", np.real(values), "real"), ("imag", np.imag(values), "imaginary"))
    }


def _filled_up_beams(
    design: Design, beams: Mapping[str, Complex[np.ndarray, "_ _"]]
) -> Complex[np.ndarray, "block tx beam"]:
    """Beams of each block as a stack, with zeros for antennas, beams and blocks that there are not."""
    n_tx = max(design.covariances.antennas.values())
    stack = np.zeros((len(design.blocks), n_tx, max(each.shape[1] for each in beams.values())), dtype=complex)
    for own, block in zip(stack, design.blocks, strict=True):
        if block in beams:
            own[: beams[block].shape[0], : beams[block].shape[1]] = beams[block]
    return stack


def _bound_variables(link: LinkEvaluation) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """Variables of a link's root bounds, and the names of the targets that have one."""
    variables: dict[str, Any] = {}
    targets: dict[str, list[str]] = {}
    for quantity, value in link.quantities.items():
        unit = {"mps": "m/s"}.get(quantity.rpartition("_")[2], quantity.rpartition("_")[2])
        attributes = {"units": unit, "long_name": f"root of the bound's trace, link {link.name}"}
        if isinstance(value, tuple):
            known = {f"target[{index}]": part for index, part in enumerate(value) if part is not None}
            if known:
                targets[f"target_{link.name}"] = list(known)
                variables[f"bound_{link.name}_{quantity}"] = (
                    (f"target_{link.name}",),
                    list(known.values()),
                    attributes,
                )
        elif value is not None:
            variables[f"bound_{link.name}_{quantity}"] = ((), float(value), attributes)
    return variables, targets


def _arrays(design: Design) -> dict[str, np.ndarray]:
    """What files of plain arrays have of a design: all that decides its bounds."""
    networks = {f"{NETWORK_PREFIX}{port}": network for port, network in design.analog.items()}
    selected = {SELECTED: np.array(design.selected)} if design.selected else {}
    antennas = np.array(list(design.covariances.antennas.values()))
    return {KEY: filled_up(design.covariances), "antennas": antennas, **networks, **selected}


def _write_npz(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    with path.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


def _write_mat(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """A MATLAB file; its header text, where a date would stand, is fixed."""
    from scipy.io import savemat

    buffer = io.BytesIO()
    savemat(buffer, dict(arrays), do_compression=True)
    header = b"MATLAB 5.0 MAT-file, transmit covariances [block, tx, tx], W per subcarrier summed over slots"
    path.write_bytes(header.ljust(116) + buffer.getvalue()[116:])
