"""Least weighted bounds of transmissions that serve users: exact, through the Lagrangian dual."""
