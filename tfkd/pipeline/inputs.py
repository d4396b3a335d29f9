"""From finished stages to what models read: tokenizers, example sets, stores, weights."""

from typing import Any

import numpy as np

from tfkd.data.encoded import EncodedField
from tfkd.data.examples import ExampleSet, Part
from tfkd.data.tokenizers import WordPiece
from tfkd.pipeline.builder import model_tokenizers
from tfkd.pipeline.context import Context
from tfkd.pipeline.graph import Node
from tfkd.pipeline.text_stages import open_text, open_tokenizer, place
from tfkd.spec import Spec


def model_options(node: Node) -> Any:
    """The options of the model that a training stage trains."""
    return node.spec.models[node.options.train]


def tokenizers_of(node: Node, context: Context) -> dict[str, WordPiece]:
    """A training stage's tokenizers by side (`source` and `target`, or `text`)."""
    return {
        role.partition(".")[2]: open_tokenizer(child, context)
        for role, child in node.inputs.items()
        if role.startswith("tokenizer.")
    }


def named_tokenizers(node: Node, context: Context) -> dict[str, WordPiece]:
    """A training stage's tokenizers by the names they have in the spec."""
    by_side = tokenizers_of(node, context)
    return {
        name: by_side[side] for side, name in model_tokenizers(model_options(node)).items()
    }


def example_set(
    node: Node, role: str, parts: list[tuple[str, float, bool]], context: Context
) -> ExampleSet:
    """The rows of a stage's corpora in ids.

    Args:
        node: The stage.
        role: The prefix of its inputs' roles: `data.I` for part I, or the role itself.
        parts: Name, weight and swap of each corpus.
        context: The run's surroundings.
    """
    made = []
    for i, (name, weight, swap) in enumerate(parts):
        prefix = f"{role}.{i}.ids." if role == "data" else f"{role}.ids."
        fields = {}
        for key, child in node.inputs.items():
            if key.startswith(prefix):
                _, field, tokenizer = child.label.rsplit(".", 2)
                fields[field, tokenizer] = EncodedField.open(place(child, context).path)
        rows = len(next(iter(fields.values())))
        made.append(Part(name, fields, rows, weight=weight, swap=swap))
    return ExampleSet(made)


def texts(spec: Spec, node: Node, role: str, context: Context, field: str) -> list[str]:
    """All lines of one field of the corpus in a role."""
    return list(open_text(node.inputs[role], context).lines(field))


class StoredTargets:
    """Rows of a scoring stage's stores for the batches of a training stage.

    Args:
        stores: A store for each of the scoring stage's corpora, by the corpus stage's key.
        parts: The corpus stage's key of each part of the training stage's example set.
    """

    def __init__(self, stores: dict[str, Any], parts: list[str]):
        self._stores = stores
        self._parts = parts

    def __call__(
        self, examples_of: ExampleSet, examples: np.ndarray, width: int
    ) -> dict[str, np.ndarray]:
        """int32 and float16 `[B, width, K]`; zeros where a row has no targets."""
        part, row = examples_of.locate(examples)
        out: dict[str, np.ndarray] = {}
        for index, key in enumerate(self._parts):
            chosen = np.flatnonzero((part == index) & (examples >= 0))
            if key not in self._stores or not len(chosen):
                continue
            found = self._stores[key].take(row[chosen], width)
            for name, values in found.items():
                if name not in out:
                    out[name] = np.zeros((len(examples), *values.shape[1:]), values.dtype)
                out[name][chosen] = values
        return out
