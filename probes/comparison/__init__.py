"""Parts of the main comparison: robustness, gained and lost problems, n = 1, sequential looks."""
