"""What is compared: counts, samples, stores, or checkpoints that are sampled here."""
