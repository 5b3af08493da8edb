"""Which receivers should sense: prices, candidate sets, and the best set together with its transmission."""
