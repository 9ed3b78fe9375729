"""Running a study from nothing, and collecting what the repository keeps of it."""
