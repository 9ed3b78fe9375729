"""Pre-training data: sources, mixture, shards; and what is refused."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evals.core.errors import UserError
from evals.engines import open_engine
from tests.trainer.loops import PRETRAIN
from trainer.config.schema import Source, WorldData
from trainer.data import corpus as data
from trainer.data.sources import texts_of
from trainer.pretrain import pretrain

WORLD = WorldData()


def written(folder, texts=("alpha beta gamma " * 9, "delta epsilon " * 9)):
    rows = [{"text": t, "n": i} for i, t in enumerate(texts)]
    (folder / "a.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    (folder / "a.txt").write_text("<|endoftext|>".join(texts))
    pq.write_table(pa.Table.from_pylist(rows), folder / "a.parquet")
    return list(texts)


@pytest.mark.parametrize("name", ["a.jsonl", "a.txt", "a.parquet"])
def test_local_sources_give_their_documents_from_any_point_on(tmp_path, name):
    texts = written(tmp_path)
    source = Source(path=str(tmp_path / name), epochs=2)
    assert list(texts_of(source, WORLD)) == texts * 2
    assert list(texts_of(source, WORLD, 3)) == texts[1:]


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        ('{"words": "x"}\n', "b.jsonl", "no column 'text'; name one of words as text"),
        ('{"text": 3}\n', "b.jsonl", "'text' is no text"),
        ("{nonsense\n", "b.jsonl", "line 1 is not JSON"),
        ("\n\n", "b.jsonl", "holds no text"),
        ("x", "b.parquet", "is no parquet file"),
        ("x", "b.doc", r"no .txt, .jsonl or .parquet file"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path, content, name, message):
    (tmp_path / name).write_text(content)
    with pytest.raises(UserError, match=message):
        list(texts_of(Source(path=str(tmp_path / name)), WORLD))


def test_a_missing_source_and_a_missing_column_of_parquet_are_named(tmp_path):
    written(tmp_path)
    with pytest.raises(UserError, match="does not exist"):
        list(texts_of(Source(path=str(tmp_path / "none*.txt")), WORLD))
    with pytest.raises(UserError, match="no column 'body'; name one of text, n"):
        list(texts_of(Source(path=str(tmp_path / "a.parquet"), text="body"), WORLD))


def test_a_hub_data_set_is_streamed_from_any_point_on_and_what_fails_is_named(tmp_path, monkeypatch):
    """A folder of the same form as a hub repository stands for the hub."""
    import datasets

    folder = tmp_path / "hub"
    folder.mkdir()
    texts = written(folder)
    for left_out in ("a.txt", "a.parquet"):
        (folder / left_out).unlink()
    (folder / "a.jsonl").rename(folder / "train.jsonl")
    source = Source(path=f"hub:{folder}", epochs=2)
    assert list(texts_of(source, WORLD)) == texts * 2
    assert list(texts_of(source, WORLD, 3)) == texts[1:]
    with pytest.raises(UserError, match=r"has no column 'body'; name one of text, n as text"):
        list(texts_of(Source(path=f"hub:{folder}", text="body"), WORLD))
    with pytest.raises(
        UserError, match=r"the hub did not give .* \(ValueError\); check name, config and split"
    ):
        list(texts_of(Source(path=f"hub:{folder}", split="test"), WORLD))

    def breaks_off(*_, **__):
        yield {"text": "one"}
        raise ConnectionError

    monkeypatch.setattr(datasets, "load_dataset", breaks_off)
    with pytest.raises(
        UserError,
        match=r"the hub did not give OWNER/NAME \(ConnectionError\); check name, config and split, or "
        "download it elsewhere and give its files",
    ):
        list(texts_of(Source(path="hub:OWNER/NAME"), WORLD))


def test_weights_are_shares_of_tokens(tmp_path, monkeypatch):
    """Tokens, not documents, are what is shared."""
    monkeypatch.setattr(data, "BLOCK", 4)
    written(tmp_path, [f"zeta {i} " * 30 for i in range(500)])
    sources = (Source(path="world", weight=1), Source(path=str(tmp_path / "a.jsonl"), weight=3))
    config = PRETRAIN.model_copy(update={"sources": sources, "tokens": 40_000})
    data.prepare(tmp_path / "data", config)
    state = json.loads((tmp_path / "data" / "shard-00000" / "state.json").read_text())
    assert state["tokens"][1] / state["total"] == pytest.approx(0.75, abs=0.05)


def test_shards_are_one_corpus_however_they_are_cut(tmp_path, monkeypatch):
    data.prepare(tmp_path / "one", PRETRAIN)
    whole = data.open_corpus(tmp_path / "one", PRETRAIN)
    monkeypatch.setattr(data, "SHARD", 500)
    monkeypatch.setattr(data, "BLOCK", 4)
    data.prepare(tmp_path / "many", PRETRAIN)
    cut = data.open_corpus(tmp_path / "many", PRETRAIN)
    assert len(cut.shards) > 2
    documents = [sorted(tuple(c.document(i)) for i in range(len(c.lengths))) for c in (whole, cut)]
    assert documents[0][:5] == documents[1][:5]
    assert int(cut.lengths.sum()) >= PRETRAIN.tokens


def test_steps_take_whole_documents_once_and_at_most_the_batch(tmp_path):
    data.prepare(tmp_path / "data", PRETRAIN)
    corpus = data.open_corpus(tmp_path / "data", PRETRAIN)
    plan = data.steps(corpus, 300)
    assert [i for first, last in plan for i in range(first, last)] == list(range(len(corpus.lengths)))
    assert all(corpus.lengths[a:b].sum() <= 300 or b == a + 1 for a, b in plan)
    assert list(data.pieces(list(range(9)), 4)) == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert np.all(corpus.lengths >= 2)


def test_a_source_that_ends_before_the_budget_is_named(tmp_path):
    written(tmp_path)
    sources = (Source(path=str(tmp_path / "a.jsonl")),)
    with pytest.raises(UserError, match=r"ends after \d+ tokens; lower pretrain.tokens \(now 1500\)"):
        data.prepare(tmp_path / "data", PRETRAIN.model_copy(update={"sources": sources}))


def test_a_tokenizer_may_be_given(tmp_path, parent, tokenizer, monkeypatch):
    def missing(*_):
        raise OSError("not there")

    config = PRETRAIN.model_copy(update={"tokenizer": str(parent)})
    data.prepare(tmp_path / "data", config)
    held = data.open_tokenizer(tmp_path / "data")
    assert held.get_vocab() == tokenizer.get_vocab()
    assert data.vocabulary(held, config) == 448  # 400 entries, rounded up to 64
    monkeypatch.setattr("evals.checkpoints.tokenizer.load_tokenizer", missing)
    with pytest.raises(UserError, match="no tokenizer at nobody/nothing; give its folder or hub id"):
        data.prepare(tmp_path / "other", PRETRAIN.model_copy(update={"tokenizer": "nobody/nothing"}))


def test_a_mixture_of_few_words_makes_a_model_that_can_be_opened(tmp_path):
    """Seen to fail: checkpoints of preset small (2048 rows, 755 entries) were refused when they were read."""
    config = PRETRAIN.model_copy(update={"vocab_size": 4096, "checkpoints": ()})
    end = pretrain(config, tmp_path / "run", quiet=True)
    entries = len(data.open_tokenizer(tmp_path / "run" / "data"))
    assert 2 * entries < 4096
    assert open_engine(str(end)).decoder.vocab_size == -(-entries // 64) * 64
    near = config.model_copy(update={"vocab_size": 2 * entries})
    assert data.vocabulary(range(entries), near) == 2 * entries


def test_a_book_is_text(shared_data):
    book = next(texts_of(Source(path=str(shared_data / "corpora" / "tinyshakespeare.txt")), WORLD))
    assert book.startswith("First Citizen")
