"""Training data: pre-training text, prompts, demonstrations."""
