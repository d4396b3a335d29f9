"""Load stages: a published checkpoint's weights, in the form that other stages start from."""

from typing import Any

from tfkd.models import build_model, load_published, load_published_gpt2, save_weights
from tfkd.pipeline.context import Context
from tfkd.pipeline.fresh_start import fresh_start
from tfkd.pipeline.graph import Node
from tfkd.pipeline.inputs import model_options, named_tokenizers
from tfkd.pipeline.models import WEIGHTS, heads_of
from tfkd.pipeline.published import checkpoint_folder
from tfkd.pipeline.stage_folder import StageFolder
from tfkd.spec.errors import UserError

# What decides a model's function beside its weights, and what decides their shapes. Dropout and the
# spread of new weights may be other than the checkpoint's.
_COMPARED = (
    "vocabulary_size",
    "layers",
    "width",
    "heads",
    "feed_forward",
    "max_length",
    "types",
    "activation",
    "norm_epsilon",
    "positions",
)  # those of them that the kind of model has


def run_load(node: Node, folder: StageFolder, context: Context) -> dict[str, Any]:
    """Reads a published BERT or GPT-2, which must compute what the spec's model does.

    The head is the checkpoint's own. One that the spec gives the model instead (a vocabulary of its
    own, a matrix of its own) starts in the training stage that starts from this one.

    Raises:
        UserError: The checkpoint is not the model that the spec declares.
    """
    fresh_start()
    options = model_options(node)
    if options.kind == "bert":
        options = options.model_copy(update={"head": None})
    heads = heads_of(node.spec, node.options)
    model = build_model(options, named_tokenizers(node, context), seed=1, heads_needed=heads)
    if node.identity.get("random"):
        save_weights(model, folder.path / WEIGHTS)
        return {"parameters": model.count_params(), "random": True}
    checkpoint = checkpoint_folder(node.options.load, context.data_dir)
    if options.kind == "gpt2":
        published = load_published_gpt2(checkpoint)
    else:
        published = load_published(checkpoint, masked_lm=bool(heads))
    _refuse_differences(node, model.get_config(), published.get_config())
    save_weights(published, folder.path / WEIGHTS)
    parameters = published.count_params()
    return {"parameters": parameters, "brief": f"{parameters:,} parameters"}


def _refuse_differences(node: Node, ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    """Refuses a checkpoint of other options than the spec's, each with both values."""
    said, mends, place = [], [], node.options.into
    for name in (name for name in _COMPARED if name in ours):
        in_spec, in_checkpoint = _value(ours, name), _value(theirs, name)
        if in_spec == in_checkpoint:
            continue
        said.append(f"{name} is {in_checkpoint} in the checkpoint and {in_spec} in the spec")
        if name == "vocabulary_size":
            tokenizer = model_options(node).tokenizer
            mends.append(f"tokenizers.{tokenizer}.vocabulary: the checkpoint's vocabulary")
        else:
            mends.append(f"{place}.{name}: {in_checkpoint}")
    if said:
        raise UserError(
            f"stages.{node.label}.load: the checkpoint {node.options.load} is not the model that "
            f"{place} declares: {'; '.join(said)}. Write {', '.join(mends)}"
        )


def _value(config: dict[str, Any], name: str) -> Any:
    if name == "feed_forward":
        return config[name] or 4 * config["width"]
    return config[name]
