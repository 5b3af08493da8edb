"""Measuring what the claims of xu2023 are judged on."""

from crbeam.papers.runs import PaperRun
from crbeam.papers.xu2023.choices import choices
from crbeam.papers.xu2023.draws import drops, fading
from crbeam.papers.xu2023.enumeration import enumeration
from crbeam.papers.xu2023.measurements import Measurements
from crbeam.papers.xu2023.proofs import appendix, rank_one
from crbeam.papers.xu2023.scenes import LOSSES, SEED

#: Minutes that a quick run and a full one take on one core, most of them in the programs of the paper's algorithm.
MINUTES = (6, 50)


def gather(run: PaperRun) -> Measurements:
    """All numbers that the claims are judged on; draws come first, as they take longest."""
    run.report(
        f"claims: about {MINUTES[int(run.full)]} minutes of one core, divided among all; "
        "may be interrupted and started again"
    )
    run.report("claims: draws of the channels in the setting of Fig. 2")
    faded = {losses: fading(run, losses) for losses in LOSSES}
    run.report("claims: random places of users and target")
    dropped = drops(run)
    run.report("claims: choices of every method for one draw, derivations, enumeration")
    return Measurements(
        SEED,
        appendix(),
        rank_one(),
        {losses: choices(losses) for losses in LOSSES},
        faded,
        dropped,
        enumeration(),
    )
