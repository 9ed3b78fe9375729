"""What a checkpoint is asked: templates, exemplars, chat, stop texts, decoding."""
