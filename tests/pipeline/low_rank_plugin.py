"""A user's own adapter: a low-rank product beside a projection (Hu et al., 2022, LoRA)."""

from typing import Any, ClassVar

import keras
import tensorflow as tf
from pydantic import Field

from tfkd.layers import Dense
from tfkd.layers.initializers import derive_seed
from tfkd.spec.options import AdapterOptions
from tfkd.spec.options.base import Count
from tfkd.spec.registry import register


class LowRankOptions(AdapterOptions):
    """branch + W2 W1 h, of a small rank, on a projection."""

    folds: ClassVar[bool] = True

    kind: str = Field("low_rank", description="The kind of adapter.")
    rank: Count = Field(4, description="Rows of W1.")


@keras.saving.register_keras_serializable(package="low_rank")
class LowRank(keras.layers.Layer):
    """branch + (h W1) W2, with W2 starting at 0, on the output of self-attention: both are of the
    block's width there."""

    def __init__(self, rank: int, seed: int | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.rank, self.seed = rank, seed

    def build(self, input_shape: Any) -> None:
        self.down = Dense(
            self.rank, use_bias=False, seed=derive_seed(self.seed, "down"),
            dtype=self.dtype_policy, name="down",
        )  # fmt: skip
        self.down.build(input_shape)
        self.up = Dense(
            input_shape[-1], use_bias=False, kernel_initializer="zeros",
            dtype=self.dtype_policy, name="up",
        )  # fmt: skip
        self.up.build((*input_shape[:-1], self.rank))

    def call(
        self,
        hidden: tf.Tensor,
        memories: dict[str, Any],
        *,
        branch: tf.Tensor,
        cache: Any = None,
        training: bool = False,
    ) -> tf.Tensor:
        """The branch is what the projection computed, `[..., units]`."""
        del memories, cache, training
        return branch + self.up(self.down(hidden))

    def product(self) -> tf.Tensor:
        """W1 W2: what it adds to the projection's own matrix."""
        return tf.matmul(self.down.kernel, self.up.kernel)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rank": self.rank, "seed": self.seed}


register("adapter", "low_rank", options=LowRankOptions, target=f"{__name__}:LowRank")
