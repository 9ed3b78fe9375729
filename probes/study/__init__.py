"""Every probe on every cell of a study."""
