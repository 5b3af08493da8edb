"""What li2024 claims, in the order of its figures, and comparisons beyond the paper."""

from crbeam.papers.li2024 import convergence_claims, positioning_claims, sweep_claims

_ALL = (*positioning_claims.CLAIMS, *convergence_claims.CLAIMS, *sweep_claims.CLAIMS)
CLAIMS = tuple(sorted(_ALL, key=lambda claim: claim.number))
