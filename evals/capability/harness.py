"""The benchmarks through lm-evaluation-harness: its own tasks, on the hub's data or on local files."""

from __future__ import annotations

import io
import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from pathlib import Path
from typing import Any

from evals.capability.local import COLUMNS
from evals.checkpoints.checkpoint import Checkpoint
from evals.core.errors import UserError

FILES = {
    "lambada": "lambada/lambada_openai.yaml",
    "hellaswag": "hellaswag/hellaswag.yaml",
    "arc_easy": "arc/arc_easy.yaml",
    "arc_challenge": "arc/arc_challenge.yaml",
    "piqa": "piqa/piqa.yaml",
    "openbookqa": "openbookqa/openbookqa.yaml",
}
METRICS = ("acc", "acc_norm")


def open_model(checkpoint: Checkpoint, dtype: str | None, batch: int) -> Any:
    """lm-eval's `hf` model on a checkpoint. Raises UserError where one of them does not load."""
    from evals.checkpoints.loading import architecture, attention, only_plain
    from evals.checkpoints.tokenizer import tokenizer_of
    from evals.engines.open import usual_dtype

    only_plain(checkpoint, "lm-eval")
    hf = _lm_eval()[0]
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    tokenizer = tokenizer_of(checkpoint)  # lm-eval would load it by its class, whatever tokenizer.json says
    with _quiet():
        try:
            return hf(
                pretrained=str(checkpoint.path),
                tokenizer=tokenizer,
                trust_remote_code=checkpoint.own_code,
                dtype=usual_dtype(dtype),
                batch_size=batch,
                device=device,
                **attention(architecture(checkpoint)[1]),
            )
        except (OSError, ValueError, RuntimeError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise UserError(f"lm-eval does not load {checkpoint.name}: {reason}; save it again") from error


def run_task(model: Any, task: str, file: Path | None, limit: int | None) -> dict[str, dict[str, bool]]:
    """{metric: {item: correct}} of one benchmark, from a local file or (None) from the hub."""
    import yaml

    _, evaluate, manager_of, folder = _lm_eval()
    name = f"capability_{task}"
    config: dict[str, Any] = {"include": str(folder / FILES[task]), "task": name, "tag": None}
    text = yaml.safe_dump(config)
    if file is not None:
        splits = {"training_split": None, "validation_split": None, "test_split": "test"}
        own = {"task_data": str(file.resolve()), "task_kind": task}
        text += yaml.safe_dump({**splits, "metadata": own})
        text += "custom_dataset: !function evals.capability.local.dataset\n"
    with tempfile.TemporaryDirectory(prefix="capability-") as place, _quiet():
        (Path(place) / f"{name}.yaml").write_text(text)
        manager = manager_of(include_path=place, include_defaults=False)
        try:
            manager.load([name])
        except UserError:
            raise
        except Exception as error:  # datasets and the hub raise dozens of kinds
            raise UserError(
                f"the hub did not give the data of {task} ({type(error).__name__}); bring it as {task}.jsonl "
                f"with columns {', '.join(COLUMNS[task])}, and give its folder with --data"
            ) from error
        found = evaluate(model=model, tasks=[name], task_manager=manager, limit=limit, bootstrap_iters=0)
    return _items(found["samples"][name])


def _items(samples: list[dict[str, Any]]) -> dict[str, dict[str, bool]]:
    """Items by the hash of their document; a document that comes twice is two items."""
    found: dict[str, dict[str, bool]] = {}
    seen: dict[str, int] = {}
    for sample in samples:
        key = str(sample["doc_hash"])[:16]
        seen[key] = seen.get(key, 0) + 1
        item = key if seen[key] == 1 else f"{key}-{seen[key]}"
        for metric in METRICS:
            if metric in sample:
                found.setdefault(metric, {})[item] = bool(sample[metric])
    return found


def _lm_eval() -> tuple[Any, Any, Any, Path]:
    """(HFLM, simple_evaluate, TaskManager, folder of built-in tasks)."""
    try:
        import lm_eval.tasks
        from lm_eval.evaluator import simple_evaluate
        from lm_eval.models.huggingface import HFLM
    except ImportError as error:
        raise UserError(f"lm-eval cannot be imported ({error}); install excursions[lm-eval]") from error
    return HFLM, simple_evaluate, lm_eval.tasks.TaskManager, Path(lm_eval.tasks.__file__).parent


@contextmanager
def _quiet() -> Iterator[None]:
    """lm-eval logs a page for every run and shows a dozen bars, and the hub logs every retry.

    What matters comes as an error, and progress is told by the caller.
    """
    loggers = [logging.getLogger(n) for n in ("lm_eval", "huggingface_hub.utils._http")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with redirect_stderr(io.StringIO()):
            yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
