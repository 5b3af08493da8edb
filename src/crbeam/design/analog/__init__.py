"""Beams of constant modulus: codewords, covariance mismatch, and the weighted bound itself over phases and powers."""
