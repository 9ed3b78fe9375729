"""Evaluation in the loop: pass@1 and pass@K on problems held out, which change no byte of training."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.estimators.passk import pass_at_k
from analysis.inference.bands import curve
from analysis.inference.bootstrap import bootstrap
from evals.core.errors import UserError
from evals.core.keys import derive_seed
from evals.engines.engine import Engine
from evals.records import Sample, SamplingOptions
from evals.verify import grade
from trainer.config.schema import Questions
from trainer.data.asking import asking_of
from trainer.data.prompts import Prompts, problem_set, prompts_of, say_long
from trainer.rollouts.rollouts import answered
from trainer.rollouts.sampler import Sync


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Held-out prompts and the engine that answers them; None where nothing is evaluated."""

    engine: Engine
    sync: Sync
    asked: Prompts
    config: Questions
    k: int

    def row(self, step: int) -> dict[str, float]:
        """The metrics after a step that is due (every `eval_every`), else none.

        Unbiased pass@1 and pass@K with 95% intervals over problems. Each sample's seed is the same in every
        step, so that steps are compared on common draws. eval_problems is the number of them evaluated.
        """
        if (step + 1) % self.config.eval_every:
            return {}
        self.sync()
        correct = np.array(self._correct())
        ks = sorted({1, self.k})
        rates = pass_at_k(self.config.eval_n, correct, ks)
        found = curve(bootstrap(rates, replicates=2000), rates, 0.05)
        row = {"eval_problems": float(len(self.asked.ids))}
        for i, k in enumerate(ks):
            ends = {"": found.estimate[i], "_low": found.low[i], "_high": found.high[i]}
            row |= {f"eval_pass@{k}{end}": float(value) for end, value in ends.items()}
        return row

    def _correct(self) -> list[int]:
        """Right samples of each problem."""
        c, problems = self.config, self.asked.problems

        def right(places: list[int], samples: list[Sample]) -> list[bool]:
            asked = [problems[p] for p in places]
            pairs = zip(asked, samples, strict=True)
            return [grade(p.answer, s.text, mode="reward", question=p.question).correct for p, s in pairs]

        seeds = [[derive_seed("evaluation", c.seed, p.id, i) for i in range(c.eval_n)] for p in problems]
        options = SamplingOptions(1.0, 1.0, 0, c.eval_max_tokens, asking_of(c).stops or ())
        found = answered(self.engine, self.asked.ids, seeds, options, right, self.asked.before)
        return [sum(r for _, r in found[i : i + c.eval_n]) for i in range(0, len(found), c.eval_n)]


def evaluate(evaluation: Evaluation | None, step: int) -> dict[str, float]:
    """The row of an evaluation that may be switched off."""
    return evaluation.row(step) if evaluation else {}


def open_evaluation(
    engine: Engine, sync: Sync, tokenizer: object, context: int, config: Questions, quiet: bool = False
) -> Evaluation | None:
    """The evaluation that a configuration asks for; UserError where a problem is trained on too.

    Prompts that leave no `eval_max_tokens` of the model's `context` are left out and counted.
    """
    if config.eval_every == 0:
        return None
    k = config.eval_k or 2 ** int(np.log2(max(config.eval_n // 2, 1)))
    if k > config.eval_n:
        raise UserError(f"eval_k ({k}) must be at most eval_n ({config.eval_n})")
    found = problem_set(config, config.eval_problems or "world:test", config.eval_limit)
    trained = {p.id for p in problem_set(config, config.problems, config.limit).problems}
    if both := [p.id for p in found.problems if p.id in trained]:
        raise UserError(
            f"{len(both)} of {len(found.problems)} problems of eval_problems are trained on (the first is "
            f"{both[0]}); give others"
        )
    most = context - config.eval_max_tokens
    prompts = prompts_of(found, asking_of(config), tokenizer, most)
    if len(prompts.ids) < 2:
        raise UserError(
            f"eval_problems {config.eval_problems} has fewer than two prompts of at most {max(most, 0)} "
            f"tokens (the model's context is {context}, eval_max_tokens {config.eval_max_tokens}); lower "
            "eval_max_tokens, or give more problems"
        )
    say_long(prompts, most, "prompts of eval_problems", quiet)
    return Evaluation(engine, sync, prompts, config, k)
