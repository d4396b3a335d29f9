"""Fingerprints of a small spec's nodes."""

from tfkd.pipeline.engine.graph import in_order
from tfkd.pipeline.engine.wanted import wanted
from tfkd.spec import load_spec


def keys(path, *overrides, variant=None):
    """The key of each node by its label, `KIND LABEL`."""
    plan = wanted(load_spec(path, variant=variant, overrides=overrides), path.parent)
    return {f"{node.kind} {node.label}": node.key for node in in_order(plan.nodes())}


def changed(path, *overrides):
    before, after = keys(path), keys(path, *overrides)
    assert set(before) == set(after)
    return {name for name in before if before[name] != after[name]}
