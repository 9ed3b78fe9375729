"""What ends a response: stop texts of a prompt template, what closes a turn of a chat, special tokens."""

import pytest

pytest.importorskip("openai", reason="the server engine needs the extra `server`")

from evals.asking import Asking
from evals.checkpoints.checkpoint import open_checkpoint
from evals.checkpoints.tokenizer import load_tokenizer
from evals.engines.open import find_checkpoint, open_engine
from evals.problems import problem_set
from evals.records import Problem, Request, SamplingOptions
from evals.sampling import Where, sample
from evals.sampling.prompts_to_samples import settle
from evals.store import SampleStore
from tests.evals.engines.small_server import SmallServer
from tests.evals.tiny import checkpoint

PROBLEMS = problem_set("x", [Problem.make(f"What is {i} and {i}?", str(2 * i)) for i in range(3)])


def drawn(path, server, asking, name):
    where = Where("server", quiet=True, server=server.url)
    store = SampleStore(path)
    return store, sample(find_checkpoint(name, "server", server.url), PROBLEMS, asking, 2, where, store, "a")


CHAT = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SPECIAL = ("<|im_start|>", "<|im_end|>")


def with_chat(folder):
    """A checkpoint that was not trained to close the turns of its chat template."""
    tokenizer = load_tokenizer(folder)
    tokenizer.add_special_tokens({"additional_special_tokens": list(SPECIAL)})
    tokenizer.chat_template = CHAT
    tokenizer.save_pretrained(folder)
    return str(folder)


def test_a_stop_that_is_a_special_token_ends_an_answer(tmp_path):
    """Seen to fail: servers take special tokens out before they search a text for stop texts."""
    folder = with_chat(checkpoint(tmp_path / "small"))
    asking = Asking("plain-boxed", 0, True, max_tokens=64)
    turn = {"special": SPECIAL, "further": "<|im_end|>\n<|im_start|>user\nAnd 3 and 3?"}
    with SmallServer(**turn) as server:
        store, cell = drawn(tmp_path / "s", server, asking, folder)
        sent = server.seen[-1]
    assert sent["stop"] == ["<|im_end|>"]
    assert len(sent["stop_token_ids"]) == 1
    assert sent["skip_special_tokens"] is sent["spaces_between_special_tokens"] is False
    assert all(text.endswith("}") for text in store.samples([cell])["text"])
    with SmallServer(**turn) as server:  # no special token among the stops: the request is as ever
        drawn(tmp_path / "s", server, Asking("plain-boxed", 0, True, stops=(), max_tokens=64), folder)
        assert not {"stop", "stop_token_ids", "skip_special_tokens"} & server.seen[-1].keys()
    with SmallServer(takes_extras=False) as server:  # a plain server gets no field that it does not know
        drawn(tmp_path / "plain", server, asking, folder)
        assert not {"stop_token_ids", "skip_special_tokens"} & server.seen[-1].keys()


def test_a_text_is_cut_at_its_stop_whatever_the_server_does():
    with SmallServer(further="STOP and on", ends="length") as server:
        engine = open_engine("small", engine="server", server=server.url)
        vars(server).update(searched=lambda text, body: text)
        (sample,) = engine.sample(
            [Request(engine.encode("Question"), 0)], SamplingOptions(1.0, 1.0, 0, 6, ("STOP",))
        )
    assert sample.text.endswith("}")
    assert sample.finish_reason == "stop"


def test_a_chat_ends_with_its_turn_whatever_other_stops_there_are(tmp_path):
    """Seen to fail: stops of a prompt template, or of the user, took the place of what closes a turn."""
    found = open_checkpoint(with_chat(checkpoint(tmp_path / "small")))
    own = tmp_path / "own.toml"
    own.write_text('question = "Q: {question}\\nA:"\nstops = ["\\nQ:"]\n')

    def stops(chat=True, **changes):
        return settle(found, Asking(chat=chat, shots=0, **changes)).stops

    assert stops() == ("<|im_end|>",)
    assert stops(template=str(own)) == stops(stops=("\nQ:",)) == ("\nQ:", "<|im_end|>")
    assert stops(stops=("<|im_end|>", "x")) == ("<|im_end|>", "x")
    assert stops(stops=()) == ()
    assert stops(chat=False, template=str(own)) == ("\nQ:",)


def test_a_server_asks_as_the_lineage_of_the_local_folder_says(tmp_path):
    """Seen to fail: torch asked in the template of training, the server in the default one."""
    folder = str(checkpoint(tmp_path / "small"))
    with SmallServer() as server:
        found = find_checkpoint(folder, "server", server.url)
    assert found.lineage == open_checkpoint(folder).lineage
    assert settle(found, Asking()) == settle(open_checkpoint(folder), Asking())
