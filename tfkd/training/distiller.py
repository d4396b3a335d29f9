"""A student with the terms that it learns from."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from tfkd.layers.initializers import derive_seed
from tfkd.models.compiled_loss import check_record
from tfkd.objectives import Objective, OnlineTeacher, objective_forward, term_counts
from tfkd.objectives.own_outputs import speaks_of_own
from tfkd.training.given_batch import batch_of, refuse_losses
from tfkd.training.on_policy import OnPolicy
from tfkd.training.optimization.combiners import Combiner, Sum
from tfkd.training.optimization.parameters import Parameter, named_parameters
from tfkd.training.optimization.slices import Batch, Scalars
from tfkd.training.step import Step


class Distiller(keras.Model):
    """A student, its loss terms, and how their gradients combine.

    Loss = sum_i weight_i * sum_i / N_i over the terms. `compile` and `fit` train on one device with
    any Keras optimizer, on batches as `tfkd.data` makes them (nested dicts by view); what makes a
    long training safe and exact everywhere is in `tfkd.training.train`.

    Args:
        student: The model that learns, built.
        terms: Loss terms (see `tfkd.objectives`).
        combiner: How the gradients of main and auxiliary terms combine (`GatedGradients`, or one of
            your own); None: they are summed.
        teachers: Online teachers (`tfkd.objectives.OnlineTeacher`) by the names that terms call
            them by. They run without dropout, and are in neither the weights nor the optimizer of
            this model.
        seed: Seed of dropout in `fit`, and of weights that terms own.
        on_policy: A share of the batches gets the student's own outputs as its target; None: none.

    Attributes:
        static_shapes: Whether every position is projected to the vocabulary, as XLA needs it.

    Example:
        distiller = tfkd.training.Distiller(student, terms)
        distiller.compile(optimizer=keras.optimizers.Adam(1e-3))
        distiller.fit(batches, steps_per_epoch=100)
        student.save("student.keras")
    """

    def __init__(
        self,
        student: keras.Model,
        terms: Sequence[Any],
        combiner: Combiner | None = None,
        teachers: Mapping[str, OnlineTeacher] | None = None,
        seed: int = 1,
        on_policy: OnPolicy | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        names = [term.name for term in terms]
        if not terms or len(set(names)) < len(names):
            raise ValueError(
                "Invalid value for argument `terms`. Expected one or more with different names. "
                f"Received: terms named {names}"
            )
        self.student = student
        self.terms = list(terms)
        self.combiner = combiner or Sum()
        self.seed = seed
        self.on_policy = on_policy
        self.static_shapes = False
        for term in terms:
            if hasattr(term, "attach"):
                term.attach(student, dict(teachers or {}), derive_seed(seed, f"terms/{term.name}"))
        if on_policy and not any(speaks_of_own(term, on_policy.view) for term in terms):
            raise ValueError(
                "Invalid value for argument `on_policy`. Expected a term on the view "
                f"{on_policy.view} with an online teacher, which says something of own outputs. "
                f"Received: terms named {names}"
            )
        self._means: dict[str, keras.metrics.Mean] = {}
        # XLA compiles anew for each batch shape, and makes nothing faster on CPUs.
        self.supports_jit = False
        for layer in self._flatten_layers():
            if not layer.built and not layer.weights:
                layer.built = True
        self.built = True

    @property
    def parameters(self) -> list[Parameter]:
        """The trained weights: the student's, then those that terms own."""
        return named_parameters(self.student, self.terms)

    def call(self, inputs: Any, training: bool = False) -> Any:
        """The student's states of a record."""
        return self.student(inputs, training=training)

    def counts(self, batch: Batch) -> Scalars:
        """Each term's normalizer N, from the batch alone; float32 scalars by the term's name."""
        return term_counts(self.terms, batch)

    def objective(
        self, batch: Batch, counts: Scalars, *, training: bool, apart: bool = False
    ) -> Objective:
        """The loss of a batch, or of a slice of the batch that `counts` were counted in.

        Args:
            batch: Records by view, `[rows, ...]`.
            counts: From `counts`.
            training: Whether dropout is on and the loss will be differentiated.
            apart: Whether each group's loss will be differentiated by itself.
        """
        return objective_forward(
            self.student,
            self.terms,
            batch,
            counts,
            training=training,
            static_shapes=self.static_shapes,
            apart=apart,
        )

    def compile(
        self, optimizer: Any = "rmsprop", *, auto_scale_loss: bool = True, **options: Any
    ) -> None:
        """As Keras's; the optimizer of a float16 student scales the loss.

        Raises:
            ValueError: Losses or metrics are given; they are the terms'.
        """
        refuse_losses(options)
        optimizer = keras.optimizers.get(optimizer)
        scales = keras.optimizers.LossScaleOptimizer
        if auto_scale_loss and self.student.compute_dtype == "float16":
            optimizer = optimizer if isinstance(optimizer, scales) else scales(optimizer)
        super().compile(optimizer, auto_scale_loss=False, **options)

    def get_config(self) -> dict[str, Any]:
        """Refuses: what was taught is the student, which is saved by itself.

        Raises:
            ValueError: Always.
        """
        raise ValueError(
            "A Distiller is a student with what teaches it: save its student, "
            'distiller.student.save("student.keras"), or weights alone, '
            "keras.callbacks.ModelCheckpoint(PATH, save_weights_only=True)"
        )

    def train_step(self, data: Any) -> dict[str, tf.Tensor]:
        """One step of `fit`."""
        batch = batch_of(data, self.terms)
        seed = int.from_bytes(hashlib.sha256(str(self.seed).encode()).digest()[:4], "big") >> 1
        key = tf.stack([seed, tf.cast(self.optimizer.iterations.value, tf.int32)])
        # Keras wraps the optimizer of a float16 model: it unscales, skips and follows by itself.
        scale = getattr(self.optimizer, "dynamic_scale", None)
        scale = None if scale is None else tf.convert_to_tensor(scale)
        step = Step(self)
        result = step(batch, key, loss_scale=scale)
        reached = [
            (gradient if scale is None else gradient * scale, parameter.variable)
            for gradient, parameter in zip(result.gradients, step.parameters, strict=True)
            if gradient is not None
        ]
        self.optimizer.apply_gradients(reached)
        return self._shown(result.statistics)

    def test_step(self, data: Any) -> dict[str, tf.Tensor]:
        """One step of `evaluate`."""
        batch = batch_of(data, self.terms)
        counts = self.counts(batch)
        result = self.objective(batch, counts, training=False)
        statistics = {"loss": result.loss}
        statistics |= {f"sum/{name}": value for name, value in result.sums.items()}
        statistics |= {f"count/{name}": value for name, value in counts.items()}
        for name, (value, count) in result.metrics.items():
            statistics |= {f"metric_sum/{name}": value, f"metric_count/{name}": count}
        return self._shown(statistics)

    def predict_step(self, data: Any) -> Any:
        """One step of `predict`: the student's states of a record."""
        check_record(self.student, data, taught=False)
        return super().predict_step(data)

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """The running means that `fit` shows and resets each epoch."""
        return list(self._means.values())

    def _shown(self, statistics: Scalars) -> dict[str, tf.Tensor]:
        self._mean("loss").update_state(statistics["loss"])
        for place in ("", "metric_"):
            for entry, value in statistics.items():
                if entry.startswith(f"{place}sum/"):
                    name = entry.partition("/")[2]
                    count = statistics[f"{place}count/{name}"]
                    ratio = tf.math.divide_no_nan(value, count)
                    self._mean(name).update_state(ratio, sample_weight=count)
        return {name: mean.result() for name, mean in self._means.items()}

    def _mean(self, name: str) -> keras.metrics.Mean:
        if name not in self._means:
            # What metrics there are is known when the first step is traced.
            with tf.init_scope():
                self._means[name] = keras.metrics.Mean(name=name)
        return self._means[name]
