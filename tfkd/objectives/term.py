"""What every term of an objective is."""

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

DIVISORS = ("own", "target_tokens", "rows", "tokens", "selected")
GROUPS = ("main", "auxiliary")
PLAIN = "plain"
ROW_WEIGHTS = "row_weights"

Record = Mapping[str, Any]
Batch = Mapping[str, Any]


def predicted_side(record: Record) -> Record:
    """The part of a record that holds `labels` and `selected`: a pair's target, a source that
    stands alone, or the sequence."""
    return record.get("target", record.get("source", record))


def is_classified(side: Record) -> bool:
    """Whether a side's labels are classes of whole rows, each at the one position that is read,
    and `gold` says which rows have one."""
    return "gold" in side


class Term(keras.layers.Layer):
    """One term of an objective: weight * sum / count.

    A term over the vocabulary has `request`, and the pass over the vocabulary computes its sum;
    any other term has `call(states, batch)`, which returns its sum, a float32 scalar, each position
    times its row's weight where the batch has some (`weighed`). Either way a
    term may own weights, and where it has an online teacher, `batch["taught"][teacher]` are that
    one's states at the same positions (of one that is several, a list of them). A sum runs over the
    positions that `positions` names; padding and the empty rows that fill up a batch are never
    among them.

    Args:
        name: The term's key in the objective.
        weight: Its factor in the loss.
        view: The view that it reads; None: the one without corruption.
        divide_by: What its sum is divided by: "own" (its positions), "selected" (the view's
            selected positions), "tokens" (the valid ones that are predicted or read beside them),
            "target_tokens" (those of the target side: the whole side, masked or not), "rows".
        group: "main" or "auxiliary"; gradients of the two are combined, not just added.
        head: The head of the model that it reads; None: the model's only one.
        module: "encoder": it reads the encoder of an encoder-decoder, at the source's positions,
            and predicts through a classifier of its own. None: the model's last states.

    Attributes:
        kind: The name of its kind in the registry.
        classifier: A head of its own over the vocabulary: trained and checkpointed with it, never
            exported, never gated. None: it reads the model's.
        online: The frozen teacher that it asks within the step, if it has one.
    """

    kind = "term"
    # Whether `call` counts each position times its row's weight.
    weighs_rows = False
    # The stage or the name of a teacher, of terms that have one.
    teacher: str | None = None

    def __init__(
        self,
        *,
        name: str,
        weight: float = 1.0,
        view: str | None = None,
        divide_by: str = "own",
        group: str = "main",
        head: str | None = None,
        module: str | None = None,
    ):
        # Keras casts a layer's float inputs to its compute type: stored log-probabilities and
        # counts must stay as they are.
        super().__init__(name=name, dtype="float32", autocast=False)
        if divide_by not in DIVISORS:
            raise ValueError(
                f"Invalid value for argument `divide_by`. Expected one of {', '.join(DIVISORS)}. "
                f"Received: divide_by={divide_by!r}"
            )
        for argument, value, known in (
            ("group", group, GROUPS),
            ("module", module, (None, "encoder")),
        ):
            if value not in known:
                raise ValueError(
                    f"Invalid value for argument `{argument}`. Expected one of "
                    f"{', '.join(map(repr, known))}. Received: {argument}={value!r}"
                )
        self.weight = float(weight)
        self.view = view or PLAIN
        self.divide_by = divide_by
        self.group = group
        self.head = head
        self.module = module
        self.classifier: Any = None
        self.online: Any = None

    def attach(self, student: Any, teachers: Mapping[str, Any], seed: int | None = None) -> None:
        """Makes what depends on the models: its teacher, and the weights of its own.

        `Distiller` calls it once.

        Args:
            student: The student, built.
            teachers: Online teachers (`OnlineTeacher`) by name.
            seed: Seed of new weights.
        """
        self.online = teachers.get(self.teacher)

    def side(self, record: Record) -> Record:
        """The part of a record that its positions are in."""
        return record["source"] if self.module == "encoder" else predicted_side(record)

    def state(self, states: Mapping[str, tf.Tensor], name: str = "hidden") -> tf.Tensor:
        """A state of the student by its name in the term's module."""
        return states[name if self.module is None else f"{self.module}.{name}"]

    def positions(self, batch: Batch, record: Record) -> tf.Tensor:
        """Where the term is summed, bool `[B, T]`; the view's selected positions."""
        return self.side(record)["selected"]

    def count(self, batch: Batch) -> tf.Tensor:
        """What the sum is divided by, a float32 scalar, from the batch alone: it is added up over
        replicas and micro-batches before the model runs. A row counts as much as it is weighed."""
        record = batch[self.view]
        if self.divide_by == "own":
            counted = self.positions(batch, record)
        elif self.divide_by == "selected":
            counted = self.side(record)["selected"]
        elif self.divide_by == "tokens":
            counted = self.side(record)["valid"]
        elif self.divide_by == "target_tokens":
            counted = _target_tokens(record)
        else:
            counted = tf.convert_to_tensor(batch["examples"]) >= 0
        return tf.reduce_sum(weighed(counted, batch))

    def get_config(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "weight": self.weight,
            "view": self.view,
            "divide_by": self.divide_by,
            "group": self.group,
            "head": self.head,
            "module": self.module,
        }


def weighed(positions: tf.Tensor, batch: Batch) -> tf.Tensor:
    """What positions count, float32 `[B, ...]`: 0 those that are none, else their row's weight.

    Args:
        positions: bool `[B, ...]`.
        batch: With `row_weights` float32 `[B]`; without, each row counts 1.
    """
    counted = tf.cast(positions, tf.float32)
    weights = batch.get(ROW_WEIGHTS)
    if weights is None:
        return counted
    return counted * tf.reshape(weights, [-1] + [1] * (counted.shape.rank - 1))


def _target_tokens(record: Record) -> tf.Tensor:
    """Valid tokens of the target side, bool `[B, T]`: a pair's target, a sequence's second side or,
    where it has none, all but its [CLS]."""
    if "target" in record:
        return record["target"]["valid"]
    valid = tf.convert_to_tensor(record["valid"])
    second = valid & (tf.convert_to_tensor(record["types"]) == 1)
    paired = tf.reduce_any(second, -1, keepdims=True)
    after_start = valid & (tf.range(tf.shape(valid)[1]) > 0)
    return tf.where(paired, second, after_start)
