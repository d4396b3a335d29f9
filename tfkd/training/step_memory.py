"""What a training step holds in memory, predicted from options."""

from dataclasses import dataclass, fields
from typing import Any

from tfkd.objectives.chunk_rows import chunk_rows_for

_FLOAT = 4
# TensorFlow with a traced step; and what compiled chains, and each further stream, add to it.
_RUNTIME, _FUSED, _STREAM = 730 * 2**20, 70 * 2**20, 70 * 2**20


@dataclass(frozen=True)
class Step:
    """The sizes of a step.

    Attributes:
        tokens: Computed at once on a device, padding included: of each side, or of the sequence.
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
        teachers: Online teachers.
        gated: Weights whose gradients are kept apart for each group of terms.
        widened: Whether products are made of copies in float32: bfloat16 on a CPU without it.
        quantized: Whether products are made of rounded copies of matrices and states.
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
    quantized: bool = False

    @property
    def norm(self) -> int:
        """Bytes a number that a normalization keeps: its input or normed rows, and its output."""
        return (self.item if self.fused else _FLOAT) + self.item

    def mask(self, rate: float) -> int:
        """Bytes an element that dropout of a rate keeps: its draw, or its factor."""
        return (1 if self.fused else self.item) if rate else 0


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
    """An online teacher.

    Attributes:
        model: Its options.
        parameters: Its weights; None where they are not known, and so its memory.
        share: Of the tokens that it reads (an encoder-decoder, in its encoder), those that are
            asked for.
        classes: Of the vocabulary that it predicts there; 0 where its hidden states are read.
        item: Bytes of a number in its precision.
    """

    model: Any
    parameters: int | None
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
        casts: Copies of the weights in the precision of the products, or rounded ones.
        gradients: In float32: each stream's, and their sums.
        activations: What the forward pass keeps for the backward pass.
        vocabulary: The chunks of logits under way, and the gradient of the output's matrix.
        gates: The gradients that are kept apart.
        teachers: Online teachers: their weights, and their states under way.
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
) -> StepMemory | None:
    """Predicts a step's memory; None of a plugin's model that does not tell what it keeps.

    Tests hold the peak against that of real steps: within a factor of 1.3 either way.

    Args:
        model: Its options.
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
        per_token = model.kept(step, adapters_alone=alone, target=target)
        if per_token is None:
            return None
        # Hidden states at the predicted positions too, and their gradient.
        activations += int(step.tokens * (per_token + share * width * (2 * item + _FLOAT)))
    for view in step.encoder_views:
        kept = model.encoder_kept(step) if view.read else 0
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
    known = [one for one in step.teachers if _is_known(one, step)]
    copies = step.streams + (step.streams > 1) + (step.micro_batches > 1)
    return StepMemory(
        runtime=_RUNTIME + _FUSED * step.fused + _STREAM * (step.streams - 1),
        weights=parameters * _FLOAT + frozen * item,
        moments=step.moments * parameters * _FLOAT,
        casts=parameters * item if item < _FLOAT or step.quantized else 0,
        gradients=parameters * _FLOAT * copies,
        activations=activations,
        vocabulary=step.streams * sum(passes),
        gates=(step.gated + own) * _FLOAT * copies if step.gated else 0,
        teachers=sum(_teacher(teacher, step) for teacher in known),
        copies=_copies([model, *(one.model for one in known)], vocabulary, width, most, step)
        if step.widened
        else 0,
    )


def _is_known(teacher: TeacherSize, step: Step) -> bool:
    """Whether a teacher's family tells what it takes."""
    return None not in (teacher.parameters, teacher.model.taught(teacher.item, step))


def _copies(models: list[Any], vocabulary: int, width: int, most: int, step: Step) -> int:
    """Bytes of float32 copies: in each stream those of two products of the largest layer and of two
    of a pass over the vocabulary, such as those that give the gradients of a product's operands."""
    wide = max(each.widest(step.streams) for each in models)
    chunk = min(most, chunk_rows_for(vocabulary)) * vocabulary + vocabulary * width
    return 2 * _FLOAT * (step.tokens * wide + step.streams * chunk)


def _pass(vocabulary: int, width: int, most: int, item: int) -> int:
    """Bytes of a pass over a vocabulary, by chunks of its tokens."""
    # Logits as they come, in float32, their soft-max, a copy of it that the gold words' part is
    # added to, and that in the precision of the products.
    chunk = min(most, chunk_rows_for(vocabulary)) * vocabulary * (2 * item + 3 * _FLOAT)
    return chunk + vocabulary * (width + 1) * (2 * item + 3 * _FLOAT)


def _teacher(teacher: TeacherSize, step: Step) -> int:
    """Bytes of an online teacher: weights and their casts, a layer's states, a chunk of logits."""
    model, item = teacher.model, teacher.item
    weights = teacher.parameters * (_FLOAT + (item if item < _FLOAT else 0))
    layer = model.taught(item, step)
    chunk = 0
    if teacher.classes:
        asked = int(step.tokens * teacher.share) // step.streams
        chunk = min(asked, chunk_rows_for(teacher.classes)) * teacher.classes
    return weights + step.tokens * layer + step.streams * chunk * (item + 3 * _FLOAT)
