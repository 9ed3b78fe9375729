"""Starting a command: the garbage collector waits, and is then as it was."""

import gc

import pytest

from evals import entry


@pytest.fixture
def collector():
    """The collector's state, put back afterwards."""
    thresholds, callbacks = gc.get_threshold(), list(gc.callbacks)
    yield thresholds
    gc.set_threshold(*thresholds)
    gc.callbacks[:] = callbacks


def test_the_collector_waits_for_many_objects_and_then_leaves_them_alone(monkeypatch, collector):
    monkeypatch.setattr(entry, "OBJECTS", 50_000)
    seen = []
    gc.collect()  # what was made before counts, too
    entry.collect_later()
    gc.callbacks.insert(0, lambda phase, _: seen.append(phase))
    frozen = gc.get_freeze_count()
    held = [[] for _ in range(40_000)]
    assert seen == []
    held += [[] for _ in range(20_000)]
    assert "stop" in seen
    assert gc.get_threshold() == collector
    assert gc.get_freeze_count() >= frozen + 50_000
    seen.clear()
    held += [[] for _ in range(3 * collector[0])]
    assert seen  # it looks again as often as before


def test_a_command_starts_so(monkeypatch, collector):
    ran = []
    monkeypatch.setattr(
        entry, "import_module", lambda home: type("Home", (), {"main": lambda: ran.append(home)})
    )
    entry.enter("somewhere")
    assert ran == ["somewhere"]
    assert gc.get_threshold()[0] == entry.OBJECTS
