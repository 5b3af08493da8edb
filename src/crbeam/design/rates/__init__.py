"""Rates of receivers with several antennas: transmissions to start a search from, and the power that rates take."""
