"""Monostatic, bistatic and multistatic sensing with the same power."""
