"""Losses and advantages: one contract, one file for each algorithm."""
