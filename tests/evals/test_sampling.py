"""Sampling into a store: seeds, top-up, parts, refusals."""

import itertools
from copy import deepcopy

import pytest

from evals.core.errors import UserError
from evals.problems import problem_set
from evals.records import Problem, SamplingOptions
from evals.sampling.cell import parse_part, part_of
from evals.store import SampleStore
from tests.evals.fake_engine import FakeEngine, arguments, files, sample, world_problems
from tests.evals.small import tokenizer


@pytest.fixture(scope="module")
def problems():
    return world_problems()


def drawn(path, problems, engine=None, **changes):
    store = SampleStore(path)
    return store, sample(engine or FakeEngine(), problems, **arguments(store, **changes))


def test_every_problem_gets_n_samples_with_their_circumstances(tmp_path, problems):
    options = SamplingOptions(0.7, 0.9, 5, 64, ("\n\n",))
    store, cell = drawn(tmp_path / "s", problems, options=options, shots=2)
    frame = store.samples([cell])
    assert len(frame) == 8 * 12
    assert frame.groupby("problem")["index"].apply(list).tolist() == [list(range(8))] * 12
    assert set(frame["temperature"]) == {0.7}
    assert set(frame["shots"]) == {2}
    assert (frame["tokens"] == frame["token_ids"].map(len)).all()
    assert frame["seed"].is_unique
    assert frame["prompt_hash"].nunique() == 12
    info = store.cell(cell)
    assert (info["checkpoint"], info["template"], info["engine"], info["stops"]) == (
        "a",
        "world",
        "fake",
        ["\n\n"],
    )


def test_a_second_run_draws_nothing(tmp_path, problems):
    store, cell = drawn(tmp_path / "s", problems)
    before = files(store.path)
    engine = FakeEngine()
    assert drawn(store.path, problems, engine)[1] == cell
    assert engine.drawn == 0
    assert files(store.path) == before


@pytest.mark.parametrize("steps", [(32, 128), (5, 7, 128)])
def test_a_top_up_is_exact(tmp_path, problems, steps):
    """n = 32 and then 128 leaves the bytes of 128 at once, and draws each sample once."""
    once, _ = drawn(tmp_path / "once", problems, n=128)
    engine = FakeEngine()
    for n in steps:
        store, _ = drawn(tmp_path / "s", problems, engine, n=n)
    assert engine.drawn == 128 * 12
    assert files(store.path) == files(once.path)


def test_more_problems_later_leave_the_bytes_of_all_at_once(tmp_path, problems):
    once, _ = drawn(tmp_path / "once", problems)
    for count in (3, 12):
        store, _ = drawn(tmp_path / "s", problem_set("part", problems.problems, limit=count))
    assert files(store.path) == files(once.path)


def test_parts_by_hash_leave_the_bytes_of_one_run(tmp_path, problems):
    once, cell = drawn(tmp_path / "once", problems)
    for part in (2, 0, 1):
        store, same = drawn(tmp_path / "s", problems, part=(part, 3))
        assert same == cell
    assert files(store.path) == files(once.path)
    assert {part_of(p.id, 3) for p in problems.problems} == {0, 1, 2}


def test_what_changes_the_samples_changes_the_cell_and_a_name_does_not(tmp_path, problems):
    _, cell = drawn(tmp_path / "s", problems)
    changes = [
        {"seed": 1}, {"draw": 1}, {"shots": 1}, {"template": "gsm8k"}, {"engine": FakeEngine("weights-b")},
        {"options": SamplingOptions(0.5, max_tokens=64)}, {"options": SamplingOptions(max_tokens=65)},
        {"options": SamplingOptions(stops=("x",), max_tokens=64)},
    ]  # fmt: skip
    cells = [drawn(tmp_path / str(i), problems, **change)[1] for i, change in enumerate(changes)]
    assert len({cell, *cells}) == 1 + len(changes)
    store, same = drawn(tmp_path / "s", problems, checkpoint_name="another name", n=4)
    assert same == cell
    assert store.cell(cell)["checkpoint"] != "another name"  # what a cell was called first it is called
    assert set(store.samples([cell])["checkpoint"]) == {store.cell(cell)["checkpoint"]}


OLD = (
    ({}, "963c4613c46d4d0d010055f5e8162d18"),
    (
        {"template": "math", "shots": 2, "draw": 1, "seed": 3,
         "options": SamplingOptions(0.7, 0.9, 5, 64, ("\n\n",))},
        "d1c8cdd15e7132bd7ef96f092f7cd494",
    ),
)  # fmt: skip


@pytest.mark.parametrize(("asked", "cell"), OLD)
def test_cells_keep_their_names_from_version_to_version(tmp_path, asked, cell):
    """Of cells that stand in users' stores; what is new counts only where it is used."""
    assert drawn(tmp_path / "s", world_problems(4), **asked)[1] == cell
    cooler = SamplingOptions(max_tokens=64, min_p=0.1)
    assert drawn(tmp_path / "t", world_problems(4), **asked | {"options": cooler})[1] != cell


def test_draws_and_checkpoints_share_no_seed(tmp_path, problems):
    store = SampleStore(tmp_path / "s")
    cells = [
        sample(FakeEngine(weights), problems, **arguments(store, draw=draw, seed=seed))
        for weights, draw, seed in itertools.product("ab", (0, 1), (0, 1))
    ]
    assert store.samples(cells)["seed"].is_unique


def test_progress_counts_what_is_there_and_what_is_new(tmp_path, problems):
    seen = []
    drawn(tmp_path / "s", problems, n=4)
    drawn(tmp_path / "s", problems, n=40, progress=lambda done, total: seen.append((done, total)))
    assert seen[0] == (48, 480)
    assert seen[-1] == (480, 480)
    assert [d for d, _ in seen] == sorted({d for d, _ in seen})


def test_another_run_of_the_same_samples_is_refused_and_other_parts_are_not(tmp_path, problems):
    store, cell = drawn(tmp_path / "s", problems, n=1)
    with store.writing(cell, (0, 2)):
        for part in (None, (0, 2), (1, 3)):
            with pytest.raises(UserError, match="another run is sampling the same samples"):
                drawn(store.path, problems, part=part)
        drawn(store.path, problems, part=(1, 2))
        drawn(store.path, problems, seed=1)
    drawn(store.path, problems)


def test_what_no_model_can_answer_is_refused_before_anything_is_drawn(tmp_path, problems):
    def refused(match, engine=None, those=problems, **changes):
        with pytest.raises(UserError, match=match):
            drawn(tmp_path / "s", those, engine, **changes)
        assert not (tmp_path / "s").exists()

    longest = max(problems.problems, key=lambda p: len(p.question))
    size = len(FakeEngine().encode(f"Problem: {longest.question}\nSolution:"))
    refused(
        f"problem {longest.id} has {size} tokens and the model's context is {size}", FakeEngine(context=size)
    )
    refused(f"set --max-tokens to {10} or less", FakeEngine(context=size + 10))
    refused("no end-of-sequence token", FakeEngine(eos_ids=()))
    mute = FakeEngine()
    mute.encode = lambda text: ()
    refused("prompt of problem .* is empty", mute)
    refused("has no question", those=problem_set("x", [Problem("p", " ", "1")]))
    refused("no prompt template", template="nonsense")
    refused("part 3/3 does not exist", part=(3, 3))


def test_parts_are_parsed_strictly():
    assert parse_part("0/4") == (0, 4)
    for bad in ("4/4", "-1/4", "1", "a/b", "1/0", "1/4/2"):
        with pytest.raises(UserError, match="not I/N"):
            parse_part(bad)


class Slow(FakeEngine):
    """Says that a batch of 16 is as much as is drawn between two writes."""

    chunk = 16

    def sample(self, requests, options):
        self.sizes = [*getattr(self, "sizes", []), len(requests)]
        return super().sample(requests, options)


@pytest.mark.parametrize("n", [1, 3, 8, 40])
def test_chunks_follow_the_engine_and_leave_the_same_bytes(tmp_path, problems, n):
    """Not 32 problems by 32 indices: of any n about as much at a time as the engine says."""
    once, _ = drawn(tmp_path / "once", problems, n=n)
    engine = Slow()
    store, _ = drawn(tmp_path / "s", problems, engine, n=n)
    assert files(store.path) == files(once.path)
    assert sum(engine.sizes) == 12 * n
    assert max(engine.sizes) <= max(16, min(n, 32))
    assert len(engine.sizes) <= 12 * n / 8 + 2


class Reading(FakeEngine):
    """A fake engine with a tokenizer, which sets a first token before a prompt, or none."""

    def __init__(self, weights, first):
        from tokenizers.processors import TemplateProcessing

        super().__init__(weights)
        self.tokenizer = deepcopy(tokenizer())
        if first:
            end, number = self.tokenizer.eos_token, self.tokenizer.eos_token_id
            single = TemplateProcessing(single=f"{end} $A", special_tokens=[(end, number)])
            self.tokenizer.backend_tokenizer.post_processor = single

    def encode(self, text):
        return tuple(self.tokenizer(text)["input_ids"])


def test_a_cell_tells_the_ids_of_a_prompt_apart_from_what_is_set_before_them(tmp_path, problems):
    store = SampleStore(tmp_path)
    cells = [sample(Reading(f"w{n}", bool(n)), problems, **arguments(store)) for n in (0, 1)]
    without, first = (store.cell(c) for c in cells)
    assert without["bare_form"] == first["bare_form"]
    assert without["prompt_form"] != first["prompt_form"]
