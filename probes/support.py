"""The support finding: which problems were gained and lost, beside what one model drawn twice gives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from analysis import Options, PairedCounts, compare
from analysis.difficulty.flow import flow
from analysis.problems.origin import samples_to_certify
from evals.core.errors import UserError
from probes.comparison.gained_lost import changed
from probes.findings.checks import check, over_pairs
from probes.findings.types import Finding
from probes.inputs.contract import Asked
from probes.inputs.sources import Source, pairs_of
from probes.measures.policy import policy, policy_differences, policy_tables

CLASSES = {"P": "solved by both", "E": "gained (only B)", "S": "lost (only A)", "O": "solved by neither"}
SHOWN = 3  # problems gained, and lost, in the table
QUESTION = 48  # characters of a question in the table
RATES = {"SRR": "retained, P/(P+S)", "NDR": "new among B's, E/(P+E)", "SDS": "harmonic mean of both",
         "NSCR": "net change, (E-S)/(P+E+S)", "jaccard": "Jaccard"}  # fmt: skip


def support(
    source: Source, options: Options | None = None, *, against: str = "first", command: Sequence[str] = ()
) -> Finding:
    """The support finding (2507.14843): P, E, S, O and their rates, each beside the same-model expectation.

    Per pair: observed numbers of problems, what two draws of A give (mean and interval, from the deconvolved
    distribution, and from split halves of A's own samples), McNemar's exact p, the detection limit, where
    B's solved problems come from at budget K (created, elicited, undetermined), the flow between difficulty
    bins, and the problems gained and lost with samples; where there are samples, what became of the answers
    (`probes.measures.policy`). UserError for one sample per problem.
    """
    options = options or Options()
    if int(source.counts["n"].min()) < 2:
        raise UserError("support needs at least two samples per problem, better 32 or more; draw more")
    pairs = pairs_of(source.checkpoints, against)
    blocks = [_pair(source, a, b, options) for a, b in pairs]
    named = [(a["name"], b["name"]) for a, b in pairs]
    policies = policy(source, named, options.level, options.seed) if source.store is not None else []
    checks = over_pairs(pairs)
    return source.finding(
        "support",
        command=command,
        checks=[*checks, *(c for block in blocks for c in block.pop("checks"))],
        options={"level": options.level, "seed": options.seed, "K": blocks[0]["K"], "against": against},
        pairs=blocks,
        differences=policy_differences(policies),
        policy=policies,
        tables=[*(t for block in blocks for t in _tables(block)), *policy_tables(policies)],
        changed=blocks[0]["changed"],
    )


def _pair(source: Source, a: dict[str, Any], b: dict[str, Any], options: Options) -> dict[str, Any]:
    pair = PairedCounts.from_frame(source.counts, a["name"], b["name"])
    result = compare(pair, options).to_dict()
    K = result["options"]["K"]
    came = {name: int(many) for name, many in result["origin"]["observed"].items()}
    moved = flow(pair)
    needed = samples_to_certify(K, options.level, int((pair.c_b > 0).sum()))
    text = f"'created' at K = {K} needs about {needed:,} samples of A without success; there are {pair.n}"
    return {
        "a": a["name"],
        "b": b["name"],
        "K": K,
        "problems": result["problems"],
        "support": result["support"],
        "slope": result["slope"],
        "origin": {name: came[name] for name in ("created", "elicited", "undetermined", "unsolved")},
        "origin_expected": result["origin"]["expected"],
        "flow": {
            "edges": moved.edges.tolist(),
            "deconvolved": moved.deconvolved.tolist(),
            "raw": moved.raw.tolist(),
            "same_model": moved.same_model.tolist(),
        },
        "changed": changed(source, a["name"], b["name"]),
        "checks": [*result["checks"], check("certification", pair.n >= needed or None, needed, text)],
    }


def _tables(block: dict[str, Any]) -> list[dict[str, Any]]:
    table, expected = block["support"], block["support"]["expected"]
    half = table["split_a"]
    rows = []
    for key, text in CLASSES.items():
        e = expected[key]
        interval = f"{e['mean']:.1f} ({e['low']}-{e['high']})"
        rows.append([text, table[key], interval, None if half is None else round(half[key], 1)])
    for key, text in RATES.items():
        rows.append([text, table["rates"][key], expected["rates"][key], None])
    first = {
        "title": f"{block['a']} -> {block['b']}, within {table['n']} samples",
        "columns": ["problems", "observed", "A drawn twice", f"halves of A ({table['n'] // 2})"],
        "rows": [[r[0], r[1], r[2] if isinstance(r[2], str) else _rate(r[2]), r[3]] for r in rows],
    }
    facts = [
        ["McNemar exact p", table["mcnemar_p"]],
        ["detection limit: largest p of A that no success excludes", table["detection_limit"]],
        *([f"B's solved problems {name} at K = {block['K']} (one model twice: "
           f"{block['origin_expected'][name]:.1f})", number]
          for name, number in block["origin"].items() if name != "unsolved"),
    ]  # fmt: skip
    return [first, {"title": None, "columns": ["", "value"], "rows": facts}, *_listed(block)]


def _listed(block: dict[str, Any]) -> list[dict[str, Any]]:
    """The problems gained and lost with the largest change, as far as a screen goes; the finding has more."""
    out = []
    for kind in ("gained", "lost"):
        shown, total = block["changed"][kind][:SHOWN], block["changed"][f"{kind}_total"]
        rows = [
            [
                r["problem"],
                _start(r["question"]),
                f"{r['a']['c']}/{r['a']['n']}",
                f"{r['b']['c']}/{r['b']['n']}",
            ]
            for r in shown
        ]
        if rows:
            title = f"{kind.capitalize()}: {len(rows)} of {total} (samples in findings.json)"
            if any(r["a"]["n"] != r["b"]["n"] for r in shown):
                title += "; by all samples, of which one side has more"
            out.append({"title": title, "columns": ["problem", "question", "A", "B"], "rows": rows})
    return out


def _start(question: str | None) -> str:
    text = " ".join((question or "-").split())
    return text if len(text) <= QUESTION else text[: QUESTION - 1] + "…"


def _rate(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def run(asked: Asked) -> Finding:
    """The probe as the contract runs it."""
    return support(asked.source, asked.options, against=asked.against, command=asked.command)
