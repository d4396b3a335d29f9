"""Which modules a file of tests imports when it is loaded, whatever way leads there."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

TESTS = Path(__file__).resolve().parent
ROOT = TESTS.parent
# Each imports TensorFlow as it is loaded.
HEAVY = frozenset({"tensorflow", "tensorflow_text", "keras", "keras_hub"})


def imports_tensorflow(path: Path) -> bool:
    """Whether loading a file of tests, with the conftest.py files above it, loads TensorFlow.

    By the statements that run when a module is loaded; what a function imports when it is called
    shows when it is called.
    """
    conftests = [folder / "conftest.py" for folder in path.parents if folder.is_relative_to(TESTS)]
    return any(_leads_there(one) for one in [path, *conftests] if one.exists())


_WITHOUT: set[Path] = set()  # what is known to lead nowhere near


@cache
def _leads_there(path: Path) -> bool:
    seen: set[Path] = set()
    found = _reaches(path, seen)
    if not found:
        _WITHOUT.update(seen)
    return found


def _reaches(path: Path, seen: set[Path]) -> bool:
    if path in seen or path in _WITHOUT:
        return False
    seen.add(path)
    names = imported_names(path)
    if not HEAVY.isdisjoint(names):
        return True
    found = (source_of(name, path.parent) for name in names)
    return any(_reaches(one, seen) for one in found if one)


@cache
def imported_names(path: Path) -> frozenset[str]:
    """The dotted names of all modules that a file may import as it is loaded, with the packages
    that they lie in. (`from a import b` may mean the module a.b.)"""
    found: set[str] = set()
    for node in _on_load(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            parts = name.split(".")
            found.update(".".join(parts[:end]) for end in range(1, len(parts) + 1))
    return frozenset(found)


@cache
def source_of(name: str, beside: Path) -> Path | None:
    """The file of a module of this package or of its tests; None for others."""
    for folder in (ROOT,) if name.partition(".")[0] == "tfkd" else (beside, TESTS):
        place = folder.joinpath(*name.split("."))
        for path in (place / "__init__.py", place.with_suffix(".py")):
            if path.is_file():
                return path
    package, _, name = name.rpartition(".")
    place = _places(ROOT.joinpath(*package.split("."), "__init__.py")).get(name)
    if place is None:
        return None
    return source_of(place, ROOT) or source_of(f"{package}.{place}", ROOT)


@cache
def _places(package: Path) -> dict[str, str]:
    """The modules that a package's names come from, where it imports them when they are asked
    for: its table `_PLACES`."""
    if not package.is_file():
        return {}
    for node in ast.parse(package.read_text("utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "_PLACES":
            return ast.literal_eval(node.value)
    return {}


def _on_load(tree: ast.Module) -> Iterator[ast.Import | ast.ImportFrom]:
    """The imports that run as a module is loaded: outside of functions and type checking."""
    left: list[ast.AST] = [tree]
    while left:
        node = left.pop()
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            left += node.orelse
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            left += ast.iter_child_nodes(node)
