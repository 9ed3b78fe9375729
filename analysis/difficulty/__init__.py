"""The distribution of the success rate p over problems: fitted, extrapolated, simulated."""
