"""Findings: what a probe returns, as JSON with a schema version and its provenance."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evals.core.errors import UserError
from evals.core.files import write_file

if TYPE_CHECKING:
    from evals.store import SampleStore

SCHEMA = 1
PACKAGES = ("excursions", "torch", "transformers", "numpy", "scipy", "pandas", "pyarrow", "vllm")


def finding(
    probe: str,
    *,
    checkpoints: list[dict[str, Any]],
    problems: dict[str, Any] | None,
    command: Sequence[str] = (),
    store: SampleStore | None = None,
    checks: Sequence[dict[str, Any]] = (),
    **fields: Any,
) -> dict[str, Any]:
    """A finding: what every probe states, and this probe's own fields."""
    return {
        "schema": SCHEMA,
        "probe": probe,
        "checkpoints": checkpoints,
        "problems": problems,
        **fields,
        "checks": list(checks),
        "provenance": provenance(list(command), str(store) if store else None),
    }


def provenance(command: list[str], store: str | None) -> dict[str, Any]:
    """What made a finding: the command, versions, hardware, and the store of its samples."""
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    hardware = {"machine": platform.machine(), "cores": os.cpu_count(), "system": platform.system()}
    return {"command": command, "versions": versions, "hardware": hardware, "store": store}


def command_line() -> list[str]:
    """This process's command with the program's name alone, not its path."""
    return [Path(sys.argv[0]).name, *sys.argv[1:]]


def subject(item: dict[str, Any]) -> tuple[Any, ...]:
    """What a finding is about: its probe, its checkpoints in order, its problems."""
    names = tuple((c.get("name"), c.get("fingerprint")) for c in item.get("checkpoints") or ())
    return item.get("probe"), names, (item.get("problems") or {}).get("name")


def keep_finding(out: Path, item: dict[str, Any]) -> Path:
    """Put a finding into OUT/findings.json: last, and in place of an older one about the same."""
    path = out / "findings.json"
    held = read_findings(path) if path.is_file() else []
    write_findings(path, [f for f in held if subject(f) != subject(item)] + [item])
    return path


def write_findings(path: Path, findings: list[dict[str, Any]]) -> None:
    """Write {"schema": …, "findings": […]}, whole or not at all."""
    body = {"schema": SCHEMA, "findings": findings}
    write_file(path, json.dumps(body, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def read_findings(path: Path) -> list[dict[str, Any]]:
    """The findings of a file; UserError where it is none or of another schema version."""
    try:
        data = json.loads(path.read_text("utf-8", errors="surrogatepass"))
    except OSError as error:
        raise UserError(f"findings {path} cannot be read ({error.strerror}); run a probe first") from error
    except ValueError as error:
        raise UserError(f"{path} is not a findings file: {error}; run the probe again") from error
    if not isinstance(data, dict) or "schema" not in data:
        raise UserError(f"{path} is not a findings file: it has no schema version; run the probe again")
    if data["schema"] != SCHEMA:
        raise UserError(
            f"{path} has schema version {data['schema']} and this program reads {SCHEMA}; "
            "read it with the version that wrote it, or choose another --out and run the probe again"
        )
    return list(data["findings"]) if "findings" in data else [data]
