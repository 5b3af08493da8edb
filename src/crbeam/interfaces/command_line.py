"""The command `crbeam`."""

import typer

from crbeam.interfaces import (
    drive_verb,
    estimate_verb,
    house_verbs,
    paper_verbs,
    scenario_verbs,
    split_verb,
    study_verbs,
)

app = typer.Typer(
    name="crbeam",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.callback()(house_verbs.crbeam)
app.command()(house_verbs.presets)
app.command()(house_verbs.schema)
app.command()(house_verbs.methods)
app.command()(house_verbs.doctor)
app.command()(scenario_verbs.bound)
app.command()(scenario_verbs.design)
app.command("tradeoff")(scenario_verbs.tradeoff_curve)
app.command("map")(scenario_verbs.error_map)
app.command("drive")(drive_verb.drive_along)
app.command()(split_verb.split)
app.add_typer(study_verbs.app)
app.command()(estimate_verb.estimate)
app.command()(paper_verbs.figure)
app.command()(paper_verbs.reproduce)
app.command()(house_verbs.trace)


def main() -> None:
    """Entry point of the console script."""
    app()
