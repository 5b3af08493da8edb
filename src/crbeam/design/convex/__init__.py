"""The one dual engine for every convex design problem (see `statement` for the problem, `dual` for its dual)."""
