"""How a node decodes: as its options say, or as was chosen on validation before it was made."""

from typing import Any

from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.engine.identity import plain
from tfkd.pipeline.engine.roles import Role
from tfkd.spec.checks.choosing import with_setting


def decode_of(node: Node, context: Context) -> Any:
    """The options by which an evaluation, a noise stage or an export decodes."""
    found = _chosen(node, context)
    return node.options["decode"] if found is None else found[1]


def shown_decode(node: Node, context: Context) -> dict[str, Any] | None:
    """The same in plain values, as results.json has it: what was chosen stands there even where it
    is the default; None of what is not decoded."""
    found = _chosen(node, context)
    if found is None:
        return node.identity.get("decode")
    setting, options = found
    return _in_order(with_setting({"decode": plain(options)}, setting)["decode"], options)


def _in_order(decode: dict[str, Any], options: Any) -> dict[str, Any]:
    """The same in the order of the options, whatever was chosen."""
    found = {}
    for name in filter(decode.__contains__, type(options).model_fields):
        value, own = decode[name], getattr(options, name)
        inner = isinstance(value, dict) and hasattr(type(own), "model_fields")
        found[name] = _in_order(value, own) if inner else value
    return found


def _chosen(node: Node, context: Context) -> tuple[dict[str, Any], Any] | None:
    """The chosen setting by path, and the decoding's options with it."""
    tune = node.inputs.get(Role.TUNED)
    if tune is None:
        return None
    summary = context.folder(tune).manifest()["summary"]
    return tune.options.choose.trials[summary["choose"]["chosen"]]
