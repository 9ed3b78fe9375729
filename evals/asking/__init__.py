"""What a checkpoint is asked: templates, exemplars, chat, stop texts, decoding.

`Asking` is the record, `settled` makes its open choices for a checkpoint, `prompt_text` and `prompt_ids` are
what the checkpoint then reads.
"""

from evals.asking.asking import Asking, asking_file, asking_from, settled

__all__ = ["Asking", "asking_file", "asking_from", "settled"]
