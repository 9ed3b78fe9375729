"""From a checkpoint, problems and an asking to samples in a store."""
