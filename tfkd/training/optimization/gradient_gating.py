"""Gradients of an auxiliary loss, module by module, where they do not oppose the main one's."""

from collections.abc import Sequence

import tensorflow as tf

from tfkd.training.optimization.combiners import Combined, Groups
from tfkd.training.optimization.parameters import Parameter

MODULES = ("layer", "sublayer", "encoder")


class GatedGradients:
    """The gradient optimization mechanism: for each module m, with g its two gradients as vectors,

        g = g_main + g_auxiliary   where <g_main, g_auxiliary> > 0,
        g = g_main                 elsewhere (also where the product is 0).

    A module is gated whole, and only through weights that both losses reach. What one loss reaches
    alone takes that one's gradient: the decoder the main loss's, an auxiliary term's classifier or
    projection always its own, or it would never learn. An embedding that source and target share is
    the module "embedding", whose gradient the decoder has a part in.

    The gradients are those of the whole step: accumulated, made dense, summed over replicas and
    divided by their terms' counts before any gate is decided, so that it is the same on each
    replica. Products are float32.

    Args:
        modules: What is gated together: "layer": each layer; the embeddings with their positions;
            and what comes after the layers (a pre-norm's last normalization). "sublayer":
            attention and feed-forward apart, each with its normalization. "encoder": everything
            that both losses reach, whatever its part.

    Metrics: "gated/MODULE", 1 in a step whose auxiliary gradient was left out of the module.

    Reference: P2, Towards Full Utilization on Mask Task for Distilling PLMs into NMT, section 3.3,
    equations 5 and 6.
    """

    grouped = True

    def __init__(self, modules: str = "layer"):
        if modules not in MODULES:
            raise ValueError(
                f"Invalid value for argument `modules`. Expected one of {', '.join(MODULES)}. "
                f"Received: modules={modules!r}"
            )
        self.modules = modules

    def __call__(self, groups: Groups, parameters: Sequence[Parameter]) -> Combined:
        """See `Combiner`."""
        missing = [None] * len(parameters)
        main, auxiliary = groups.get("main", missing), groups.get("auxiliary", missing)
        names = [
            module_of(parameter.path, self.modules)
            if parameter.owner == "student" and one is not None and other is not None
            else None
            for parameter, one, other in zip(parameters, main, auxiliary, strict=True)
        ]
        products: dict[str, tf.Tensor] = {}
        for name, one, other in zip(names, main, auxiliary, strict=True):
            if name is not None:
                product = tf.reduce_sum(one * other)
                products[name] = products[name] + product if name in products else product
        # What is not finite is let through: the whole step is then skipped, as any other that
        # overflowed.
        gated = {
            name: (product <= 0) & tf.math.is_finite(product) for name, product in products.items()
        }
        combined: list[tf.Tensor | None] = []
        for name, one, other in zip(names, main, auxiliary, strict=True):
            if one is None or other is None:
                combined.append(other if one is None else one)
            elif name is None:
                combined.append(one + other)
            else:
                combined.append(tf.where(gated[name], one, one + other))
        metrics = {f"gated/{name}": tf.cast(left_out, tf.float32)
                   for name, left_out in gated.items()}  # fmt: skip
        return Combined(combined, metrics)


def module_of(path: str, modules: str) -> str:
    """The module of a weight, by its path below the student.

    Args:
        path: Like `encoder/layer_1/self_attention/output_projection/kernel`.
        modules: See `GatedGradients`.
    """
    if modules == "encoder":
        return "encoder"
    first, *rest = path.split("/")
    if "embedding" in first or first.endswith("_positions"):
        return "embedding"
    if not rest or len(rest) == 1:
        return first
    name = f"{first}.{rest[0]}"
    if modules == "sublayer" and rest[0].startswith("layer_"):
        name += f".{rest[1].removesuffix('_norm')}"
    return name
