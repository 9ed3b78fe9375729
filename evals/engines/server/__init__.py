"""Models behind a server that speaks the OpenAI protocol: vLLM, SGLang, llama.cpp, TGI, a hosted API.

The weights are never seen: a cell's identity is the model's name and what the server says of it.
"""

from evals.engines.server.model import UNSEEN, Untokenized, server_checkpoint, tokenizer_for

__all__ = ["UNSEEN", "Untokenized", "server_checkpoint", "tokenizer_for"]
