"""Examination of an installation."""

import importlib.metadata
import platform

import numpy as np

#: Finding: whether it works, whether the library needs it, a sentence.
Finding = tuple[bool, bool, str]


def examine() -> dict[str, Finding]:
    """What works here and what does not, by subject."""
    return {
        "python": (True, True, f"{platform.python_version()} on {platform.system()} {platform.machine()}"),
        "packages": _packages(),
        "solver": _solver(),
        "conic reference": _conic(),
        "ray tracer": _ray_tracer(),
    }


def _packages() -> Finding:
    names = ("crbeam", "numpy", "scipy", "pydantic", "xarray", "h5netcdf", "cvxpy", "clarabel", "matplotlib")
    found, missing = [], []
    for name in names:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        return False, True, f"not installed: {', '.join(missing)}; run `pip install crbeam` again"
    return True, True, ", ".join(found)


def _solver() -> Finding:
    from crbeam.design.methods import method_named
    from crbeam.errors import CrbeamError
    from crbeam.scenario import read_scenario
    from crbeam.systems import design_problem

    try:
        design = method_named("optimum").solve(design_problem(read_scenario("zhang2025")))
    except (CrbeamError, np.linalg.LinAlgError) as error:
        return False, True, f"the preset zhang2025 could not be designed: {error}"
    ok = design.gap is not None and design.gap <= 1e-6
    return ok, True, f"preset zhang2025 designed with certified gap {design.gap:.1e} in {design.seconds * 1e3:.0f} ms"


def _conic() -> Finding:
    import cvxpy as cp

    ok = "CLARABEL" in cp.installed_solvers()
    return ok, True, "CVXPY finds Clarabel" if ok else "CVXPY does not find Clarabel; run `pip install clarabel`"


def _ray_tracer() -> Finding:
    from crbeam.propagation.ray_tracing import ray_tracer_status

    ok, message = ray_tracer_status()
    return ok, False, message
