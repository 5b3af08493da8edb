"""Figures of zhang2025, small, with what is read from each of them; altered data must turn the verdicts."""

import csv
import json
from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from crbeam.errors import InvalidInput
from crbeam.interfaces.command_line import app
from crbeam.papers import figures, make_figure
from crbeam.papers.zhang2025 import curves, draws, figure_2, figure_3, figure_4, figure_6
from crbeam.papers.zhang2025.measurements import ROOT_DRAWS

FIGURES = ("2", "3", "4", "5", "6", "remark-3")
BP, MS = "user_position_m", "all_positions_m"
FUSED_BP, FUSED_MS = "fused_user_position_m", "fused_all_positions_m"
WEIGHTS = (0.01, 0.1, 0.5, 0.9, 0.99)
FEW_WEIGHTS = (0.5,)
DIGITAL = ("fdb-wcrb", "cpa-wcrb", "fdb-wcm", "cpa-wcm", "fdb-wbf", "cpa-wbf")
SCHEMES = tuple(name for group in curves.SCHEMES.values() for name in group)


def test_what_does_not_exist_is_refused_with_what_does():
    assert tuple(figures()["zhang2025"]) == FIGURES
    with pytest.raises(
        InvalidInput, match="one of zhang2025, hamrouni2026, li2024, xu2023, wang2024, found `zhang2024`"
    ):
        make_figure("zhang2024", 5, ".")
    with pytest.raises(InvalidInput, match=r"one of 2 \(Convergence.*, remark-3 \(Mismatch.*found 7"):
        make_figure("zhang2025", 7, ".")
    with pytest.raises(InvalidInput, match="found remark-4"):
        make_figure("zhang2025", "remark-4", ".")


@pytest.mark.slow
def test_the_command_makes_figures_by_number_and_by_name(tmp_path, monkeypatch):
    smaller = replace(draws.DRAWS[ROOT_DRAWS], n_targets=(1,), weights=((0.5,), (0.5,)), counts=(1, 1))
    monkeypatch.setitem(draws.DRAWS, ROOT_DRAWS, smaller)
    for words, shown, stem in ((("3",), 3, "figure_3"), (("remark-3",), "remark-3", "remark_3")):
        result = CliRunner().invoke(app, ["figure", "zhang2025", *words, "--out", str(tmp_path), "--json"])
        assert result.exit_code == 0, result.stderr
        files = [str(tmp_path / f"zhang2025_{stem}.{ending}") for ending in ("pdf", "png", "csv")]
        assert json.loads(result.stdout) == {"paper": "zhang2025", "figure": shown, "files": files}
    refused = CliRunner().invoke(app, ["figure", "zhang2025", "remark-4"])
    assert refused.exit_code == 2
    assert "remark-3 (Mismatch" in refused.stderr


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Records of every figure, by its number or name."""
    folder = tmp_path_factory.mktemp("figures")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(curves, "WEIGHTS", WEIGHTS)
        patch.setattr(curves, "FEW_WEIGHTS", FEW_WEIGHTS)
        patch.setattr(figure_2, "WEIGHTS", (0.1, 0.9))
        patch.setattr(figure_2, "STARTS", 2)
        patch.setattr(figure_4, "POINTS", 31)
        patch.setattr(figure_6, "NOTED_WEIGHTS", (0.01, 0.99))
        smaller = replace(draws.DRAWS[ROOT_DRAWS], weights=(WEIGHTS, WEIGHTS), counts=(3, 3))
        patch.setitem(draws.DRAWS, ROOT_DRAWS, smaller)
        paths = {number: make_figure("zhang2025", number, folder) for number in FIGURES}
    stems = {number: f"zhang2025_{f'figure_{number}' if number.isdigit() else 'remark_3'}" for number in FIGURES}
    for number, files in paths.items():
        assert [path.name for path in files] == [f"{stems[number]}.{ending}" for ending in ("pdf", "png", "csv")]
        assert all(path.stat().st_size > 0 for path in files)
    return {number: list(csv.DictReader(files[2].read_text().splitlines())) for number, files in paths.items()}


def column(records, name, **wanted):
    chosen = [row for row in records if all(row[key] == str(value) for key, value in wanted.items())]
    assert chosen, f"no record with {wanted}"
    return np.array([float(row[name]) for row in chosen])


def traces(records):
    found = defaultdict(list)
    for row in records:
        found[row["weight"], row["start"]].append(float(row["relative_mismatch"]))
    return [np.array(trace) for trace in found.values()]


def verdicts_2(records):
    return {
        "no step makes it worse": all(np.all(np.diff(trace) <= 0.0) for trace in traces(records)),
        "it settles within six iterations": all(trace[6:].max() <= 1.01 * trace[-1] for trace in traces(records)),
        "a part is unavoidable": all(0.0 < float(row["floor"]) < float(row["relative_mismatch"]) for row in records),
    }


def verdicts_4(records):
    towards = {row["object"]: row for row in records if row["object"]}
    gain = {
        (name, kind): np.array([float(row[f"{scheme}, {kind} (dB)"]) for scheme in figure_4.SCHEMES])
        for name, row in towards.items()
        for kind in figure_4.CRITERIA
    }
    targets = [name for name in towards if name != "user"]
    return {
        "sensing is strongest towards the user": all(
            np.all(gain["user", "sensing"] > gain[name, "sensing"] + 3.0) for name in targets
        ),
        "positioning is stronger towards target 1 than towards the user": bool(
            np.all(gain["target 1", "positioning"] > gain["user", "positioning"])
        ),
    }


def verdicts_5(records):
    everywhere = [(name, k) for name in DIGITAL for k in (1, 2, 3)]
    objective = {
        (name, k): column(records, "objective_m2", method=name, targets=k) for name in SCHEMES[:-1] for k in (1, 2, 3)
    }
    few = [WEIGHTS.index(weight) for weight in FEW_WEIGHTS]
    return {
        "more targets help bistatic positioning": bool(
            np.all(np.diff(column(records, BP, method="fdb-wcrb", weight=0.99)) < 1e-3)
        ),
        "more targets hurt monostatic sensing": bool(
            np.all(np.diff(column(records, MS, method="fdb-wcrb", weight=0.01)) > 0.0)
        ),
        "one is traded against the other": all(
            np.all(np.diff(column(records, BP, method=name, targets=k)) < 0.0)
            and np.all(np.diff(column(records, MS, method=name, targets=k)) > 0.0)
            for name, k in everywhere
        ),
        "the weighted bound is the best compromise": all(
            np.all(objective[f"{group}-wcrb", k] <= objective[f"{group}-{other}", k] * (1.0 + 1e-6))
            for group in ("fdb", "cpa")
            for other in ("wbf", "wcm")
            for k in (1, 2, 3)
        ),
        "full-dimensional beats codebook": all(
            np.all(objective["fdb-wcrb", k] < objective["cpa-wcrb", k]) for k in (1, 2, 3)
        ),
        "analog beams for the bound beat those of the mismatch": all(
            np.all(objective["analog-wcrb", k] < objective["analog-fdb", k])
            and np.all(objective["analog-wcrb", k] <= objective["analog-cpa", k][few])
            for k in (1, 2, 3)
        ),
        "analog is worse than digital": all(
            np.all(objective["analog-wcrb", k] > objective["fdb-wcrb", k][few]) for k in (1, 2, 3)
        ),
    }


def verdicts_6(records):
    fusion = np.stack([column(records, name, method="fusion") for name in (FUSED_BP, FUSED_MS)])
    others = [np.stack([column(records, name, method=scheme) for name in (BP, MS)]) for scheme in SCHEMES[:-1]]
    shared = np.stack([column(records, name, method="fdb-wcrb") for name in (FUSED_BP, FUSED_MS)])
    middle = WEIGHTS.index(0.5)
    return {
        "fusion dominates": all(np.all(fusion.max(axis=1) < 0.5 * other.min(axis=1)) for other in others),
        "fusion is nearly a point": bool(np.all(np.ptp(fusion, axis=1) < 0.1 * np.ptp(others[0], axis=1))),
        "designing for fusion pays": bool(np.all(fusion[:, middle] < 0.85 * shared[:, middle])),
    }


def verdicts_remark_3(records):
    def excess(method, targets):
        return column(records, "root_excess", method=method, targets=targets)

    random = "fdb-wbf:root=random"
    return {
        "nothing is below the optimum": all(float(row["root_excess"]) >= -1e-12 for row in records),
        "the choice matters": all(
            np.ptp([*column(records, "root_excess", method=random, targets=k, weight=0.9), *excess("fdb-wbf", k)[3:4]])
            > 0.002
            for k in (1, 2, 3)
        ),
        "with one target no choice is near the mismatch of covariances": bool(
            all(
                np.all(excess(method, 1)[:3] > 1.5 * excess("fdb-wcm", 1)[:3])
                for method in ("fdb-wbf", "fdb-wbf:root=cholesky", "fdb-wbf:root=procrustes")
            )
        ),
        "with three targets aligned roots beat the mismatch of covariances": bool(
            np.all(excess("fdb-wbf:root=procrustes", 3)[1:4] < excess("fdb-wcm", 3)[1:4])
        ),
    }


VERDICTS = {"2": verdicts_2, "4": verdicts_4, "5": verdicts_5, "6": verdicts_6, "remark-3": verdicts_remark_3}


@pytest.mark.slow
@pytest.mark.parametrize("number", VERDICTS)
def test_figures_show_what_is_said_of_them(data, number):
    assert all(VERDICTS[number](data[number]).values()), VERDICTS[number](data[number])


def inverted(row, *names):
    return {**row, **{name: str(1.0 / float(row[name])) for name in names}}


def exchanged(records, first, second):
    """The same records with the names of two methods exchanged."""
    names = {first: second, second: first}
    return [{**row, "method": names.get(row["method"], row["method"])} for row in records]


ALTERATIONS = [
    ("2", "no step makes it worse", lambda rows: [inverted(row, "relative_mismatch") for row in rows]),
    (
        "2",
        "it settles within six iterations",
        lambda rows: [row | {"relative_mismatch": str(20 - int(row["iteration"]))} for row in rows],
    ),
    ("2", "a part is unavoidable", lambda rows: [row | {"floor": "0.9"} for row in rows]),
    ("5", "more targets help bistatic positioning", lambda rows: [row | {BP: row["targets"]} for row in rows]),
    ("5", "more targets hurt monostatic sensing", lambda rows: [inverted(row, MS) for row in rows]),
    ("5", "one is traded against the other", lambda rows: [inverted(row, MS) for row in rows]),
    ("5", "the weighted bound is the best compromise", lambda rows: exchanged(rows, "fdb-wcrb", "fdb-wcm")),
    ("5", "full-dimensional beats codebook", lambda rows: exchanged(rows, "fdb-wcrb", "cpa-wcrb")),
    (
        "5",
        "analog beams for the bound beat those of the mismatch",
        lambda rows: exchanged(rows, "analog-wcrb", "analog-fdb"),
    ),
    ("5", "analog is worse than digital", lambda rows: [inverted(row, "objective_m2") for row in rows]),
    ("6", "fusion dominates", lambda rows: [inverted(row, FUSED_BP) for row in rows]),
    ("6", "fusion is nearly a point", lambda rows: [row | {FUSED_BP: row["weight"]} for row in rows]),
    ("6", "designing for fusion pays", lambda rows: exchanged(rows, "fusion", "fdb-wcrb")),
    ("remark-3", "nothing is below the optimum", lambda rows: [row | {"root_excess": "-0.01"} for row in rows]),
    ("remark-3", "the choice matters", lambda rows: [row | {"root_excess": "0.05"} for row in rows]),
    (
        "remark-3",
        "with one target no choice is near the mismatch of covariances",
        lambda rows: exchanged(rows, "fdb-wcm", "fdb-wbf"),
    ),
    (
        "remark-3",
        "with three targets aligned roots beat the mismatch of covariances",
        lambda rows: exchanged(rows, "fdb-wcm", "fdb-wbf:root=procrustes"),
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize(("number", "claim", "alter"), ALTERATIONS, ids=[f"{a[0]}: {a[1]}" for a in ALTERATIONS])
def test_altered_data_turn_the_verdict(data, number, claim, alter):
    assert not VERDICTS[number](alter(data[number]))[claim]


@pytest.mark.slow
def test_altered_beampatterns_turn_the_verdict(data):
    """The rows of two objects are exchanged: what held for the user now holds for target 1."""
    names = {"user": "target 1", "target 1": "user"}
    altered = [row | {"object": names.get(row["object"], row["object"])} for row in data["4"]]
    assert not any(verdicts_4(altered).values())


@pytest.mark.slow
def test_figure_5_meets_the_reference_values(data):
    np.testing.assert_allclose(
        column(data["5"], "objective_m2", method="fdb-wcrb", weight=0.5),
        [0.0116751872, 0.0110148061, 0.0118383125],
        rtol=1e-6,
    )
    wcm = [column(data["5"], name, method="fdb-wcm", weight=0.5, targets=3)[0] for name in (BP, MS)]
    np.testing.assert_allclose(wcm, [0.0783944, 0.1418442], rtol=1e-5)


def test_points_without_a_bound_are_not_drawn():
    """At weight 0 with one target the user cannot be positioned: the line leaves the point out."""
    from crbeam.papers.zhang2025.looks import tradeoff_curve

    drawn = tradeoff_curve(curves.curve(1, "fdb-wcrb", (0.0, 0.5)), {})
    assert np.isnan(drawn.x[0])
    assert np.isnan(drawn.y[0])
    # A certified gap of 1e-6 pins each bound to about its root.
    np.testing.assert_allclose([drawn.x[1], drawn.y[1]], [0.1001672, 0.1153989], rtol=1e-3)


@pytest.mark.slow
def test_codewords_are_matched_in_amplitude_only_roughly(data):
    pairs = figure_3.codeword_pairs()
    assert np.all((pairs.errors > 0.4) & (pairs.errors < 0.55)), pairs.errors
    np.testing.assert_allclose(np.abs(pairs.analog) / np.abs(pairs.analog[0]), 1.0, rtol=1e-9)
    angles_rad = column(data["3"], "angle_rad", object="user")
    towards_rad = figure_4.object_azimuths_rad()
    for name in pairs.names:
        digital, analog = (column(data["3"], kind, object=name) for kind in ("digital", "analog"))
        assert abs(angles_rad[np.argmax(digital)] - towards_rad[name]) < np.deg2rad(8.0)
        assert abs(angles_rad[np.argmax(analog)] - towards_rad[name]) < np.deg2rad(8.0)
        assert np.interp(towards_rad[name], angles_rad, digital) < 0.005
        assert 0.5 < analog.max() <= 1.1
        assert np.interp(towards_rad[name] + np.deg2rad(4.0), angles_rad, digital) > 0.1  # so that the null is one
        # Twice the amplitude would be a worse match: the drawn one is the best.
        assert np.sum((np.sqrt(digital) - np.sqrt(analog)) ** 2) < np.sum(
            (np.sqrt(digital) - 2.0 * np.sqrt(analog)) ** 2
        )


def test_curves_are_computed_once():
    assert curves.curve(2, "fdb-wcrb", (0.5,)) is curves.curve(2, "fdb-wcrb", (0.5,))
    with_other_phases = curves.curve(2, "fdb-wcrb", (0.5,), ("seed=3",))[0]
    assert with_other_phases.positioning_m != curves.curve(2, "fdb-wcrb", (0.5,))[0].positioning_m


def test_fine_curves_have_at_least_fifty_weights():
    assert len(curves.weights_for("fdb-wcrb", full=True)) >= 50
    assert len(curves.weights_for("analog-wcrb:starts=1")) < len(curves.weights_for("analog-cpa"))
    assert set(curves.FEW_WEIGHTS) <= set(curves.WEIGHTS) <= set(curves.FULL_WEIGHTS)
