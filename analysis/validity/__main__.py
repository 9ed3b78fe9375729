"""Every way in which a reading was once fooled, simulated: `python -m analysis.validity ROW|all`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from analysis.validity import beside_curves, false_claims, measures, readings

ROWS: dict[str, Callable[[], Iterator[false_claims.Row]]] = {
    "1": false_claims.chosen_problems,
    "2": false_claims.grouped_problems,
    "3": readings.created,
    "4": readings.coherence,
    "5": readings.multiplier,
    "6": readings.moving,
    "7": false_claims.many_pairs,
    "8": readings.stepping,
    "9": readings.listed,
    "10": readings.short,
    "11": readings.guessed,
    "12": false_claims.unequal,
    "13": false_claims.copied_samples,
    "14": false_claims.looked_at,
    "15": readings.beyond,
    "16": readings.small,
    "17": readings.benchmark,
    "by": readings.groups,
    "beside": beside_curves.rows,
}
# many lines of one simulation
TOGETHER: dict[str, Callable[[int, int], Iterator[tuple[str, str, float]]]] = {
    "tax": measures.tax,
    "policy": measures.policy,
    "tokens": measures.tokens,
    "kept": measures.kept,
}


def _lines(name: str, runs: int, seed: int) -> Iterator[tuple[str, str, str]]:
    """What a row simulates, what is wanted, and what was found, line by line."""
    if name in TOGETHER:
        for what, wanted, share in TOGETHER[name](runs, seed):
            yield what, wanted, f"{share:.3f}"
        return
    for what, wanted, found in ROWS[name]():
        yield what, wanted, found(runs, seed)


def main(argv: Sequence[str] | None = None) -> int:
    """Print one table per row: what was simulated, what is wanted, what was found."""
    import argparse

    parser = argparse.ArgumentParser(prog="python -m analysis.validity", description=__doc__)
    parser.add_argument(
        "row", nargs="+", choices=[*ROWS, *TOGETHER, "all"], help="numbers or names of rows, or all"
    )
    parser.add_argument("--runs", type=int, default=400, help="simulations per line (400)")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(argv)
    print("| row | what | wanted | found |\n|---|---|---|---|")
    for name in (*ROWS, *TOGETHER) if "all" in given.row else given.row:
        for what, wanted, found in _lines(name, given.runs, given.seed):
            print(f"| {name} | {what} | {wanted} | {found} |", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
