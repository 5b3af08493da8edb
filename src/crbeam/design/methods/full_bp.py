"""Baseline: bistatic positioning alone."""

from dataclasses import dataclass

from crbeam.design.one_link_method import OneLinkMethod


@dataclass(frozen=True)
class FullPositioning(OneLinkMethod):
    """Least loss of bistatic positioning alone: with its share of the symbols, or with all of them (`symbols=all`).

    Reference: hamrouni2026 section IV-C (the baseline "full BP").
    """

    key = "full-bp"
    summary = "least loss of bistatic positioning alone, with its own or all symbols (baseline)"
    link = "bistatic"
