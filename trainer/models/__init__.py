"""Models that are trained: made, loaded, saved, optimized, their cost counted."""
