"""Scoring stages: what a teacher says of corpora, stored."""

from typing import Any

from tfkd.data.examples import ExampleSet
from tfkd.pipeline.context import Context
from tfkd.pipeline.graph import Node, seed_of
from tfkd.pipeline.identity import plain
from tfkd.pipeline.planned import Planned, size_in_words
from tfkd.pipeline.progress import told_progress
from tfkd.pipeline.stage import Stage
from tfkd.pipeline.stage_folder import StageFolder
from tfkd.spec import Spec
from tfkd.spec.errors import UserError
from tfkd.spec.metrics import TEACHER_FORCED
from tfkd.spec.stages.score import ScoreOptions


class ScoreStage(Stage):
    """A teacher's top K for every target word, or all classes of every row."""

    Options = ScoreOptions

    def node(self, graph: Any, spec: Spec, name: str, options: Any, on: str | None = None) -> Node:
        """With `on`, the same work on another corpus."""
        teacher = graph.stage(spec, options.score)
        classes = teacher.trained.inputs.get("classes")
        corpora = [on] if on else [part.of for part in options.data]
        inputs = {"model": teacher}
        for i, corpus in enumerate(corpora):
            inputs |= graph.part(spec, f"data.{i}", corpus, teacher.model, False, classes)
        identity = plain(options, without={"score", "data", "batch_tokens", "on_failed_check"})
        if classes is not None:
            identity = {"read": "classes"}
        elif options.read != "masked":
            identity.pop("passes", None)
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

    def plan(self, node: Node, planned: Planned) -> dict[str, str]:
        """32 bytes a target token at K = 8; known once the ids are made."""
        if "classes" in node.inputs["model"].trained.inputs:
            return {}
        tokens = 0
        for child in node.inputs.values():
            if child.kind == "ids" and child.options.field == "target":
                folder = planned.folder(child)
                if not folder.done:
                    return {}
                summary = folder.manifest()["summary"]
                tokens += summary["tokens"] + summary["rows"]
        return {"disk": size_in_words(tokens * 4 * node.options.top_k)}

    def run(self, node: Node, folder: StageFolder, context: Context) -> dict[str, Any]:
        """Scores each corpus into `store-I/`; goes on after the last whole shard."""
        from tfkd.pipeline.class_stores import run_class_scores
        from tfkd.pipeline.fresh_start import fresh_start
        from tfkd.pipeline.models import trained_model

        fresh_start()
        teacher = node.inputs["model"]
        learnt = teacher.trained
        precision = getattr(learnt.options, "precision", "float32")
        model = trained_model(teacher, context, precision=precision)
        score = run_class_scores if "classes" in learnt.inputs else _run_word_scores
        return score(model, node, folder, context)


def _run_word_scores(
    model: Any, node: Node, folder: StageFolder, context: Context
) -> dict[str, Any]:
    """Scores each corpus of a scoring stage, the top K of every target word."""
    from tfkd.objectives.prediction import predictor
    from tfkd.pipeline.inputs import label_map, part_of, side_tokenizers, views_of
    from tfkd.targets import Header, StoreWriter, score_masked, score_previous

    options, teacher = node.options, node.inputs["model"]
    tokenizers = side_tokenizers(teacher, context)
    tokenizer = tokenizers.get("head", tokenizers["text"])
    (view,) = views_of(teacher, {None}, context).values()
    predict = _in_labels(predictor(model, options.top_k), label_map(teacher, context))
    settings: dict[str, Any] = {
        "max_length": min(options.max_length, teacher.model.max_length),
        "batch_tokens": options.batch_tokens,
    }
    if options.read == "masked":
        settings["passes"] = options.passes
    score = score_masked if options.read == "masked" else score_previous
    metrics, rows = [], 0
    for index, part in enumerate(options.data):
        examples = ExampleSet([part_of(node, f"data.{index}", part.of, context)])
        header = Header(
            corpus=node.corpora[index].fingerprint,
            vocabulary=tokenizer.fingerprint(),
            vocabulary_size=tokenizer.size,
            top_k=options.top_k,
            examples=len(examples),
            details={"read": options.read, "passes": options.passes, "stage": node.key},
        )
        store = score(
            predict,
            examples,
            view,
            StoreWriter(folder.path / f"store-{index}", header),
            progress=told_progress(f"{node.label}: {part.of}", context),
            **settings,
        )
        metrics.append(store.metrics)
        rows += store.rows
    found = _joined(metrics, node.label, settings["max_length"])
    brief = (
        f"{rows:,} tokens; the teacher is right at {100 * found['accuracy']:.1f} %, the right word "
        f"is in its top {options.top_k} at {100 * found['coverage']:.1f} %"
    )
    return {TEACHER_FORCED: found, "tokens": rows, "brief": brief}


def _in_labels(predict: Any, table: Any) -> Any:
    """The predictor, asked for the right words in the vocabulary that the head predicts."""
    if table is None:
        return predict
    return lambda record: predict({**record, "labels": table[record["labels"]]})


def _joined(metrics: list[dict[str, float]], label: str, limit: int) -> dict[str, float]:
    """Means over the positions of all corpora."""
    metrics = [one for one in metrics if one["positions"]]
    positions = sum(one["positions"] for one in metrics)
    if not positions:
        raise UserError(
            f"{label}: nothing was scored: every pair is longer than {limit} tokens; raise "
            "max_length of the stage and of its teacher, or shorten the corpus"
        )
    joined = {
        name: sum(one[name] * one["positions"] for one in metrics) / positions
        for name in metrics[0]
        if name != "positions"
    }
    return {"positions": positions, **joined}
