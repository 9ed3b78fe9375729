"""Makes checkpoints: pre-training from scratch and excursions from intermediate checkpoints.

Public functions: `trainer.pretrain.pretrain`, `trainer.rl.rl`; configurations in `trainer.config`.
"""
