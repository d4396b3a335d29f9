"""The sizes of a training stage's step, and how a CPU's cores share it."""

import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from tfkd.data.batches.batcher import micro_batches
from tfkd.data.encoded import EncodedField
from tfkd.data.noise.noisy_rows import ROWS
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.engine.roles import Role
from tfkd.pipeline.engine.stage_folder import StageFolder
from tfkd.pipeline.inputs.parts import folds_of
from tfkd.pipeline.inputs.teachers import teacher_nodes
from tfkd.training.cores import on_cpu, widens_bfloat16
from tfkd.training.step_memory import EncoderView, Step, TeacherSize

_ANY = 2**31
# Steps of so many epochs as nobody has counted yet.
_SOME = 1000
_ITEM = {"float32": 4, "bfloat16": 2, "float16": 2}


def how_cores_share(
    node: Node, parameters: int, replicas: int, steps: int | None = None
) -> dict[str, Any]:
    """`streams` and `fuse` of a training stage on a host's CPU, by the parameters of its model, the
    replicas of this host and the stage's steps; see `tfkd.training.cores`."""
    runtime, options = node.spec.runtime, node.options
    steps = steps or options.steps or _SOME
    chosen = on_cpu(parameters, options.batch.size * _words_per(options.batch.unit), steps)
    if replicas > 1:
        chosen["streams"] = 1  # they share the cores already
    if runtime.jit_compile:
        return {"streams": 1, "fuse": False}
    asked = {"streams": runtime.streams, "fuse": runtime.fuse}
    return {name: chosen[name] if value == "auto" else value for name, value in asked.items()}


def _words_per(unit: str) -> int:
    """Tokens of one of a batch's units, roughly: sentences of captions and news have 10 to 30."""
    return 20 if unit == "sentences" else 1


def step_sizes(
    node: Node,
    parameters: int,
    longest: int,
    source_vocabulary: int = 0,
    target_vocabulary: int = 0,
) -> Step:
    """The sizes of a stage's step on one device.

    Args:
        node: The training stage.
        parameters: Of its model.
        longest: Tokens of the longest row.
        source_vocabulary: Pieces that the model, and online teachers beside it, read.
        target_vocabulary: Pieces of the target, of an encoder-decoder and its teachers.
    """
    options, runtime = node.options, node.spec.runtime
    batch = options.batch
    replicas = runtime.devices if isinstance(runtime.devices, int) else 1
    micro = micro_batches(batch.size, batch.per_device, replicas)
    tokens = batch.size // (micro * replicas)
    if batch.unit == "sentences":
        tokens *= longest
    model = node.model
    single = model.single_sequence
    terms = [_reads(node, name) for name in options.objective]
    views = dict.fromkeys(term.view for term in terms if term.module is None or single) or (None,)
    written = [_written(node.spec.views.get(view)) for view in views]
    shared = how_cores_share(node, parameters, replicas)
    return Step(
        tokens=tokens,
        longest=longest,
        predicted=tuple(
            _predicted(node, view, longest) if single else share
            for view, share in zip(views, written, strict=True)
        ),
        written=() if set(written) == {1.0} else tuple(written),
        item=_ITEM[options.products],
        micro_batches=micro,
        # Adafactor's rows and columns weigh nothing beside the weights.
        moments=2 if options.optimizer is None or options.optimizer.kind == "adam" else 0,
        fused=shared["fuse"],
        streams=shared["streams"],
        encoder_views=tuple(_encoder_views(terms, source_vocabulary)),
        teachers=tuple(
            _teacher(
                term, model, precision, source_vocabulary, target_vocabulary or source_vocabulary
            )
            for term, model, precision in _asked(terms)
        ),
        gated=_gated(node, parameters, source_vocabulary),
        quantized=options.fake_quantize is not None,
        widened=options.products == "bfloat16" and widens_bfloat16(),
    )


class _Term(NamedTuple):
    """What a term reads, and whom it asks."""

    view: str | None
    module: str | None
    share: float
    classifies: bool
    teachers: Mapping[str, tuple[Any, str]]


def _written(view: Any) -> float:
    """The share of a row that a decoder reads: a part of it, where both sides read one text."""
    return view.predicted_share if view is not None and view.of_one_text else 1.0


def _asked(terms: list[_Term]) -> list[tuple[_Term, Any, str]]:
    """Each online model once, with a term that asks it and its precision."""
    found = {key: (term, *one) for term in terms for key, one in term.teachers.items()}
    return list(found.values())


def _teacher(term: _Term, model: Any, precision: str, source: int, target: int) -> TeacherSize:
    """What the plan knows of an online teacher; `source` and `target` are sizes of vocabularies."""
    single = model.single_sequence
    sizes = {"text": source} if single else {"source": source, "target": target}
    return TeacherSize(
        model,
        model.parameters(sizes),
        term.share,
        (source if single else target) if term.classifies else 0,
        _ITEM[precision],
    )


def _gated(node: Node, parameters: int, source_vocabulary: int) -> int:
    """The weights whose gradients are kept apart: those that auxiliary terms reach."""
    options = node.options
    if options.gradients is None:
        return 0
    modules = {_reads(node, name).module for name in options.gradients.auxiliary}
    if modules == {"encoder"}:
        return node.model.encoder_parameters(source_vocabulary) or parameters
    return parameters


def _encoder_views(terms: list[_Term], source_vocabulary: int) -> Iterator[EncoderView]:
    """What each term of the encoder keeps; a view is read once for all of them."""
    read = {None}  # the plain one, by the whole model
    for term in terms:
        if term.module is not None:
            classes = source_vocabulary if term.classifies else 0
            yield EncoderView(term.share, classes, term.view not in read)
            read.add(term.view)


def _reads(node: Node, name: str) -> _Term:
    term = node.options.objective[name]
    view = node.spec.views.get(term.view)
    online = [one for one in teacher_nodes(node, name).values() if "model" in one.gives]
    teacher = online[0].model if online else None
    models = [model for one in online for model in folds_of(one) or [one]]
    every = view is None or getattr(term, "at", "selected") == "all"
    return _Term(
        term.view,
        node.model.term_module(view, teacher),
        1.0 if every else view.predicted_share,
        term.kind != "hidden_states",
        {
            one.key: (
                one.model,
                getattr(one.trained.options, "products", None) or node.options.products,
            )
            for one in models
        },
    )


def _predicted(node: Node, view: str | None, longest: int) -> float:
    """The share of a sequence's tokens that are predicted."""
    options = node.spec.views.get(view)
    if (labels := node.task.labels_of_row(node.model, options)) is not None:
        return labels / longest
    return options.predicted_share if options is not None else 1.0


def steps_of(options: Any, batches_per_epoch: float) -> int:
    """A training stage's steps: `steps`, or those that `epochs` make, the last one begun."""
    if options.epochs is None:
        return options.steps
    return max(1, math.ceil(options.epochs * batches_per_epoch - 1e-6))


def steps_in_words(node: Node, context: Context) -> tuple[str, int | None]:
    """The steps of a stage that is planned, and their number as far as it is known: of epochs about
    as many as its tokens make, where they are counted."""
    options, batch = node.options, node.options.batch
    if options.epochs is None:
        return f"{options.steps:,}", options.steps
    said, units = f"{options.epochs:g} epoch{'s' if options.epochs != 1 else ''}", 0.0
    for index, part in enumerate(options.data):
        found = units_of(node, index, context)
        if found is None:
            return said, None
        units += part.weight * found
    steps = steps_of(options, math.ceil(units / batch.size))
    return f"{said}, ~{steps:,}", steps


def units_of(node: Node, index: int, context: Context) -> float | None:
    """The size of a stage's corpus in the unit of its batch; None where it is not counted yet."""
    batch, part, sides = (
        node.options.batch,
        node.options.data[index],
        _lengths(node, index, context),
    )
    if not sides:
        return None
    if batch.unit == "sentences" and part.packing is None:
        return len(next(iter(sides.values())))
    one_text = node.model.single_sequence or batch.unit == "joint_tokens"
    rows = sum(sides.values()) if one_text else np.maximum.reduce([*sides.values()])
    if batch.unit == "target_tokens" and "target" in sides:
        rows = sides["target"]
    return int(rows.sum()) / (part.packing.length if batch.unit == "sentences" else 1)


def _lengths(node: Node, index: int, context: Context) -> dict[str, np.ndarray] | None:
    """Tokens of each row of a stage's corpus, by field, with a special token at the end of each;
    None where it is not encoded yet."""
    found = {}
    for child in node.inputs_of(Role.DATA.of(index, Role.IDS)).values():
        if child.options.field not in ("label", "mark"):
            folder = context.folder(child)
            if not folder.done:
                return None
            found[child.options.field] = _encoded(folder).lengths + 1
    return found


def longest_row(node: Node, context: Context) -> tuple[int, bool]:
    """Tokens of the longest row that a training stage may see, and whether its ids told."""
    options = node.options
    model = node.model
    given = options.batch.max_length
    limit = min(model.max_length, max(given.values()) if isinstance(given, dict) else given or _ANY)
    views = [node.spec.views[term.view] for term in options.objective.values() if term.view]
    if model.single_sequence and views:
        # A view cuts what is longer.
        limit = min(limit, max(getattr(view, "max_length", None) or _ANY for view in views))
    found = [0]
    for index, part in enumerate(options.data):
        if part.packing is not None:
            found.append(part.packing.length)
            continue
        sides = _lengths(node, index, context)
        if sides is None:
            return limit, False
        for own in (sides, *_with_noise(node, index, sides, context)):
            lengths = list(own.values())
            # One sequence of both fields and a start, or each on a side of its own.
            rows = sum(lengths) + 1 if model.single_sequence else np.maximum.reduce(lengths)
            found.append(int(rows.max(initial=0)))
    return min(max(found), limit), True


def _with_noise(
    node: Node, index: int, clean: Mapping[str, np.ndarray], context: Context
) -> Iterator[Mapping[str, np.ndarray]]:
    """`_lengths` of a stage's corpus in each of its variants with noise that are encoded."""
    noisy = node.inputs_of(Role.DATA.of(index, Role.NOISY))
    found: dict[str, dict[str, np.ndarray]] = {}
    for name, child in noisy.items():
        number, field = name.partition(".")[0], getattr(child.options, "field", None)
        folder, text = context.folder(child), context.folder(noisy[f"{number}.{Role.TEXT}"])
        if field is None or not (folder.done and text.done):
            continue
        own = found.setdefault(number, dict(clean))
        own[field] = own[field].copy()
        own[field][np.load(text.path / ROWS)] = _encoded(folder).lengths + 1
    yield from found.values()


def _encoded(folder: StageFolder) -> EncodedField:
    """A field's ids, whose files are not read whole, as `StageFolder.verify` would."""
    try:
        return EncodedField.open(folder.path)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise folder.refused("meta.json", f"and its ids cannot be read ({error})") from error
