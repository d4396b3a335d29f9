"""Tuning: the setting of a decoding by which a model does best on a validation corpus."""

import json
from dataclasses import replace
from typing import Any

from tfkd.data.files import write_atomically
from tfkd.evaluation import Counted
from tfkd.evaluation.asked_metrics import metric_of
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.engine.identity import own_identity, plain
from tfkd.pipeline.engine.roles import Role
from tfkd.pipeline.engine.stage import Stage
from tfkd.pipeline.engine.stage_folder import StageFolder
from tfkd.pipeline.inputs.text_stages import open_text
from tfkd.pipeline.stages.choose import chosen, trials_of
from tfkd.pipeline.stages.train import said_setting
from tfkd.spec import Spec, registry
from tfkd.spec.errors import UserError
from tfkd.spec.metrics import KIND

# What is decoded with the choice rests on it alone, and not on the values that it was made by.
CHOSEN = "chosen.json"


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
            inputs[Role.TRIAL.of(place)] = replace(one, label=label)
        # What the metric counts by, of the evaluation's own keys.
        counted = registry.lookup(KIND, choose.metric).options.model_fields
        identity = {
            "metric": choose.metric,
            "settings": [setting for setting, _ in choose.trials],
            **plain(entry, without=type(entry).model_fields.keys() - {*counted}),
            **own_identity(entry, (choose.metric,)),
        }
        return Node(self.kind, trained.label, spec, entry, inputs, identity)

    def run(self, node: Node, folder: StageFolder, context: Context) -> dict[str, Any]:
        """Scores the outputs of each setting, as the evaluation on the test set will be scored, and
        writes `chosen.json`, the best one's place and setting; of equal ones the first's."""
        from tfkd.pipeline.scoring.counting import file_lines

        trials = trials_of(node)
        metric = metric_of(node.options.choose.metric, node.options)
        text = open_text(trials[0].inputs[Role.TEXT], context)
        references = list(text.lines("target"))
        sources = list(text.lines("source")) if metric.reads_sources else None
        outputs = (file_lines(context.stages / trial.key / "hypotheses.txt") for trial in trials)
        values = [Counted.of(metric, lines, references, sources).value for lines in outputs]
        found = chosen(node, values, higher=metric.higher_is_better)
        best = found["choose"]["chosen"]
        choice = {"place": best, "setting": found["choose"]["trials"][best]["setting"]}
        write_atomically(folder.path / CHOSEN, json.dumps(choice, indent=1))
        return found


STAGE = TuneStage
