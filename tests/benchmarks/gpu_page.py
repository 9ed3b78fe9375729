"""The page of `gpu_small.py`: what was measured on a GPU, and what was not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

PARTS = ("rates", "pretrain", "sft", "rl", "rl-vllm", "sampler", "sampler-135m", "excursion")


def page(folder: Path) -> str:
    """What was measured, and what was not."""
    found = {p.stem: json.loads(p.read_text()) for p in sorted(folder.glob("*.json"))}
    limits = found.get("rates", {}).get("figures", {})
    lines = [
        "# `small` on a GPU",
        "",
        "| figure | measured | of the limit | card | command |",
        "|---|---|---|---|---|",
    ]
    for name in PARTS:
        kept, command = found.get(name), f"`python tests/benchmarks/gpu_small.py {name}`"
        if kept is None:
            lines.append(f"| {name} | not measured | | | {command} |")
            continue
        for what, share in figures(name, kept["figures"], {} if kept["toy"] else limits):
            toy = " (toy size: proves that it runs, measures nothing)" if kept["toy"] else ""
            lines.append(f"| {name} | {what}{toy} | {share} | {kept['card']} | {command} |")
    return "\n".join(lines) + "\n"


def figures(name: str, got: dict[str, Any], limits: dict[str, float]) -> list[tuple[str, str]]:
    """(what was measured, fraction of the limit) as text."""

    def share(value: float, limit: str) -> str:
        return f"{value / limits[limit]:.1%}" if limit in limits else "not measured"

    if name == "rates":
        rate, copied = got["matmul_flops"] / 1e12, got["copy_bytes"] / 1e9
        return [(f"bf16 matrix product {rate:,.3g} TFLOP/s, copy {copied:,.0f} GB/s", "is the limit")]
    if name.startswith("sampler"):
        return [
            (f"{kind}: {row}", "")
            if isinstance(row, str)
            else (
                f"{kind}: {row['tokens_per_s']:,.0f} tokens/s",
                share(row["weight_bytes_per_s"], "copy_bytes"),
            )
            for kind, row in got["engines"].items()
        ]
    if name == "excursion":
        return [(f"{got['verdict']} ({got['minutes']:.1f} minutes)", "")]
    rate = got["flops_per_s"]
    what = f"{got['tokens_per_s']:,.0f} tokens/s, {rate / 1e12:.3g} TFLOP/s"
    return [(what, share(rate, "matmul_flops"))]
