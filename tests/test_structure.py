"""The shape of the packages: no circle of imports between files, no flat package, no long file."""

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("analysis", "evals", "trainer", "probes", "reports")
FILES = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports_of(path: Path, modules: set[str]) -> set[str]:
    """The project's modules that a file imports anywhere, inside functions too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            full = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= (full & modules) or ({node.module} & modules)
    return found - {module_of(path)}


def test_no_circle_of_imports():
    modules = {module_of(path) for path in FILES}
    try:
        order = list(TopologicalSorter({module_of(p): imports_of(p, modules) for p in FILES}).static_order())
    except CycleError as error:
        raise AssertionError(f"a circle of imports: {' -> '.join(error.args[1])}") from None
    assert len(order) == len(modules)


def test_no_package_is_flat():
    entries = {"__init__.py", "__main__.py"}
    folders = {path.parent for path in FILES}
    sizes = {str(f.relative_to(ROOT)): sum(p.name not in entries for p in f.glob("*.py")) for f in folders}
    assert {name: size for name, size in sizes.items() if size > 12} == {}


def test_no_file_is_long():
    lengths = {str(p.relative_to(ROOT)): p.read_text("utf-8").count("\n") for p in FILES}
    assert {name: length for name, length in lengths.items() if length > 300} == {}
