"""Training asks as evaluation does: the lineage's form, the chat template, and what ends a response."""

import json
import shutil
from copy import deepcopy

import pyarrow.parquet as pq
import pytest

from evals.asking.asking import Asking
from evals.asking.prompts import prompt_ids
from evals.checkpoints.checkpoint import open_checkpoint
from evals.core.errors import UserError
from evals.engines import open_engine
from evals.records import Problem, Sample
from evals.sampling.prompts_to_samples import settle
from tests.trainer.loops import RL, SFT, rewarded
from tests.trainer.tiny import saved
from trainer.data.asking import asked, asking_of, end_of_response
from trainer.data.demonstrations import training_demonstrations
from trainer.data.prompts import training_problems, training_prompts
from trainer.rl import rl
from trainer.rollouts import rollouts
from trainer.rollouts.sampler import open_policy_engine
from trainer.sft import sft

TURNS = (
    "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|pad|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


@pytest.fixture
def chatty(tmp_path, tokenizer):
    """A tiny Llama without lineage whose tokenizer closes every turn with a token that is not its EOS."""
    own = deepcopy(tokenizer)
    own.chat_template = TURNS
    return saved("llama", own, tmp_path / "chatty")


def test_a_lineage_says_how_training_asks_and_the_world_has_a_form_of_its_own(parent, llama_plain):
    assert (
        asked(RL, open_checkpoint(str(parent))).template,
        asked(RL, open_checkpoint(str(parent))).chat,
    ) == (
        "world",
        False,
    )
    assert asked(RL, open_checkpoint(str(llama_plain))).template == "world"
    other = RL.model_copy(update={"problems": "gsm8k"})
    assert asked(other, open_checkpoint(str(llama_plain))).template == "plain-boxed"


def test_a_benchmark_is_trained_on_its_train_split_and_evaluated_on_its_test_split(llama_plain, parent):
    """Seen to fail: problems=gsm8k was the test split, on which the trained model is then measured."""
    found = open_checkpoint(str(llama_plain))

    def splits(problems, **more):
        config = asked(RL.model_copy(update={"problems": problems} | more), found)
        return config.problems, config.eval_problems

    assert splits("gsm8k") == ("gsm8k:train", "gsm8k:test")
    assert splits("math?solutions=x") == ("math:train?solutions=x", "math:test")
    assert splits("gsm8k:test", eval_problems="math500") == ("gsm8k:test", "math500")
    assert splits("openmathinstruct") == ("openmathinstruct", "world:test")
    assert splits("world:train") == ("world:train", "world:test")
    for name, only in (("math500", "test"), ("aime24", "train"), ("olympiadbench", "train")):
        with pytest.raises(
            UserError, match=f"{name} has one split alone, .* problems={name}:{only} to train"
        ):
            splits(name)
        assert splits(f"{name}:{only}")[0] == f"{name}:{only}"


def test_no_test_split_is_trained_on_unasked(llama_plain):
    """Seen to fail: `world`, data sets of the hub and AIME 2024 were trained on as they are measured, and
    gsm8k:train was evaluated on the synthetic world."""
    found = open_checkpoint(str(llama_plain))

    def splits(problems):
        config = asked(RL.model_copy(update={"problems": problems}), found)
        return config.problems, config.eval_problems

    assert splits("world") == splits("world:train") == ("world:train", "world:test")
    assert splits("world?levels=1") == ("world:train?levels=1", "world:test")
    assert splits("gsm8k:train") == ("gsm8k:train", "gsm8k:test")
    assert splits("own/data") == ("own/data?split=train", "own/data?split=test")
    assert splits("own/data?config=main&answer=a") == (
        "own/data?config=main&answer=a&split=train",
        "own/data?config=main&answer=a&split=test",
    )
    assert splits("own/data?split=test") == ("own/data?split=test", "world:test")
    for file in ("data/train.jsonl", "./data", str(llama_plain)):
        assert splits(file) == (file, "world:test")


def test_options_of_the_world_are_the_configured_ones_where_its_name_says_nothing_of_them():
    """Seen to fail: with options in the name 200 problems of levels 1 to 4, whatever was configured."""
    config = RL.model_copy(update={"levels": (2,), "limit": 250, "data_seed": 3})

    def named(spec):
        return training_problems(config.model_copy(update={"problems": spec})).problems

    assert named("world:train") == named("world:train?levels=2") == named("world:train?seed=3&count=250")
    assert len(named("world:train?levels=2")) == 250
    assert {p.meta["level"] for p in named("world:train?levels=1&count=6")} == {1}
    assert len(named("world:train?count=7")) == 7


@pytest.fixture
def llama_plain(tmp_path, tokenizer):
    return saved("llama", tokenizer, tmp_path / "plain")


def test_in_a_chat_prompts_are_those_of_evaluation_and_the_turn_ends_the_response(chatty, tmp_path):
    found = open_checkpoint(str(chatty))
    config = asked(RL.model_copy(update={"system": "Add."}), found)
    assert config.chat
    engine = open_engine(found)
    prompts = training_prompts(config, engine.tokenizer, 512)
    asking = settle(found, Asking(template="world", shots=0, system="Add."))
    assert asking.stops == ("<|pad|>",)  # evaluation ends a turn where training did
    for problem, ids in zip(prompts.problems, prompts.ids, strict=True):
        assert ids == prompt_ids(problem, asking, engine)
    end = engine.tokenizer.convert_tokens_to_ids("<|pad|>")
    assert end_of_response(engine.tokenizer, asking_of(config)) == end != engine.tokenizer.eos_token_id
    shown = training_demonstrations(asked(SFT, found), engine.tokenizer, 512)
    assert all(d.response[-1] == end for d in shown)
    assert not engine.tokenizer.decode(shown[0].response[:1]).startswith(" ")
    with rewarded():
        last = rl(str(chatty), config.model_copy(update={"steps": 1}), tmp_path / "run", quiet=True)
    said = json.loads((last / "lineage.json").read_text())["prompt"]
    assert said == {"template": "world", "shots": 0, "chat": True, "system": "Add."}
    sampler, _ = open_policy_engine(_model(found), engine.tokenizer, found, config)
    assert {end, engine.tokenizer.eos_token_id} <= set(sampler.eos_ids)


def test_a_checkpoint_says_to_other_engines_what_ended_its_responses(chatty, parent, tmp_path):
    """Seen to fail: after training in a chat generate ran on past the turn; what its parent said beside the
    tokenizer's end was lost with OLMo2."""

    def ends(folder):
        return json.loads((folder / "generation_config.json").read_text())["eos_token_id"]

    own = tmp_path / "own"
    shutil.copytree(parent, own)
    told = json.loads((own / "generation_config.json").read_text()) | {"eos_token_id": [0, 5]}
    (own / "generation_config.json").write_text(json.dumps(told))
    once = SFT.model_copy(update={"limit": 5, "checkpoint_every": 0})
    plain = once.model_copy(update={"chat": False})
    cases = ((chatty, once, [0, 1]), (chatty, plain, 0), (own, once, [0, 5]), (parent, once, 0))
    for number, (start, config, said) in enumerate(cases):
        assert ends(sft(str(start), config, tmp_path / f"{number}", quiet=True)) == said


def test_a_prefix_is_asked_graded_kept_in_lineage_and_not_learnt_twice(chatty, tmp_path):
    """The prompt ends with it, the rewarded text begins with it, and what comes after asks with it."""
    found, box = open_checkpoint(str(chatty)), "So the answer is \\boxed{"
    config = asked(RL.model_copy(update={"prefix": box, "steps": 1}), found)
    engine = open_engine(found)
    prompts = training_prompts(config, engine.tokenizer, 512)
    asking = settle(found, Asking(template="world", shots=0, prefix=box))
    assert prompts.ids[0] == prompt_ids(prompts.problems[0], asking, engine)
    assert prompts.before == box
    last = rl(str(chatty), config, tmp_path / "run", quiet=True)
    rows = pq.read_table(next((tmp_path / "run" / "rollouts").iterdir())).to_pylist()
    assert all(row["text"].startswith(box) for row in rows)
    later = asked(SFT, open_checkpoint(str(last)))
    assert (later.prefix, later.template) == (box, "world")
    assert later.chat
    shown = training_demonstrations(
        asked(SFT.model_copy(update={"prefix": "3+"}), found), engine.tokenizer, 512
    )
    whole = training_demonstrations(asked(SFT, found), engine.tokenizer, 512)
    for some, every in zip(shown, whole, strict=True):
        said, plain = (engine.tokenizer.decode(d.response[:-1]) for d in (some, every))
        assert said == plain.removeprefix("3+")


def test_thinking_that_the_prompt_opens_is_graded_as_in_evaluation(tmp_path, tokenizer):
    """An answer in thoughts that never end earns nothing; their tag stands in the prompt."""
    own = deepcopy(tokenizer)
    own.chat_template = TURNS.replace("<|assistant|>", "<|assistant|><think>")
    found = open_checkpoint(str(saved("llama", own, tmp_path / "thinker")))
    config = asked(RL.model_copy(update={"n": 2}), found)
    prompts = training_prompts(config, own, 512)
    assert prompts.before == "<think>"

    class Thinker:
        def sample(self, requests, options):
            texts = (" so \\boxed{17}", " so </think>\\boxed{17}")
            return [Sample(t, (5,), (0.0,), "stop") for t in texts]

    problem = Problem.make("12+5?", "17")
    batch = rollouts.collect(Thinker(), [problem], [(5,)], config, 0, before=prompts.before)
    assert batch.rewards.tolist() == [[0.0, 1.0]]


def test_solutions_are_not_learnt_as_thoughts_that_never_end(tmp_path, tokenizer):
    """Seen to fail: in a template that opens thoughts every solution was learnt as one, and earns nothing."""
    own = deepcopy(tokenizer)
    own.chat_template = TURNS.replace("<|assistant|>", "<|assistant|><think>")
    found = open_checkpoint(str(saved("llama", own, tmp_path / "thinker")))
    with pytest.raises(
        UserError, match=r"the prompt opens '<think>', which no solution of world:train closes"
    ):
        training_demonstrations(asked(SFT, found), own, 512)
    config = asked(SFT.model_copy(update={"prefix": "</think>"}), found)
    assert len(training_demonstrations(config, own, 512, quiet=True)) == SFT.limit


def _model(found):
    from trainer.models.checkpoint import load_parent

    return load_parent(found)[0]


def test_a_chat_without_a_template_and_a_tokenizer_without_an_end_are_refused(llama_plain, tokenizer):
    with pytest.raises(UserError, match="no chat template"):
        asked(RL.model_copy(update={"chat": True}), open_checkpoint(str(llama_plain)))
    endless = deepcopy(tokenizer)
    endless.eos_token = None
    with pytest.raises(UserError, match="no end-of-sequence token"):
        end_of_response(endless, asking_of(RL))
