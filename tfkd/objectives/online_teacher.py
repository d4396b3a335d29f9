"""Frozen teachers that answer within the step."""

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from tfkd.models.mean_of import MeanOf
from tfkd.objectives.term import Record, is_classified


class OnlineTeacher:
    """A frozen model that reads what its student reads, without dropout and without a gradient.

    It is in neither the student's weights nor its checkpoints nor the optimizer. A model that reads
    one sequence (a BERT) beside the encoder of an encoder-decoder reads `[CLS] x [SEP]` where that
    reads `x [SEP]`; its states come back without the first position, so that position t of both is
    the same token.

    Args:
        model: The teacher, in the precision that it is to run in.
        start_id: [CLS] of the vocabulary that it predicts; a BERT reads the same.
        end_id: [SEP] of that vocabulary.
        head: The name of its head over the vocabulary; None: its only one.

    Example:
        teacher = OnlineTeacher(bert, start_id=2, end_id=3)
        term = SoftTargets(teacher="bert", view="masked", module="encoder", group="auxiliary")
        distiller = Distiller(student, [words, term], GatedGradients(), {"bert": teacher})
    """

    def __init__(self, model: Any, *, start_id: int, end_id: int, head: str | None = None):
        self.model = model
        self.start_id = start_id
        self.end_id = end_id
        self._head = head
        model.trainable = False

    @property
    def members(self) -> tuple["OnlineTeacher", ...]:
        """Itself alone; see `OnlineMean`."""
        return (self,)

    @property
    def head(self) -> Any:
        """The head over the vocabulary that it predicts.

        Raises:
            AttributeError: It has none.
        """
        return self.model.heads[self._head] if self._head else self.model.head

    def head_named(self, name: str | None) -> Any:
        """Its head of the kind that a student's term reads; its only one where it has none."""
        found = getattr(self.model, "heads", {}).get(name)
        return self.head if found is None else found

    @property
    def single_sequence(self) -> bool:
        """Whether it reads one sequence, not a source and a target."""
        return self.model.input_layout == "sequence"

    def states(self, record: Record) -> dict[str, tf.Tensor]:
        """Its states by name, `[B, T, ...]` at the T positions of the record.

        Args:
            record: A sequence; or a pair or a source alone, whose source a sequence model reads.
        """
        alone = self.single_sequence and "source" in record
        read = self._sequence(record["source"]) if alone else record
        states = {
            name: tf.stop_gradient(state)
            for name, state in self.model(read, training=False).items()
        }
        if not alone:
            return states
        # What is no sequence, like a pooled state, stays.
        return {name: s[:, 1:] if s.shape.rank == 3 else s for name, s in states.items()}

    def _sequence(self, source: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        ids, valid = tf.convert_to_tensor(source["ids"]), tf.convert_to_tensor(source["valid"])
        start = tf.fill(tf.shape(ids[:, :1]), tf.constant(self.start_id, ids.dtype))
        # An empty row, the filler of a batch, stays empty.
        return {
            "ids": tf.concat([start, ids], 1),
            "valid": tf.concat([tf.reduce_any(valid, 1, keepdims=True), valid], 1),
        }

    def words(self, side: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Every position of a side but [CLS], [SEP] and padding, bool `[B, T]`."""
        hides = "labels" in side and not is_classified(side)
        clean = tf.convert_to_tensor(side["labels"] if hides else side["ids"])
        valid = tf.convert_to_tensor(side["valid"])
        return valid & (clean != self.start_id) & (clean != self.end_id)


class OnlineMean:
    """Several online teachers that are asked as one: p(y) = sum_m w_m p_m(y).

    Each reads the record by itself, as it would alone; the mean is of their distributions, at
    temperature 1, and so there is none for a term that compares hidden states. A teacher that is
    asked alone by another term of the view is run once for both.

    Args:
        members: The teachers, over one vocabulary.
        weights: w, positive, in their order; they are divided by their sum. None: 1/M each.

    Raises:
        ValueError: There are none; other than one positive weight each; or some read a sequence
            and some a pair.

    Example:
        teacher = OnlineMean([large, small], [0.7, 0.3])
        distiller = Distiller(student, [SoftTargets(teacher="both")], teachers={"both": teacher})
    """

    def __init__(self, members: Sequence[OnlineTeacher], weights: Sequence[float] | None = None):
        mean = MeanOf(members, weights)
        self.members: tuple[OnlineTeacher, ...] = mean.members
        self.weights = mean.weights
        if len(read := {one.model.input_layout for one in members}) > 1:
            raise ValueError(
                "Invalid value for argument `members`. Expected models that read alike. Received: "
                f"{' and '.join(sorted(read))}"
            )

    @property
    def head(self) -> Any:
        """The first one's: all are over the same vocabulary."""
        return self.members[0].head

    @property
    def single_sequence(self) -> bool:
        """Whether they read one sequence, not a source and a target."""
        return self.members[0].single_sequence

    def words(self, side: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """See `OnlineTeacher.words`."""
        return self.members[0].words(side)
