"""The self-contained page of findings."""
