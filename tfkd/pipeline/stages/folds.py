"""Trainings in folds: several models of one stage, each of which has not seen a part of the rows.

Reference: Dao, Kamath, Syrgkanis and Mackey 2021, Knowledge Distillation as Semiparametric
Inference, section 4.2 (cross-fitting).
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node, seed_of
from tfkd.pipeline.engine.kinds import stage_of
from tfkd.pipeline.engine.roles import Role
from tfkd.pipeline.inputs.parts import folds_of
from tfkd.pipeline.inputs.text_stages import place
from tfkd.spec import Spec

# Of a fold's options: it is a training like any other, but for the part that it leaves out.
_ALONE = {"folds": None}


def folded(
    graph: Any, spec: Spec, name: str, options: Any, train: Callable[..., Node], kind: str
) -> Node:
    """The node of a stage with `folds:`, which rests on K trainings.

    Args:
        graph: The graph's builder.
        spec: The spec.
        name: The stage's name.
        options: Its options.
        train: `(options, setting, left_out)`, which gives the node of a training.
        kind: The kind of both.
    """
    parts = stage_of("parts").node(graph, spec, name, options)
    alone, count = options.model_copy(update=_ALONE), options.folds
    trainings = [
        train(alone, f"[fold {part + 1} of {count}]", (parts, part)) for part in range(count)
    ]
    inputs = {**trainings[0].inputs}
    inputs |= {Role.FOLD.of(part): node for part, node in enumerate(trainings)}
    label = graph.label(spec, name, seed_of(inputs))
    return Node(kind, label, spec, options, inputs, {"folds": count})


def join_folds(node: Node, context: Context) -> dict[str, Any]:
    """What is said of K trainings together: where each was best on validation, and how far they
    agree there."""
    summaries = [place(one, context).manifest()["summary"] for one in folds_of(node)]
    names = ("steps", "parameters", "trained_parameters")
    found: dict[str, Any] = {name: summaries[0][name] for name in names}
    found["folds"] = [
        {"label": one.label, "fingerprint": one.fingerprint, "best": summary["best"]}
        for one, summary in zip(folds_of(node), summaries, strict=True)
    ]
    said = f"{len(summaries)} models"
    if all(summary["best"] for summary in summaries):
        best = [summary["best"] for summary in summaries]
        values = np.array([one["value"] for one in best])
        found["mean"] = {"metric": best[0]["metric"], "value": float(values.mean())}
        said += f", {best[0]['metric']} {values.min():.4f} to {values.max():.4f}"
    if node.options.validate_ is not None:
        found["agreement"] = share = _agreement(node, context)
        said += f"; two of them predict the same at {100 * share:.1f} % of the positions"
    return {**found, "brief": said}


def _agreement(node: Node, context: Context) -> float:
    """At how many positions of the validation rows two of the models predict the same, the mean
    over pairs of models. One model is in memory at a time."""
    from tfkd.data.examples import ExampleSet
    from tfkd.data.side_by_side import side_by_side
    from tfkd.objectives.prediction import predictor
    from tfkd.pipeline.inputs.made import part_of
    from tfkd.pipeline.inputs.measured_batches import batches_of
    from tfkd.pipeline.inputs.models import trained_model

    view = node.task.view(node, context)
    on = node.options.validate_.on
    examples = ExampleSet([part_of(node, Role.VALIDATE, on, context)])
    head = node.task.head(node.model, node.spec.views.get(node.task.measured_view(node)))
    guesses = []
    for one in folds_of(node):
        predict = predictor(trained_model(one, context), 1, head=head)
        batches = batches_of(examples, view)
        found = side_by_side(lambda batch, ask=predict: ask(batch[view.name]), batches)
        guesses.append(np.concatenate([said["ids"][:, 0] for _, said in found]))
        context.deadline.check()
    stacked = np.stack(guesses)
    equal = [(stacked[i] == stacked[j]).mean() for j in range(len(stacked)) for i in range(j)]
    return float(np.mean(equal))
