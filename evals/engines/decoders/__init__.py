"""Incremental decoding of a batch of rows: prefill prompts, step one token, keep some rows, score.

`Olmo2Decoder` runs this package's own model. Every other architecture is served by `decoder_for` (in
`proof`): by `StreamDecoder` where the model takes an attention function of ours, else by `PaddedDecoder`
through transformers' own cache, and only where it was seen to agree with the model itself.
"""

from evals.engines.decoders.olmo2 import Olmo2Decoder
from evals.engines.decoders.protocol import Decoder

__all__ = ["Decoder", "Olmo2Decoder"]
