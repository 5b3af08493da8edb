"""Claims of li2024 on its algorithms, Fig. 2 and Fig. 3, and on its form of the bound."""

from crbeam.papers.claims import Claim, Finding, NotMeasured, Verdict, found
from crbeam.papers.li2024.convergence import CHANNEL_SEED, Convergence
from crbeam.papers.li2024.measurements import Measurements

#: Violation at which the paper ends, and the fall that counts as rapid.
ACCURACY, RAPID = 1e-4, 10.0
#: Updates within which the paper's algorithm converges, and the relative decrease at which it ends.
UPDATES, FLAT = 20, 1e-3
#: Decrease by a descent from its end that contradicts a stationary point.
STATIONARY = 1e-3
#: Relative difference of two forms of a bound that is rounding.
EQUAL = 1e-6
_CHANNEL = f"(16 and 8 antennas, sub-arrays of 2, 2 users at 10 dB, channel seed {CHANNEL_SEED})"


def _of(data: Measurements, direction: str) -> Convergence:
    if direction not in data.convergence:
        raise NotMeasured(f"No algorithm was run in the {direction}.")
    return data.convergence[direction]


def _violation(data: Measurements) -> Finding:
    each = _of(data, "downlink")
    first, last = max(each.violations), each.violations[-1]
    readings = {"falls tenfold": last <= first / RAPID, "reaches 1e-4": last <= ACCURACY}
    measured = (
        f"from {first:.1e} to {last:.1e} in {len(each.violations)} outer loops, {each.seconds[0]:.0f} s; "
        f"behind the last network {each.reached[0]:.4f} m^2, by descent over phases {each.reached[1]:.4f} m^2 in "
        f"{each.seconds[1]:.1f} s, proven bound {each.lower_bound:.4f} m^2 {_CHANNEL}"
    )
    reason = (
        "With the sign of the multiplier corrected it falls steadily; each loop costs seconds, and `--full` allows "
        "more of them. The last digits matter little, since the digital part is made anew behind the last network."
    )
    return found(readings, measured, {Verdict.REPRODUCED_IN_PART: reason, Verdict.NOT_REPRODUCED: reason})


def _within(data: Measurements) -> Finding:
    each = _of(data, "uplink")
    updates = len(each.published) - 1
    decrease = 1.0 - each.published[-1] / each.published[-2] if updates else 1.0
    readings = {f"within {UPDATES} updates": decrease < FLAT and updates <= UPDATES}
    measured = (
        f"{each.published[0]:.4f} to {each.published[-1]:.4f} m^2 in {updates} updates of the network, "
        f"{each.seconds[0]:.0f} s, the last by {decrease:.1e}; by descent over phases {each.reached[1]:.4f} m^2 in "
        f"{each.seconds[1]:.1f} s, proven bound {each.lower_bound:.4f} m^2 {_CHANNEL}"
    )
    reasons = {
        Verdict.REPRODUCED: "Corrected, at a small size; the paper's own size is out of reach for its relaxation.",
        Verdict.NOT_REPRODUCED: "The bound still falls at the last update that was made.",
    }
    return found(readings, measured, reasons)


def _stationary(data: Measurements) -> Finding:
    readings, words = {}, []
    for direction, name in (("downlink", "Algorithm 2"), ("uplink", "Algorithm 6")):
        each = _of(data, direction)
        left = 1.0 - each.polished / each.reached[0]
        readings[name] = left <= STATIONARY
        words.append(f"{name}: {left:.1e}")
    reason = (
        "Phases come from a relaxation with random rounding, while the other unknowns are held; a step that no "
        "candidate improves ends the loop. Nothing makes that point stationary."
    )
    measured = f"what descent over phases still gains from the last network: {'; '.join(words)} {_CHANNEL}"
    return found(readings, measured, {Verdict.REPRODUCED_IN_PART: reason, Verdict.NOT_REPRODUCED: reason})


def _equivalent(data: Measurements) -> Finding:
    if data.four_parameter_error is None:
        raise NotMeasured("The two forms of the bound were not compared.")
    readings = {"(27) and (28)": data.four_parameter_error <= EQUAL}
    measured = (
        f"largest relative difference over both directions and random covariances {data.four_parameter_error:.1e}"
    )
    return found(
        readings, measured, {Verdict.NOT_REPRODUCED: "It is a theorem; a difference would be a defect of ours."}
    )


CLAIMS: tuple[Claim[Measurements], ...] = (
    Claim(
        2,
        "The constraint violation of Algorithm 2 falls rapidly to the wanted accuracy.",
        "Fig. 2, section V-C",
        f"last violation at most {1.0 / RAPID:g} of the largest, and at most {ACCURACY:g}",
        _violation,
    ),
    Claim(
        3,
        "Algorithm 6 converges within 20 iterations.",
        "Fig. 3, section V-C",
        f"an update of the network lowers the bound by less than {FLAT:g} within {UPDATES} updates",
        _within,
    ),
    Claim(
        16,
        "The bound with the gain among the unknowns equals the trace of the inverse of (28).",
        "section III-A",
        f"relative difference at most {EQUAL:g}",
        _equivalent,
    ),
    Claim(
        17,
        "Both algorithms converge to a stationary point.",
        "abstract, sections III and IV",
        f"descent over phases from the last network gains at most {STATIONARY:g}",
        _stationary,
    ),
)
