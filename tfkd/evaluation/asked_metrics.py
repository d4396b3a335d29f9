"""The metrics of an evaluation or a validation with their options."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tfkd.evaluation import Metric
from tfkd.spec import registry
from tfkd.spec.metrics import KIND, about, product_of


def metric_of(name: str, given: Any) -> Metric:
    """A metric with its options: those of `metric_options`, or the evaluation's keys of the same
    names.

    Args:
        name: The metric's name, as in specs.
        given: The evaluation's or validation's options.
    """
    made = about(name)
    if (own := getattr(given, "metric_options", {}).get(name)) is not None:
        return made(own)
    model = registry.lookup(KIND, name).options
    chosen = {key: getattr(given, key, None) for key in model.model_fields}
    return made(model(**{key: one for key, one in chosen.items() if one is not None}))


def metrics_of(given: Any) -> list[Metric]:
    """The metrics of an evaluation's or validation's options, and those counted beside them."""
    found: list[Metric] = []
    for name in given.metrics:
        metric = metric_of(name, given)
        found += [metric, *(one() for one in metric.also)]
    return found


def measured(
    metrics: Sequence[Metric],
    products: Mapping[str, Callable[[], Any]],
    references: Sequence[str] | None = None,
    sources: Sequence[str] | None = None,
) -> dict[str, float]:
    """The values of some metrics, whose products are made when the first of them asks.

    Args:
        metrics: The metrics.
        products: What makes each product; None of one that is no numbers any more, of which each
            metric is no number.
        references, sources: As of `Metric.statistics`.
    """
    made: dict[str, Any] = {}
    found = {}
    for metric in metrics:
        kind = product_of(metric, products)
        if kind not in made:
            made[kind] = products[kind]()
        found[metric.name] = math.nan
        if made[kind] is not None:
            with np.errstate(over="ignore", invalid="ignore"):
                rows = metric.statistics(made[kind], references, sources)
                found[metric.name] = metric.value(rows)
    return found
