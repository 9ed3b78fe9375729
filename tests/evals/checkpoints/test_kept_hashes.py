"""Hashes of files that were read before: never of a file that has changed since."""

from __future__ import annotations

import hashlib
import os

import pytest

from evals.checkpoints import fingerprint

SPANS = ((2, 3), (5, 4))


@pytest.fixture
def file(tmp_path, monkeypatch):
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"0123456789")
    monkeypatch.setattr(fingerprint, "LARGE", 4)
    monkeypatch.setattr(fingerprint, "SETTLED", -1.0)  # the file was written this moment
    monkeypatch.setenv(fingerprint.VARIABLE, str(tmp_path / "cache"))
    return path


def hashes(path, *, fresh=True):
    """fresh: as another process would, which remembers nothing itself."""
    if fresh:
        fingerprint._hashes.cache_clear()
    return fingerprint._hash_of(path, SPANS)


def expected(content):
    digest = [hashlib.sha256(part).hexdigest() for part in (content, content[2:5], content[5:9])]
    return digest[0], dict(zip(SPANS, digest[1:], strict=True))


def notes(path):
    return sorted((path.parent / "cache").rglob("*.json"))


def test_a_file_that_has_not_changed_is_read_once(file, monkeypatch):
    assert hashes(file) == expected(b"0123456789")
    monkeypatch.setattr(fingerprint, "_feed", None)  # reading it again would fail
    assert hashes(file) == expected(b"0123456789")


def test_other_bytes_of_the_same_size_and_time_are_seen(file):
    hashes(file)
    then = os.stat(file)
    while os.stat(file).st_ctime_ns == then.st_ctime_ns:  # the clock of the file system is coarse
        file.write_bytes(b"012x456789")
        os.utime(file, ns=(then.st_atime_ns, then.st_mtime_ns))
    assert hashes(file) == expected(b"012x456789")


def test_a_file_put_in_its_place_with_its_time_is_seen(file):
    hashes(file)
    then, other = os.stat(file), file.with_name("other")
    other.write_bytes(b"x123456789")
    os.utime(other, ns=(then.st_atime_ns, then.st_mtime_ns))
    os.replace(other, file)
    assert hashes(file) == expected(b"x123456789")


def test_one_process_sees_other_bytes_of_the_same_size_and_time_and_notes_the_right_ones(file):
    hashes(file)
    then = os.stat(file)
    while os.stat(file).st_ctime_ns == then.st_ctime_ns:
        file.write_bytes(b"012x456789")
        os.utime(file, ns=(then.st_atime_ns, then.st_mtime_ns))
    assert hashes(file, fresh=False) == expected(b"012x456789")
    assert hashes(file) == expected(b"012x456789")


def test_a_file_that_changes_while_it_is_read_is_not_noted(file, monkeypatch):
    read = fingerprint._read

    def slowly(*about):
        found = read(*about)
        then = os.stat(file)
        while os.stat(file).st_ctime_ns == then.st_ctime_ns:
            file.write_bytes(b"x123456789")
        return found

    monkeypatch.setattr(fingerprint, "_read", slowly)
    hashes(file)
    assert not notes(file)


def test_a_file_that_changed_just_before_it_was_read_is_not_noted(file, monkeypatch):
    monkeypatch.setattr(fingerprint, "SETTLED", 60.0)
    hashes(file)
    assert not notes(file)


def test_small_files_and_off_are_not_noted(file, monkeypatch):
    monkeypatch.setattr(fingerprint, "LARGE", 11)
    hashes(file)
    monkeypatch.setattr(fingerprint, "LARGE", 4)
    monkeypatch.setenv(fingerprint.VARIABLE, "off")
    hashes(file)
    assert not notes(file)


@pytest.mark.parametrize(
    "damage", ["", "{", "[]", '{"whole": 1, "parts": []}', '{"whole": "ab", "parts": []}']
)
def test_a_damaged_note_is_none(file, damage):
    hashes(file)
    (note,) = notes(file)
    note.write_text(damage)
    assert hashes(file) == expected(b"0123456789")


def test_a_cache_that_may_not_be_entered_is_none(file, monkeypatch):
    hashes(file)

    def refused(*args, **kwargs):
        raise PermissionError(13, "not yours")

    monkeypatch.setattr(fingerprint.Path, "read_text", refused)
    monkeypatch.setattr(fingerprint, "write_file", refused)
    assert hashes(file) == expected(b"0123456789")


def test_a_cache_that_cannot_be_written_is_none(file, tmp_path, monkeypatch):
    (tmp_path / "taken").write_text("")
    monkeypatch.setenv(fingerprint.VARIABLE, str(tmp_path / "taken"))
    assert hashes(file) == expected(b"0123456789")
