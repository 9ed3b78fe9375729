"""The study at a scale that anyone can repeat: driver, data in the repository, findings, page."""
