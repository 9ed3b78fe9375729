"""Training asks as evaluation does: the lineage's form, the chat template, and what ends a response."""

import json

import pytest

from evals.asking.asking import Asking
from evals.asking.prompts import prompt_ids
from evals.checkpoints.checkpoint import open_checkpoint
from evals.core.errors import UserError
from evals.engines import open_engine
from evals.sampling.prompts_to_samples import settle
from tests.trainer.loops import RL, SFT, rewarded
from tests.trainer.tiny import saved
from trainer.data.asking import asked, asking_of, end_of_response
from trainer.data.demonstrations import training_demonstrations
from trainer.data.prompts import training_prompts
from trainer.rl import rl
from trainer.rollouts.sampler import open_policy_engine

TURNS = (
    "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|pad|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


@pytest.fixture
def chatty(tmp_path, tokenizer):
    """A tiny Llama without lineage whose tokenizer closes every turn with a token that is not its EOS."""
    from copy import deepcopy

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


def _model(found):
    from trainer.models.checkpoint import load_parent

    return load_parent(found)[0]


def test_a_chat_without_a_template_and_a_tokenizer_without_an_end_are_refused(llama_plain, tokenizer):
    from copy import deepcopy

    with pytest.raises(UserError, match="no chat template"):
        asked(RL.model_copy(update={"chat": True}), open_checkpoint(str(llama_plain)))
    endless = deepcopy(tokenizer)
    endless.eos_token = None
    with pytest.raises(UserError, match="no end-of-sequence token"):
        end_of_response(endless, asking_of(RL))
