"""One problem at a time: whose rate changed, which were selected, created, short, or answered by copies."""
