"""Programs that measure how often intervals and verdicts are right, on simulated data."""
