"""Running a console command: user errors in one sentence, exit code 2; Ctrl-C 130; no traceback."""

from __future__ import annotations

import errno
import os
import sys

import typer

from analysis.errors import ExcursionsError


def run(app: typer.Typer) -> None:
    """Run a typer app as a program and leave the process with its exit code."""
    try:
        code = app(standalone_mode=False)
    except KeyboardInterrupt:
        code = 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except typer.Abort:
        _leave("stopped", 130)
    except ExcursionsError as error:
        _leave(str(error), 2)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            _leave(
                f"no space left on the disk (writing {error.filename or 'a file'}); free some, start again", 2
            )
        if error.errno in (errno.EACCES, errno.EROFS, errno.EPERM):
            _leave(f"{error.filename} cannot be written ({error.strerror}); choose another --out", 2)
        raise
    except MemoryError:
        _leave("out of memory; use fewer rows, samples or processes", 2)
    except Exception as error:
        show = getattr(error, "show", None)  # a usage error of the command line
        if show is None:
            raise
        show()
        sys.exit(getattr(error, "exit_code", 2))
    if code == 130:  # Ctrl-C, which typer turns into this code
        _leave("stopped; start the same command again to go on", 130)
    sys.exit(code or 0)


def _leave(sentence: str, code: int) -> None:
    sys.stderr.write(("\n" if code == 130 else "error: ") + sentence + "\n")
    sys.exit(code)
