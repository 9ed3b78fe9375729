"""Arguments of a chat template: those that it does not use, and texts that it takes for true."""

import json

import pytest

from evals.asking import Asking
from evals.checkpoints.checkpoint import open_checkpoint
from evals.core.errors import UserError
from evals.sampling.prompts_to_samples import settle
from tests.evals.small import saved, tokenizer

CHAT = (
    "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}"
    "{% if add_generation_prompt %}<assistant>"
    "{% if enable_thinking is defined and not enable_thinking %}<think></think>"
    "{% endif %}{% endif %}"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = saved(tmp_path_factory.mktemp("chat") / "small")
    config = path / "tokenizer_config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"chat_template": CHAT}))
    (path / "chat_template.jinja").unlink(missing_ok=True)
    assert tokenizer().chat_template is None
    return path


@pytest.mark.parametrize("value", [False, True])  # True changes nothing here, and is known
def test_arguments_that_are_used_are_taken(folder, value):
    given = {"enable_thinking": value}
    assert settle(open_checkpoint(str(folder)), Asking(chat_args=given)).chat_args == given


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"enable_thinkng": False}, "use the argument 'enable_thinkng'; did you mean 'enable_thinking'"),
        ({"xyz": 1}, "does not use the argument 'xyz'; leave it out"),
        ({"enable_thinking": "False"}, "enable_thinking of the chat template is the text 'False'"),
    ],
)
def test_arguments_that_do_nothing_are_refused(folder, given, says):
    """Seen to fail: a misspelt name did nothing, and the text "False" was taken for true."""
    with pytest.raises(UserError, match=says):
        settle(open_checkpoint(str(folder)), Asking(chat_args=given))


def test_arguments_of_training_are_those_of_evaluation(folder):
    lineage = folder / "lineage.json"
    lineage.write_text(json.dumps({"prompt": {"template": "world", "chat": True, "chat_args": {"old": 1}}}))
    found = open_checkpoint(str(folder))
    made = settle(found, Asking())
    assert made.chat_args == {"old": 1}
    assert settle(found, made) == made
    lineage.unlink()
