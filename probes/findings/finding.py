"""Findings made, kept and read: what every probe states, and JSON files with a schema version."""

from __future__ import annotations

import json
import os
import platform
import re
import sys
from collections.abc import Iterable, Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evals.core.errors import UserError
from evals.core.files import write_file
from probes.findings.types import READABLE, SCHEMA, Finding

if TYPE_CHECKING:
    import pandas as pd

    from evals.store import SampleStore

_HALF = re.compile("[\ud800-\udfff]")
PACKAGES = ("excursions", "torch", "transformers", "numpy", "scipy", "pandas", "pyarrow", "vllm")


class Found(Finding):
    """A finding that shows itself: as text, in a notebook, as a frame."""

    def to_frame(self) -> pd.DataFrame:
        """One row per number (`probes.findings.frames`)."""
        from probes.findings.frames import to_frame

        return to_frame(self)

    def __str__(self) -> str:
        from probes.findings.terminal import text

        return text(self)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from probes.findings.html import notebook

        return notebook(self)


def finding(
    probe: str,
    *,
    checkpoints: Sequence[Any],
    problems: Any | None,
    command: Sequence[str] = (),
    store: SampleStore | None = None,
    **fields: Any,
) -> Found:
    """A finding: what every probe states, and this probe's own fields."""
    return Found.model_validate(
        {
            "schema": SCHEMA,
            "probe": probe,
            "checkpoints": checkpoints,
            "problems": problems,
            **fields,
            "provenance": provenance(list(command), str(store) if store else None),
        }
    )


def versions(packages: Sequence[str] = PACKAGES) -> dict[str, str]:
    """The versions of Python and of those of the packages that are installed."""
    found = {"python": platform.python_version()}
    for package in packages:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def provenance(command: list[str], store: str | None) -> dict[str, Any]:
    """What made a finding: the command, versions, hardware, and the store of its samples."""
    hardware = {"machine": platform.machine(), "cores": os.cpu_count(), "system": platform.system()}
    return {"command": command, "versions": versions(), "hardware": hardware, "store": store}


def command_line() -> list[str]:
    """This process's command with the program's name alone, not its path (`python -m probes` is probes)."""
    path = Path(sys.argv[0])
    return [path.parent.name if path.name == "__main__.py" else path.name, *sys.argv[1:]]


def subject(item: Finding) -> tuple[Any, ...]:
    """What a finding is about: its probe, its checkpoints in order, its problems."""
    names = tuple((c.name, c.fingerprint) for c in item.checkpoints)
    return item.probe, names, item.problems and item.problems.name


def keep_finding(out: Path, item: Finding) -> Path:
    """Put a finding into OUT/findings.json: last, and in place of an older one about the same."""
    path = out / "findings.json"
    kept: list[Finding] = [*read_findings(path)] if path.is_file() else []
    write_findings(path, [f for f in kept if subject(f) != subject(item)] + [item])
    return path


def write_findings(path: Path, findings: Iterable[Finding]) -> None:
    """Write {"schema": …, "findings": […]}, whole or not at all."""
    write_file(path, to_json(findings))


def to_json(findings: Iterable[Finding]) -> str:
    """Findings as the text of one file."""
    body = {"schema": SCHEMA, "findings": [f.to_dict() | {"schema": SCHEMA} for f in findings]}
    return json.dumps(body, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def read_findings(path: Path) -> list[Found]:
    """The findings of a file; UserError where it is none, damaged, or of a schema version not known here."""
    try:
        data = json.loads(path.read_text("utf-8", errors="surrogatepass"))
    except OSError as error:
        raise UserError(f"findings {path} cannot be read ({error.strerror}); run a probe first") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is not a findings file: {error}; run the probe again") from error
    if not isinstance(data, dict) or "schema" not in data:
        raise UserError(f"{path} is not a findings file: it has no schema version; run the probe again")
    if data["schema"] not in READABLE:
        raise UserError(
            f"{path} has schema version {data['schema']} and this program reads "
            f"{' and '.join(map(str, READABLE))}; read it with the version that wrote it, or choose another "
            "--out and run the probe again"
        )
    items = data.get("findings", [data])
    return [typed(item, f"finding {i} of {path}") for i, item in enumerate(items, 1)]


def typed(item: Any, where: str = "the finding") -> Found:
    """A finding from its JSON; UserError with the field that is not as it should be."""
    from pydantic import ValidationError

    if not isinstance(item, dict) or "probe" not in item:
        raise UserError(f"{where} does not say which probe made it; run the probe again")
    try:
        return Found.model_validate({"schema": SCHEMA, **_whole(item)})
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise UserError(f"{where} is damaged at {place} ({first['msg']}); run the probe again") from error


def _whole(value: Any) -> Any:
    """JSON data with the halves of surrogate pairs, which no file can hold, replaced by U+FFFD."""
    if isinstance(value, str):
        return value if value.isascii() else _HALF.sub("\ufffd", value)
    if isinstance(value, list):
        return [_whole(v) for v in value]
    if isinstance(value, dict):
        return {_whole(k): _whole(v) for k, v in value.items()}
    return value
