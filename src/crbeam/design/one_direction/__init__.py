"""Least bounds where all information comes over one transmit direction, under rates in lines of sight."""
