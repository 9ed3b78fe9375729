"""Grades of the samples of a store, reports of its cells, and the audit of the verifier."""
