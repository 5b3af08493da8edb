"""What hamrouni2026 claims, and comparisons beyond the paper, in the order of their numbers."""

from crbeam.papers.claims import Claim
from crbeam.papers.hamrouni2026 import motion_claims, sequence_claims
from crbeam.papers.hamrouni2026.measurements import Measurements

CLAIMS: tuple[Claim[Measurements], ...] = tuple(
    sorted((*motion_claims.CLAIMS, *sequence_claims.CLAIMS), key=lambda claim: claim.number)
)
