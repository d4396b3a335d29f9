"""Whether what a stage read and wrote is in lower case, as its corpora were."""

from tfkd.pipeline.graph import Node


def lower_cased(trained: Node) -> bool:
    """Whether a model knows its sources in lower case only: what serves it lower-cases them."""
    trained = trained.trained
    if {"classes", "tokenizer.text"} & set(trained.inputs):
        return _all_lower(trained, "text", "text_b")
    return _all_lower(trained, "source", "target")


def _all_lower(trained: Node, side: str, swapped: str) -> bool:
    """Whether all corpora of a training stage have a side in lower case."""
    return all(
        _lower(corpus, swapped if part.swap else side)
        for corpus, part in zip(trained.corpora, trained.options.data, strict=True)
    )


def _lower(corpus: Node, field: str) -> bool:
    """Whether a field of a corpus is in lower case.

    What a translate stage read is as it was; its outputs are in the case of the targets that its
    model has learnt from.
    """
    if corpus.kind == "corpus":
        return corpus.options.lower_case
    if corpus.kind != "translate":
        return False  # a plugin's: nobody knows
    if field == "source":
        return all(
            _lower(of, read)
            for of, read in zip(corpus.corpora, corpus.identity["fields"], strict=True)
        )
    trained = corpus.inputs["model"].trained
    if getattr(trained.inputs["tokenizer.target"].options, "lower_case", False):
        return True
    return _all_lower(trained, "target", "source")
