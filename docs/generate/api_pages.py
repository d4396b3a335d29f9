"""The API reference: a page a package, its public names where they are defined.

Packages import a name when it is first asked for, so that whoever reads the source alone does not
find it: each name's module is looked up here, and nothing is imported.
"""

import ast
from pathlib import Path

# Package, and what stands first on its page.
PACKAGES = (
    "tfkd", "tfkd.spec", "tfkd.reference", "tfkd.data", "tfkd.layers", "tfkd.models",
    "tfkd.objectives", "tfkd.targets", "tfkd.training", "tfkd.decoding", "tfkd.evaluation",
    "tfkd.serving",
)  # fmt: skip


def api_pages(root: Path) -> dict[str, tuple[str, str]]:
    """Title and text of each page by its path under the site's root."""
    pages = {}
    for package in PACKAGES:
        about, names = _public(root, package)
        parts = [f"# {package}", about]
        parts += [f"::: {where}.{name}" for name, where in sorted(names.items(), key=_by_kind)]
        pages[f"api/{package}.md"] = (package, "\n\n".join(parts) + "\n")
    return pages


def _by_kind(item: tuple[str, str]) -> tuple[bool, str]:
    """Classes before functions."""
    return (not item[0][0].isupper(), item[0].lower())


def _public(root: Path, package: str) -> tuple[str, dict[str, str]]:
    """A package's docstring, and its public names with the modules that define them."""
    tree = _parsed(root, package)
    names = {}
    for name, place in _places(tree, package).items():
        where = _defining(root, place, name)
        if where:
            names[name] = where
    return ast.get_docstring(tree) or "", names


def _defining(root: Path, module: str, name: str) -> str | None:
    """The module whose source defines a class or function; None of constants."""
    tree = _parsed(root, module)
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name:
            return module if ast.get_docstring(node) else None
    place = _places(tree, module).get(name)
    return _defining(root, place, name) if place and place != module else None


def _places(tree: ast.Module, module: str) -> dict[str, str]:
    """Names that a module has from others: by its table of places, or by imports."""
    found = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "_PLACES":
            for name, place in ast.literal_eval(node.value).items():
                found[name] = place if place.startswith("tfkd") else f"{module}.{place}"
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tfkd"):
            found |= {alias.asname or alias.name: node.module or "" for alias in node.names}
    return {name: place for name, place in found.items() if place != "tfkd.lazy"}


def _parsed(root: Path, module: str) -> ast.Module:
    path = root.joinpath(*module.split("."))
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return ast.parse(path.read_text("utf-8"))
