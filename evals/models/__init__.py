"""The OLMo2 architecture in plain torch, and its batches without padding."""
