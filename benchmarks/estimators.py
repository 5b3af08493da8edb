"""Time of 400 trials of the maximum-likelihood estimators at one signal-to-noise ratio, on two processes."""

import time

from crbeam import design_problem, method_named, read_scenario
from crbeam.evaluation import TrialPlan, check_estimator

TRIALS = 400
WORKERS = 2
#: All links together are expected to take less than this.
MOST_SECONDS = 60.0


def report() -> dict[str, object]:
    """Print and return the seconds of each link at the scenario's own ratio, start of the processes included."""
    scenario = read_scenario("zhang2025")
    design = method_named("fdb-wcrb").solve(design_problem(scenario, weight=0.5))
    seconds = {}
    for link in (*scenario.links, "fused"):
        begin = time.perf_counter()
        plan = TrialPlan(("own",), trials=TRIALS, workers=WORKERS)
        check_estimator(scenario, design.covariances, plan=plan, links=[link])
        seconds[link] = time.perf_counter() - begin
        print(f"{TRIALS} trials at one ratio on {WORKERS} processes, {link}: {seconds[link]:.1f} s")
    total = sum(seconds.values())
    print(f"all links: {total:.1f} s (expected: less than {MOST_SECONDS:.0f} s)")
    return {"seconds": seconds, "total": total, "trials": TRIALS, "workers": WORKERS}
