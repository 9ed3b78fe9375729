"""The pool: the same verdicts from anywhere, and right ones for the others whatever happens to a worker."""

import asyncio
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

import pytest

from evals.core.errors import UserError
from evals.verify import Grader, grade
from evals.verify.pool.processes import Pool, _batches

ROOT = Path(__file__).resolve().parents[3]
ROWS = [
    ("\\frac{1}{2}", "\\boxed{0.5}"),
    ("3", "\\boxed{3 \\text{ or } 4}"),
    ("7", "so it is 7"),
    ("x^2-1", "\\boxed{(x-1)(x+1)}"),
    ("1,2", "\\boxed{\\{2,1\\}}"),
    ("5", "\\boxed{\ud800}"),
    ("", ""),
]
TASKS = "pool_tasks:"


def plain(verdict):
    return {**verdict.to_dict(), "ms": 0.0}


@pytest.fixture(scope="module")
def grader():
    with Grader(workers=2) as grader:
        yield grader


@pytest.fixture
def pool(monkeypatch):
    """A pool of workers that run the misbehaving tasks of this folder."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    pools = []

    def make(task, **options):
        pools.append(Pool(TASKS + task, **options))
        return pools[-1]

    yield make
    for made in pools:
        made.close()


def test_verdicts_are_those_of_grade_in_order(grader):
    rows = ROWS * 40
    assert [plain(v) for v in grader.grade_many(rows)] == [plain(grade(*row, "eval")) for row in rows]
    assert grader.grade_many([]) == []
    assert plain(grader.grade(*ROWS[0])) == plain(grade(*ROWS[0], "eval"))


def test_reward_mode_has_no_lenient_verdict():
    with Grader("reward") as grader:
        assert grader.grade("7", "so it is 7").lenient is None
        assert not grader.symbolic


def test_threads_and_coroutines(grader):
    expected = [plain(v) for v in grader.grade_many(ROWS)]
    found = [None] * 6

    def work(i):
        found[i] = [plain(v) for v in grader.grade_many(ROWS)]

    threads = [threading.Thread(target=work, args=(i,)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 6

    async def both():
        return await asyncio.gather(*(grader.grade_many_async(ROWS) for _ in range(3)))

    assert [[plain(v) for v in verdicts] for verdicts in asyncio.run(both())] == [expected] * 3


def test_the_symbolic_stage_decides_what_values_cannot(grader):
    gold, response = "\\sum_{k=1}^{n} k", "\\boxed{\\sum_{k=1}^{n} (n+1-k)}"
    assert grade(gold, response).reason == "undecided"
    verdict = grader.grade(gold, response)
    assert (verdict.correct, verdict.stage) == (True, "symbolic")
    assert not grader.grade(gold, "\\boxed{\\sum_{k=1}^{n} (n-k)}").correct


def test_a_hung_item_is_lost_alone(pool):
    sleepy = pool("answer_or_hang", workers=2, deadline=0.3)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        results = sleepy.map([(i, i == 5) for i in range(20)])
    assert results == [{"lost": "timeout"} if i == 5 else {"value": i} for i in range(20)]
    assert (sleepy.counts.timeouts, sleepy.counts.deaths) == (1, 0)
    assert "1 timeouts" in str(caught[0].message)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_busy_hang_is_killed_too(pool):
    assert pool("answer_or_spin", deadline=0.3).map([(1, False), (2, True), (3, False)]) == [
        {"value": 1},
        {"lost": "timeout"},
        {"value": 3},
    ]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_worker_that_dies_or_runs_out_of_memory_loses_one_item(pool):
    deadly = pool("answer_or_die", deadline=5.0)
    assert deadly.map([(i, i == 2) for i in range(6)]) == [
        {"lost": "death"} if i == 2 else {"value": i} for i in range(6)
    ]
    assert deadly.counts.deaths == 1
    hungry = pool("answer_or_eat", deadline=20.0, memory_mb=300)
    assert hungry.map([(i, i == 2) for i in range(6)]) == [
        {"error": "MemoryError"} if i == 2 else {"value": i} for i in range(6)
    ]


def test_workers_killed_and_stopped_from_outside_lose_nothing():
    rows = [(str(i), f"\\boxed{{\\frac{{{2 * i + 2 * (i % 2)}}}{{2}}}}") for i in range(6000)]
    with Grader("reward", workers=2, deadline=0.5) as grader:
        grader.grade_many(rows[:10])
        living = list(grader._pool._living)
        done = threading.Event()

        def attack():
            for number in (signal.SIGKILL, signal.SIGSTOP):
                process = living.pop()
                os.kill(process.child.pid, number)
            done.set()

        thread = threading.Thread(target=attack)
        thread.start()
        verdicts = grader.grade_many(rows)
        thread.join()
        assert done.is_set()
        assert [v.correct for v in verdicts] == [i % 2 == 0 for i in range(6000)]
        pids = [process.child.pid for process in grader._pool._living]
    assert all(_gone(pid) for pid in pids)


def test_workers_write_no_file_and_open_no_socket(pool, tmp_path):
    jailed = pool("misbehave", deadline=20.0)
    target = tmp_path / "made"
    for deed in ("write", "append", "socket", "system", "subprocess", "mkdir", "remove"):
        assert jailed.map([(deed, str(target))]) == [{"error": "PermissionError"}], deed
    assert jailed.map([("read", __file__)]) == [{"value": True}]
    assert list(tmp_path.iterdir()) == []


def test_no_worker_survives_the_death_of_its_parent():
    code = (
        "from evals.verify import Grader\n"
        "g = Grader(workers=2); g.grade_many([('1', '\\\\boxed{1}')] * 300)\n"
        "print(*[p.child.pid for p in g._pool._living], flush=True)\n"
        "import time; time.sleep(600)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert parent.stdout is not None
    pids = [int(word) for word in parent.stdout.readline().split()]
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert pids
    for _ in range(600):
        if all(_gone(pid) for pid in pids):
            return
        time.sleep(0.05)
    raise AssertionError("workers are still there")


@pytest.mark.parametrize("how", ["-c", "-"])
def test_a_main_without_a_guard_and_an_unclosed_grader(how):
    """As in a notebook: no importable __main__, nothing closed."""
    code = (
        "from evals.verify import Grader\nprint(Grader(workers=2).grade('0.5', '\\\\boxed{1/2}').correct)\n"
    )
    command = [sys.executable, "-c", code] if how == "-c" else [sys.executable, "-"]
    done = subprocess.run(command, input=code, capture_output=True, text=True, cwd=ROOT, timeout=300)
    assert (done.stdout, done.stderr, done.returncode) == ("True\n", "", 0)


def test_after_a_fork_the_child_has_workers_of_its_own(grader):
    grader.grade(*ROWS[0])
    context = multiprocessing.get_context("fork")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        receiver, sender = context.Pipe()
        child = context.Process(target=_grade_in_child, args=(grader, sender))
        child.start()
    assert receiver.recv() == [True, False]
    child.join()
    assert child.exitcode == 0
    assert grader.grade(*ROWS[0]).correct


def _grade_in_child(grader, sender):
    sender.send([grader.grade(*row).correct for row in ROWS[:2]])


def test_a_closed_grader_says_so():
    grader = Grader()
    grader.close()
    with pytest.raises(UserError, match="closed"):
        grader.grade("1", "1")
    with pytest.raises(UserError, match="at least 1"):
        Pool("x:y", workers=0)


def test_a_worker_that_cannot_start_is_a_user_error(pool):
    with pytest.raises(UserError, match="did not start"):
        pool("no_such_task").map([(1,)])


def test_batches_are_small_and_complete():
    items = [(str(i), "x" * (300_000 if i % 7 == 0 else 10)) for i in range(300)]
    batches = _batches(items, 2)
    assert [tuple(item) for batch in batches for item in batch] == items
    assert max(map(len, batches)) <= 64
    assert max(sum(len(item[1]) for item in batch) for batch in batches) <= 500_000


def _gone(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True
