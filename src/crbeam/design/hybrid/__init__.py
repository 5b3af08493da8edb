"""Hybrid arrays: the digital optimum as a function of the phases of an analog network, and proofs of what is left."""
