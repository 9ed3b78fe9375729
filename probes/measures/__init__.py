"""Measures on samples and weights as pure functions, and their inference by problem."""
