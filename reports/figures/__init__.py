"""Figures: each function takes a tidy frame and returns a matplotlib figure."""
