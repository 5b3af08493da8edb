"""A ray-traced square in Munich."""
