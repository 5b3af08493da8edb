"""The verbs `crbeam study run`, `show` and `export`."""

import json

import pytest
from tests.studies.small_studies import SMALL, rows
from typer.testing import CliRunner

from crbeam.interfaces.command_line import app
from crbeam.interfaces.study_progress import Bar, progress_on_terminal
from crbeam.studies.observing import Silence, duration_words

RUNNER = CliRunner()
STUDY = """\
title: A small study
scenario: zhang2025
axes: {weight: [0.3, 0.7], realisations: 3, fields: {targets: {field: targets.count, values: [0, 2]}}}
random: {phases: true}
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "study.yaml"
    path.write_text(STUDY, encoding="utf-8")
    return path


def run(*words):
    return RUNNER.invoke(app, ["study", *map(str, words)])


def test_run_then_show_then_export(file):
    overrides = [word for override in SMALL for word in ("--set", override)]
    first = run("run", file, "--workers", 1, *overrides)
    assert first.exit_code == 0, first.output
    assert "12 of 12 cases, 6 failed; 12 computed" in first.stdout
    assert first.stderr == ""
    again = run("run", file, "--workers", 1, *overrides)
    assert "0 computed" in again.stdout
    assert "12 kept from before" in again.stdout

    shown = run("show", file)
    assert shown.exit_code == 0
    assert "6 x Unidentifiable: The observations must determine user_position" in shown.stdout
    assert "objective [m^2]" in shown.stdout
    assert "+-" in shown.stdout
    assert "0 computed again after they were stored" in shown.stdout
    chosen = run("show", file.with_suffix(".sqlite"), "--metric", "fused.clock_bias_s")
    assert "fused.clock_bias_s [s]" in chosen.stdout

    for name in ("nc", "csv", "mat"):
        out = file.parent / f"out.{name}"
        exported = run("export", file, "--out", out)
        assert exported.stdout == f"wrote {out}\n"
        assert out.stat().st_size > 100
    assert run("export", file, "--out", file.parent / "other", "--format", "csv").exit_code == 0


def test_json_is_one_object(file):
    document = json.loads(run("run", file, "--workers", 1, "--json").stdout)
    assert {key: document[key] for key in ("cases", "done", "failed", "computed", "stopped_after")} == {
        **{"cases": 12, "done": 12, "failed": 6, "computed": 12},
        "stopped_after": None,
    }
    shown = json.loads(run("show", file, "--json").stdout)
    assert shown["recomputed"] == 0
    assert [failure["count"] for failure in shown["failures"]] == [6]
    assert shown["points"][0]["values"] == {"design_method": "optimum", "targets": 0, "weight": 0.3}
    assert shown["points"][0]["mean"]["objective"]["mean"] is None
    assert shown["points"][2]["mean"]["objective"]["count"] == 3
    assert json.loads(run("export", file, "--out", file.parent / "x.csv", "--json").stdout)["file"].endswith("x.csv")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run", "nowhere.yaml"], "no such file"),
        (["show", "nowhere.yaml"], "Run the study first"),
        (["run", "STUDY", "--workers", "0"], "at least 1"),
        (["run", "STUDY", "--workers", "2", "--scheduler", "tcp://127.0.0.1:1"], "At most one of"),
        (["run", "STUDY", "--slurm", "jbos=3"], "Did you mean `jobs`"),
        (["run", "STUDY", "--slurm", "jobs=many"], "number of SLURM jobs"),
        (["run", "STUDY", "--set", "targets.cuont=1"], "did you mean `count`"),
    ],
)
def test_mistakes_end_with_status_2_and_a_sentence(file, words, message):
    result = run(*[str(file) if word == "STUDY" else word for word in words])
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stdout == ""
    assert not file.with_suffix(".sqlite").exists() or rows(file.with_suffix(".sqlite")) == []


def test_an_interrupted_run_says_how_to_go_on(file, monkeypatch):
    def interrupt(self):
        raise KeyboardInterrupt

    monkeypatch.setattr("crbeam.studies.backends.SerialBackend.wait", interrupt)
    result = run("run", file, "--workers", 1)
    assert result.exit_code == 130
    assert "run again to go on" in result.stderr
    monkeypatch.undo()
    assert "12 of 12 cases" in run("run", file, "--workers", 1).stdout


def test_the_bar_is_for_terminals_only():
    with progress_on_terminal() as observer:
        assert isinstance(observer, Silence)


def test_the_bar_counts():
    import io

    from rich.console import Console
    from rich.progress import Progress, TextColumn

    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=100, no_color=True, highlight=False)
    columns = (TextColumn("{task.completed}/{task.total} {task.fields[failed]} failed {task.fields[rate]}"),)
    with Progress(*columns, console=console) as progress:
        bar = Bar(progress)
        bar.started(30, 10, 1)
        bar.expected(150.0)
        bar.progressed(10, 2)
    text = stream.getvalue()
    assert "10 of 30 cases are stored already" in text
    assert "About 2.5 min to go" in text
    assert "20/30 3 failed" in text
    assert "/s" in text


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "0 s"), (119.0, "119 s"), (150.0, "2.5 min"), (7200.0, "2 h"), (3 * 86400.0, "3 days"), (1e8, "1157 days")],
)
def test_durations_in_words(seconds, words):
    assert duration_words(seconds) == words
