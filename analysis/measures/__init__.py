"""Measures that others report, each with an interval and a null: what two draws of one model would show."""
