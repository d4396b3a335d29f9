"""Which weights have a row for each piece of a vocabulary, and of whose."""

import keras

from tfkd.models.weights import variables_by_path

HEAD_MATRIX = "head/matrix"
HEAD_ROWS = (HEAD_MATRIX, "head/bias")
_SIDES = {
    "embedding/tokens/table": ("text",),
    "embedding/table": ("source", "target"),
    "source_embedding/table": ("source",),
    "target_embedding/table": ("target",),
    **dict.fromkeys(HEAD_ROWS, ("head",)),
    # Of models that are made of others.
    "encoder/embedding/tokens/table": ("source",),
    "decoder/embedding/tokens/table": ("target",),
    "decoder/embedding/table": ("target",),
    "decoder/head/bias": ("target",),
    "bert/embedding/tokens/table": ("source",),
    "transformer/embedding/table": ("source", "target"),
    "transformer/source_embedding/table": ("source",),
    "transformer/target_embedding/table": ("target",),
    "transformer/head/matrix": ("target",),
    "transformer/head/bias": ("target",),
}


def rows_of_pieces(model: keras.Model) -> dict[str, tuple[str, ...]]:
    """The weights of a model whose rows stand for pieces, by path, with whose pieces they are.

    Sides are `text` (a sequence's), `source` and `target`, and `head`: what the model predicts, be
    it one of the others. A plugin's model may have such a mapping of its own, `rows_of_pieces`,
    beside the paths that the package's models have.
    """
    known = {**_SIDES, **getattr(model, "rows_of_pieces", {})}
    return {path: known[path] for path in variables_by_path(model) if path in known}
