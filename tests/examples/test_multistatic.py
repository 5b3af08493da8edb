"""Mono-, bi- and multistatic sensing side by side: scenarios only, the same power, and what one would expect."""

import numpy as np
import pytest
from examples.multistatic.__main__ import (
    ARRANGEMENTS,
    BISTATIC,
    BOTH,
    COMPARISONS,
    MONOSTATIC,
    RECEIVERS,
    main,
    scenario_of,
)


@pytest.mark.slow
def test_the_comparison_runs_and_spreading_out_pays(tmp_path):
    records = main(tmp_path, draws=3)
    assert {file.name for file in tmp_path.iterdir()} == {"multistatic.png", "multistatic.pdf", "multistatic.csv"}
    found = {(each["comparison"], each["arrangement"], each["places"]): each["median_m"] for each in records}
    same_each, same_total = COMPARISONS
    for comparison in COMPARISONS:
        alone = min(found[comparison, MONOSTATIC, 1], found[comparison, BISTATIC, 1])
        assert found[comparison, RECEIVERS, 5] < alone
    more = [found[same_each, RECEIVERS, places] for places in (2, 5, 10)]
    assert more == sorted(more, reverse=True), "more receivers never hurt with as many antennas each"
    for name in (MONOSTATIC, BISTATIC):
        assert found[same_total, name, 1] < found[same_each, name, 1], "more antennas at the one place"
    assert found[same_total, RECEIVERS, 5] == pytest.approx(found[same_each, RECEIVERS, 5]), "the same arrangement"
    assert (same_total, BOTH, 2) in found


def test_arrangements_share_power_and_differ_in_who_listens():
    scenarios = [scenario_of(each, 2, range(10), 0) for each in ARRANGEMENTS]
    powers = {each.stations["transmitter"].total_power_w for each in scenarios}
    assert len(powers) == 1
    assert len({each.waveform for each in scenarios}) == 1
    listening = [len(each.receivers.sensing) + ("monostatic" in each.links) for each in scenarios]
    assert listening == [each.places for each in ARRANGEMENTS]
    antennas = {
        name: [count(each.places) * each.places for each in ARRANGEMENTS] for name, count in COMPARISONS.items()
    }
    assert set(antennas["10 antennas in all"]) == {10}
    assert np.ptp(antennas["2 antennas at each place"]) > 0
