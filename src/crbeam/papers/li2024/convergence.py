"""How the published algorithms for hybrid arrays come along, beside the descent over phases, in one channel.

Reference: li2024 section V-C.

Deviation: 16 and 8 antennas, sub-arrays of two and two users in place of 64, 16, four and four, since a relaxation over
all pairs of 64 antennas takes hours. The algorithms are the corrected ones; with printed signs the violation stalls.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

import crbeam
from crbeam.design import Design, DesignProblem
from crbeam.design.certificate import weighted_bound
from crbeam.design.hybrid.descent import STAGES, descended, descended_together, finished
from crbeam.design.hybrid.networks import digital_relaxation, hybrid_of, with_network
from crbeam.design.hybrid.views import ReceiveView, network_view
from crbeam.design.methods import method_named
from crbeam.design.service_constraints import MinimumUplinkSinr
from crbeam.files import write_atomically
from crbeam.papers.li2024.draws import APERTURE_WAVELENGTHS
from crbeam.papers.runs import PaperRun
from crbeam.scenario import read_scenario
from crbeam.systems import design_problem

CHANNEL_SEED = 2
N_MAIN, N_ASSISTING, PER_CHAIN, USERS = 16, 8, 2, 2
#: The paper's algorithms, quick and full.
PUBLISHED = {
    "downlink": ("pdd-downlink:max_outer=15", "pdd-downlink:max_outer=40"),
    "uplink": ("ao-uplink:updates=6,max_outer=6", "ao-uplink:updates=20,max_outer=20"),
}
DESCENT = "hybrid:starts=3"
#: Steps of the descent from where a published algorithm ended.
POLISHING_STEPS = 150


@dataclass(frozen=True)
class Convergence:
    """One published algorithm beside the descent over phases.

    Attributes:
        published: squared position error bound after each outer loop (downlink: of the copy, which comes from below,
            as it need not be what a network sends; uplink: after each update of the network).
        violations: largest difference between copy and product after each loop of penalty and multiplier.
        descent: squared position error bound after each step of the descent.
        reached: of the digital optimum behind the last network of the published algorithm, and of the descent.
        polished: of what a descent from that last network comes to.
        digital: of the fully digital design.
        lower_bound: proven for all networks.
        seconds: of the published algorithm and of the descent.
    """

    published: tuple[float, ...]
    violations: tuple[float, ...]
    descent: tuple[float, ...]
    reached: tuple[float, float]
    polished: float
    digital: float
    lower_bound: float
    seconds: tuple[float, float]


def convergence(run: PaperRun, direction: str) -> Convergence:
    """The comparison of one direction, which takes a minute or more and is kept beside the studies."""
    key = PUBLISHED[direction][int(run.full)].translate(str.maketrans(":=,", "___"))
    file = run.kept_dir / f"convergence-{key}-{crbeam.__version__}.json"
    if not file.exists():
        text = json.dumps(asdict(measured(direction, full=run.full)))
        write_atomically(file, lambda path: path.write_text(text))
    return _read(file)


def _read(file: Path) -> Convergence:
    stored: dict[str, Any] = json.loads(file.read_text())
    parts: dict[str, Any] = {name: tuple(part) if isinstance(part, list) else part for name, part in stored.items()}
    return Convergence(**parts)


def small_problem(direction: str, key: str) -> DesignProblem:
    """The problem that both are given."""
    overrides = [
        f"stations.main.transmit_array.elements={N_MAIN}",
        f"stations.main.transmit_array.spacing={APERTURE_WAVELENGTHS / (N_MAIN - 1)}",
        f"stations.assisting.transmit_array.elements={N_ASSISTING}",
        f"served_users.antennas_per_chain={PER_CHAIN}",
        f"served_users.count={USERS}",
    ]
    scenario = read_scenario(f"li2024-{direction}", seed=CHANNEL_SEED, overrides=overrides)
    return design_problem(scenario, method=method_named(key))


def measured(direction: str, *, full: bool) -> Convergence:
    """The comparison of one direction."""
    key = PUBLISHED[direction][int(full)]
    problem = small_problem(direction, key)
    published, descent = (method_named(each).solve(problem) for each in (key, DESCENT))
    digital = method_named("digital").solve(digital_relaxation(problem))
    bounds = [design.lower_bound for design in (published, descent) if design.lower_bound is not None]
    return Convergence(
        _numbered(published, "copy_objective_") or published.trace,
        _numbered(published, "violation_"),
        descent.trace,
        (published.objective, descent.objective),
        polished(problem, published),
        digital.objective,
        max(bounds),
        (published.seconds, descent.seconds),
    )


def _numbered(design: Design, name: str) -> tuple[float, ...]:
    return tuple(float(value) for key, value in design.details.items() if key.startswith(name))


def polished(problem: DesignProblem, design: Design) -> float:
    """Objective that a descent over phases reaches from the network of a design; at most that of the design."""
    hybrid = hybrid_of(problem)
    assert hybrid is not None
    view = network_view(problem, hybrid)
    first = hybrid.phases_rad(design.analog[hybrid.port])
    service = next((part for part in problem.constraints if isinstance(part, MinimumUplinkSinr)), None)
    if service is not None and isinstance(view, ReceiveView):
        end = descended_together(view, service, first, max_iterations=len(STAGES) * POLISHING_STEPS)
    else:
        digital = method_named("digital").solve(digital_relaxation(problem)).objective
        end = descended(view, first, digital=digital, price=1e3, max_iterations=POLISHING_STEPS)
    best = finished(view, end.phases_rad, tolerance=1e-6)
    reached = weighted_bound(with_network(problem, hybrid.network(end.phases_rad)), best.covariances)
    return float(np.minimum(reached, design.objective))
