"""Models of stages: built from their options, with weights from other stages."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from tfkd.models import build_model, load_weights
from tfkd.models.builder import start_head
from tfkd.pipeline.builder import head_tokenizer
from tfkd.pipeline.context import Context
from tfkd.pipeline.graph import Node
from tfkd.pipeline.inputs import model_options, named_tokenizers
from tfkd.pipeline.text_stages import place
from tfkd.spec import Spec
from tfkd.spec.errors import UserError

WEIGHTS = "weights.safetensors"
POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16"}


def heads_of(spec: Spec, stage: Any) -> tuple[str, ...]:
    """The kinds of heads that a training stage's terms need."""
    return ("masked_lm",) if spec.models[stage.train].kind == "bert" else ()


def fresh_model(node: Node, context: Context, *, precision: str | None = None) -> keras.Model:
    """The model of a training stage as it starts: its seed's weights, then those of `from:`."""
    options = node.options
    model = build_model(
        model_options(node),
        named_tokenizers(node, context),
        policy=POLICIES[precision or options.precision],
        seed=options.seed,
        heads_needed=heads_of(node.spec, options),
    )
    for role, origin in node.inputs.items():
        if not role.startswith("from."):
            continue
        part = role.partition(".")[2]
        path = place(origin, context).path / WEIGHTS
        try:
            _start_from(model, path, None if part == "all" else [part], node, context)
        except ValueError as error:
            raise UserError(f"stages.{node.label}.from: {error}") from error
    return model


def _start_from(
    model: keras.Model, path: Path, parts: list[str] | None, node: Node, context: Context
) -> None:
    """Loads weights; a head with a vocabulary of its own starts from the loaded embeddings, unless
    the file has that very head."""
    if head_tokenizer(model_options(node)) is None:
        load_weights(model, path, parts=parts)
        return
    report = load_weights(model, path, parts=parts, strict=False)
    head = model.head.name
    wrong = [name for name in (*report.missing, *report.misshapen) if not name.startswith(head)]
    if wrong:
        raise UserError(f"{path} does not fit: {', '.join(wrong[:6])}")
    if report.missing or report.misshapen:
        start_head(model, model_options(node), named_tokenizers(node, context))


def trained_model(node: Node, context: Context, *, precision: str = "float32") -> keras.Model:
    """The model that a finished training stage left."""
    model = build_model(
        model_options(node),
        named_tokenizers(node, context),
        policy=POLICIES[precision],
        seed=1,  # every weight is loaded
        heads_needed=heads_of(node.spec, node.options),
    )
    load_weights(model, place(node, context).path / WEIGHTS)
    return model


@dataclass(frozen=True)
class Pieces:
    """What a model's builder needs of a tokenizer that has not been learnt yet: its size."""

    size: int


def build_models(spec: Spec, sizes: Mapping[str, int] | None = None) -> dict[str, keras.Model]:
    """The models of a spec by name, freshly initialised; see `tfkd.build`."""
    sizes = dict(sizes or {})
    pieces = {
        name: Pieces(sizes.get(name, options.size)) for name, options in spec.tokenizers.items()
    }
    return {
        name: build_model(options, pieces, heads_needed=("masked_lm",))
        for name, options in spec.models.items()
    }
