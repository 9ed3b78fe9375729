"""mkdocs hook: pages that stand elsewhere in the repository become pages of the site, with their links.

A page is written once, where tests and readers of the repository find it; a link to a file that is no page
of the site keeps its text alone.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "evals/SAMPLES.md": "reference/samples.md",
    "reports/gallery/micro/README.md": "reference/micro.md",
    "reports/gallery/published/README.md": "reference/published.md",
    "tests/benchmarks/results/table.md": "reference/benchmarks.md",
    "tests/benchmarks/results/gpu/README.md": "reference/gpu.md",
    "trainer/PLAN.md": "reference/plan.md",
}
IMAGES = (".png", ".svg")
LINK = re.compile(  # code comes first: nothing in it is a link, but a link's text may hold code
    r"^```.*?^```|`[^`\n]*`|(!?)\[([^\]]*)\]\(([^)\s#]+)(#[^)\s]*)?\)|(<img src=\")([^\"]+)(\")", re.S | re.M
)


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that stand elsewhere, and the images that they show."""
    own = [f"docs/{file.src_uri}" for file in files.documentation_pages()]
    images = {f"assets/{path}" for source in [*PAGES, *own] for path in _images(source)}
    for source, target in PAGES.items():
        files.append(File.generated(config, target, content=(ROOT / source).read_text("utf-8")))
    for target in sorted(images):
        files.append(File.generated(config, target, abs_src_path=str(ROOT / target.removeprefix("assets/"))))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """The page with links as the site has them."""
    here = page.file.src_uri
    source = next((s for s, target in PAGES.items() if target == here), f"docs/{here}")
    return _rewritten(markdown, source, here)


def _rewritten(text: str, source: str, here: str) -> str:
    def link(match: re.Match[str]) -> str:
        path = match[3] or match[6]
        if path is None or "://" in path or path.startswith("mailto:"):
            return match[0]
        target = _target(posixpath.normpath(posixpath.join(posixpath.dirname(source), path)))
        if target is None:
            return match[2] or ""
        href = posixpath.relpath(target, posixpath.dirname(here) or ".")
        if match[5]:  # HTML is not resolved by mkdocs: pages other than the index have a folder of their own
            return match[5] + ("" if here == "index.md" else "../") + href + match[7]
        return f"{match[1]}[{match[2]}]({href}{match[4] or ''})"

    return LINK.sub(link, text)


def _target(path: str) -> str | None:
    """Where the site has a file of the repository; None where it is no page. mkdocs finds dead links."""
    if path in PAGES:
        return PAGES[path]
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    if path.endswith(IMAGES) and (ROOT / path).is_file():
        return f"assets/{path}"
    return None if (ROOT / path).exists() else f"missing/{path}"


def _images(source: str) -> list[str]:
    found = (m[3] or m[6] or "" for m in LINK.finditer((ROOT / source).read_text("utf-8")))
    folder = posixpath.dirname(source)
    paths = (posixpath.normpath(posixpath.join(folder, p)) for p in found if p.endswith(IMAGES))
    return [p for p in paths if (ROOT / p).is_file()]
