"""A run's folder: rows, loggers, guards, the state to resume from."""
