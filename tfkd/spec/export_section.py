"""`export:`: stages, each in a format."""

from typing import Any

from tfkd.spec import registry
from tfkd.spec.faults import Faults
from tfkd.spec.source.tree import Node
from tfkd.spec.wording import shown as in_short

# What a stage that is named alone is exported as.
DEFAULT = "saved_model"


def exports(faults: Faults, tree: Node) -> list[Any]:
    """A stage, or a list of stages and of mappings with `of` and `format`; None for an entry that
    cannot be read."""
    node = tree.value.get("export")
    if node is None or node.value is None:
        return []
    plain = node.plain()
    plain = [plain] if isinstance(plain, str) else plain
    if not isinstance(plain, list):
        faults.add(("export",), f"found {in_short(plain)}", "a list of stages")
        return []
    return [_export(faults, ("export", index), value) for index, value in enumerate(plain)]


def _export(faults: Faults, path: tuple[Any, ...], value: Any) -> Any:
    if isinstance(value, str):
        value = {"of": value}
    if not isinstance(value, dict):
        faults.add(path, f"found {in_short(value)}", "the name of a stage, or {of: STAGE, ...}")
        return None
    known = registry.names("format")
    name = DEFAULT if value.get("format") is None else value["format"]
    if name not in known:
        place = (*path, "format")
        faults.unknown(place, f"{in_short(name)} is no format", known, str(name))
        return None
    options = registry.lookup("format", name).options
    return faults.options(path, options, {**value, "format": name})
