"""Makes checkpoints: pre-training from scratch and excursions from intermediate checkpoints.

Public functions: `trainer.pretrain.pretrain`, `trainer.rl.rl`, `trainer.sft.sft`,
`trainer.parallel.parallel`, `trainer.study.study.study`, `trainer.data.difficulty_split.split_problems`;
configurations in `trainer.config.schema`.
"""
