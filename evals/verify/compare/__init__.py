"""Comparison of a parsed answer with the gold, by the gold's type."""
