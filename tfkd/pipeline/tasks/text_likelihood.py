"""How likely a whole text is to a language model, read in order: what word perplexity is of."""

import numpy as np

from tfkd.data.batches.windows import Windows
from tfkd.data.packed import FlatRows
from tfkd.objectives.prediction import predictor
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.engine.roles import Role
from tfkd.pipeline.inputs.made import newline_piece, part_of, text_tokenizer
from tfkd.pipeline.inputs.measured_batches import BATCH_TOKENS
from tfkd.pipeline.inputs.text_stages import open_text


class TextLikelihood:
    """The negative log-likelihood of a text, in windows of the model's length, or of its training's
    blocks, where these are shorter: it has learnt no later positions.

    Rows are followed by what its training put between documents: a newline where its first corpus
    was packed so, else the end. A published model has read text with line breaks.

    Args:
        node: An evaluation or a noise stage: its corpus, and the tokens of context that each token
            is predicted from at least (`context`; None: half of a window).
        model: The stage's model.
        context: The run's surroundings.
    """

    def __init__(self, node: Node, model: object, context: Context):
        trained = node.inputs[Role.MODEL]
        options = trained.model
        documents, separator = documents_of(node, context)
        length, wanted = options.window(trained.trained.options), node.options["context"]
        self._windows = Windows(
            documents, length, length // 2 if wanted is None else wanted, separator,
            rows=max(1, BATCH_TOKENS // length),
        )  # fmt: skip
        self._documents, self._context = len(documents), context
        self._predict = predictor(model)

    def rows(self) -> np.ndarray:
        """Nats of each row and the separator after it, float64 `[rows]`."""
        nll = np.zeros(self._documents)
        for record, document in self._windows:
            self._context.deadline.check()
            found = self._predict(record)["gold_log_probability"]
            np.add.at(nll, document, -found.astype(np.float64))
        return nll


def documents_of(node: Node, context: Context) -> tuple[FlatRows, int]:
    """The rows of the text in ids, and the id that follows each."""
    trained = node.inputs[Role.MODEL]
    tokenizer = text_tokenizer(trained, context)
    newline = newline_piece(tokenizer) if trained.trained.kind == "load" else None
    documents = part_of(node, Role.DATA, node.options["corpus"], context).find(
        "text", trained.model.tokenizers["text"]
    )
    return documents, tokenizer.end_id if newline is None else newline


def words_of(node: Node, context: Context) -> dict[str, np.ndarray]:
    """The words of each row's tokenized original and the ends of its lines: `words`, `line_ends`,
    int `[rows]`."""
    counted = open_text(node.inputs[Role.TEXT], context).words
    return {"words": counted[:, 0], "line_ends": counted[:, 1]}
