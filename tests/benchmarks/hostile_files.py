"""Forty files of strangers that are small and would like to cost much: `write(folder)` makes them."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

MB = 1 << 20


def rows(**changes) -> dict:
    return {"question": "What is 1+1?", "gold": "2", "response": "\\boxed{2}"} | changes


def jsonl() -> dict[str, bytes]:
    deep = "[" * 100_000 + "]" * 100_000
    plain = json.dumps(rows()).encode()
    return {
        "open boxes": json.dumps(rows(gold="\\boxed{" * 60_000)).encode(),
        "open boxes asked": json.dumps(rows(question="\\boxed{" * 60_000)).encode(),
        "boxes in an answer": json.dumps(rows(response="\\boxed{" * 140_000)).encode(),
        "deep": f'{{"question": {deep}}}'.encode(),
        "deep gold": json.dumps(rows()).replace('"2"', "[" * 900 + "1" + "]" * 900, 1).encode(),
        "many lists": b"[" + b"[]," * (10 * MB) + b"[]]",
        "many objects": b'{"question": [' + b"{}," * (10 * MB) + b"{}]}",
        "a long line": b'{"question": "' + b"x" * (80 * MB) + b'"}',
        "large numbers": json.dumps(rows(tokens=10**400, temperature=10**400, top_k=2**40)).encode(),
        "a million digits": b'{"question": ' + b"9" * MB + b"}",
        "infinite": b'{"question": "a", "gold": 1e999, "response": "b", "temperature": Infinity}',
        "surrogates": b'{"question": "\\ud800", "gold": "\\udfff", "response": "\\ud800"}',
        "keys twice": b'{"question": "a", "question": "b", "gold": "1", "response": "c"}',
        "cells": b"\n".join(json.dumps(rows(model=f"m{i}")).encode() for i in range(2000)),
        "options": b"\n".join(json.dumps(rows(temperature=i / 7)).encode() for i in range(2000)),
        "escapes": json.dumps(rows(model="\x1b[2J\x1b]0;owned\x07")).encode(),
        "names as paths": json.dumps(rows(model="../../../../tmp/owned")).encode(),
        "nulls": b"\0" * (20 * MB),
        "blank lines": b"\n" * (20 * MB),
        "half a line": plain + b"\n" + plain[:30],
        "hashes": json.dumps(rows(gold="####" * 250_000)).encode(),
        "hashes and spaces": json.dumps(rows(gold="\n#### " + " " * 500_000 + "x\n")).encode(),
        "empty texts": json.dumps(rows(response=[""] * 1_000_000)).encode(),
        "not text": bytes(range(256)) * 1000,
    }


def yaml() -> dict[str, bytes]:
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
    bomb += "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 12))
    return {
        "aliases": f"{bomb}question: q\ngt_answer: *a11\nsamples: [x]\n".encode(),
        "deep lists": b"question: " + b"[" * 200_000,
        "deep indents": b"".join(b" " * i + b"-\n" for i in range(3000)),
        "tags": b"question: !!python/object/apply:os.system ['touch owned']\nsamples: [x]\n",
        "merge keys": ("a: &a {<<: *a}\n" * 10).encode(),
    }


def archives(folder: Path) -> None:
    header = json.dumps({"eval": {"model": "m"}})
    with zipfile.ZipFile(folder / "zip bomb.eval", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("header.json", header)
        for i in range(12):
            archive.writestr(f"samples/{i}_epoch_1.json", b" " * (100 * MB))
    with zipfile.ZipFile(folder / "zip entries.eval", "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("header.json", header)
        for i in range(30_000):
            archive.writestr(f"samples/{i}_epoch_1.json", b"{}")
    whole = (folder / "zip entries.eval").read_bytes()
    (folder / "zip cut off.eval").write_bytes(whole[: len(whole) // 2])
    (folder / "zip turned.eval").write_bytes(
        whole[:100] + bytes(b ^ 0x55 for b in whole[100:5000]) + whole[5000:]
    )
    (folder / "no archive.eval").write_bytes(b"PK\x03\x04" * 1000)


def tables(folder: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    text = "x" * MB
    one = pa.table({"question": ["q"], "gold": ["1"], "response": [text]})
    with pq.ParquetWriter(folder / "same text.parquet", one.schema, compression="zstd") as writer:
        for _ in range(1500):
            writer.write_table(one)
    indices = pa.array([0] * 6000, pa.int32())
    repeated = pa.DictionaryArray.from_arrays(indices, pa.array([text]))
    table = pa.table({"question": repeated, "gold": repeated, "response": repeated})
    pq.write_table(table, folder / "dictionary.parquet", compression="zstd")
    nested = pa.table({"question": [[["a"] * 1000] * 1000], "gold": ["1"], "response": ["x"]})
    pq.write_table(nested, folder / "nested.parquet")
    whole = (folder / "nested.parquet").read_bytes()
    (folder / "cut off.parquet").write_bytes(whole[: len(whole) // 2])
    (folder / "lies.parquet").write_bytes(b"PAR1" + bytes(1000) + b"\xff\xff\xff\x7fPAR1")


def write(folder: Path) -> list[Path]:
    """The files, in a folder that is there."""
    for name, data in jsonl().items():
        (folder / f"{name}.jsonl").write_bytes(data)
    for name, data in yaml().items():
        (folder / f"{name}.yaml").write_bytes(data)
    (folder / "many lists.json").write_bytes(b'{"eval": {}, "samples": [' + b"[]," * (15 * MB) + b"[]]}")
    (folder / "deep.json").write_bytes(b'{"eval": {}, "samples": ' + b"[" * 100_000)
    archives(folder)
    tables(folder)
    return sorted(p for p in folder.iterdir() if p.is_file())
