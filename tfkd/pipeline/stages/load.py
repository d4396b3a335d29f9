"""Load stages: a published checkpoint's weights, in the form that other stages start from."""

import contextlib
import gc
from typing import Any

from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node, seed_of
from tfkd.pipeline.engine.identity import model_identity
from tfkd.pipeline.engine.kinds import task_named
from tfkd.pipeline.engine.roles import Role
from tfkd.pipeline.engine.stage import Stage
from tfkd.pipeline.engine.stage_folder import StageFolder
from tfkd.pipeline.inputs.published import (
    CLASSIFIER,
    check_checkpoint,
    checkpoint_folder,
    kept_pieces,
    opened,
    order_classes,
    refuse_differences,
    refuse_other_pieces,
    told_what_it_is,
)
from tfkd.pipeline.inputs.text_stages import classes_of
from tfkd.pipeline.plan.planned import Planned, size_in_words
from tfkd.spec import Spec, registry
from tfkd.spec.errors import UserError
from tfkd.spec.stages.load import LoadOptions
from tfkd.spec.tasks.task import task_name

# GFLOP a second that a plan's hours are told at, of a few cores and of a card.
_CORES, _CARD = 200, 100_000
_FLOAT = 4


def _weights(number: int, taken: int) -> dict[str, Any]:
    """A plan's row: so many weights of so many bytes, once in memory and once on disk."""
    return {
        "parameters": f"{number:,}",
        "memory": size_in_words(taken),
        "peak": taken,
        "disk": taken,
    }


class LoadStage(Stage):
    """The model of a published checkpoint; under `--smoke`, of a random one of its kind."""

    Options = LoadOptions

    def node(self, graph: Any, spec: Spec, name: str, options: Any) -> Node:
        model = spec.models[options.train]
        inputs = {
            Role.TOKENIZER.of(side): graph.tokenizer(spec, tokenizer)
            for side, tokenizer in model.tokenizers.items()
        }
        # 2 compares more than sizes; the head is the checkpoint's, whatever the model's is.
        identity: dict[str, Any] = {"model": model_identity(model), "load_revision": 2}
        head = identity["model"].pop("head", None)
        if options.head != "published":
            identity["head"] = options.head
        if options.head == "classifier":
            inputs |= task_named(task_name(model, options, spec.views)).inputs(graph, spec, options)
            identity |= {"classes": head, "labels": options.labels}
        if options.precision is not None:
            identity["precision"] = options.precision
        if spec.change is not None:  # --smoke: a tiny model has no published weights
            identity["random"] = True
        else:
            identity["files"] = graph.files.checkpoint(spec, name, graph.data_dir)
        label = graph.label(spec, name, seed_of(inputs))
        return Node(self.kind, label, spec, options, inputs, identity)

    def plan(self, node: Node, planned: Planned) -> dict[str, Any]:
        """Its parameters and the bytes of its weights, by its options, which are those of
        `config.json`; of a large model also what it computes for a token. Where blocks are one set
        of weights in the folder, a note tells both numbers."""
        model = node.model
        sizes = {
            side: child.stage.size(child, planned)
            for side, child in node.inputs_of(Role.TOKENIZER).items()
        }
        if not model.large:
            if not node.identity.get("random"):
                with contextlib.suppress(UserError):
                    folder = checkpoint_folder(node.options.load, planned.context.data_dir)
                    if said := opened(folder, node.model).copies():
                        planned.note(f"{node.label}: {said}")
            # The head of a bert is the folder's, whatever the model's is.
            number = None if model.encoder_only else model.parameters(sizes)
            return {} if number is None else _weights(number, _FLOAT * number)
        number = model.parameters(sizes)
        wide, narrow = 4 * number, 2 * (number + model.norm_parameters())
        table = sizes["text"] * model.width
        flop = 2 * (number - (0 if model.tie_embeddings else table))  # a row is only looked up
        planned.note(
            f"{node.label}: {number:,} parameters are {wide:,} bytes ({size_in_words(wide)}) in "
            f"float32, {narrow:,} ({size_in_words(narrow)}) in bfloat16 (precision: bfloat16). A "
            f"token takes it {flop / 1e9:,.1f} GFLOP: a million tokens are about "
            f"{flop / 3.6e6 / _CORES:,.1f} hours at {_CORES:,} GFLOP/s (a few cores), "
            f"{flop / 3.6e6 / _CARD:,.2f} at {_CARD:,} (a GPU)."
        )
        return _weights(number, narrow if node.options.precision == "bfloat16" else wide)

    def run(self, node: Node, folder: StageFolder, context: Context) -> dict[str, Any]:
        """Reads a published checkpoint, which must compute what the spec's model does.

        The head is the checkpoint's own. One that the spec gives the model instead (a vocabulary
        of its own, a matrix of its own) starts in the training stage that starts from this one.

        Raises:
            UserError: The checkpoint is not the model that the spec declares.
        """
        from tfkd.layers.initializers import values_follow
        from tfkd.models import build_model, save_weights
        from tfkd.pipeline.engine.fresh_start import fresh_start
        from tfkd.pipeline.inputs.made import named_tokenizers, side_tokenizers
        from tfkd.pipeline.inputs.models import heads_of
        from tfkd.pipeline.inputs.stage_weights import WEIGHTS

        fresh_start()
        heads = heads_of(node)
        options = node.model if CLASSIFIER in heads else node.model.without_head()
        tokenizers = named_tokenizers(node, context)
        reader = registry.load_target(options.published)
        names = classes_of(node, context).names if CLASSIFIER in heads else None
        random, more = bool(node.identity.get("random")), {}
        model = None
        if random or not options.large:  # else for what it is said to be, without its values
            with contextlib.nullcontext() if random else values_follow():
                model = build_model(options, tokenizers, seed=1, heads_needed=heads)
        if random:  # written as such a folder, and read as one
            checkpoint = folder.scratch / "checkpoint"
            try:
                reader.write(model, checkpoint, side_tokenizers(node, context), names)
                sizes = {one.get("vocabulary_size") for one in (
                    model.get_config(), opened(checkpoint, options).options())}  # fmt: skip
            except (ValueError, UserError):  # no layout that is written here can say what it is
                sizes = set()
            if len(sizes) != 1:  # a Marian has ids of its own
                save_weights(model, folder.path / WEIGHTS)
                return {"parameters": model.count_params(), "random": True}
        else:
            checkpoint = checkpoint_folder(node.options.load, context.data_dir)
        ours = {} if options.large else model.get_config()
        del model  # before the other is there: of a large one there is memory for one
        gc.collect()
        folder_of = opened(checkpoint, options)
        name = [*options.tokenizers.values()][-1]
        own, cut = tokenizers[name], getattr(node.spec.tokenizers[name], "keep", None) is not None
        if cut and not random:
            more["kept"] = kept_pieces(node.label, node.options, checkpoint, own)
        if options.large:  # one copy of the weights: told apart before there is any
            size = None if "kept" in more else own.size
            check_checkpoint(checkpoint, node.label, node.options, options, size)
            if "kept" not in more:
                refuse_other_pieces(node.label, node.options, options, checkpoint, own)
            more["dtype"] = node.options.precision or "float32"
        published = reader.load(folder_of, heads, **more)
        with told_what_it_is(checkpoint):
            if not options.large:
                theirs = published.get_config()
                theirs = {name: one for name, one in theirs.items() if name not in folder_of.leaves}
                refuse_differences(node.label, node.options, options, ours, theirs)
            if names is not None:
                order_classes(published, node.options.labels, folder_of, names)
        save_weights(published, folder.path / WEIGHTS, narrow=options.large)
        parameters = published.count_params()
        said = {"random": True} if random else {"brief": f"{parameters:,} parameters"}
        return {"parameters": parameters, **said}
