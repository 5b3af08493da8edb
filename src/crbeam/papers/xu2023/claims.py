"""What xu2023 claims, and comparisons beyond the paper, in the order of their numbers."""

from crbeam.papers.claims import Claim
from crbeam.papers.xu2023 import drop_claims, network_claims
from crbeam.papers.xu2023.measurements import Measurements

CLAIMS: tuple[Claim[Measurements], ...] = tuple(
    sorted((*network_claims.CLAIMS, *drop_claims.CLAIMS), key=lambda claim: claim.number)
)
