"""How often the intervals of probes cover the truth, and the toy model that knows it."""
