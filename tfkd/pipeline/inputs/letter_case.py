"""Whether what a stage read and wrote is in lower case, as its corpora were."""

from tfkd.pipeline.engine.graph import Node


def lower_cased(trained: Node) -> bool:
    """Whether a model knows its sources in lower case only: what serves it lower-cases them."""
    trained = trained.trained
    if "tokenizer.text" in trained.inputs:
        return all_lower(trained, "text", "text_b")
    return all_lower(trained, "source", "target")


def all_lower(trained: Node, side: str, swapped: str) -> bool:
    """Whether all corpora of a training stage have a side in lower case; of a checkpoint nobody
    knows."""
    return hasattr(trained.options, "data") and all(
        corpus.stage.lower_cased(corpus, swapped if part.swap else side)
        for corpus, part in zip(trained.corpora, trained.options.data, strict=True)
    )
