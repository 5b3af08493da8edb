"""Baseline: monostatic sensing alone."""

from dataclasses import dataclass

from crbeam.design.one_link_method import OneLinkMethod


@dataclass(frozen=True)
class FullSensing(OneLinkMethod):
    """Least loss of monostatic sensing alone: with its share of the symbols, or with all of them (`symbols=all`).

    Reference: hamrouni2026 section IV-C (the baseline "full MS").
    """

    key = "full-ms"
    summary = "least loss of monostatic sensing alone, with its own or all symbols (baseline)"
    link = "monostatic"
