"""What a training step holds in memory, predicted from options."""

from dataclasses import dataclass, fields
from typing import Any

from tfkd.objectives.chunk_rows import chunk_rows_for
from tfkd.pipeline import rnn_memory

_FLOAT = 4
# TensorFlow with a traced step; and what compiled chains, and each further stream, add to it.
_RUNTIME, _FUSED, _STREAM = 730 * 2**20, 70 * 2**20, 70 * 2**20


@dataclass(frozen=True)
class Step:
    """The sizes of a step.

    Attributes:
        tokens: Computed at once on a device, padding included: of each side, or of the stream.
        longest: Tokens of the longest row.
        predicted: For each view that the step runs, the share of its tokens that are predicted.
        written: For each such view, the decoder's tokens as a share of the encoder's; none given:
            as many.
        item: Bytes of a number in the precision of the products.
        fused: Whether elementwise chains are compiled; see `tfkd.layers.fusion`.
        streams: Parts that are taken side by side.
        micro_batches: Parts that are taken one after the other.
        moments: Numbers that the optimizer keeps for each weight.
        encoder_views: Views that the encoder of an encoder-decoder reads alone.
        teachers: Live teachers.
        gated: Weights whose gradients are kept apart for each group of terms.
        widened: Whether products are made of copies in float32: bfloat16 on a CPU without it.
    """

    tokens: int
    longest: int
    predicted: tuple[float, ...]
    item: int
    fused: bool = False
    streams: int = 1
    micro_batches: int = 1
    moments: int = 2
    encoder_views: tuple["EncoderView", ...] = ()
    teachers: tuple["TeacherSize", ...] = ()
    gated: int = 0
    widened: bool = False
    written: tuple[float, ...] = ()


@dataclass(frozen=True)
class EncoderView:
    """A view that an encoder reads alone.

    Attributes:
        share: Of its tokens, those that are predicted.
        classes: Of the classifier that predicts them; 0 without one.
        read: Whether it is a pass of its own: the plain view is read by the whole model anyway.
    """

    share: float
    classes: int
    read: bool = True


@dataclass(frozen=True)
class TeacherSize:
    """A live teacher.

    Attributes:
        model: Its options.
        parameters: Its weights.
        share: Of the tokens that it reads (an encoder-decoder, in its encoder), those that are
            asked for.
        classes: Of the vocabulary that it predicts there; 0 where its hidden states are read.
        item: Bytes of a number in its precision.
    """

    model: Any
    parameters: int
    share: float
    classes: int
    item: int


@dataclass(frozen=True)
class StepMemory:
    """Bytes in a training step on one device.

    Attributes:
        runtime: TensorFlow itself.
        weights: In float32; what is frozen, in the precision of the products.
        moments: What the optimizer keeps.
        casts: Copies of the weights in the precision of the products.
        gradients: In float32: each stream's, and their sums.
        activations: What the forward pass keeps for the backward pass.
        vocabulary: The chunks of logits under way, and the gradient of the output's matrix.
        gates: The gradients that are kept apart.
        teachers: Live teachers: their weights, and their states under way.
        copies: Float32 copies of what two products under way read and give, where they need them.
    """

    runtime: int
    weights: int
    moments: int
    casts: int
    gradients: int
    activations: int
    vocabulary: int
    gates: int = 0
    teachers: int = 0
    copies: int = 0

    @property
    def peak(self) -> int:
        """The most at once; gradients come as activations go."""
        coming, going = self.gradients + self.gates, self.activations + self.vocabulary
        total = sum(getattr(self, field.name) for field in fields(self))
        return total - coming - going + max(coming, going)


def step_memory(
    model: Any, parameters: int, vocabulary: int, step: Step, trained: int | None = None
) -> StepMemory:
    """Predicts a step's memory.

    Tests hold the peak against that of real steps: within a factor of 1.3 either way.

    Args:
        model: Options of a `bert`, `gpt2`, `transformer`, `rnn`, `abnet` or `bert_fused`.
        parameters: Of the model.
        vocabulary: Size of the vocabulary that is predicted.
        step: The step's sizes.
        trained: Of the parameters, those that train; None: all. The others are held once, in the
            precision of the products.
    """
    width, item = model.width, step.item
    alone = trained not in (None, parameters)
    written = step.written or (1.0,) * len(step.predicted)
    frozen = 0 if trained is None else parameters - trained
    parameters -= frozen
    activations = 0
    for share, target in zip(step.predicted, written, strict=True):
        per_token = _kept_per_token(model, step, adapters_alone=alone, target=target)
        # Hidden states at the predicted positions too, and their gradient.
        activations += int(step.tokens * (per_token + share * width * (2 * item + _FLOAT)))
    for view in step.encoder_views:
        kept = _encoder_kept(model, step) if view.read else 0
        activations += int(step.tokens * (kept + view.share * width * (2 * item + _FLOAT)))
    most = int(step.tokens * max(step.predicted)) // step.streams
    passes = [_pass(vocabulary, width, most, item)]
    passes += [
        _pass(view.classes, width, int(step.tokens * view.share), item)
        for view in step.encoder_views
        if view.classes
    ]
    own = sum(view.classes * (width + 1) for view in step.encoder_views)
    parameters += own
    copies = step.streams + (step.streams > 1) + (step.micro_batches > 1)
    return StepMemory(
        runtime=_RUNTIME + _FUSED * step.fused + _STREAM * (step.streams - 1),
        weights=parameters * _FLOAT + frozen * item,
        moments=step.moments * parameters * _FLOAT,
        casts=parameters * item if item < _FLOAT else 0,
        gradients=parameters * _FLOAT * copies,
        activations=activations,
        vocabulary=step.streams * sum(passes),
        gates=(step.gated + own) * _FLOAT * copies if step.gated else 0,
        teachers=sum(_teacher(teacher, step) for teacher in step.teachers),
        copies=_copies(model, vocabulary, most, step) if step.widened else 0,
    )


def _copies(model: Any, vocabulary: int, most: int, step: Step) -> int:
    """Bytes of float32 copies: in each stream those of two products of the largest layer and of two
    of a pass over the vocabulary, such as those that give the gradients of a product's operands."""
    models = (model, *(teacher.model for teacher in step.teachers))
    wide = max(_wide(each, step.streams) for each in models)
    chunk = min(most, chunk_rows_for(vocabulary)) * vocabulary + vocabulary * model.width
    return 2 * _FLOAT * (step.tokens * wide + step.streams * chunk)


def _wide(model: Any, streams: int) -> int:
    """The most numbers a token that a product reads and gives."""
    kind = getattr(model, "kind", None)  # a decoder's options alone have none
    if kind == "bert_fused":
        return _wide(model.transformer_options, streams)
    if kind == "abnet":
        return max(_wide(one, streams) for one in (model.encoder_options, model.decoder_options))
    if kind == "rnn":
        # Its gates; where a step is not in streams, both directions of an encoder go at once.
        return (1 + (model.bidirectional and streams == 1)) * 5 * model.width
    return model.width + (getattr(model, "feed_forward", None) or 4 * model.width)


def _kept_per_token(model: Any, step: Step, *, adapters_alone: bool, target: float = 1.0) -> float:
    """Bytes a token of the source that the blocks of both sides keep for the backward pass.

    Args:
        model: The model's options.
        step: The step's sizes.
        adapters_alone: Whether frozen layers below the lowest adapter keep nothing.
        target: The decoder's tokens as a share of the source's.
    """
    if model.kind == "rnn":
        decoder = rnn_memory.decoder_kept(model, step.item, step.longest)
        return rnn_memory.encoder_kept(model, step.item) + target * decoder
    if model.kind == "bert_fused":
        inner = model.transformer_options
        blocks = inner.encoder_layers + inner.decoder_layers
        fused = blocks * _attention_kept(inner, step)
        return _kept_per_token(inner, step, adapters_alone=False, target=target) + fused
    if model.kind == "bert":
        stacks = {"encoder": (model, model.layers, False)}
    elif model.kind == "gpt2":
        stacks = {"decoder": (model, model.layers, False)}
    elif model.kind == "transformer":
        stacks = {
            "encoder": (model, model.encoder_layers, False),
            "decoder": (model, model.decoder_layers, True),
        }
    else:
        decoder = model.decoder_options
        stacks = {
            "encoder": (model.encoder_options, model.encoder_options.layers, False),
            "decoder": (decoder, decoder.layers, not isinstance(model.decoder, str)),
        }
    total = 0
    for side, (options, layers, cross) in stacks.items():
        adapter = model.adapters.get(side)
        below = 0
        if side == "decoder" and adapters_alone and adapter is not None and not cross:
            below = min(adapter.numbers(layers))
        kept = (layers - below) * _block(options, step, cross)
        kept += 0 if below else _embedding(options, step)
        if adapter is not None:
            kept += len(adapter.numbers(layers)) * _adapter(adapter, options, step)
        total += kept * (target if side == "decoder" else 1.0)
    return total


def _encoder_kept(model: Any, step: Step) -> int:
    """Bytes a token that an encoder keeps that is read alone."""
    if model.kind == "rnn":
        return rnn_memory.encoder_kept(model, step.item)
    return model.encoder_layers * _block(model, step) + _embedding(model, step)


def _adapter(adapter: Any, model: Any, step: Step) -> int:
    """Bytes a token that an adapter keeps."""
    width, item = model.width, step.item
    norm = width * ((item if step.fused else _FLOAT) + item)
    if adapter.kind == "bottleneck":
        return norm + 2 * adapter.width * item
    if adapter.kind != "cross_attention":
        return 0  # a plugin's is not known
    inner = 0 if adapter.feed_forward == "none" else adapter.feed_forward
    parts = 2 if inner else 1
    masks = width * _mask(adapter.dropout, step)
    pairs = adapter.heads * step.longest * (_FLOAT + item + _mask(adapter.attention_dropout, step))
    return parts * (norm + masks) + 5 * width * item + pairs + 2 * inner * item


def _attention_kept(model: Any, step: Step) -> int:
    """Bytes a token that one attention keeps."""
    rate = model.dropout if model.attention_dropout is None else model.attention_dropout
    pairs = model.heads * step.longest * (_FLOAT + step.item + _mask(rate, step))
    return 5 * model.width * step.item + pairs


def _pass(vocabulary: int, width: int, most: int, item: int) -> int:
    """Bytes of a pass over a vocabulary, by chunks of its tokens."""
    # Logits as they come, in float32, their soft-max, a copy of it that the gold words' part is
    # added to, and that in the precision of the products.
    chunk = min(most, chunk_rows_for(vocabulary)) * vocabulary * (2 * item + 3 * _FLOAT)
    return chunk + vocabulary * (width + 1) * (2 * item + 3 * _FLOAT)


def _teacher(teacher: TeacherSize, step: Step) -> int:
    """Bytes of a live teacher: weights and their casts, a layer's states, a chunk of its logits."""
    model, item = teacher.model, teacher.item
    weights = teacher.parameters * (_FLOAT + (item if item < _FLOAT else 0))
    layer = rnn_memory.taught(model, item) if model.kind == "rnn" else _taught(model, item, step)
    chunk = 0
    if teacher.classes:
        asked = int(step.tokens * teacher.share) // step.streams
        chunk = min(asked, chunk_rows_for(teacher.classes)) * teacher.classes
    return weights + step.tokens * layer + step.streams * chunk * (item + 3 * _FLOAT)


def _taught(model: Any, item: int, step: Step) -> int:
    """Bytes a token of a live teacher's blocks; nothing is kept for a backward pass."""
    inner = model.feed_forward or 4 * model.width
    # What a block reads, and its largest product.
    layer = 4 * model.width * item + max(
        inner * 2 * item, 3 * model.width * item + model.heads * step.longest * (_FLOAT + item)
    )
    if model.kind == "transformer":
        # The encoder's last states, and keys and values of them for all of the decoder's blocks,
        # which are ready at once.
        layer += (1 + 2 * model.decoder_layers) * model.width * item
    return layer


def _embedding(model: Any, step: Step) -> int:
    """Bytes a token: rows as read, their sum with the positions, dropout's mask."""
    return model.width * (_FLOAT + 2 * step.item + _mask(model.dropout, step))


def _mask(rate: float, step: Step) -> int:
    """Bytes an element that dropout keeps: its draw, or its factor."""
    return (1 if step.fused else step.item) if rate else 0


def _block(model: Any, step: Step, cross: bool = False) -> int:
    """Bytes a token that a block keeps."""
    width, item = model.width, step.item
    inner = model.feed_forward or 4 * width
    parts = 3 if cross else 2
    # Of each sub-layer: its normalization's input or normed rows, that one's output, a mask.
    norm = item if step.fused else _FLOAT
    kept = parts * width * (norm + item + _mask(model.dropout, step))
    # Queries as scaled, keys, values, what comes of them; and each head's weights, the soft-max in
    # float32 and, dropped out, in the precision of the products.
    kept += (parts - 1) * _attention_kept(model, step)
    if step.fused or getattr(model, "activation", "gelu") == "relu":
        return kept + 2 * inner * item
    # The input and its distribution in float32, and the output.
    return kept + inner * (2 * _FLOAT + item)
