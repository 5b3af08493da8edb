"""The scenes along a drive: one scenario for each coherent interval."""

from collections.abc import Mapping, Sequence

import numpy as np

from crbeam.errors import InvalidInput
from crbeam.evaluation.moved_user import with_user_after
from crbeam.propagation import trace_paths
from crbeam.scenario import USER, Scenario, Targets


def scenes_of_drive(scenario: Scenario, *, intervals: int, period_s: float) -> tuple[Scenario, ...]:
    """The scenario at each of some equally spaced times, the user driving on at its velocity from where it is.

    Targets, orientation, clock bias, shadowing and phases stay what they are. Recorded paths, which hold for one
    position, are traced again: see `with_fixed_scatterers`.

    Args:
        scenario: the first of the scenes; its user has a velocity.
        intervals: how many.
        period_s: from one to the next, no less than all pilot symbols take.

    Raises:
        InvalidInput: the user has no velocity, an interval does not fit into the period, or one begins where a station
            or a target is.
    """
    if scenario.user.velocity_mps is None:
        raise InvalidInput(
            "The user must have a velocity to drive, found none; write `system: hamrouni2026` and `user.velocity`."
        )
    waveform = scenario.waveform
    busy_s = waveform.slots * waveform.symbols_per_slot * waveform.symbol_duration_s
    if not (np.isfinite(period_s) and period_s >= busy_s):
        raise InvalidInput(
            f"The period must be no less than what the pilot symbols of an interval take, {busy_s:.4g} s, "
            f"found {period_s:g} s."
        )
    if intervals < 1:
        raise InvalidInput(f"There must be at least one interval, found {intervals}.")
    first = with_fixed_scatterers(scenario)
    return tuple(
        with_user_after(first, number * period_s, when=f"at the beginning of interval {number + 1}")
        for number in range(intervals)
    )


def with_fixed_scatterers(scenario: Scenario) -> Scenario:
    """The same world with point targets at the bounce points of its path file; unchanged if it has no path file.

    Recorded paths hold for one place of the user. Here each recorded bounce point is a fixed point scatterer, from
    which paths to any place of the user are traced. At the recorded place all paths, with their phases, are the
    recorded ones; elsewhere each keeps its recorded loss beyond that of a point scatterer of the declared cross
    section (of the line of sight: beyond free space), as shadowing.

    Deviation: a specular bounce moves along its wall as the user moves; here it stays where it was recorded.
    """
    if scenario.propagation.paths_file is None:
        return scenario
    recorded = trace_paths(scenario)
    vertices_m = next(iter(recorded.values())).vertex_m[1:]
    old = scenario.targets
    targets = Targets(
        positions_m=tuple((float(x), float(y)) for x, y in vertices_m),
        rcs_m2=old.rcs_m2,
        bistatic_rcs_m2=old.bistatic_rcs_m2,
    )
    propagation = scenario.propagation.model_copy(update={"paths_file": None})
    bare = scenario.model_copy(update={"targets": targets, "propagation": propagation})
    plain = trace_paths(bare)
    to_user = [name for name, link in scenario.links.items() if link.receiver == USER]
    losses = {name: np.abs(plain[name].gain / recorded[name].gain) ** 2 for name in to_user}
    phases = {name: np.angle(recorded[name].gain) for name in to_user}
    traced = propagation.model_copy(
        update={
            "shadow_losses": _merged(propagation.shadow_losses, losses),
            "phases_rad": _merged(propagation.phases_rad, phases),
        }
    )
    return bare.model_copy(update={"propagation": traced})


def _merged(
    listed: Mapping[str, tuple[float, ...]] | None, found: Mapping[str, Sequence[float] | np.ndarray]
) -> dict[str, tuple[float, ...]]:
    return {**(listed or {}), **{name: tuple(map(float, values)) for name, values in found.items()}}
