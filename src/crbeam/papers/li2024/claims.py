"""What li2024 claims, in the order of its figures, and comparisons beyond the paper."""

from crbeam.papers.li2024 import positioning_claims

CLAIMS = tuple(sorted(positioning_claims.CLAIMS, key=lambda claim: claim.number))
