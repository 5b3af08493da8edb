"""The setting of `data/wang2024.json` as a scenario of the library: see README.md."""

import json
from pathlib import Path

import numpy as np

from crbeam.scenario import read_scenario

DATA = Path(__file__).parent / "data"
RECORDS = json.loads((DATA / "wang2024.json").read_text())
SETTING = RECORDS["A"]["config"]
ARRAYS = np.load(DATA / "wang2024.npz")


def record_scenario(*overrides, selected=None, rate=0.0, pulse="sine_squared"):
    """Setting A with the given receivers selected."""
    places = [list(map(float, place)) for place in SETTING["p_re"]]
    chosen = "null" if selected is None else str(list(selected))
    return read_scenario(
        "wang2024",
        overrides=[
            "receivers.count=5",
            f"receivers.positions={places}",
            f"receivers.selected={chosen}",
            f"receivers.minimum_rate={rate}",
            "stations.transmitter.transmit_array.elements=8",
            f"multistatic.pulse={pulse}",
            *overrides,
        ],
    )


def given_beams():
    """Covariance of every stream of the record: sensing first."""
    return np.einsum("kil,kjl->kij", ARRAYS["A_W"], ARRAYS["A_W"].conj())
