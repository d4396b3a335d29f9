"""Which tokenizers a model reads and writes by."""

from typing import Any

from tfkd.spec.errors import UserError


def model_tokenizers(model: Any) -> dict[str, str]:
    """The tokenizers of a model's inputs: `{"source": T, "target": T}` or `{"text": T}`."""
    if model.tokenizer is None:
        raise UserError(f"a model of kind {model.kind} is made of models that the spec lacks")
    if isinstance(model.tokenizer, str):
        if model.single_sequence:
            return {"text": model.tokenizer}
        return {"source": model.tokenizer, "target": model.tokenizer}
    return {"source": model.tokenizer.source, "target": model.tokenizer.target}


def head_tokenizer(model: Any) -> str | None:
    """The tokenizer of a head with a vocabulary of its own; None where it is the input's."""
    head = getattr(model, "head", None)
    name = getattr(head, "tokenizer", None)
    return None if name == model.tokenizer else name
