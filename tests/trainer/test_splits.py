"""Easy and hard prompts: the paper's bounds, and the way from samples to files."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.core.errors import UserError
from evals.engines.torch_engine import TorchEngine
from evals.problems import load_problems, problem_set
from evals.records import Problem, Sample
from evals.sampling import Where
from evals.world import problems
from tests.trainer.tiny import saved
from trainer.config.schema import SFTConfig
from trainer.data import difficulty_split as splits
from trainer.data.prompts import training_problems


def test_bounds_are_the_papers_at_64_and_in_proportion_elsewhere():
    assert splits.bounds(64) == (16, 8)
    assert splits.bounds(32) == (8, 4)
    assert splits.bounds(10, easy=9, hard=0) == (9, 0)
    for wrong in ({"easy": 8, "hard": 8}, {"easy": 65}, {"hard": -1}):
        with pytest.raises(UserError, match="hard < easy"):
            splits.bounds(64, **wrong)


def test_a_chat_model_is_split_by_what_it_solves_in_its_chat(tmp_path, tokenizer, monkeypatch):
    """Seen to fail: it was asked in plain text, and trained on in its chat template."""
    from copy import deepcopy

    own, seen = deepcopy(tokenizer), set()
    own.chat_template = "{% for m in messages %}<|user|>{{ m.content }}{% endfor %}<|assistant|>"
    chosen = problem_set("world:train", problems("train", count=2, levels=(1,)))

    def answers(self, requests, options):
        seen.update(self.tokenizer.decode(r.prompt_ids) for r in requests)
        return [Sample("", (5,), (-1.0,), "stop") for _ in requests]

    monkeypatch.setattr(TorchEngine, "sample", answers)
    folder = saved("llama", own, tmp_path / "chatty")
    splits.split_problems(str(folder), chosen, tmp_path / "out", n=4, max_tokens=8, where=Where(quiet=True))
    assert all(text.endswith("Solution:<|assistant|>") for text in seen)
    assert splits.split_spec("gsm8k") == "gsm8k:train"


@given(st.lists(st.integers(0, 64), min_size=1))
def test_every_problem_is_of_one_kind_by_its_count_alone(correct):
    """Fault planted and seen to fail: strict in place of inclusive bounds."""
    kinds = splits.split({str(i): c for i, c in enumerate(correct)}, 64)
    assert list(kinds) == [str(i) for i in range(len(correct))]
    for kind, c in zip(kinds.values(), correct, strict=True):
        assert (kind == "easy") == (16 <= c <= 64)
        assert (kind == "hard") == (c <= 8)


def test_the_files_are_training_problems_with_their_solutions(tmp_path, parent, monkeypatch):
    chosen = problem_set("world:train", problems("train", count=5, levels=(1, 2)))
    correct = dict(zip((p.id for p in chosen.problems), (8, 1, 2, 0, 5), strict=True))
    by_prompt: dict[tuple[int, ...], Problem] = {}
    seen: dict[str, int] = {}

    def answers(self, requests, options):
        assert (options.temperature, options.top_p, options.top_k) == (1.0, 1.0, 0)
        out = []
        for request in requests:
            if not by_prompt:
                by_prompt.update(
                    {self.encode(f"Problem: {p.question}\nSolution:"): p for p in chosen.problems}
                )
            problem = by_prompt[request.prompt_ids]
            seen[problem.id] = seen.get(problem.id, 0) + 1
            right = seen[problem.id] <= correct[problem.id]
            text = f" So the answer is \\boxed{{{problem.answer if right else 1000}}}."
            out.append(Sample(text, (5, 6), (-1.0, -1.0), "stop"))
        return out

    monkeypatch.setattr(TorchEngine, "sample", answers)
    number = splits.split_problems(str(parent), chosen, tmp_path, n=8, max_tokens=8, where=Where(quiet=True))
    assert number == {"easy": 3, "hard": 2, "between": 0}
    one, two, three, four, five = chosen.problems
    assert [p.id for p in load_problems(str(tmp_path / "easy.jsonl")).problems] == [one.id, three.id, five.id]
    hard = training_problems(SFTConfig(problems=str(tmp_path / "hard.jsonl"))).problems
    assert [(p.id, p.solutions) for p in hard] == [
        (p.id, tuple(dict.fromkeys(p.solutions))) for p in (two, four)
    ]
    monkeypatch.setattr(TorchEngine, "sample", lambda *_: pytest.fail("drawn again"))
    number = splits.split_problems(
        str(parent), chosen, tmp_path, n=8, hard=4, easy=6, max_tokens=8, where=Where(quiet=True)
    )
    assert number == {"easy": 1, "hard": 3, "between": 1}
