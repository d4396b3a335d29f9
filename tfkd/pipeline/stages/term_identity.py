"""What a training's fingerprint says of a term, and of the student's own outputs."""

from typing import Any

from tfkd.pipeline.engine.identity import plain, raised
from tfkd.spec import Spec, registry
from tfkd.spec.options.on_policy import OnPolicyOptions
from tfkd.spec.options.training import SampleOptions


def term_identity(spec: Spec, options: Any) -> dict[str, Any]:
    """What a term computes, on which view, by which revisions."""
    several = {"beside", "weights"} if hasattr(options, "beside") else set()
    entry = plain(options, without={"view", "teacher", "alignments", *several})
    if several and options.beside and options.shares is not None:
        entry["weights"] = options.shares
    entry["revision"] = registry.lookup("objective", options.kind).revision
    if options.view is not None:
        view = spec.views[options.view]
        entry["view"] = plain(view)
        entry["view_revision"] = registry.lookup("view", view.kind).revision
        for side in ("source", "target"):
            inner = getattr(view, side, None)
            revision = raised("view", inner and inner.kind)
            entry |= {f"{side}_{key}": number for key, number in revision.items()}
    return entry


def on_policy_identity(options: OnPolicyOptions) -> dict[str, Any]:
    """Which batches the student writes, and how: the default decoding is the same by name."""
    decode = None if options.decode == SampleOptions() else options.decode
    found = plain(options.model_copy(update={"decode": decode}))
    return found | raised("decode", decode and decode.kind)
