"""What a term asks of the pass over the vocabulary, and what it gets back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import tensorflow as tf

Extras = Mapping[str, tf.Tensor]


@dataclass(frozen=True)
class Statistics:
    """What one chunk of C tokens says about the student's logits z, all float32.

    Attributes:
        log_sum_exp: For each temperature T that some term asked for (1.0 always), `[C]`:
            log sum_v exp(z_v / T).
        picked: `[C, J]`: the logits at the ids which this term picked.
        total: `[C]`: sum_v z_v.
        maximum: `[C]`: max_v z_v.
        expected: `[C]`: sum_v p_v z_v under this term's dense teacher p; None without one.
        teacher_entropy: `[C]`: -sum_v p_v log p_v of that teacher; None without one.
        log_probabilities: `[C, V]`, of a term that reads them; else None.
        teacher_log_probabilities: `[C, V]`: log p_v of that teacher; None without one.
        vocabulary_size: V.
    """

    log_sum_exp: Mapping[float, tf.Tensor]
    picked: tf.Tensor
    total: tf.Tensor
    maximum: tf.Tensor
    vocabulary_size: int
    expected: tf.Tensor | None = None
    teacher_entropy: tf.Tensor | None = None
    log_probabilities: tf.Tensor | None = None
    teacher_log_probabilities: tf.Tensor | None = None


def is_best(statistics: Statistics, column: int) -> tf.Tensor:
    """float32 `[C]`: 1 where the id that was picked in this column has the largest logit."""
    return tf.cast(statistics.picked[:, column] >= statistics.maximum, tf.float32)


@dataclass(frozen=True)
class DenseTeacher:
    """An online teacher's whole distribution, soft-maxed in the student's chunk.

    p = softmax((hidden . matrix^T + bias) / temperature), over the student's own vocabulary.

    Attributes:
        hidden: `[N, teacher width]`, at the same tokens as the student's.
        matrix: `[V, teacher width]`.
        bias: `[V]` or None.
        temperature: T.
        cap: Of its logits, see `VocabularyHead`; None: without.
    """

    hidden: tf.Tensor
    matrix: tf.Tensor
    bias: tf.Tensor | None = None
    temperature: float = 1.0
    cap: float | None = None

    @property
    def members(self) -> tuple["DenseTeacher", ...]:
        """Itself alone; see `DenseMean`."""
        return (self,)

    @property
    def weights(self) -> tuple[float, ...]:
        """1."""
        return (1.0,)


@dataclass(frozen=True)
class DenseMean:
    """The mean of several online teachers' whole distributions.

    p = softmax(log(sum_m w_m p_m) / temperature), with p_m the m-th teacher's distribution at
    temperature 1: the mean comes first, as in stored targets of several teachers.

    Attributes:
        members: The teachers; their own temperatures are not read.
        weights: w, positive, which add up to 1.
        temperature: T.
    """

    members: tuple[DenseTeacher, ...]
    weights: tuple[float, ...]
    temperature: float = 1.0


def no_metrics(statistics: Statistics, extras: Extras, losses: tf.Tensor) -> dict:
    """The metrics of a term that has none."""
    return {}


@dataclass(frozen=True)
class TokenTerm:
    """One term's share in a pass over the vocabulary.

    Attributes:
        weights: float32 `[N]`: each token's weight in the sum; 0 leaves a token out.
        picked: int32 `[N, J]`: ids whose logits the loss needs.
        loss: `(statistics, extras of the chunk) -> [C]`, differentiable in the statistics.
        extras: Tensors `[N, ...]` that the loss needs by token.
        metrics: `(statistics, extras of the chunk, losses [C]) -> {name: [C]}`; summed under
            `weights`.
        metric_names: The names which `metrics` returns, in order.
        temperatures: Temperatures besides 1 whose log-sum-exp the loss reads.
        unit_mass: The loss is log_sum_exp[1.0] minus something that does not depend on it: the
            pass then need not scale the soft-max by token. Cross-entropies at temperature 1 are so.
        uses_total: The loss reads `total`.
        uses_all: The loss reads `log_probabilities`.
        teacher: A dense teacher, or the mean of several, for `expected` and `teacher_entropy`.
    """

    weights: tf.Tensor
    picked: tf.Tensor
    loss: Callable[[Statistics, Extras], tf.Tensor]
    extras: Extras = field(default_factory=dict)
    metrics: Callable[[Statistics, Extras, tf.Tensor], dict[str, tf.Tensor]] = no_metrics
    metric_names: tuple[str, ...] = ()
    temperatures: tuple[float, ...] = ()
    unit_mass: bool = False
    uses_total: bool = False
    uses_all: bool = False
    teacher: DenseTeacher | DenseMean | None = None
