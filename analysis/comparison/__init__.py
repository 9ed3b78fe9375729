"""The comparison of two checkpoints on counts, up to the verdict."""
