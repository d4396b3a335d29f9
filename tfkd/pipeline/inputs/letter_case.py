"""Whether what a stage read and wrote is in lower case, as its corpora were."""

from typing import Any

from tfkd.pipeline.engine.graph import Node


def lower_cased(trained: Node) -> bool:
    """Whether a model knows its sources in lower case only: what serves it lower-cases them."""
    trained = trained.trained
    if "tokenizer.text" in trained.inputs:
        return all_lower(trained, "text", "text_b")
    return all_lower(trained, "source", "target")


def all_lower(trained: Node, side: str, swapped: str) -> bool:
    """Whether all corpora of a training stage have a side in lower case; of a checkpoint nobody
    knows, and noise that changes case leaves none."""
    return hasattr(trained.options, "data") and all(
        corpus.stage.lower_cased(corpus, swapped if part.swap else side)
        and not _changes_case(trained, part)
        for corpus, part in zip(trained.corpora, trained.options.data, strict=True)
    )


def _changes_case(trained: Node, part: Any) -> bool:
    view = getattr(part, "view", None)
    return view is not None and trained.spec.views[view].changes_case
