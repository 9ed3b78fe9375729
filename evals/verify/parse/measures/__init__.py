"""Units of measure and counted things after numbers."""
