"""Checkpoints and run folders: found, checked, fingerprinted, read."""
