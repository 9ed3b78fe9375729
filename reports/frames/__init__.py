"""Tidy frames out of findings, as the figures take them."""
