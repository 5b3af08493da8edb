"""Claims of li2024 on locating the target: what the paper says gives `reproduced`, altered data turn every verdict."""

from dataclasses import replace

import numpy as np
import pytest

from crbeam.estimation import Failure
from crbeam.evaluation.error_statistics import Interval
from crbeam.evaluation.estimator_check import LinkCheck, QuantityCheck, SnrCheck
from crbeam.papers.claims import NotMeasured, Verdict, reproduce
from crbeam.papers.li2024 import gathering, positioning_claims
from crbeam.papers.li2024.claims import CLAIMS
from crbeam.papers.li2024.measurements import (
    ANGLE,
    AS_DESIGNED,
    DIRECTIONS,
    JOINT,
    LIT,
    MUSIC,
    RANGE,
    TWO_STAGE,
    Identifiability,
    Measurements,
    Positioning,
    from_snr,
)
from crbeam.papers.li2024.positioning import CHECKS, SUBARRAY, focused_network, scene
from crbeam.propagation.near_field import near_field_response
from crbeam.systems.double_array import double_array

REPRODUCED, IN_PART, NOT, NOT_TESTABLE = Verdict
SNR_DB = (-10.0, 0.0, 10.0, 20.0)
BOUNDS = {"target_position_m": 1.0, ANGLE: 1e-3, RANGE: 1.0}
POSITIONING = {claim.number: claim for claim in positioning_claims.CLAIMS}


def check_with(ratio, *, jointly_at_most=2.0):
    """Errors at a multiple of bounds that fall with the sensing SNR."""
    points = []
    for snr_db in SNR_DB:
        scale = 10.0 ** (-snr_db / 20.0) / 3.0
        quantities = {
            name: QuantityCheck(
                ratio * bound * scale, bound * scale, Interval(ratio, 0.9 * ratio, 1.1 * ratio), jointly_at_most
            )
            for name, bound in BOUNDS.items()
        }
        points.append(SnrCheck(snr_db, 100, dict.fromkeys(Failure, 0), Interval(0.0, 0.0, 0.04), quantities))
    return LinkCheck("link", -10.0, tuple(points))


IDEAL = Measurements(
    Positioning(
        1, dict.fromkeys(CHECKS, check_with(1.0)), 0.3, dict.fromkeys(DIRECTIONS, Identifiability(True, False, 0.05))
    )
)


def with_checks(**changes):
    """The ideal data with other checks, by the place of the key in `CHECKS`."""
    checks = {**IDEAL.positioning.checks, **{CHECKS[int(name[1:])]: check for name, check in changes.items()}}
    return Measurements(replace(IDEAL.positioning, checks=checks))


def with_identifiability(direction, known):
    identifiable = {**IDEAL.positioning.identifiable, direction: known}
    return Measurements(replace(IDEAL.positioning, identifiable=identifiable))


def verdict(number, data):
    ((_, finding),) = reproduce([POSITIONING[number]], data)
    return finding.verdict


@pytest.mark.parametrize("claim", positioning_claims.CLAIMS, ids=lambda claim: claim.number)
def test_data_as_the_paper_says_reproduce_it(claim):
    finding = claim.check(IDEAL)
    assert finding.verdict is REPRODUCED, finding
    assert finding.readings


@pytest.mark.parametrize(
    ("number", "data", "expected"),
    [
        (1, with_identifiability("uplink", Identifiability(True, False, 29.0)), IN_PART),
        (1, with_identifiability("downlink", Identifiability(False, False, 0.1)), IN_PART),
        (4, with_checks(_0=check_with(1000.0)), IN_PART),
        (4, with_checks(_1=check_with(1.6)), IN_PART),
        (4, with_checks(_0=check_with(9.0), _1=check_with(9.0)), NOT),
        (5, with_checks(_3=check_with(4.0)), IN_PART),
        (5, Measurements(replace(IDEAL.positioning, printed_spread=1e-13)), IN_PART),
        (6, with_checks(_2=check_with(0.6, jointly_at_most=0.9)), IN_PART),
        (20, with_checks(_2=check_with(1.2)), IN_PART),
        (20, with_checks(_2=check_with(0.8), _5=check_with(1.3)), NOT),
    ],
)
def test_altered_data_turn_the_verdict(number, data, expected):
    assert verdict(number, data) is expected


def test_every_claim_on_positions_is_in_the_table_in_order():
    numbers = [claim.number for claim in CLAIMS]
    assert numbers == sorted(set(numbers))
    assert set(POSITIONING) <= set(numbers)


def test_what_was_not_measured_is_not_testable():
    checks = {key: check for key, check in IDEAL.positioning.checks.items() if key[2] != TWO_STAGE}
    data = Measurements(replace(IDEAL.positioning, checks=checks))
    assert verdict(4, data) is NOT_TESTABLE
    assert verdict(5, data) is NOT_TESTABLE
    low = replace(check_with(1.0), points=check_with(1.0).points[:1])
    with pytest.raises(NotMeasured, match="0 dB or more"):
        from_snr(low, 0.0)


def test_what_is_compared_is_what_the_claims_need():
    wanted = {
        ("downlink", AS_DESIGNED, TWO_STAGE),
        *((direction, LIT, method) for direction in DIRECTIONS for method in (TWO_STAGE, JOINT)),
        ("uplink", LIT, MUSIC),
    }
    assert set(CHECKS) == wanted


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_sub_arrays_have_phase_shifters_that_focus_on_the_target(direction):
    network, arrays = focused_network(scene(direction)), double_array(scene(direction))
    assert network.shape == (64, 64 // SUBARRAY)
    assert np.allclose(network.conj().T @ network, np.eye(64 // SUBARRAY))
    assert np.allclose(np.abs(network[network != 0.0]), 1.0 / np.sqrt(SUBARRAY))
    towards = arrays.transmit.value.conj() if direction == "downlink" else arrays.receive.value
    assert np.sum(np.abs(network.conj().T @ towards) ** 2) == pytest.approx(64.0)


def test_the_printed_criterion_of_the_figure_does_not_depend_on_the_angle():
    assert gathering.printed_spread() < 1e-10


def test_a_criterion_that_depends_on_the_angle_would_be_seen():
    """MUSIC with the true curvature in place of the free vector."""
    scenario = scene("uplink")
    network, arrays = focused_network(scenario), double_array(scenario)
    signal = network.conj().T @ arrays.receive.value[:, 0]
    positions_m = np.stack([np.zeros(64), np.arange(64) * 0.5 / 63], axis=1)
    angles = gathering.ANGLES_RAD
    responses = near_field_response(
        positions_m, angles, np.full(len(angles), 20.0), wavelength_m=0.0107, model="fresnel"
    ).value
    seen = network.conj().T @ responses
    shares = np.abs(signal.conj() @ seen) ** 2 / np.sum(np.abs(seen) ** 2, axis=0)
    assert np.ptp(shares) > 0.5 * np.mean(shares)


def test_curvature_makes_the_position_identifiable_and_the_stated_budget_makes_it_useless():
    known = gathering.identifiability("downlink")
    assert known.with_curvature
    assert not known.with_plane_waves
    assert 20.0 < known.at_stated_budget < 40.0
