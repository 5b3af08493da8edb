"""Examples that run: each has a `main` that the tests call."""
