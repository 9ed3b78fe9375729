"""A run's folder: rows, loggers, guards, locks, the state to resume from."""
