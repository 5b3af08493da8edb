"""Shape annotations are executed, randomness is seeded, pictures need no screen."""

import matplotlib
import numpy as np
import pytest
from hypothesis import settings
from jaxtyping import install_import_hook

# Before the first import of crbeam. Of the scenario models only those with arrays: pydantic checks the others.
CHECKED = (
    "linalg units scenario.arrays scenario.waveform propagation information communication design estimation "
    "systems evaluation studies report testing"
)
install_import_hook([f"crbeam.{name}" for name in CHECKED.split()], "beartype.beartype")

matplotlib.use("Agg")
settings.register_profile("crbeam", derandomize=True, deadline=None, max_examples=25)
settings.load_profile("crbeam")


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20250101)
