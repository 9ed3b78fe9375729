"""Running a console command: user errors in one sentence, exit code 2; Ctrl-C 130; no traceback."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import sys
import warnings
from importlib import metadata
from typing import Annotated

import typer

from analysis.errors import ExcursionsError
from evals.core.errors import first_line
from evals.core.printable import printable, take_any_text

EXTRAS = {
    **dict.fromkeys(("torch", "transformers", "tokenizers", "safetensors"), "torch"),
    "lm_eval": "lm-eval",
    "math_verify": "math-verify",
    "openai": "server",
    "peft": "peft",
    "ray": "ray",
    "vllm": "vllm",
}  # what a package that is not installed comes with


PLACES = (
    *(errno.EACCES, errno.EROFS, errno.EPERM, errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR),
    *(errno.EEXIST, errno.ENOENT, errno.ELOOP, errno.EIO, errno.EINVAL, errno.EMFILE),
)  # what is wrong with a path, not with the program


def program(says: str) -> typer.Typer:
    """The app of one console command, with --version."""
    app = typer.Typer(help=says, no_args_is_help=True, pretty_exceptions_enable=False)

    @app.callback(help=says)
    def _program(
        version: Annotated[
            bool, typer.Option("--version", callback=_show_version, is_eager=True, help="print the version")
        ] = False,
    ) -> None: ...

    return app


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"excursions {metadata.version('excursions')}")
        raise typer.Exit


def run(app: typer.Typer) -> None:
    """Run a typer app as a program and leave the process with its exit code."""
    take_any_text()
    warnings.formatwarning = lambda message, *_, **__: f"warning: {printable(message)}\n"  # no line of code
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
        file = error.filename or "a file"
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            what = "no space left on the disk" if error.errno != errno.EFBIG else "a file grew too large"
            _leave(f"{what} (writing {file}); free or allow some, start again", 2)
        if error.errno in PLACES:
            _leave(f"{file} cannot be used ({error.strerror}); choose another path", 2)
        if error.errno is None:  # pyarrow's, for pages that do not unpack
            _leave(f"a file is damaged ({first_line(error)}); write or fetch it again", 2)
        raise
    except ModuleNotFoundError as error:
        name = (error.name or "").partition(".")[0]
        if name not in EXTRAS:
            raise
        _leave(f"this needs {name}, which is not installed; pip install 'excursions[{EXTRAS[name]}]'", 2)
    except MemoryError:
        _leave("out of memory; use fewer rows, samples or processes", 2)
    except Exception as error:
        show = getattr(error, "show", None)  # a usage error of the command line
        if show is None and type(error).__module__.startswith("pyarrow"):
            _leave(f"a file is damaged ({first_line(error)}); write or fetch it again", 2)
        if show is None:
            raise
        show()
        sys.exit(getattr(error, "exit_code", 2))
    if code == 130:  # Ctrl-C, which typer turns into this code
        _leave("stopped; start the same command again to go on", 130)
    sys.exit(code or 0)


def _leave(sentence: str, code: int) -> None:
    if code == 130:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C has nothing left to stop
    with contextlib.suppress(OSError):
        sys.stderr.write(("\n" if code == 130 else "error: ") + printable(sentence) + "\n")
        sys.stderr.flush()
    sys.exit(code)
