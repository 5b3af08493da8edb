"""What zhang2025 claims, in the order of its figures, and one comparison beyond the paper."""

from crbeam.papers.zhang2025 import scheme_claims, tradeoff_claims, transmission_claims

CLAIMS = (*tradeoff_claims.CLAIMS, *scheme_claims.CLAIMS, *transmission_claims.CLAIMS, scheme_claims.BEYOND)
