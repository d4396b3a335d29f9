"""Tuning: the setting of a decoding by which a model does best on a validation corpus."""

from dataclasses import replace
from typing import Any

from tfkd.pipeline.graph import Node
from tfkd.pipeline.identity import own_identity, plain
from tfkd.pipeline.stage import Stage
from tfkd.pipeline.stages.train import said_setting
from tfkd.spec import Spec, registry
from tfkd.spec.errors import UserError
from tfkd.spec.metrics import KIND


class TuneStage(Stage):
    """The choice of a model's decoding by an evaluation's `choose`."""

    kind = "tune"

    def node(self, graph: Any, spec: Spec, reference: str, entry: Any) -> Node:
        """Of each setting an evaluation on the validation corpus is an input.

        Raises:
            UserError: The model, one of another spec, writes no outputs.
        """
        trained = graph.stage(spec, reference)
        choose = entry.choose
        if trained.model.single_sequence:
            raise UserError(
                f"evaluate: {trained.label} writes no outputs that choose could judge by "
                f"{choose.by}; take choose out, or evaluate an encoder-decoder"
            )
        inputs = {}
        for place, (setting, decode) in enumerate(choose.trials):
            one = graph.evaluation(spec, reference, choose.corpus, (choose.metric,), decode)
            label = f"{one.label} [{said_setting(setting)}]"
            inputs[f"trial.{place}"] = replace(one, label=label)
        # What the metric counts by, of the evaluation's own keys.
        counted = registry.lookup(KIND, choose.metric).options.model_fields
        identity = {
            "metric": choose.metric,
            "settings": [setting for setting, _ in choose.trials],
            **plain(entry, without=type(entry).model_fields.keys() - {*counted}),
            **own_identity(entry, (choose.metric,)),
        }
        return Node(self.kind, trained.label, spec, entry, inputs, identity)

    def run(self, node: Node, folder: Any, context: Any) -> dict[str, Any]:
        from tfkd.pipeline.tune_stage import run_tune

        return run_tune(node, folder, context)


STAGE = TuneStage
