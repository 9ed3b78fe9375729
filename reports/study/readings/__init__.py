"""Readings of a study's tables: contrasts, claims, side studies, the paper's own numbers."""
