"""A spec in plain values, every default filled, and where each value comes from."""

from collections.abc import Iterable, Mapping
from typing import Any

from tfkd.spec.export_section import DEFAULT
from tfkd.spec.source.tree import Node


def resolved(spec: Any) -> dict[str, Any]:
    """A `Spec` as a plain mapping, which is valid as a spec and gives the same spec again.

    What is null by default ("not given") is left out. Variants stand in it as they were written,
    because references may name them.
    """
    plain: dict[str, Any] = {"tfkd": 1, "name": spec.name}
    if spec.description:
        plain["description"] = spec.description
    if spec.paper is not None:
        plain["paper"] = _dump(spec.paper)
    if spec.card is not None:
        plain["card"] = _dump(spec.card)
    if spec.pages:
        plain["pages"] = dict(spec.pages)
    plain["data"] = {name: _dump(options) for name, options in spec.data.items()}
    plain["tokenizers"] = {name: _dump(options) for name, options in spec.tokenizers.items()}
    for name, options in spec.models.items():
        role, _, part = name.partition(".")
        if part:
            plain.setdefault(role, {})[part] = _dump(options)
        else:
            plain[role] = _dump(options)
    if spec.adapters:
        plain["adapters"] = {side: _dump(options) for side, options in spec.adapters.items()}
    plain["views"] = {name: _dump(options) for name, options in spec.views.items()}
    plain["stages"] = {name: _dump(options) for name, options in spec.stages.items()}
    if spec.changes:
        plain["variants"] = {name: dict(changes) for name, changes in spec.changes.items()}
    plain["evaluate"] = [_dump(options) for options in spec.evaluate]
    plain["export"] = [_export(options) for options in spec.export]
    of_stages = any(getattr(stage, "seeds", None) for stage in spec.stages.values())
    if spec.seeds and spec.seed is None and not of_stages:
        plain["seeds"] = list(spec.seeds)
    plain["runtime"] = _dump(spec.runtime)
    return plain


def _export(options: Any) -> Any:
    """A SavedModel is what the name of a stage alone stands for."""
    found = _dump(options)
    return options.of if found == {"of": options.of, "format": DEFAULT} else found


def _dump(options: Any) -> Any:
    return _without_nothing(options.model_dump(mode="json", by_alias=True))


def _without_nothing(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nothing(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nothing(item) for item in value]
    return value


def provenance(spec: Any, tree: Node, placed: Mapping[str, Iterable[Any]]) -> dict[str, str]:
    """For each value of a resolved spec, by dotted path, its node's origin or `default`.

    A value that may be given in short (`on: valid` for `on: [valid]`, `data: train` for
    `data: [{of: train}]`) comes from where its short form stands. `placed` has the overrides that
    each variant has a place for.
    """
    found: dict[str, str] = {}

    def walk(value: Any, node: Node | None, path: str) -> None:
        if not isinstance(value, dict | list) or not value:
            found[path] = node.origin if node is not None else "default"
            return
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            child = node.child(key) if node is not None else None
            if child is None and node is not None:
                short = isinstance(value, list) or key == "of"
                if short and not isinstance(node.value, list) and _stands_for(node, item):
                    child = node
            walk(item, child, f"{path}.{key}" if path else str(key))

    walk(resolved(spec), tree, "")
    for name, overrides in placed.items():
        for override in overrides:
            path = f"variants.{name}.{override.path}"
            where = override.value.file
            found |= {key: where for key in found if key == path or key.startswith(f"{path}.")}
    return found


def _stands_for(node: Node, value: Any) -> bool:
    """Whether a node is the short form of a value: the value itself, or one of its entries."""
    if isinstance(node.value, dict):
        return isinstance(value, dict)
    return node.value == value or (isinstance(value, dict) and value.get("of") == node.value)
