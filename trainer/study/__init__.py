"""A study: one pre-training run and all its excursions; and what one would cost."""
