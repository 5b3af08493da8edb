"""Best transmission of a network that serves users and locates targets: exact, with a proof over all choices."""
