"""Logs of inspect_ai, `.json` and `.eval`: one sample per problem and epoch, with its stop reason."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from evals.core.bounds import ROW, Bound, check_expansion, loads
from evals.core.errors import UserError
from evals.core.keys import content_hash
from evals.readers.answers import (
    Answers,
    Malformed,
    Response,
    asked,
    count_of,
    options_of,
    parse_object,
    reason_of,
    said,
)
from evals.readers.golds import gold_of

ZSTANDARD = 93  # compression method of a zip entry that Python 3.11's zipfile does not know


def json_rows(path: Path) -> Iterator[tuple[str, Any]]:
    """The samples of a `.json` log, which is read whole."""
    samples = _read(path).get("samples")
    for number, sample in enumerate(samples if isinstance(samples, list) else [], 1):
        yield f"{path} sample {number}", sample


def json_context(path: Path) -> dict[str, Any]:
    """Model and options of a `.json` log."""
    return _described(_read(path))


def _read(path: Path) -> dict[str, Any]:
    try:
        data = loads(path.read_bytes())
    except OSError as error:
        raise UserError(f"samples {path} cannot be read ({error.strerror}); check the path") from error
    except ValueError as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"{path} is not JSON ({reason}); JSON lines end in .jsonl") from error
    if not isinstance(data, dict) or "eval" not in data or "samples" not in data:
        raise UserError(f"{path} holds no samples in a known form; evals formats lists those")
    return data


def archive_rows(path: Path) -> Iterator[tuple[str, bytes]]:
    """The samples of an `.eval` log, one entry of the archive at a time."""
    with _archive(path) as archive:
        entries = [i for i in archive.infolist() if i.filename.startswith("samples/")]
        for entry in sorted(entries, key=_epoch):
            yield f"{path} {entry.filename}", _entry(archive, entry)


def archive_context(path: Path) -> dict[str, Any]:
    """Model and options of an `.eval` log, from its header (or, where a run was cut off, its start)."""
    with _archive(path) as archive:
        names = archive.namelist()
        name = next((n for n in ("header.json", "_journal/start.json") if n in names), None)
        if name is None:
            raise UserError(f"{path} is no inspect_ai log: it has no header.json")
        try:
            return _described(parse_object(_entry(archive, archive.getinfo(name))))
        except Malformed as error:
            raise UserError(f"{path} is damaged: its header is {error}; export it again") from error


def _archive(path: Path) -> zipfile.ZipFile:
    try:
        archive = zipfile.ZipFile(path)
        entries = archive.infolist()
        check_expansion(path.stat().st_size, sum(e.file_size for e in entries))
        return archive
    except Bound as error:
        raise UserError(f"{path} is not read: {error}; export it again") from error
    except (OSError, ValueError, NotImplementedError, zipfile.BadZipFile) as error:
        raise UserError(f"{path} is not a readable inspect_ai log; export it again") from error


def _epoch(entry: zipfile.ZipInfo) -> tuple[str, int]:
    """Samples by name, then by epoch as a number (`ID_epoch_10.json` after `ID_epoch_9.json`)."""
    name, _, epoch = entry.filename.removesuffix(".json").rpartition("_epoch_")
    return name, int(epoch) if epoch.isdecimal() else 0


def _entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """The bytes of an entry, whether deflated or of zstandard. Broken ones come back empty: a bad row."""
    try:
        check_expansion(entry.compress_size, entry.file_size)
        if entry.compress_type != ZSTANDARD:
            with archive.open(entry) as opened:
                return _bounded(opened.read(ROW + 1))
        import pyarrow as pa

        stream: Any = archive.fp
        stream.seek(entry.header_offset + 26)
        name, extra = struct.unpack("<HH", stream.read(4))
        stream.seek(name + extra, 1)
        packed = stream.read(entry.compress_size)
        return _bounded(pa.CompressedInputStream(pa.BufferReader(packed), "zstd").read(ROW + 1))
    except (OSError, ValueError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error, struct.error):
        return b""


def _bounded(data: bytes) -> bytes:
    """An entry's bytes; one that is over the bound is a bad row, whatever its header said of its size."""
    return data if len(data) <= ROW else b""


TELLING = ("revision", "adapter", "adapter_path", "peft", "lora_path", "lora_modules")  # of two models
LOCAL = ("hf/local", "vllm/local", "sglang/local", "local")


def _described(data: dict[str, Any]) -> dict[str, Any]:
    """source, options, task and task_id of a log's head.

    A local model is known by the path in its arguments; options of the model override those of the plan.
    """
    spec = data["eval"] if isinstance(data.get("eval"), dict) else {}
    plan = data["plan"] if isinstance(data.get("plan"), dict) else {}
    config = plan["config"] if isinstance(plan.get("config"), dict) else {}
    own = spec["model_generate_config"] if isinstance(spec.get("model_generate_config"), dict) else {}
    args = spec["model_args"] if isinstance(spec.get("model_args"), dict) else {}
    model = spec.get("model")
    path = next((args[k] for k in ("model_path", "path", "model") if isinstance(args.get(k), str)), None)
    if path and (model in LOCAL or str(model).endswith("/local")):
        model = path
    told = [str(args[k]) for k in TELLING if isinstance(args.get(k), str | int | float) and args[k]]
    model = "@".join([model, *told]) if isinstance(model, str) else model
    given = options_of({k: v for k, v in config.items() if v is not None})
    return {
        "source": model if isinstance(model, str) else None,
        "task": spec.get("task"),
        "task_id": spec.get("task_id"),
        "options": given | options_of({k: v for k, v in own.items() if v is not None}),
    }


def parse(raw: Any, context: dict[str, Any]) -> list[Answers]:
    """One epoch of one sample, with all its choices.

    Samples that ended in an error or were invalidated are passed over; one that met a limit before it said
    anything is a response that was cut off.
    """
    row = parse_object(raw)
    output = row.get("output")
    choices = output.get("choices") if isinstance(output, dict) else None
    if row.get("invalidation") or (not choices and row.get("error")):
        return []
    if not choices and row.get("limit"):
        responses: tuple[Response, ...] = (Response("", "length"),)
    elif not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise Malformed("output has no choice")
    else:
        usage = output.get("usage") if isinstance(output, dict) else None
        tokens = count_of(usage.get("output_tokens")) if isinstance(usage, dict) else None
        tokens = tokens if len(choices) == 1 else None  # usage counts all choices together
        responses = tuple(Response(said(c, "output.choices"), reason_of(c), tokens) for c in choices)
        if row.get("limit"):
            responses = tuple(replace(r, finish_reason="length") for r in responses)
    return [
        Answers(
            asked(row.get("input"), "input"),
            gold_of(row.get("target"), "target", several="all" if row.get("choices") else "any"),
            responses,
            context["source"],
            context["options"],
            sample=_known_by(row, responses, context),
        )
    ]


def _known_by(
    row: Mapping[str, Any], responses: tuple[Response, ...], context: Mapping[str, Any]
) -> str | None:
    """What a retried evaluation keeps of a sample that it copies from the log that failed: the sample's uuid;
    in older logs the task's id, the sample's and the epoch, which a sample that was drawn anew has too."""
    if row.get("uuid"):
        return f"sample {row['uuid']} of task {context['task']}"
    named = (context["task_id"], row.get("id"), row.get("epoch"))
    return None if None in named else f"sample {content_hash(*map(str, named), str(responses))}"
