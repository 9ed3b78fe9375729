"""The style: a recipe keeps its look, and looks stay apart for colour-blind readers and in grey."""

import itertools

import numpy as np
import pytest

from reports.figures.style import OTHERS, RECIPES, Look, look, looks, plain, style

TOGETHER = (  # series that stand in one figure of the paper
    ("base", "sft", "sft-rl", "rl"),
    ("base", "sft-gold", "sft-gold-rl", "rl"),
    ("base", "sft", "sft-rl", "rl", "parallel"),
    ("sft", "sft-rl", "rl", "sft-gold", "sft-gold-rl", "parallel"),
    ("base", "sft", "sft-gold", "rl"),
)

# Simulation of complete colour blindness in linear RGB (Machado, Oliveira, Fernandes 2009, severity 1).
BLINDNESS = {
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
    "none": np.eye(3),
}


def lab(colour: str, matrix: object) -> np.ndarray:
    """CIE L*a*b* (D65) of a colour as seen through `matrix`."""
    from matplotlib.colors import to_rgb

    rgb = np.array(to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    linear = np.clip(np.asarray(matrix) @ linear, 0, 1)
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ linear
    f = np.cbrt(xyz / [0.9505, 1.0, 1.089])
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("kind", BLINDNESS)
@pytest.mark.parametrize("group", TOGETHER, ids="+".join)
def test_recipes_in_one_figure_differ_for_every_kind_of_colour_vision(group: tuple, kind: str) -> None:
    for a, b in itertools.combinations(group, 2):
        distance = np.linalg.norm(
            lab(RECIPES[a].colour, BLINDNESS[kind]) - lab(RECIPES[b].colour, BLINDNESS[kind])
        )
        assert distance > 12, (a, b, distance)  # about 2.3 is a just noticeable difference


@pytest.mark.parametrize("group", TOGETHER, ids="+".join)
def test_in_grey_marker_and_line_tell_recipes_apart(group: tuple) -> None:
    markers = [RECIPES[r].marker for r in group]
    assert len(set(markers)) == len(markers)
    for a, b in itertools.combinations(group, 2):
        lightness = abs(lab(RECIPES[a].colour, np.eye(3))[0] - lab(RECIPES[b].colour, np.eye(3))[0])
        assert lightness > 12 or RECIPES[a].line != RECIPES[b].line or lightness > 4, (a, b)


def test_colours_are_legible_on_white() -> None:
    for one in (*RECIPES.values(), *OTHERS):
        assert lab(one.colour, np.eye(3))[0] < 72, one


def test_a_recipe_looks_the_same_whatever_stands_beside_it() -> None:
    for group in itertools.permutations(["x", "rl", "y", "sft"], 4):
        found = looks(list(group))
        assert found["rl"] == RECIPES["rl"]
        assert found["sft"] == RECIPES["sft"]


def test_an_unknown_series_takes_no_recipes_colour_or_marker() -> None:
    used = {(r.colour, r.marker) for r in RECIPES.values()}
    for position in range(12):
        one = look("my own recipe", position)
        assert isinstance(one, Look)
        assert one.label == "my own recipe"
        assert one.colour not in {c for c, _ in used}
        assert one.marker not in {m for _, m in used}


def test_plain_names_have_no_control_or_direction_marks_and_keep_both_ends() -> None:
    assert plain("a\x00b\u202ec\n") == "a·b·c·"
    long = plain("start" + "x" * 500 + "end")
    assert len(long) == 40
    assert long.startswith("start")
    assert long.endswith("end")


def test_style_leaves_the_callers_settings_alone() -> None:
    import matplotlib

    matplotlib.rcParams["font.size"] = 17
    try:
        with style():
            assert matplotlib.rcParams["font.size"] == 8
        assert matplotlib.rcParams["font.size"] == 17
    finally:
        matplotlib.rcdefaults()
