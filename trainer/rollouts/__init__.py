"""Rollouts, the samples of training: drawn, rewarded, kept."""
