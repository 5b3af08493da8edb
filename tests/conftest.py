"""Shape annotations are executed, randomness is seeded, pictures need no screen."""

import signal
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from hypothesis import settings
from tests import shapes

SOURCE = Path(__file__).parents[1] / "src"
#: Arrays of one item are scalars where those of a batch are arrays; proposals and designs are checked after it.
WITHOUT_CHECKS = {"crbeam.design.engine.solver"}


def modules_with_shapes() -> list[str]:
    """Modules that annotate arrays with shapes."""
    files = [file for file in sorted(SOURCE.rglob("*.py")) if "from jaxtyping import" in file.read_text()]
    names = {".".join(file.relative_to(SOURCE).with_suffix("").parts) for file in files}
    return sorted(names - WITHOUT_CHECKS)


# Before the first import of crbeam.
shapes.install(modules_with_shapes())

matplotlib.use("Agg")
settings.register_profile("all", derandomize=True, deadline=None, max_examples=25)
settings.register_profile("fast", settings.get_profile("all"), max_examples=8)


def pytest_configure(config: pytest.Config) -> None:
    """Fast tests draw fewer examples, all together as many as ever; what tests start can be interrupted.

    Shells let jobs in the background ignore Ctrl-C, and children inherit that.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    settings.load_profile("fast" if config.getoption("markexpr") == "not slow" else "all")


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20250101)
