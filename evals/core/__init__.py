"""What all packages stand on: errors, files, locks, processes, progress, keys, the frame of a command."""
