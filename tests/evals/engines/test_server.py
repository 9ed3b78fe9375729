"""Sampling from a server: what is sent, what is kept, and every way in which it can go wrong."""

import pytest

pytest.importorskip("openai", reason="the server engine needs the extra `server`")

from evals.asking import Asking
from evals.core.errors import UserError
from evals.engines.open import find_checkpoint, open_engine
from evals.engines.server import patience
from evals.problems import problem_set
from evals.records import Problem, Request, SamplingOptions
from evals.sampling import Where, sample
from evals.store import SampleStore
from tests.evals.engines.small_server import SmallServer
from tests.evals.fake_engine import files
from tests.evals.tiny import checkpoint

PLAIN = SamplingOptions(1.0, 1.0, 0, 64)
PROBLEMS = problem_set("x", [Problem.make(f"What is {i} and {i}?", str(2 * i)) for i in range(6)])


def engine_of(server, name="small", **how):
    return open_engine(name, engine="server", server=server.url, **how)


def requests(engine, count=5):
    return [Request(engine.encode(f"Question {i // 2}:"), i, f"p{i}") for i in range(count)]


def drawn(path, server, asking=Asking(max_tokens=64, temperature=1.0, top_p=1.0), name="small", n=4):
    where = Where("server", quiet=True, rows=8, server=server.url)
    found = find_checkpoint(name, "server", server.url)
    store = SampleStore(path)
    return store, sample(found, PROBLEMS, asking, n, where, store, "a")


@pytest.fixture
def brisk(monkeypatch):
    """Waits are short."""
    monkeypatch.setattr(patience, "LONGEST", 0.01)


def test_a_tokenizer_is_not_for_a_server():
    """Fails where the option is taken and another tokenizer is asked with."""
    with pytest.raises(UserError, match="--tokenizer goes with --engine torch or vllm"):
        find_checkpoint("small", "server", "http://localhost:1/v1", tokenizer="folder")


def test_every_sample_has_its_seed_its_reason_and_its_log_probs():
    with SmallServer() as server:
        engine = engine_of(server)
        samples = engine.sample(requests(engine), PLAIN)
        again = engine.sample(requests(engine)[::-1], PLAIN)[::-1]
    assert samples == again
    assert len({s.text for s in samples}) == 5
    assert {s.finish_reason for s in samples} == {"stop"}
    assert {s.logprobs for s in samples} == {(-0.5,) * 6}
    assert sorted(b["seed"] for b in server.seen if b["max_tokens"] > 1) == sorted([*range(5)] * 2)
    assert all(b["prompt"].startswith("Question") and b["n"] == 1 for b in server.seen)
    # what a server would do by its own defaults is switched off
    assert all(b["top_k"] == -1 and b["min_p"] == 0 and b["repetition_penalty"] == 1 for b in server.seen)
    assert engine.identity["weights"].startswith("unseen:")
    assert engine.identity["engine"] == "server"


def test_options_reach_the_server_and_stops_are_cut():
    options = SamplingOptions(0.6, 0.9, 20, 64, (" So",), 0.1)
    with SmallServer() as server:
        engine = engine_of(server)
        (one,) = engine.sample(requests(engine, 1), options)
    sent = server.seen[-1]
    assert [sent[k] for k in ("temperature", "top_p", "top_k", "min_p", "stop")] == [
        0.6,
        0.9,
        20,
        0.1,
        [" So"],
    ]
    assert "So" not in one.text
    assert one.logprobs is not None  # of vLLM they are the model's at any temperature
    with SmallServer(models=[{"id": "small", "object": "model", "owned_by": "somebody"}]) as server:
        engine = engine_of(server)
        assert engine.sample(requests(engine, 1), options)[0].logprobs is None
        assert engine.sample(requests(engine, 1), PLAIN)[0].logprobs is not None


def test_what_a_server_does_not_take_is_left_out_unless_it_matters():
    with SmallServer(takes_extras=False, takes_logprobs=False) as server:
        engine = engine_of(server)
        assert {s.logprobs for s in engine.sample(requests(engine), PLAIN)} == {None}
        with pytest.raises(UserError, match=r"refuses: .*unknown argument top_k.*; check"):
            engine.sample(requests(engine), SamplingOptions(1.0, 1.0, 20, 64))


def test_with_a_tokenizer_here_ids_are_sent_and_the_chat_template_is_ours(tmp_path):
    folder = str(checkpoint(tmp_path / "small"))
    with SmallServer() as server:
        engine = engine_of(server, folder)
        engine.sample(requests(engine), PLAIN)
        assert all(b["prompt"] == list(engine.encode(f"Question {b['seed'] // 2}:")) for b in server.seen)
        assert engine.context == 2048
    with SmallServer(takes_ids=False) as server:
        engine = engine_of(server, folder)
        with pytest.raises(UserError, match="takes no token ids, give --ckpt small"):
            engine.sample(requests(engine), PLAIN)


def test_a_chat_is_sent_as_turns_and_text_as_text(tmp_path):
    with SmallServer() as server:
        chat = Asking(chat=True, system="Be brief.", max_tokens=64, chat_args={"enable_thinking": False})
        store, cell = drawn(tmp_path / "chat", server, chat)
        sent = server.seen[-1]
        assert [t["role"] for t in sent["messages"]] == ["system", "user"]
        assert sent["chat_template_kwargs"] == {"enable_thinking": False}
        assert store.cell(cell)["chat"] is True
        _, plain = drawn(tmp_path / "plain", server, Asking(chat=False, max_tokens=64))
        assert "What is" in server.seen[-1]["prompt"]
        assert plain != cell
        with pytest.raises(UserError, match="a prefix of the response needs the model's own chat template"):
            drawn(tmp_path / "chat", server, Asking(chat=True, prefix="<think>", max_tokens=64))
    with (
        SmallServer(has_chat=False) as server,
        pytest.raises(UserError, match=r"no chat template.*--chat off"),
    ):
        drawn(tmp_path / "none", server, chat)


def test_what_is_answered_is_kept_and_the_next_start_goes_on(tmp_path):
    """A key that expires after seven answers: the store then has them, and ends with the same bytes."""
    with SmallServer() as server:
        whole, cell = drawn(tmp_path / "whole", server)
    with SmallServer(down_at=7) as server:
        with pytest.raises(UserError, match=r"refuses: .*the key has expired"):
            drawn(tmp_path / "s", server)
        kept = len(SampleStore(tmp_path / "s").samples([cell]))
        assert kept >= 7
        server.down_at, server.seen = None, []
        store, _ = drawn(tmp_path / "s", server)
        assert sum(b["max_tokens"] > 1 for b in server.seen) == 24 - kept
    left, right = (s.samples([cell]).sort_values("key").reset_index(drop=True) for s in (whole, store))
    assert left.equals(right)
    assert files(store.path).keys() == files(whole.path).keys()


def test_answers_are_kept_as_they_come(tmp_path, monkeypatch):
    """Seen to fail: nothing was written, nor told, before all requests of a chunk were answered."""
    from evals.engines.open import open_engine
    from evals.sampling import cell

    monkeypatch.setattr(cell, "SOON", 0.0)
    told = []
    asking = Asking("plain-boxed", 0, False, max_tokens=64)
    with SmallServer(takes_logprobs=False) as server:
        engine = open_engine("small", engine="server", server=server.url)
        store = SampleStore(tmp_path / "s")
        name = cell.draw_cell(
            engine, PROBLEMS, asking, 2, store, "a", progress=lambda done, total: told.append((done, total))
        )
    assert told == [(i, 12) for i in range(13)]
    assert set(store.samples([name])["tokens"]) == {6}  # by the server's count: it gave no ids


def test_overload_and_errors_inside_are_waited_for(brisk):
    with SmallServer(faults=[429, 500, 503, 429]) as server:
        engine = engine_of(server)
        assert len(engine.sample(requests(engine), PLAIN)) == 5
        server.faults = [408, 409, 429]  # 408, 409: the request ran out of time, or met another
        assert len(engine.sample(requests(engine), PLAIN)) == 5


def test_minutes_of_429_end_in_one_sentence(brisk, monkeypatch):
    monkeypatch.setattr(patience, "GIVE_UP", 0.3)
    with SmallServer(faults=[429] * 10_000) as server:
        engine = engine_of(server)
        with pytest.raises(
            UserError, match=r"has not answered for \d+ minutes .*429.*start the command again"
        ):
            engine.sample(requests(engine), PLAIN)


def test_a_server_that_is_down_or_lacks_the_model_is_one_sentence():
    with SmallServer() as server:
        url = server.url
        with pytest.raises(UserError, match="offers no model other; it offers small"):
            find_checkpoint("other", "server", url)
    with pytest.raises(UserError, match="no server answers at"):
        find_checkpoint("small", "server", url)
    with pytest.raises(UserError, match="needs --server URL"):
        find_checkpoint("small", "server", None)
    with pytest.raises(UserError, match="--server goes with --engine server"):
        find_checkpoint("small", "torch", url)


def test_answers_that_are_cut_or_missing_are_one_sentence_and_the_others_are_kept(brisk):
    with SmallServer(cut=4) as server:
        engine = engine_of(server)
        with pytest.raises(
            UserError, match=r"cut the answer to problem p\d at 4 of 64 tokens; .*--max-tokens 4"
        ):
            engine.sample(requests(engine), PLAIN)
        (full,) = engine.sample(requests(engine, 1), SamplingOptions(1.0, 1.0, 0, 4))
        assert full.finish_reason == "length"
    with SmallServer(choices=0) as server:
        engine = engine_of(server)
        with pytest.raises(UserError, match="gave no choice for problem p0, 5 times"):
            engine.sample(requests(engine, 1), PLAIN)
    for ends in (None, "unheard of"):
        with SmallServer(ends=ends) as server:
            engine = engine_of(server)
            assert engine.sample(requests(engine, 1), PLAIN)[0].finish_reason is None


PAGES = [
    b'{"id": "x", "choices": [{"te',
    b"",
    b"null",
    b"[1]",
    b'{"choices": ["a"]}',
    b"<html>gateway</html>",
]


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_an_answer_that_cannot_be_read_is_asked_for_again(page, brisk):
    """Seen to fail: a traceback, after which nothing of the other answers was kept."""
    with SmallServer(pages=[page, page]) as server:
        engine = engine_of(server)
        assert len(engine.sample(requests(engine), PLAIN)) == 5
        server.pages = [page] * 5
        with pytest.raises(UserError, match="gave no choice for problem p0, 5 times"):
            engine.sample(requests(engine, 1), PLAIN)


@pytest.mark.parametrize("end", ["abort", "error"])
def test_an_answer_that_failed_inside_the_server_is_no_sample(end, brisk):
    """Seen to fail: the text until then was kept as a sample."""
    with SmallServer(ends=[end, end, "stop"]) as server:
        engine = engine_of(server)
        (sample,) = engine.sample(requests(engine, 1), PLAIN)
        assert sample.finish_reason == "stop"
        assert sum(b["max_tokens"] > 1 for b in server.seen) == 3
    with SmallServer(ends=end) as server:
        engine = engine_of(server)
        with pytest.raises(UserError, match=rf"ended with '{end}' its answer to problem p0, 5 times; see"):
            engine.sample(requests(engine, 1), PLAIN)


def test_a_text_that_the_server_withheld_is_no_sample(tmp_path):
    """Seen to fail: what was left of it was kept as a sample. The other answers are kept."""
    with SmallServer(ends=["stop", "content_filter", "stop"]) as server:
        with pytest.raises(UserError, match=r"withheld text of its answer to problem \w+ \(content_filter\)"):
            drawn(tmp_path / "s", server)
        store = SampleStore(tmp_path / "s")
        assert len(store.samples(list(store.cells()))) == 23


def test_waits_grow_and_follow_the_server():
    openai = pytest.importorskip("openai")
    import httpx2 as httpx  # what the client is built on

    slept, clock = [], [0.0]

    def sleep(seconds):
        slept.append(seconds)
        clock[0] += seconds

    def overloaded():
        told = {"retry-after": "7"} if len(slept) == 2 else {}
        request = httpx.Request("POST", "http://x")
        response = httpx.Response(429, headers=told, request=request)
        raise openai.RateLimitError("too much", response=response, body=None)

    with pytest.raises(UserError, match="10 minutes"):
        patience.Patience("http://x", sleep, lambda: clock[0]).ask(overloaded)
    assert slept[2] == 7
    assert max(slept) <= patience.LONGEST
    assert sum(slept) > 600
    assert slept[0] < 1 < slept[5]


def test_the_card_says_that_weights_were_not_seen():
    from probes.findings.checks import same_weights

    with SmallServer(models=[{"id": name, "object": "model"} for name in ("one", "two")]) as server:
        found = [find_checkpoint(name, "server", server.url) for name in ("one", "two")]
    one, two = ({"fingerprint": c.weights, "tensors": c.tensors} for c in found)
    (check,) = same_weights(one, two)
    assert check.passed is None
    assert check.detail.startswith("weights not seen")
    (check,) = same_weights(one, one)
    assert check.passed is False
    assert "one name at one server, weights not seen" in check.detail
