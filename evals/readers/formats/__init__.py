"""One file for each family of formats: what a row of it says."""
