"""Sources of pre-training text: the synthetic world, local files, hub data sets; each from any point on."""

from __future__ import annotations

import glob
import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from evals.core.errors import UserError
from trainer.config.schema import Source, WorldData

SEPARATOR = "<|endoftext|>"


def texts_of(source: Source, world: WorldData, skip: int = 0) -> Iterator[str]:
    """The documents of a source in order, all its epochs, from number `skip` on.

    A .txt file is one document, or several parted by `<|endoftext|>`; .jsonl and .parquet files and hub
    data sets have one document a row, in the column `source.text`. Empty ones are left out.
    Raises UserError where the source, its column or its text is missing.
    """
    if source.path == "world":
        from evals.world import STYLES, Mixture, documents

        styles = world.styles or dict.fromkeys(STYLES, 1.0)
        kinds = {k: getattr(world, k) for k in ("problems", "drills", "stories", "facts")}
        levels, largest = tuple(world.levels), world.largest
        mixture = Mixture(**kinds, levels=levels, styles=styles, largest=largest, graded=world.graded)
        return documents(mixture, seed=world.seed, start=skip)
    return islice(_epochs(source), skip, None)


def _epochs(source: Source) -> Iterator[str]:
    for _ in range(source.epochs):
        empty = True
        for text in _hub(source) if source.path.startswith("hub:") else _local(source):
            if text.strip():
                empty = False
                yield text
        if empty:
            raise UserError(f"{source.path} holds no text in {source.text!r}; check the file and the column")


def _local(source: Source) -> Iterator[str]:
    files = sorted(Path(f) for f in glob.glob(str(Path(source.path).expanduser())))
    if not files:
        raise UserError(f"source {source.path} does not exist; give world, a file or pattern, or hub:NAME")
    for file in files:
        try:
            if file.suffix == ".txt":
                yield from file.read_text("utf-8").split(SEPARATOR)
            elif file.suffix == ".jsonl":
                yield from _jsonl(file, source.text)
            elif file.suffix == ".parquet":
                yield from _parquet(file, source.text)
            else:
                raise UserError(
                    f"source {file} is no .txt, .jsonl or .parquet file; convert it to one of them"
                )
        except UnicodeDecodeError as error:
            raise UserError(f"source {file} is no UTF-8 text ({error.reason}); convert it") from error


def _jsonl(file: Path, column: str) -> Iterator[str]:
    with file.open(encoding="utf-8") as stream:
        for number, line in enumerate(stream, 1):
            try:
                row = json.loads(line) if line.strip() else {column: ""}
            except (ValueError, RecursionError) as error:
                raise UserError(f"{file} line {number} is not JSON; fix or remove the line") from error
            yield _text(row, column, f"{file} line {number}")


def _parquet(file: Path, column: str) -> Iterator[str]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.ParquetFile(file)
        if column not in table.schema_arrow.names:
            raise UserError(_absent(column, table.schema_arrow.names, str(file)))
        for batch in table.iter_batches(columns=[column], batch_size=1024):
            for text in batch.column(0).to_pylist():
                yield _text({column: text}, column, str(file))
    except pa.ArrowException as error:
        raise UserError(f"{file} is no parquet file, or damaged; check how it was written") from error


def _hub(source: Source) -> Iterator[str]:
    from datasets import load_dataset

    name = source.path.removeprefix("hub:")
    try:
        rows = load_dataset(name, source.config, split=source.split, revision=source.revision, streaming=True)
        for row in rows:
            yield _text(row, source.text, source.path)
    except UserError:
        raise
    except Exception as error:  # datasets, huggingface_hub and the network raise dozens of kinds
        raise UserError(
            f"the hub did not give {name} ({type(error).__name__}); check name, config and split, or "
            "download it elsewhere and give its files"
        ) from error


def _text(row: Any, column: str, where: str) -> str:
    if not isinstance(row, dict) or column not in row:
        raise UserError(_absent(column, list(row) if isinstance(row, dict) else [], where))
    if not isinstance(row[column], str):
        raise UserError(f'{where}: {column!r} is no text; name a column of texts, as in text = "content"')
    return str(row[column])


def _absent(column: str, present: list[str], where: str) -> str:
    return f"{where} has no column {column!r}; name one of {', '.join(present) or 'its columns'} as text"
