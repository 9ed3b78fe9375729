"""Findings: what a probe returns, its checks, its card, its tables in the terminal."""
