"""Load stages: a published checkpoint's weights, in the form that other stages start from."""

from typing import Any

import keras

from tfkd.models import build_model, load_published, load_weights, save_weights
from tfkd.pipeline.context import Context
from tfkd.pipeline.graph import Node
from tfkd.pipeline.inputs import model_options, named_tokenizers
from tfkd.pipeline.published import checkpoint_folder
from tfkd.pipeline.stage_folder import StageFolder
from tfkd.spec.errors import UserError

WEIGHTS = "weights.safetensors"


def run_load(node: Node, folder: StageFolder, context: Context) -> dict[str, Any]:
    """Reads a published BERT into the spec's model; every size must be the same.

    Raises:
        UserError: The checkpoint is not the model that the spec declares.
    """
    keras.backend.clear_session()
    options = model_options(node)
    model = build_model(
        options, named_tokenizers(node, context), seed=1, heads_needed=("masked_lm",)
    )
    if node.identity.get("random"):
        save_weights(model, folder.path / WEIGHTS)
        return {"parameters": model.count_params(), "random": True}
    source = checkpoint_folder(node.options.load, context.data_dir)
    published = load_published(source, masked_lm=True)
    path = folder.scratch / WEIGHTS
    save_weights(published, path)
    try:
        load_weights(model, path)
    except UserError as error:
        raise UserError(
            f"stages.{node.label}: the checkpoint {node.options.load} is not the model that the "
            f"spec declares. {error}"
        ) from error
    save_weights(model, folder.path / WEIGHTS)
    return {"parameters": model.count_params(), "brief": f"{model.count_params():,} parameters"}
