"""The study's page, from its findings alone."""
