"""On-policy distillation: a share of the batches has the student's own outputs as its target."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from tfkd.decoding.sampling import row_seeds, uniform
from tfkd.decoding.search import Search, Specials
from tfkd.layers.custom_gradient import without_gradients
from tfkd.layers.invariants import weights_once
from tfkd.objectives.own_outputs import OWN
from tfkd.objectives.term import PLAIN, Batch, Record

# Tells the choice of batches from the draws of tokens.
_CHOICE = 0x0B47C4


@dataclass(frozen=True, kw_only=True)
class OnPolicy:
    """Generalized knowledge distillation, Algorithm 1 of Agarwal et al. 2024 (GKD).

    With probability `share`, the student of this step writes the target of a batch: outputs
    y ~ p_student(. | x) for the batch's sources x, or, of a language model, continuations of the
    first tokens of its rows. The loss of such a batch is the divergence between the teacher, asked
    in the step, and the student at the positions of y alone,

        weight / N * sum_t D(p_teacher(. | y_<t, x) || p_student(. | y_<t, x)),

    N the positions of this batch: no gradient flows through the drawing of y (section 3.1). Terms
    that need the text's words (cross-entropy, stored targets, hidden states, lengths) say nothing
    of it: their sums and counts are 0. Other batches are as without this.

    Which batches have own outputs, and each token of these, are a pure function of the step's key
    (the training's seed and the step's number), the row's number in the step's batch and the
    weights: a training that goes on comes to the same outputs, and micro-batches and replicas take
    their rows of the same. Replicas write their own rows each, and exchange them.

    An output is at most as long as the batch's longest target: a batch stays of the size that it
    was planned with. Where it is cut there, its last position is a prefix like any other.

    Attributes:
        share: The probability of a batch, above 0 and at most 1: lambda of the paper.
        search: How the student writes: one that draws, with a `seed`, like `Sampling`. Its own
            `max_length` counts, too.
        specials: The special ids of what it writes.
        view: The view that has the target; of the terms that speak of own outputs.
        prompt: Of a language model: the share of a row's tokens that is its prompt, at least one.
            The prompt of a row with two sides is its first side.

    Reference: Agarwal et al. 2024, On-Policy Distillation of Language Models: Learning from
    Self-Generated Mistakes, arXiv 2306.13649.

    Example:
        own = OnPolicy(share=0.5, search=Sampling(), specials=tokenizer)
        distiller = Distiller(student, [words, soft], teachers={"big": teacher}, on_policy=own)
    """

    share: float
    search: Search
    specials: Specials
    view: str = PLAIN
    prompt: float = 0.5

    def __post_init__(self) -> None:
        if not (0 < self.share <= 1 and 0 < self.prompt < 1):
            raise ValueError(
                "Invalid value for `OnPolicy`. Expected a share above 0, at most 1, and a prompt "
                f"between 0 and 1. Received: share={self.share}, prompt={self.prompt}"
            )
        if not hasattr(self.search, "seed") or self.search.n_best != 1:
            raise ValueError(
                "Invalid value for argument `search`. Expected one that draws, with a `seed`, one "
                "output a row. "
                f"Received: {type(self.search).__name__}"
            )

    def chooses(self, key: tf.Tensor) -> tf.Tensor:
        """Whether a step's batch has own outputs, bool scalar.

        Args:
            key: int32 `[2]`: the step's.
        """
        word = tf.cast(row_seeds(key, tf.zeros([1], tf.int32)), tf.uint32)
        return uniform(word, tf.constant(_CHOICE))[0] < self.share

    def __call__(self, student: Any, batch: Batch, key: tf.Tensor) -> Batch:
        """The batch of a step: as it is, or with own outputs. To be called on each replica.

        Args:
            student: The model that writes, with `start` and `step`.
            batch: The whole step's batch, of all replicas; its rows a multiple of theirs.
            key: int32 `[2]`: the step's.
        """
        context = tf.distribute.get_replica_context()
        replicas = context.num_replicas_in_sync
        record, chosen = batch[self.view], self.chooses(key)
        pairs = "target" in record
        shape = tf.shape((record["target"] if pairs else record)["ids"])
        rows, width = shape[0], shape[1]
        share = rows // replicas
        first = context.replica_id_in_sync_group * share if replicas > 1 else tf.constant(0)
        mine = tf.nest.map_structure(lambda values: values[first : first + share], record)
        seeds = row_seeds(key, first + tf.range(share), self.search.seed)
        written = tf.cond(
            chosen,
            lambda: self._written(student, mine, seeds, width),
            lambda: tf.zeros([share, width + 1], tf.int32),
        )
        if replicas > 1:
            # An exchange is no part of a branch: all replicas take part in each step's.
            around = [[first, rows - share - first], [0, 0]]
            whole = tf.pad(tf.cast(written, tf.float32), around)
            whole = context.all_reduce(tf.distribute.ReduceOp.SUM, whole)
            written = tf.cast(whole, tf.int32)
        made = self._pair if pairs else self._continued
        own = made(record, tf.stop_gradient(written[:, :-1]), written[:, -1])
        taken = tf.nest.map_structure(lambda new, old: tf.where(chosen, new, old), own, record)
        return {**batch, self.view: taken, OWN: {self.view: tf.fill([rows], chosen)}}

    @without_gradients()
    @weights_once()
    def _written(
        self, student: Any, record: Record, seeds: tf.Tensor, width: tf.Tensor
    ) -> tf.Tensor:
        """What the student writes for some rows, int32 `[rows, width + 1]`: bare tokens, and their
        number in the last column."""
        if "target" in record:
            read = {name: record["source"][name] for name in ("ids", "valid")}
            count = tf.maximum(_length(read["valid"]) - 1, 0)
            room = tf.fill(tf.shape(count), width - 1)
        else:
            count = self._prompts(record)
            longest = tf.maximum(tf.reduce_max(count), 1)
            read = {
                "ids": record["ids"][:, :longest],
                "valid": tf.sequence_mask(count, longest),
            }
            room = width - count
        limits = tf.minimum(self.search.max_length.lengths(count, 2**30), room)
        search = self.search.with_options({"seed": seeds})
        found = search(student, read, limits, self.specials)
        ids, lengths = found.ids[:, 0], found.lengths[:, 0]
        ids = tf.pad(ids, [[0, 0], [0, width - tf.shape(ids)[1]]])
        written = tf.concat([ids, lengths[:, None]], 1)
        return tf.ensure_shape(tf.cast(written, tf.int32), [None, None])

    def _prompts(self, record: Record) -> tf.Tensor:
        """Tokens of each row's prompt, its start counted, int32 `[rows]`; 0 of an empty row."""
        tokens = _length(record["valid"])
        share = tf.cast(tf.floor(self.prompt * tf.cast(tokens, tf.float32)), tf.int32)
        # The position at which the second side's first token is predicted ends the first.
        sides = tf.argmax(tf.convert_to_tensor(record["types"]), 1, output_type=tf.int32)
        prompts = tf.where(sides > 0, sides + 1, tf.maximum(share, 1))
        return tf.where(tokens > 0, prompts, 0)

    def _pair(self, record: Record, ids: tf.Tensor, lengths: tf.Tensor) -> Record:
        """A pair with other targets: `[CLS] y` is read, `y [SEP]` predicted."""
        specials, target = self.specials, record["target"]
        there = tf.reduce_any(tf.convert_to_tensor(record["source"]["valid"]), 1)
        place, ends = tf.range(tf.shape(ids)[1])[None], lengths[:, None]
        words = tf.where(place < ends, ids, int(specials.pad_id))
        valid = (place <= ends) & there[:, None]
        start = tf.where(there, int(specials.start_id), int(specials.pad_id))[:, None]
        own = {
            "ids": tf.concat([start, words[:, :-1]], 1),
            "labels": tf.where((place == ends) & valid, int(specials.end_id), words),
            "valid": valid,
            "selected": valid,
        }
        return {**record, "target": {**target, **own}}

    def _continued(self, record: Record, ids: tf.Tensor, lengths: tf.Tensor) -> Record:
        """A text whose prompts go on otherwise; what follows them is predicted alone."""
        pad, end = int(self.specials.pad_id), int(self.specials.end_id)
        prompts = self._prompts(record)[:, None]
        place, ends = tf.range(tf.shape(ids)[1])[None], prompts + lengths[:, None]
        own = tf.gather(ids, tf.maximum(place - prompts, 0), batch_dims=1)
        read = tf.where(place < prompts, tf.convert_to_tensor(record["ids"]), own)
        valid = place < ends
        read = tf.where(valid, read, pad)
        labels = tf.where(place == ends - 1, end, tf.pad(read[:, 1:], [[0, 0], [0, 1]]))
        selected = valid & (place >= prompts - 1)
        return {
            **record,
            "ids": read,
            "labels": tf.where(valid, labels, pad),
            "types": tf.cast(selected, tf.int32),
            "valid": valid,
            "selected": selected,
        }


def _length(valid: Any) -> tf.Tensor:
    return tf.reduce_sum(tf.cast(valid, tf.int32), 1)


def own_batch(batch: Mapping[str, Any]) -> bool:
    """Whether a batch that was made has own outputs."""
    return OWN in batch and bool(next(iter(batch[OWN].values()))[0])
