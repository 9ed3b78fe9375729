"""A store's cells for others: Every Eval Ever (schema 0.3), and `.eval_results` of a model on the hub."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from evals.core.errors import UserError
from evals.core.files import replacing, write_file, write_json
from evals.core.keys import content_hash
from evals.grading.export import cell_rows, export_samples
from evals.store.reading import all_cells, counts, labels
from evals.store.store import SampleStore

SCHEMA = "0.3.0"
ARGUMENTS = ("temperature", "top_p", "top_k", "min_p", "max_tokens")
ASKED = ("template", "shots", "chat", "system", "stops", "seed", "engine", "engine_version", "dtype")


def export(store: SampleStore, out: Path, form: str, dataset: str | None, task: str) -> str:
    """Write a store as jsonl, every-eval-ever or eval-results; returns what was written, in words."""
    if form == "jsonl":
        return f"{export_samples(store, out):,} samples in {out}"
    if form == "every-eval-ever":
        return f"{every_eval_ever(store, out, dataset, task):,} samples below {out}"
    if form != "eval-results":
        raise UserError(f"no form {form!r} of export; use jsonl, every-eval-ever or eval-results")
    if dataset is None:
        raise UserError("results on the hub belong to a benchmark; name it with --dataset OWNER/NAME")
    return f"results of {eval_results(store, out, dataset, task)} checkpoints below {out}"


def every_eval_ever(store: SampleStore, out: Path, dataset: str | None = None, task: str = "math") -> int:
    """Write each cell as `data/TASK/DEVELOPER/MODEL/UUID.json` and `UUID_samples.jsonl` below `out`.

    One row a sample, with its strict grade. dataset: the hub's id of the problems, where they come from it.
    Returns how many rows; UserError where samples are not graded, or a cell's are of several data sets. The
    same store makes the same bytes.
    """
    written = 0
    cells = all_cells(store)
    store.compact(cells)
    _check_sets(store, cells)
    for cell, model in zip(cells, _models(store, cells), strict=True):
        result = _result(store, cell, dataset, task)
        stamp = str(int(_drawn(store, cell).timestamp()))
        named = {"schema_version": SCHEMA, "evaluation_id": f"{task}/{model}/{stamp}"}
        folder = Path("data", *map(_safe, (task, *([] if "/" in model else ["unknown"]), *model.split("/"))))
        name = str(uuid.UUID(content_hash(cell, task), version=4))
        rows = folder / f"{name}_samples.jsonl"
        digest, count = hashlib.sha256(), 0
        with replacing(out / rows) as stream:
            for row in cell_rows(store, cell):
                line = json.dumps(named | _instance(row, model, task), ensure_ascii=False) + "\n"
                stream.write(line.encode("utf-8", "replace"))
                digest.update(line.encode("utf-8", "replace"))
                count += 1
        write_json(
            out / folder / f"{name}.json",
            named
            | _about(store.cell(cell), model, stamp)
            | {
                "evaluation_results": [result],
                "detailed_evaluation_results": {
                    "format": "jsonl",
                    "file_path": rows.as_posix(),
                    "hash_algorithm": "sha256",
                    "checksum": digest.hexdigest(),
                    "total_rows": count,
                },
            },
        )
        written += count
    return written


def _models(store: SampleStore, cells: Sequence[str]) -> list[str]:
    """A model's name for each cell: the last two parts of its label, or all where others end alike; and what
    tells cells of one label apart, where the form has no place for it."""
    infos = [store.cell(cell) for cell in cells]
    whole = [str(info["checkpoint"]).strip("/") for info in infos]
    short = ["/".join(name.split("/")[-2:]) for name in whole]
    alike = Counter(end for end, _ in set(zip(short, whole, strict=True)))
    names = [end if alike[end] == 1 else name for end, name in zip(short, whole, strict=True)]
    read = [(n, *(i.get(k) for k in ARGUMENTS)) for n, i in zip(names, infos, strict=True)]
    twins = Counter(read)
    told = [
        label.removeprefix(str(info["checkpoint"])).replace("/", "_") or f" {cell[:6]}"
        for label, info, cell in zip(labels(store, cells), infos, cells, strict=True)
    ]
    return [n if twins[r] == 1 else n + more for n, r, more in zip(names, read, told, strict=True)]


def eval_results(store: SampleStore, out: Path, dataset: str, task: str) -> int:
    """Write each cell's pass@1 in percent as `LABEL/.eval_results/TASK.yaml`, to upload to the model's
    repository on the hub; returns how many files. Where labels would share a folder, its name ends in the
    cell's and the notes tell the label.

    dataset: the benchmark's id on the hub. task: one of its tasks, as its `eval.yaml` names them.
    UserError as in `every_eval_ever`.
    """
    import yaml

    cells = all_cells(store)
    _check_sets(store, cells)
    named = labels(store, cells)
    folders = Counter(_safe(label).casefold() for label in named)
    for cell, label in zip(cells, named, strict=True):
        folder = _safe(label)
        twin = folders[folder.casefold()] > 1  # also where a file system takes both for one
        info, score = store.cell(cell), _result(store, cell, dataset, task)["score_details"]
        known = [f"{k} {info[k]}" for k in ARGUMENTS if info.get(k) is not None]
        said = [
            f"pass@1 of {score['details']['samples']} samples",
            *known,
            *score["details"]["grader"].split(";"),
            *([f"checkpoint {label}"] if twin else []),
        ]
        entry = {
            "dataset": {"id": dataset, "task_id": task},
            "value": round(100 * score["score"], 2),
            "date": _drawn(store, cell).date().isoformat(),
            "notes": ", ".join(said),
        }
        text = yaml.safe_dump([entry], sort_keys=False, allow_unicode=True)
        folder += f"-{cell[:6]}" if twin else ""
        write_file(out / folder / ".eval_results" / f"{_safe(task)}.yaml", text)
    return len(cells)


def _check_sets(store: SampleStore, cells: Sequence[str]) -> None:
    """UserError where a cell's problems are of several data sets, which one result would pool."""
    problems = store.problems()
    for cell in cells:
        ids = pc.unique(store.sample_table.read(cell, ["problem"])["problem"]).to_pylist()
        sets = {str(problems[i].meta.get("dataset", "")) for i in ids if i in problems} - {""}
        if len(sets) > 1:
            raise UserError(
                f"the samples of {store.cell(cell)['checkpoint']} in {store.path} are of {len(sets)} data "
                f"sets ({', '.join(sorted(sets)[:5])}), which one result would pool; export with --form "
                "jsonl, and import the rows of one `dataset` into a store of its own"
            )


def _safe(name: str) -> str:
    """A name that a folder may have."""
    return "".join(c if c.isalnum() or c in "-_.@" else "_" for c in name).strip(".") or "unknown"


def _drawn(store: SampleStore, cell: str) -> datetime:
    """When the last samples of a cell were written."""
    times = [p.stat().st_mtime for p in store.sample_table.blocks(cell)]
    return datetime.fromtimestamp(max(times, default=0.0), UTC)


def _result(store: SampleStore, cell: str, dataset: str | None, task: str) -> dict[str, Any]:
    """The strict pass@1 of a cell, with its standard error over problems."""
    from evals.verify import VERSION

    info, table = store.cell(cell), counts(store, [cell])
    rates = table["c"] / table["n"]
    uncertainty: dict[str, Any] = {"num_samples": len(rates)}
    if len(rates) > 1:
        error = {"value": float(rates.std() / len(rates) ** 0.5), "method": "analytic, over problems"}
        uncertainty["standard_error"] = error
    source = {"source_type": "hf_dataset", "hf_repo": dataset} if dataset else {"source_type": "other"}
    return {
        "evaluation_result_id": f"{task}/pass@1",
        "evaluation_name": task,
        "source_data": {"dataset_name": dataset or task, **source},
        "metric_config": {
            "metric_id": "pass@1", "metric_name": "pass@1", "metric_kind": "pass_rate",
            "metric_unit": "proportion", "metric_parameters": {"k": 1}, "lower_is_better": False,
            "score_type": "continuous", "min_score": 0.0, "max_score": 1.0,
        },
        "score_details": {
            "score": float(rates.mean()),
            "details": {
                "problems": str(len(table)),
                "samples": str(int(table["n"].sum())),
                "grader": f"strict verifier of excursions, version {VERSION}",
            },
            "uncertainty": uncertainty,
        },
        "generation_config": {
            "generation_args": {k: info[k] for k in ARGUMENTS if info.get(k) is not None},
            "additional_details": {k: str(info[k]) for k in ASKED if info.get(k) is not None},
        },
    }  # fmt: skip


def _about(info: Mapping[str, Any], model: str, stamp: str) -> dict[str, Any]:
    """Where the samples come from."""
    unknown = {"deployment_type": "unknown", "model_availability": "unknown"}
    return {
        "evaluation_timestamp": stamp,
        "retrieved_timestamp": stamp,
        "source_metadata": {
            "source_type": "evaluation_run",
            "source_organization_name": "unknown",
            "evaluator_relationship": "other",
            "additional_details": {"samples_read_from": str(info.get("imported", "excursions"))},
        },
        "eval_library": {"name": "excursions", "version": "unknown"},
        "model_info": {"name": model, "id": model, "additional_details": unknown}
        | ({} if "/" in model else {"developer": "unknown"}),
    }


def _instance(row: Mapping[str, Any], model: str, task: str) -> dict[str, Any]:
    """One sample as a row."""
    from evals.verify import accepted

    golds = accepted(row["gold"])
    about = {k: row.get(k) for k in ("index", "finish_reason", "lenient", "raw_text")}
    if row["prompt_tokens"] is None:
        about["output_tokens"] = row["tokens"]
    whole = {"input_tokens": row["prompt_tokens"], "output_tokens": row["tokens"]}
    usage = {} if None in whole.values() else {"token_usage": whole | {"total_tokens": sum(whole.values())}}
    return usage | {
        "model_id": model,
        "evaluation_name": task,
        "evaluation_result_id": f"{task}/pass@1",
        "sample_id": row["problem"],
        "sample_hash": hashlib.sha256((row["question"] + "".join(golds)).encode()).hexdigest(),
        "interaction_type": "single_turn",
        "input": {"raw": row["question"], "reference": golds},
        "output": {"raw": [row["text"] or ""]},
        "answer_attribution": [
            {
                "turn_idx": 0, "source": "output.raw", "extracted_value": row["answer"] or "",
                "extraction_method": row["route"] or "none", "is_terminal": True,
            }
        ],
        "evaluation": {"score": float(row["correct"]), "is_correct": row["correct"]},
        "metadata": {k: str(v) for k, v in about.items() if v is not None},
    }  # fmt: skip
