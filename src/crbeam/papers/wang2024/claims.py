"""What wang2024 claims, in the order of its figures."""

from crbeam.papers.wang2024 import bound_claims, localisation_claims, selection_claims

CLAIMS = (*bound_claims.CLAIMS, *selection_claims.CLAIMS, *localisation_claims.CLAIMS)
