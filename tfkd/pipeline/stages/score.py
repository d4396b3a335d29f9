"""Scoring stages: what a teacher says of corpora, stored."""

from functools import cache
from typing import Any

from tfkd.data.text.prompted_text import encode_prompted
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node, seed_of
from tfkd.pipeline.engine.kinds import stage_of
from tfkd.pipeline.engine.roles import Role
from tfkd.pipeline.engine.stage import Stage
from tfkd.pipeline.engine.stage_folder import StageFolder
from tfkd.pipeline.inputs.asked_models import asked_model, model_inputs, refuse_other_pieces
from tfkd.pipeline.inputs.parts import folds_of
from tfkd.pipeline.plan.planned import Planned
from tfkd.spec import Spec
from tfkd.spec.stages.score import ScoreOptions


class ScoreStage(Stage):
    """A teacher's top K for every target word, or all classes of every row."""

    Options = ScoreOptions
    of_folds = True
    unit = "rows"

    def node(self, graph: Any, spec: Spec, name: str, options: Any, on: str | None = None) -> Node:
        """With `on`, the same work on another corpus."""
        corpora = [on] if on else [part.of for part in options.data]
        inputs = model_inputs(graph, spec, options, graph.label(spec, name, None))
        teacher = inputs[Role.MODEL]
        for i, corpus in enumerate(corpora):
            inputs |= _read(graph, spec, Role.DATA.of(i), corpus, teacher, options.prompt)
        identity = teacher.task.score_identity(options)
        if folds := folds_of(teacher):
            with_parts = [one.key for one in folds[0].inputs[Role.PARTS].inputs.values()]
            if any(graph.corpus(spec, one).key not in with_parts for one in corpora):
                identity["by_text"] = True
        if options.shares is not None:
            identity["weights"] = options.shares
        label = graph.label(spec, name, seed_of(inputs)) + (f" on {on}" if on else "")
        node_options = options if on is None else options.on_corpora([on])
        return Node(self.kind, label, spec, node_options, inputs, identity)

    def on(self, graph: Any, spec: Spec, reference: str, corpus: str) -> Node:
        """A scoring stage's teacher at the same work on another corpus (the teacher check)."""
        spec, name = graph.resolve(spec, reference)
        options = spec.stages[name]
        if [part.of for part in options.data] == [corpus]:
            return graph.stage(spec, name)
        return graph.once(
            (id(spec), "score", name, corpus), lambda: self.node(graph, spec, name, options, corpus)
        )

    def plan(self, node: Node, planned: Planned) -> dict[str, Any]:
        """32 bytes a target token at K = 8; known once the ids are made."""
        if node.task.Options.over_classes:
            return {}
        alone = node.model.is_causal and node.options.prompt is None
        tokens, field = 0, "text" if alone else "target"
        for child in node.inputs.values():
            if child.kind == "ids" and child.options.field == field:
                folder = planned.folder(child)
                if not folder.done:
                    return {}
                summary = folder.manifest()["summary"]
                tokens += summary["tokens"] + summary["rows"]
        return {"disk": tokens * 4 * node.options.top_k}

    def shards(self, node: Node, folder: StageFolder, context: Context) -> Any:
        refuse_other_pieces(node, context)
        return node.task.scored(node, cache(lambda: _teacher(node, context)), folder, context)

    def run(self, node: Node, folder: StageFolder, context: Context) -> dict[str, Any]:
        """Scores each corpus into `store-I/`; goes on after the last whole shard."""
        return self.shards(node, folder, context).summary()


def _teacher(node: Node, context: Context) -> Any:
    """The model that is asked, or the mean of several."""
    from tfkd.pipeline.engine.fresh_start import fresh_start
    from tfkd.pipeline.inputs.models import trained_model

    fresh_start()
    return asked_model(node, lambda one: trained_model(one, context, precision=_precision(one)))


def _read(
    graph: Any, spec: Spec, role: str, corpus: str, teacher: Node, prompt: str | None
) -> dict[str, Node]:
    """What a teacher reads of a corpus, by role; with a prompt, sources within it."""
    if prompt is None:
        return graph.part(spec, role, corpus, teacher.model, own=teacher)
    ids, name = stage_of("ids"), teacher.model.tokenizers["text"]
    by = name, teacher.trained.inputs[Role.TOKENIZER.of("text")]
    how = f"source in {prompt!r}", encode_prompted(prompt)
    return {
        f"{role}.{Role.IDS}.source": ids.cut(graph, spec, corpus, "source", *by, *how),
        f"{role}.{Role.IDS}.target": ids.node(graph, spec, corpus, "target", *by),
        f"{role}.{Role.CORPUS}": graph.corpus(spec, corpus),
    }


def _precision(node: Node) -> str:
    return getattr(node.trained.options, "products", None) or "float32"
