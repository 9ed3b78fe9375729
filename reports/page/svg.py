"""SVG figures made fit to stand many in one HTML page."""

from __future__ import annotations

import re

_ID = re.compile(r'(\bid="|xlink:href="#|\bhref="#|url\(#)')


def inline(svg: str, prefix: str, title: str) -> str:
    """The SVG element alone, its ids made unique by `prefix`, scaled by the page, with a name for readers."""
    start = svg.index("<svg")
    body = re.sub(r"<metadata>.*?</metadata>\s*", "", svg[start:], flags=re.DOTALL)
    body = _ID.sub(lambda m: f"{m[1]}{prefix}-", body)
    head, rest = body.split(">", 1)
    width, height = re.search(r'width="([\d.]+)pt"', head), re.search(r'height="([\d.]+)pt"', head)
    for found in (width, height):
        head = head.replace(f" {found[0]}", "") if found else head
    return f'{head} role="img" aria-label="{_attribute(title)}">{rest}'


def _attribute(text: str) -> str:
    for character, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;")):
        text = text.replace(character, entity)
    return text
