"""Findings: what a probe returns, as JSON with a schema version and its provenance."""

from __future__ import annotations

import json
import os
import platform
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from evals.errors import UserError

SCHEMA = 1
PACKAGES = ("excursions", "torch", "transformers", "numpy", "scipy", "pandas", "pyarrow", "vllm")


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


def write_findings(path: Path, findings: list[dict[str, Any]]) -> None:
    """Write {"schema": …, "findings": […]} under a temporary name, then rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp{os.getpid()}")
    text = json.dumps({"schema": SCHEMA, "findings": findings}, indent=1, ensure_ascii=False, allow_nan=False)
    try:
        with temporary.open("w", encoding="utf-8", errors="surrogatepass") as stream:
            stream.write(text + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


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
            "read it with the version that wrote it, or run the probe again"
        )
    return list(data["findings"]) if "findings" in data else [data]
