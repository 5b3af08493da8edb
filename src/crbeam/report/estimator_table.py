"""Errors of an estimator beside their bounds, as rows of a table."""

from collections.abc import Mapping
from typing import Any

from crbeam.evaluation.estimator_check import EstimatorCheck


def estimator_table(check: EstimatorCheck) -> list[Mapping[str, Any]]:
    """One record for each link, signal-to-noise ratio and quantity, in SI units; intervals have 95 % confidence."""
    return [
        {
            "link": link.link,
            "snr_db": point.snr_db,
            "is_own_snr": point.snr_db == link.own_snr_db,
            "trials": point.trials,
            "failure_rate": point.failure_rate.value,
            "failure_rate_low": point.failure_rate.low,
            "failure_rate_high": point.failure_rate.high,
            **{f"failures_{failure.name.lower()}": count for failure, count in point.failures.items()},
            "quantity": name,
            "rmse": each.rmse,
            "root_bound": each.root_bound,
            "ratio": each.ratio.value,
            "ratio_low": each.ratio.low,
            "ratio_high": each.ratio.high,
        }
        for link in check.links.values()
        for point in link.points
        for name, each in point.quantities.items()
    ]
