"""The distance between a student's hidden states and a teacher's."""

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from tfkd.layers.dense import Dense
from tfkd.layers.initializers import derive_seed
from tfkd.objectives.soft_targets import PLACES
from tfkd.objectives.term import Batch, Record, Term, weighed
from tfkd.spec.checks.layer_pairs import MAPS, MIX, layer_pairs

PROJECTIONS = ("linear", "none")
OVER_WIDTH = ("mean", "sum")


@keras.saving.register_keras_serializable(package="tfkd")
class HiddenStates(Term):
    """sum over positions t and pairs (i, j) of || P_i h_i(t) - g_j(t) ||^2 over their width.

    h are the student's states, g an online teacher's, P_i a projection to its width, trained with
    the term. (P2's equation 1 prints a minus sign before the squared norm; it is minimized.)

    Args:
        teacher: The online teacher's name.
        layers: Which states make a pair:
            "last": both last ones;
            "second_to_last": the student's last, the teacher's last but one (Yang et al. 2020);
            "every": each layer i of a student of n layers, and the teacher's layer round(i N / n)
            of N;
            "mix": the student's last, and sum_j softmax(w)_j g_j over all layers of the teacher,
            with a learnt w that starts at 0 (Wu et al. 2020);
            a mapping from states of the student to states of the teacher, by their names
            ("embedding", "layer_1", ..., "hidden", the last), or to "mix".
        projection: "linear": P h = h W + b; "none": for equal widths.
        over_width: "sum": the squared norm, as P2's equation 1; "mean": divided by the teacher's
            width.
        at: "all": every word, [CLS] and [SEP] left out; "selected": the view's selected positions.
        name, weight, view, divide_by, group, module: See `Term`.

    Reference: P2, Towards Full Utilization on Mask Task for Distilling PLMs into NMT, section 2.2.
    """

    kind = "hidden_states"
    weighs_rows = True

    def __init__(
        self,
        *,
        teacher: str,
        layers: str | Mapping[str, str] = "last",
        projection: str = "linear",
        over_width: str = "mean",
        at: str = "all",
        name: str = "hidden_states",
        **options: Any,
    ):
        super().__init__(name=name, **options)
        for argument, value, known in (
            ("projection", projection, PROJECTIONS),
            ("over_width", over_width, OVER_WIDTH),
            ("at", at, PLACES),
        ):
            if value not in known:
                raise ValueError(
                    f"Invalid value for argument `{argument}`. Expected one of "
                    f"{', '.join(known)}. Received: {argument}={value!r}"
                )
        if isinstance(layers, str) and layers not in MAPS:
            raise ValueError(
                f"Invalid value for argument `layers`. Expected one of {', '.join(MAPS)}, or a "
                f"mapping. Received: layers={layers!r}"
            )
        self.teacher = teacher
        self._map = layers if isinstance(layers, str) else dict(layers)
        self.projection = projection
        self.over_width = over_width
        self.at = at
        self.pairs: dict[str, str] = {}

    def attach(self, student: Any, teachers: Mapping[str, Any], seed: int | None = None) -> None:
        """See `Term.attach`; makes the projections and the weights of mixes.

        Raises:
            ValueError: The teacher is missing, a layer does not exist, or the widths differ without
                a projection.
        """
        super().attach(student, teachers, seed)
        if self.online is None:
            raise ValueError(
                "Invalid value for argument `teachers`. Expected an online teacher "
                f"{self.teacher!r}, which the term {self.name} compares with. "
                f"Received: {sorted(teachers)}"
            )
        if len(self.online.members) > 1:
            raise ValueError(
                f"Invalid value for argument `teachers`. The term {self.name} compares hidden "
                f"states, and {self.teacher!r} is several teachers, which have no mean of those. "
                "Expected one OnlineTeacher"
            )
        teacher = self.online.model
        ours, theirs = len(student.encoder.blocks), len(teacher.encoder.blocks)
        self.pairs = layer_pairs(self._map, ours, theirs)
        if self.projection == "none" and student.width != teacher.width:
            raise ValueError(
                "Invalid value for argument `projection`. Expected 'linear' for a student of width "
                f"{student.width} and a teacher of width {teacher.width}. Received: 'none'"
            )
        self._projections: dict[str, Dense] = {}
        self._mixes: dict[str, Any] = {}
        self._mixed = [f"layer_{number}" for number in range(1, theirs + 1)]
        for own, other in self.pairs.items():
            if self.projection == "linear":
                self._projections[own] = Dense(
                    teacher.width,
                    seed=derive_seed(seed, f"projection/{own}"),
                    dtype=student.dtype_policy,
                    name=f"projection_{own}",
                )
                self._projections[own].build((None, student.width))
            if other == MIX:
                self._mixes[own] = self.add_weight(
                    (theirs,), initializer="zeros", name=f"mix_{own}"
                )

    def positions(self, batch: Batch, record: Record) -> tf.Tensor:
        """Where states are compared; see `at`."""
        side = self.side(record)
        return side["selected"] if self.at == "selected" else self.online.words(side)

    def call(self, states: Mapping[str, tf.Tensor], batch: Batch) -> tf.Tensor:
        """The sum, a float32 scalar."""
        taught = batch["taught"][self.teacher]
        chosen = tf.convert_to_tensor(self.positions(batch, batch[self.view]))
        total = tf.zeros([])
        for own, other in self.pairs.items():
            hidden = self.state(states, own)
            if self._projections:
                hidden = self._projections[own](hidden)
            difference = tf.cast(hidden, tf.float32) - self._state_of_teacher(own, other, taught)
            # Padding may hold anything: left out here, it has no gradient either.
            difference = tf.where(chosen[..., None], difference, 0.0)
            over = tf.reduce_mean if self.over_width == "mean" else tf.reduce_sum
            total += tf.reduce_sum(over(tf.square(difference), -1) * weighed(chosen, batch))
        return total

    def _state_of_teacher(self, own: str, other: str, taught: Mapping[str, tf.Tensor]) -> tf.Tensor:
        if other != MIX:
            return tf.cast(taught[other], tf.float32)
        shares = tf.unstack(tf.nn.softmax(tf.convert_to_tensor(self._mixes[own])))
        return tf.add_n(
            [
                share * tf.cast(taught[name], tf.float32)
                for share, name in zip(shares, self._mixed, strict=True)
            ]
        )

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "teacher": self.teacher,
            "layers": self._map if isinstance(self._map, str) else dict(self._map),
            "projection": self.projection,
            "over_width": self.over_width,
            "at": self.at,
        }
