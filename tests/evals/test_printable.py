"""What strangers wrote never steers a terminal, and a stream that takes no character ends no command."""

import subprocess
import sys

from evals.core.printable import printable
from tests.reports.hostile import HOSTILE

PROGRAM = """
import typer
from evals.core.command import program, run
from evals.core.errors import UserError
from evals.core.printable import say
app = program("a test")
@app.command()
def talk():
    say("Δ café \\x1b[2J")
    raise UserError("no model \\x1b]0;owned\\x07 here → there")
@app.command()
def other(): ...
run(app)
"""


def test_nothing_but_text_and_line_ends_is_printed():
    for text in HOSTILE:
        shown = printable(text)
        assert all(c.isprintable() or c in "\n\t" for c in shown)
        assert len(shown) == len(text)
        shown.encode()
    assert printable("a\x1b[31mb\nc") == "a [31mb\nc"
    assert printable(7) == "7"


def talk(**streams):
    return subprocess.run([sys.executable, "-c", PROGRAM, "talk"], timeout=60, **streams)


def test_escapes_and_other_encodings_in_a_command():
    for encoding, shown in (("latin-1", b"? caf\xe9"), ("ascii", b"caf"), ("utf-8", "Δ café".encode())):
        done = talk(capture_output=True, env={"PYTHONIOENCODING": encoding, "PATH": ""})
        assert done.returncode == 2, done.stderr
        assert shown in done.stdout
        assert b"\x1b" not in done.stdout + done.stderr
        assert b"Traceback" not in done.stderr


def test_closed_streams_end_quietly():
    done = subprocess.run(
        ["sh", "-c", '"$0" -c "$1" talk >&- 2>&-', sys.executable, PROGRAM], timeout=60, capture_output=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (2, b"", b"")
