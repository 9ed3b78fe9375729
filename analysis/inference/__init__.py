"""Inference on paired counts: bootstrap, bands, intervals, exact tests, training seeds."""
