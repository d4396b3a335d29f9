"""Export of a language model, checked on prompts of the corpus that it was validated on."""

from typing import Any

from tfkd.data.tokenizers.lower_casing import LowerCasing
from tfkd.pipeline.context import Context
from tfkd.pipeline.graph import Node
from tfkd.pipeline.inputs import text_tokenizer
from tfkd.pipeline.models import trained_model
from tfkd.pipeline.prompts import prompts_of
from tfkd.pipeline.stage_folder import StageFolder
from tfkd.pipeline.text_stages import open_text
from tfkd.pipeline.tuned_decode import decode_of
from tfkd.serving import export_language_model

_PROMPTS = 24
# Longer than any prompt that is read, in characters a position of the model.
_LONG = 8


def run_language_export(
    node: Node, folder: StageFolder, context: Context, card: dict[str, Any]
) -> dict[str, Any]:
    """Writes `1/` and says what it is; it is checked on first halves of lines, on no prompt, and on
    one that is longer than the model reads."""
    trained = node.inputs["model"]
    model = trained_model(trained, context)
    prompts = [
        prompt for prompt, _ in prompts_of(open_text(node.inputs["text"], context), _PROMPTS)
    ]
    if prompts:
        long = _LONG * model.max_length // (1 + len(" ".join(prompts))) + 1
        prompts += ["", " ".join(prompts * long)]
    tokenizer = text_tokenizer(trained, context)
    if node.identity.get("lower_case"):
        tokenizer = LowerCasing(tokenizer)
        card = {
            **card,
            "text": {
                "input": "lower-cased first, as the training text was",
                "output": "lower case",
            },
        }
    decode = decode_of(node, context)
    return export_language_model(
        model, tokenizer, decode, folder.path, card, prompts=prompts, more_ops=None
    )
