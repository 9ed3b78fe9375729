"""Typed configuration: its sections, its presets, how it is read."""
