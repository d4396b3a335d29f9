"""Load stages: a published checkpoint's weights, in the form that other stages start from."""

from typing import Any

from tfkd.models import build_model, save_weights
from tfkd.pipeline.context import Context
from tfkd.pipeline.fresh_start import fresh_start
from tfkd.pipeline.graph import Node
from tfkd.pipeline.inputs import model_options, named_tokenizers
from tfkd.pipeline.models import WEIGHTS, heads_of
from tfkd.pipeline.published import checkpoint_folder, refuse_differences
from tfkd.pipeline.stage_folder import StageFolder
from tfkd.spec import registry


def run_load(node: Node, folder: StageFolder, context: Context) -> dict[str, Any]:
    """Reads a published checkpoint, which must compute what the spec's model does.

    The head is the checkpoint's own. One that the spec gives the model instead (a vocabulary of its
    own, a matrix of its own) starts in the training stage that starts from this one.

    Raises:
        UserError: The checkpoint is not the model that the spec declares.
    """
    fresh_start()
    options = model_options(node).without_head()
    heads = heads_of(node)
    model = build_model(options, named_tokenizers(node, context), seed=1, heads_needed=heads)
    if node.identity.get("random"):
        save_weights(model, folder.path / WEIGHTS)
        return {"parameters": model.count_params(), "random": True}
    checkpoint = checkpoint_folder(node.options.load, context.data_dir)
    published = registry.load_target(options.published).load(checkpoint, heads)
    ours, theirs = model.get_config(), published.get_config()
    refuse_differences(node.label, node.options, options, ours, theirs)
    save_weights(published, folder.path / WEIGHTS)
    parameters = published.count_params()
    return {"parameters": parameters, "brief": f"{parameters:,} parameters"}
