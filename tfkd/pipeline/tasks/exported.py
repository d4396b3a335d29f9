"""What exports of all tasks have in common: the letter case that a model knows."""

from typing import Any

from tfkd.data.tokenizers.lower_casing import LowerCasing
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.inputs.made import side_tokenizers, text_tokenizer


def served_tokenizers(
    node: Node, context: Context, card: dict[str, Any], output: bool = True
) -> dict[str, Any]:
    """The tokenizers of an export's model by side: the one that reads lower-cases first, where the
    model was trained on lower-cased corpora alone, which the card then says.

    Args:
        node: The export stage.
        context: The run's surroundings.
        card: The model card's content.
        output: Whether the model writes text.
    """
    found = side_tokenizers(node, context)
    read = "text" if "text" in found else "source"
    if read == "text":
        found["text"] = text_tokenizer(node, context)
    if node.identity.get("lower_case"):
        found[read] = LowerCasing(found[read])
        card["text"] = {"input": "lower-cased first, as the training text was"}
        if output:
            card["text"]["output"] = "lower case"
    return found
