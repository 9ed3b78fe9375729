"""Typed configuration: TOML, presets, dotted overrides; unknown keys are errors with the nearest name.

The sections themselves are in `trainer.config.schema`.
"""

from __future__ import annotations

import difflib
import json
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from evals.checkpoints.locating import locate
from evals.core.bounds import read_toml, table_of
from evals.core.errors import UserError
from trainer.algorithms import ALGORITHMS
from trainer.config.schema import Strict, StudyConfig

PRESETS = Path(__file__).parent / "presets"
SECTIONS = ("study", "pretrain", "rl", "sft", "parallel")
MICRO = 40_000_000  # bytes of weights, at most, for which the preset micro is meant

Config = TypeVar("Config", bound=Strict)


def load_config(
    kind: type[Config], section: str, *, preset: str | None, path: Path | None, overrides: Sequence[str] = ()
) -> Config:
    """A configuration from preset, then TOML file, then `key=value` overrides (dotted keys, TOML values)."""
    base: dict[str, Any] = _section(read_toml(preset_file(preset), "preset"), section) if preset else {}
    given: dict[str, Any] = {}
    if path:
        data = read_toml(path, "configuration")
        given = _section(data, section) if section in data else data
        if section in data and (stray := [key for key in data if key not in SECTIONS]):
            raise UserError(
                f"{path}: {stray[0]} stands outside of [{section}] and would have no effect; "
                "move it into a section"
            )
    for item in overrides:
        given = _merge(given, _override(item, section))
    return validated(kind, _with_algorithm(_merge(base, given), given), section)


def usual_preset(ckpt: str) -> str:
    """The preset where none is named: micro for models of about a million parameters, else lm."""
    folder = locate(ckpt)
    size = sum(f.stat().st_size for f in (*folder.glob("*.safetensors"), *folder.glob("*.bin")))
    return "lm" if size > MICRO or (folder / "adapter_config.json").is_file() else "micro"


def load_study(path: Path, overrides: Sequence[str] = ()) -> StudyConfig:
    """A study from its TOML file: [study] with `preset` where one is laid under, [pretrain], [rl], …"""
    given = read_toml(path, "configuration")
    own = table_of(given, "study", str(path))
    preset = own.pop("preset", None)
    given = given | {"study": own}
    for item in overrides:
        value = _override(item, "study")
        sections = value.keys() <= {"pretrain", "rl", "sft", "parallel"}
        given = _merge(given, value if sections else {"study": value})
    data = _merge(read_toml(preset_file(preset), "preset"), given) if preset else given
    values = {k: v for k, v in data.items() if k != "study"} | data["study"]
    for section in ("rl", "parallel"):
        values[section] = _with_algorithm(_section(data, section), _section(given, section))
    return validated(StudyConfig, values, "study")


def _with_algorithm(values: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """The values of [rl] or [parallel] with the algorithm's own numbers where the user gave none.

    They lie over those of a preset: a preset does not undo an algorithm.
    """
    if isinstance(values.get("rl"), dict):
        given = given.get("rl", {})
        return values | {"rl": _with_algorithm(values["rl"], given if isinstance(given, dict) else {})}
    chosen = values.get("algorithm")
    own = ALGORITHMS[chosen].defaults if isinstance(chosen, str) and chosen in ALGORITHMS else {}
    return values | {k: v for k, v in own.items() if k not in given}


def preset_file(name: str) -> Path:
    """The file of a shipped preset; UserError with the known names where there is none."""
    file = PRESETS / f"{name}.toml"
    if not file.is_file():
        known = ", ".join(sorted(p.stem for p in PRESETS.glob("*.toml")))
        raise UserError(f"no preset {name!r}; choose one of {known}")
    return file


def _section(tables: dict[str, Any], section: str) -> dict[str, Any]:
    """One section of a file; [parallel] stands on [rl] and [sft], its two branches."""
    own = table_of(tables, section, "configuration")
    if section == "parallel":
        return _merge({k: tables[k] for k in ("rl", "sft") if k in tables}, own)
    return own


def validated(kind: type[Config], values: dict[str, Any], section: str) -> Config:
    """`values` as a configuration, or one sentence that names the first wrong key."""
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join([section, *(str(p) for p in first["loc"])])
        if first["type"] == "extra_forbidden":
            hint = difflib.get_close_matches(str(first["loc"][-1]), _names(kind, first["loc"][:-1]), 1)
            fix = (
                f"did you mean {hint[0]!r}?"
                if hint
                else f"known keys: {', '.join(_names(kind, first['loc'][:-1]))}"
            )
            raise UserError(f"unknown key {where}; {fix}") from error
        raise UserError(f"{where}: {first['msg'].lower()} (got {first['input']!r})") from error


def _names(kind: type[BaseModel], loc: Sequence[str | int]) -> list[str]:
    """Known keys of the section at `loc`."""
    for part in (p for p in loc if isinstance(p, str)):
        inner = kind.model_fields[part].annotation
        for candidate in (inner, *getattr(inner, "__args__", ())):
            if isinstance(candidate, type) and issubclass(candidate, BaseModel):
                kind = candidate
    return list(kind.model_fields)


def _override(item: str, section: str) -> dict[str, Any]:
    key, equals, text = item.partition("=")
    if not equals or not key:
        raise UserError(f"--set {item!r} is not of the form key=value")
    try:
        value = tomllib.loads(f"v = {text}")["v"]
    except (ValueError, RecursionError):
        value = text
    parts = key.split(".")
    if parts[0] == section and len(parts) > 1:
        parts = parts[1:]
    for part in reversed(parts):
        value = {part: value}
    return dict(value)


def _merge(base: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """`base` with `more` laid over it, section by section."""
    out = dict(base)
    for key, value in more.items():
        old = out.get(key)
        out[key] = _merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return out


def resolved_json(config: BaseModel) -> str:
    """The resolved configuration as it is written beside a run."""
    return json.dumps(config.model_dump(mode="json"), indent=1, sort_keys=True) + "\n"
