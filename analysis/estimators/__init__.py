"""Estimators on the counts of each problem: pass@k and its relatives, statistics of extracted answers."""
