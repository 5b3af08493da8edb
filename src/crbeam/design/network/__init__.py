"""Least transmit power of a network that serves users and locates a target: exact, with a proof over all choices."""
