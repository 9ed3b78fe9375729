"""Findings of the other probes as tables: estimates of each checkpoint, paired differences, their own."""

from __future__ import annotations

from typing import Any

from reports.page.view import listed

Cell = dict[str, Any]


def other(finding: dict[str, Any], *, opened: bool = True) -> dict[str, Any]:
    """What the page shows of a finding that is not an expand finding."""
    names = " · ".join(str(c.get("name")) for c in finding.get("checkpoints") or [])
    problems = finding.get("problems") or {}
    where = f", {problems['count']} problems of {problems['name']}" if problems.get("count") else ""
    tables = [_estimates(finding)] if finding.get("estimates") else []
    tables += [_plain(block) for block in finding.get("tables") or []]
    return {
        "probe": finding["probe"],
        "about": names + where,
        "tables": tables,
        "notes": [str(n) for n in finding.get("notes") or []],
        "checks": listed(finding.get("checks") or []),
        "open": opened,
        "figures": [],
    }


def _estimates(finding: dict[str, Any]) -> dict[str, Any]:
    """Measures down, checkpoints and then paired differences across."""
    estimates, changes = finding["estimates"], finding.get("differences") or []
    names = list(dict.fromkeys(e["checkpoint"] for e in estimates))
    pairs = list(dict.fromkeys((d["a"], d["b"]) for d in changes))
    level = (finding.get("options") or {}).get("level", 0.05)
    by_place = {(e["measure"], e["checkpoint"]): e for e in estimates}
    by_pair = {(d["measure"], d["a"], d["b"]): d for d in changes}
    rows = []
    for measure, one in {e["measure"]: e for e in estimates}.items():
        cells = [cell(f"{one['label']} ({one['unit']})")]
        cells += [_value(by_place.get((measure, n))) for n in names]
        cells += [_value(by_pair.get((measure, *pair)), signed=True) for pair in pairs]
        rows.append(cells)
    headings = [f"{b} − {a}" for a, b in pairs]
    title = f"Estimates and paired differences, intervals at {100 * (1 - level):g}%"
    return {"title": title, "columns": ["measure", *names, *headings], "rows": rows}


def _value(row: dict[str, Any] | None, *, signed: bool = False) -> Cell:
    if row is None or row.get("estimate") is None:
        return cell("—")
    digits, sign = row.get("digits", 3), "+" if signed else ""
    text = f"{row['estimate']:{sign}.{digits}f}"
    if row.get("low") is not None and row.get("high") is not None:
        text += f" [{row['low']:{sign}.{digits}f}, {row['high']:{sign}.{digits}f}]"
    return {"text": text.replace("-", "−"), "value": row["estimate"], "css": ""}


def _plain(block: dict[str, Any]) -> dict[str, Any]:
    rows = [[cell(value) for value in row] for row in block["rows"]]
    return {"title": block.get("title") or "", "columns": [str(c) for c in block["columns"]], "rows": rows}


def cell(value: Any) -> Cell:
    """A cell: its text, and the number by which it sorts where it is one."""
    if value is None:
        return {"text": "—", "value": None, "css": ""}
    if isinstance(value, bool):
        return {"text": "yes" if value else "no", "value": None, "css": ""}
    if isinstance(value, (int, float)):
        return {
            "text": f"{value:.4g}" if isinstance(value, float) else f"{value:,}",
            "value": value,
            "css": "",
        }
    return {"text": str(value), "value": None, "css": "words" if str(value)[:1].isalpha() else ""}
