"""Whether the means of a study are known well enough.

The rule is looked at after each round, when all cases of the rounds so far are stored; so it depends on nothing but
their results, and workers or restarts do not change which cases are run.
"""

import sqlite3

import numpy as np

from crbeam.studies.cases import Grid
from crbeam.studies.intervals import means
from crbeam.studies.planning import Plan
from crbeam.studies.store import metric_column


def is_precise(connection: sqlite3.Connection, plan: Plan, realisations: int) -> bool:
    """Whether the rule of a study is met by its first realisations.

    A point at which no case has the metric (all failed, say) does not keep the study going.
    """
    rule = plan.study.stop
    if rule is None:
        return False
    grid = Grid.of(plan.study)
    samples = np.full((realisations, grid.n_points), np.nan)
    column = metric_column(plan.columns.index(rule.metric))
    query = f"SELECT number, {column} FROM cases WHERE {column} IS NOT NULL AND number < ?"
    for number, value in connection.execute(query, (realisations * grid.n_points,)):
        samples.flat[number] = value
    found = means(samples.T, rule.confidence)
    known = found.count > 0
    if not known.any():
        return False
    return bool(np.all(found.half_width[known] <= rule.relative_half_width * np.abs(found.mean[known])))
