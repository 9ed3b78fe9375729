"""Beside one comparison: many pairs, groups of problems, the correction for guessing, plans."""
