"""The weights finding: updates from one base beside each other, with a seed-to-seed baseline."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

from evals.checkpoints.checkpoint import Checkpoint, open_checkpoint
from evals.checkpoints.loading import tensors_of
from evals.checkpoints.runs import descends
from evals.core.errors import UserError
from probes.findings.checks import check
from probes.findings.finding import finding
from probes.findings.types import Check, Finding
from probes.inputs.sources import described, labels_of
from probes.measures.weight_change import TOLERANCE, Paired, compare_weights, cosine, paired

MEASURES = {
    "relative_change": ("relative change of the weights", "rate", 5),
    "sparsity": (f"share of weights moved by at most {TOLERANCE:g}", "rate", 4),
    "exactly_unchanged": ("share of weights not moved at all", "rate", 4),
    "rank_share": ("effective rank of updates over full rank", "rate", 4),
}


def weights(names: Sequence[str], *, command: Sequence[str] = ()) -> Finding:
    """The weights finding: the first checkpoint is the base, the others are updates of it.

    Everything is measured in fp32 on the stored weights. Cosines between all pairs of updates; those between
    runs of one recipe and different seeds are the baseline: what training noise alone gives. A check says
    where there is none, and where weights are stored in less than fp32, which rounds small updates away.
    """
    if len(names) < 2:
        raise UserError(
            f"updates need a base and one more, got one checkpoint ({names[0]}); give --ckpt again"
        )
    found = [open_checkpoint(name) for name in names]
    labels = labels_of(names)
    base, rest = found[0], list(zip(labels[1:], found[1:], strict=True))
    before = tensors_of(base)
    both = [paired(before, tensors_of(c), (base.name, c.name)) for _, c in rest]
    updates = [{"checkpoint": label, **compare_weights(p)} for (label, _), p in zip(rest, both, strict=True)]
    angles = [_angle(one, other) for one, other in combinations(zip(rest, both, strict=True), 2)]
    estimates = [
        {"checkpoint": u["checkpoint"], "measure": key, "label": label, "unit": unit, "digits": digits,
         "estimate": u[key], "low": None, "high": None, "problems": None}
        for key, (label, unit, digits) in MEASURES.items()
        for u in updates
    ]  # fmt: skip
    return finding(
        "weights",
        checkpoints=described(names),
        problems=None,
        command=command,
        checks=[*_precision(found), *_whole(updates), _baseline(angles), *_parents(base, rest)],
        options={"tolerance": TOLERANCE, "level": None},
        estimates=estimates,
        differences=[],
        updates=updates,
        cosines=angles,
        tables=[_cosine_table(angles)] if angles else [],
    )


def _angle(
    one: tuple[tuple[str, Checkpoint], Paired], other: tuple[tuple[str, Checkpoint], Paired]
) -> dict[str, Any]:
    """Cosine of two updates, and what kind of pair it is."""
    lineages = [c.lineage or {} for (_, c), _ in (one, other)]
    recipes = [x.get("recipe") for x in lineages]
    seeds = [x.get("seed") for x in lineages]
    if None in recipes or None in seeds:
        kind = "unknown"
    elif recipes[0] == recipes[1]:
        kind = "seed to seed" if seeds[0] != seeds[1] else "one run"
    else:
        kind = " against ".join(sorted(map(str, recipes)))
    value = cosine(one[1], other[1])
    return {"a": one[0][0], "b": other[0][0], "kind": kind, "cosine": value}


def _whole(updates: Sequence[dict[str, Any]]) -> list[Check]:
    """Whether every tensor has its counterpart, and only numbers: what was left out, in words."""
    out = []
    for u in updates:
        if u["damaged"]:
            text = f"NaN or infinite values, left out: {_some(u['damaged'])}"
            out.append(check("finite weights", False, u["damaged"], f"{u['checkpoint']}: {text}"))
        if u["notes"]:
            out.append(check("same tensors", None, u["notes"], f"{u['checkpoint']}: {_some(u['notes'])}"))
    return out or [check("same tensors", True, None, "every tensor has its counterpart")]


def _some(names: Sequence[str]) -> str:
    return "; ".join(names[:3]) + (f"; and {len(names) - 3} more" if len(names) > 3 else "")


def _cosine_table(angles: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {
        "title": "Cosine between updates",
        "columns": ["update", "update", "pair", "cosine"],
        "rows": [[r["a"], r["b"], r["kind"], r["cosine"]] for r in angles],
    }


def _precision(found: Sequence[Checkpoint]) -> list[Check]:
    kinds = sorted({str(c.config.get("dtype") or c.config.get("torch_dtype") or "unknown") for c in found})
    plain = kinds == ["float32"]
    text = f"stored as {', '.join(kinds)}"
    if not plain:
        text += ": small updates may have been rounded away before they were stored"
    return [check("precision", plain if "unknown" not in kinds else None, kinds, text)]


def _baseline(angles: Sequence[dict[str, Any]]) -> Check:
    same = [r["cosine"] for r in angles if r["kind"] == "seed to seed" and r["cosine"] is not None]
    if not same:
        text = "no two seeds of one recipe among these: give another seed to see what noise alone gives"
        return check("seed-to-seed baseline", None, None, text)
    text = f"cosine of {min(same):.3f} to {max(same):.3f} between seeds of one recipe"
    return check("seed-to-seed baseline", True, same, text)


def _parents(base: Checkpoint, rest: Sequence[tuple[str, Checkpoint]]) -> list[Check]:
    """Whether the lineage says that each update started at the base."""
    out = []
    for label, c in rest:
        lineage = c.lineage or {}
        if lineage.get("parent") is None:
            out.append(check("lineage", None, label, f"{label} does not say where it was trained from"))
        elif not descends(lineage, base.weights, base.tensors):
            out.append(check("lineage", False, label, f"{label} was not trained from {base.name}"))
    return out or [check("lineage", True, None, "all were trained from the first")]
