"""The one style of all figures: sizes, type, and the colour, marker and line of each recipe.

Colours are chosen for colour-blind readers (Okabe and Ito, "Color Universal Design", 2008, darkened or
lightened where two of them would print as the same grey); marker and line differ as well, so that a figure
survives a greyscale copy. Text stays text in SVG, names are never read as formulas, and the same numbers
give the same bytes.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any

COLUMN = 3.4  # inches: one column of a two-column paper
PAGE = 7.0  # inches: the whole width

RC: dict[str, Any] = {
    "figure.dpi": 100,
    "savefig.dpi": 200,
    "figure.constrained_layout.use": True,
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same metrics on every machine
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "axes.edgecolor": "#444444",
    "axes.linewidth": 0.7,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "lines.linewidth": 1.4,
    "lines.markersize": 4.5,
    "axes.formatter.use_mathtext": False,
    "text.parse_math": False,
    "text.usetex": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "excursions",
    "pdf.fonttype": 42,
}


@dataclass(frozen=True, slots=True)
class Look:
    """How one series is drawn: label, colour, marker, line, and hatch for bars."""

    label: str
    colour: str
    marker: str
    line: Any
    hatch: str = ""


RECIPES: dict[str, Look] = {
    "base": Look("base", "#3a3a3a", "o", (0, (4, 2))),
    "sft": Look("SFT", "#0062a8", "s", "-", "//"),
    "sft-gold": Look("SFT-Gold", "#c98a00", "P", "-", "xx"),
    "rl": Look("RL", "#d1480f", "^", "-", ".."),
    "sft-rl": Look("SFT→RL", "#5fb4ea", "D", (0, (5, 1, 1, 1)), "\\\\"),
    "sft-gold-rl": Look("SFT-Gold→RL", "#b3659a", "X", (0, (5, 1, 1, 1)), "++"),
    "parallel": Look("Parallel", "#15a57c", "v", (0, (6, 1.5)), "oo"),
}

# Series that are no recipe (shots, model sizes, checkpoints of unknown recipe): neither colours nor
# markers of a recipe, so that nobody takes them for one.
OTHERS: tuple[Look, ...] = (
    Look("", "#4b3f8f", "<", "-"),
    Look("", "#8c9a1f", ">", (0, (6, 1.5))),
    Look("", "#7a4a2b", "p", (0, (4, 2))),
    Look("", "#2f8f9d", "h", (0, (5, 1, 1, 1))),
    Look("", "#a33d6b", "*", "-"),
    Look("", "#9a9a9a", "d", (0, (1, 1))),
)


def look(name: str, position: int = 0) -> Look:
    """The look of a recipe; of any other series, the look at its position among the others."""
    if name in RECIPES:
        return RECIPES[name]
    other = OTHERS[position % len(OTHERS)]
    return Look(plain(name), other.colour, other.marker, other.line, other.hatch)


def looks(names: list[str]) -> dict[str, Look]:
    """The looks of series drawn together, in their order."""
    others = [n for n in dict.fromkeys(names) if n not in RECIPES]
    return {n: look(n, others.index(n) if n in others else 0) for n in dict.fromkeys(names)}


def checkpoint_looks(frame: Any) -> dict[str, Look]:
    """One look per checkpoint: that of its recipe, where it is the only one of that recipe.

    frame: checkpoint, recipe (None where it is not known). The label is the name, with the recipe behind it.
    """
    recipes = frame.drop_duplicates("checkpoint").set_index("checkpoint")["recipe"]
    counts = recipes.value_counts()
    keys = {str(n): r if isinstance(r, str) and counts[r] == 1 else f"{n}\0" for n, r in recipes.items()}
    drawn = looks(list(keys.values()))
    known = {str(n): f" ({look(r).label})" if isinstance(r, str) else "" for n, r in recipes.items()}
    return {n: replace(drawn[key], label=plain(n, 30) + known[n]) for n, key in keys.items()}


def plain(text: str, longest: int = 40) -> str:
    """A name fit for a label: one line, no control or direction marks, at most `longest` characters."""
    kept = "".join(c if unicodedata.category(c)[0] != "C" else "·" for c in str(text))
    return (
        kept if len(kept) <= longest else kept[: longest // 2] + "…" + kept[-(longest - longest // 2 - 1) :]
    )


@contextmanager
def style() -> Iterator[None]:
    """matplotlib with this style, and as it was before afterwards."""
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(RC)
        yield


def styled(draw: Callable[..., Any]) -> Callable[..., Any]:
    """Draw under `style`, whatever the caller's matplotlib settings are."""

    @wraps(draw)
    def inner(*args: Any, **options: Any) -> Any:
        with style():
            return draw(*args, **options)

    return inner


def figure(width: float, height: float) -> Any:
    """A figure of `width` × `height` inches that belongs to no window and no global list."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    made = Figure(figsize=(width, height))
    FigureCanvasAgg(made)
    return made
