"""One process or many: ranks, launching, sharded weights."""
