"""From a name to a folder on this machine: a local one, or the files of a hub repository that are needed."""

from __future__ import annotations

from pathlib import Path

from evals.core.errors import UserError

SMALL = ("*.json", "*.txt", "*.model", "*.jinja", "*.tiktoken")
WEIGHTS = (  # the first that a repository has
    ("model.safetensors", "model-*.safetensors"),
    ("pytorch_model.bin", "pytorch_model-*.bin"),
    ("*.safetensors",),
)
ADAPTER = ("adapter_model.safetensors", "adapter_model.bin")


def locate(name: str, *, weights: bool = True, near: Path | None = None, code: bool = False) -> Path:
    """The folder of a local checkpoint, or of a snapshot of a hub id (`owner/name`, `owner/name@revision`).

    weights: of a hub id, also its weight files (one form of them). near: a folder that a relative path may
    start at. code: of a hub id, also its Python files.
    """
    path = Path(name).expanduser()
    for folder in (path, *([] if near is None else [near / path])):
        if folder.is_dir():
            return folder
    if path.exists():
        raise UserError(f"{name} is a file, not a checkpoint folder; give the folder that holds config.json")
    repo, _, revision = name.partition("@")
    if name.startswith((".", "/", "~")) or repo.count("/") > 1 or not repo.strip("/"):
        raise UserError(
            f"checkpoint {name} does not exist; give a local folder or a hub id such as owner/name"
        )
    try:
        return _download(repo, revision or None, weights, code)
    except Exception as error:
        raise UserError(
            f"checkpoint {name} is no local folder and the hub did not give it ({type(error).__name__}); "
            "check the name, or download it elsewhere and give its folder"
        ) from error


def _download(repo: str, revision: str | None, weights: bool, code: bool) -> Path:
    """Settings and tokenizer first; they say which weights are needed."""
    from huggingface_hub import snapshot_download

    def bring(*patterns: str) -> Path:
        return Path(
            snapshot_download(
                repo,
                revision=revision,
                allow_patterns=list(patterns),
                ignore_patterns=["*/*", "consolidated*"],
            )
        )

    folder = bring(*SMALL, *(["*.py"] if code else []))
    if not weights:
        return folder
    if (folder / "adapter_config.json").is_file():
        folder = bring(*ADAPTER)
        if any((folder / file).is_file() for file in ADAPTER):
            return folder
    for patterns in WEIGHTS:
        folder = bring(*patterns)
        if any(file for pattern in patterns for file in folder.glob(pattern)):
            break
    return folder
