"""Classification: one label a row, or, of tasks that extend it, several."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from tfkd.data.classes import LABELS, label_ids
from tfkd.data.examples import ExampleSet
from tfkd.data.ragged import Ragged
from tfkd.data.text.marked_text import encode_marked
from tfkd.data.views.base import View
from tfkd.evaluation.metrics import CLASSES
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.engine.kinds import stage_of
from tfkd.pipeline.engine.roles import Role
from tfkd.pipeline.engine.stage_folder import StageFolder
from tfkd.pipeline.engine.wanted import Evaluation, TeacherCheck
from tfkd.pipeline.inputs.made import readable
from tfkd.pipeline.inputs.parts import folds_of
from tfkd.pipeline.inputs.text_stages import classes_of, open_text
from tfkd.pipeline.plan.planned import Planned
from tfkd.pipeline.scoring.counting import Counting
from tfkd.pipeline.tasks import label_results as results
from tfkd.pipeline.tasks.label_rows import (
    HEAD,
    Classified,
    class_rows,
    positive_index,
    predicted,
    write_rows,
)
from tfkd.pipeline.tasks.task import Made, Measured, Task
from tfkd.spec import Spec
from tfkd.spec.errors import UserError
from tfkd.spec.metrics import TEACHER_CHECK
from tfkd.spec.options import reads_classes
from tfkd.spec.tasks.classification import ClassificationOptions


class Classification(Task):
    """The class of each row, by a head over the classes that are learnt from labels.

    A task with several labels a row extends it: it says which of the row's positions its
    `label_view` selects, and how it is exported.

    Attributes:
        several: Whether a row has several labels, with spaces between.
    """

    Options = ClassificationOptions
    decodes = False
    unit: ClassVar[str] = "rows"
    several: ClassVar[bool] = False

    def label_view(self, model: Any, specials: Any, **given: Any) -> View:
        """The view in which labels are predicted.

        Args:
            model: The model's options.
            specials: Its tokenizer.
            given: `name`, `classes`, `max_length`.
        """
        from tfkd.data.views import ClassifyView

        return ClassifyView(model.tokenizer, specials, read=model.head.read, **given)

    def labels(self, examples: ExampleSet) -> Ragged:
        """The ids of each row's labels."""
        if self.several:
            return examples.take(*LABELS, np.arange(len(examples)))
        return Ragged(label_ids(examples), np.arange(len(examples) + 1))

    # The graph.

    def inputs(self, graph: Any, spec: Spec, options: Any) -> dict[str, Node]:
        return {Role.CLASSES: stage_of("classes").node(graph, spec, options, self.several)}

    def ids(self, graph: Any, spec: Spec, corpus: str, learnt: Any) -> dict[str, Node]:
        """Labels, where it has some, and marks; the marked text in place of the text."""
        (model, inputs), ids, found = learnt, stage_of("ids"), {}
        if "label" in graph.fields(spec, corpus):
            found["label"] = ids.labels(graph, spec, corpus, inputs[Role.CLASSES])
        for field, how in self.cut_fields(graph, spec, corpus, model).items():
            by = model.tokenizer, inputs[Role.TOKENIZER.of("text")]
            found[field] = ids.cut(graph, spec, corpus, field, *by, *how)
        return found

    def cut_fields(self, graph: Any, spec: Spec, corpus: str, model: Any) -> dict[str, tuple]:
        """The fields whose text is cut before it is encoded, each with what that is called in
        fingerprints and `(text, field, tokenizer, folder)`, which does it."""
        if model.head.read != "mark":
            return {}
        fields = graph.fields(spec, corpus)
        if not {"text", "mark"} <= set(fields):
            raise UserError(
                f"data.{corpus}: a head that reads the mark needs the fields text and mark; "
                f"this corpus has {', '.join(fields)}"
            )
        return dict.fromkeys(("text", "mark"), ("mark", encode_marked))

    def products(self, metrics: Sequence[str]) -> tuple[str, ...]:
        return (CLASSES,)

    def identity(self, graph: Any, spec: Spec, inputs: dict, options: Any, tuned: Any) -> dict:
        if "data.ids.label" not in inputs:
            corpus = options["corpus"]
            raise UserError(
                f"data.{corpus}: the predictions of {inputs[Role.MODEL].label} are held against "
                f"labels; this corpus has {', '.join(graph.fields(spec, corpus))}"
            )
        return {"products": [CLASSES]}

    def score_identity(self, options: Any) -> dict[str, Any]:
        return {"read": "classes"}

    def check_of(self, graph: Any, spec: Spec, entry: Any, corpus: str) -> TeacherCheck:
        """Its accuracy beside that of a model that had no teacher."""
        node = graph.stage(spec, entry.of)
        of, stage = graph.resolve(spec, entry.of)
        folds = node.kind == "score" and folds_of(node.inputs[Role.MODEL])
        if folds or (node.kind == "score" and node.options.beside):  # of no stage alone
            teacher = node.stage.on(graph, spec, entry.of, corpus)
        else:
            if node.kind == "score":
                of, stage = graph.resolve(of, of.stages[stage].score)
            teacher = graph.evaluation(of, stage, corpus, (TEACHER_CHECK,), None)
        against = entry.against
        baseline = (
            graph.evaluation(spec, against, corpus, (TEACHER_CHECK,), None) if against else None
        )
        read = node if node.kind == "score" else node.trained
        seen = not folds and corpus in [part.of for part in getattr(read.options, "data", ())]
        return TeacherCheck(entry, corpus, teacher, baseline, seen)

    def sizes(self, node: Node, planned: Planned) -> dict[str, Any]:
        """`classes`, and `words` where it has a head over them, too."""
        classes = node.inputs[Role.CLASSES]
        if not planned.folder(classes).done:
            planned.note(f"{node.label}: two classes are counted until {classes.label} is read.")
        heads = node.model.heads_needed(node.options, node.spec.views)
        return {
            "classes": classes.stage.size(classes, planned),
            "words": "masked_lm" in heads,
        }

    def labels_of_row(self, model: Any, view: Any) -> int | None:
        return 1 if reads_classes(model, view) and not self.several else None

    # What a model reads, and how it is measured.

    def measured_view(self, trained: Node) -> str | None:
        """The first term's that predicts classes."""
        views = (term.view for term in trained.options.objective.values())
        known = trained.spec.views
        return next((view for view in views if reads_classes(trained.model, known.get(view))), None)

    def own_view(self, trained: Node, options: Any, specials: Any, name: str, context: Context):
        model = trained.model
        if not reads_classes(model, options):
            return None
        limit = readable(trained) if options is None else options.max_length
        size = classes_of(trained, context).size
        return self.label_view(model, specials, name=name, classes=size, max_length=limit)

    def made(
        self,
        on: Measured,
        products: set[str],
        positive: str | None = None,
        where: str = "evaluate",
        **asked: Any,
    ) -> Callable[[Any], Made]:
        classes = classes_of(on.node, on.context)
        index = positive_index(classes, positive, where)

        def made(model: Any) -> Made:
            guesses = self._guesses(on, model)
            return {CLASSES: lambda: predicted(guesses.rows(), classes.size, index)}

        return made

    def evaluate(self, on: Measured, model: Any, folder: StageFolder) -> dict[str, Any]:
        rows = self._guesses(on, model).rows()
        return write_rows(rows, classes_of(on.node, on.context), folder.path)

    def _guesses(self, on: Measured, model: Any) -> Classified:
        from tfkd.objectives.prediction import predictor

        return self._classified(predictor(model, 1, head=HEAD), on.examples, on.view)

    def _classified(self, predict: Any, examples: ExampleSet, view: View) -> Classified:
        return Classified(predict, examples, view, self.labels(examples), self.several)

    def rows(self, node: Node, kind: str, counting: Counting, positive: str | None) -> tuple:
        """The guesses of the rows that have a label, with labels and texts."""
        context = counting.context

        def made() -> tuple:
            rows, classes = class_rows(node, context), classes_of(node, context)
            index = positive_index(classes, positive, "evaluate")
            text = open_text(node.inputs[Role.TEXT], context)
            labelled = range(len(text)) if self.several else np.flatnonzero(rows["label"] >= 0)
            texts = ("label", "text" if "text" in text.fields else "source")
            lines = ([counting.texts(node, field)[row] for row in labelled] for field in texts)
            return predicted(rows, classes.size, index), *lines

        return counting.once(("classes", node.key, positive), made)

    def check_baseline(self, evaluation: Evaluation, context: Context) -> None:
        results.check_baseline(evaluation, context)

    def show(self, entry: dict, evaluation: Evaluation, counting: Counting, place: Path) -> None:
        results.show(entry, evaluation, counting, place)

    def trivial(self, evaluation: Evaluation, counting: Counting, settings: dict) -> list[dict]:
        return [results.beside_majority(evaluation, counting, settings)]

    def faults(self, node: Node, context: Context) -> dict[str, str]:
        return results.faults(node, self.several, context)

    # What others learn from it, and what is served.

    def head(self, model: Any, view: Any) -> str | None:
        return HEAD if reads_classes(model, view) else "masked_lm"

    def refuse_teacher(self, node: Node, reference: str, teacher: Node, context: Context) -> None:
        """It tells apart what its student does."""
        ours, theirs = (classes_of(one, context) for one in (node, teacher))
        if theirs is not None and ours.names != theirs.names:
            raise UserError(other_classes(node, reference, theirs.size, ours.size))

    def scored(self, node: Node, model: Any, folder: StageFolder, context: Context) -> Any:
        from tfkd.pipeline.tasks.scored import scored_labels

        return scored_labels(node, model, self.view(node, context), folder, context)

    def vocabulary(self, node: Node, context: Context) -> Any:
        return classes_of(node, context)

    def due(
        self, node: Node, examples: ExampleSet, rows: np.ndarray, context: Context, of: str
    ) -> Ragged:
        """Labels, of several a row all of them; a row without any has one, which nobody knows."""
        if self.several:
            return examples.take(*LABELS, rows)
        return Ragged(label_ids(examples, rows).astype(np.int32), np.arange(len(rows) + 1))

    def stores(self, node: Node, term: str, scored: Node, context: Context) -> Any:
        from tfkd.pipeline.stages.stored_targets import of_corpora
        from tfkd.targets import PartStores

        classes, theirs = (classes_of(one, context) for one in (node, scored))
        if theirs is None or theirs.names != classes.names:
            reference = node.options.objective[term].teacher
            size = 0 if theirs is None else theirs.size
            raise UserError(other_classes(node, reference, size, classes.size))
        stored = of_corpora(node, scored, classes.fingerprint(), context)
        parts = PartStores(stored, cut=self.several)  # a student may read fewer words of a row
        return parts if self.several else OneRow(parts)

    def places(self, model: Any) -> str | None:
        """Where a line's labels are read, of those that exports for other engines know: "cls",
        "mark", "words"; None: the task alone knows."""
        own = type(self).label_view is not Classification.label_view
        return None if own else model.head.read

    def subject(self, node: Node, model: Any, context: Context, card: dict) -> Any:
        from tfkd.pipeline.tasks.label_export import labels_subject

        view, places = self.view(node, context), self.places(node.trained.model)
        saved = self.as_saved_model(node, model, context, card)
        return labels_subject(node, model, view, places, context, card, saved)

    def evaluate_export(
        self, node: Node, engine: Any, folder: StageFolder, context: Context
    ) -> dict[str, Any]:
        """Texts are read by the exported tokenizer, in the task's own view."""
        from tfkd.pipeline.tasks.label_export import asked_of, read_by_export

        examples = read_by_export(node, engine, folder, context)
        view = self.view(node.inputs[Role.MODEL], context)
        rows = self._classified(asked_of(engine), examples, view).rows()
        found = write_rows(rows, classes_of(node, context), folder.path)
        return {"rows": len(examples), **found}

    def export(self, node: Node, model: Any, folder: Any, context: Context, card: dict) -> dict:
        from tfkd.pipeline.tasks.label_export import export_labels

        return export_labels(node, model, self.view(node, context), folder, context, card)


def other_classes(node: Node, reference: str, theirs: int, ours: int) -> str:
    """What is said of a teacher of other classes than its student's."""
    return (
        f"stages.{node.label}: the teacher {reference} tells {theirs:,} classes apart, its student "
        f"{ours:,}, and not all of them are the same. Learn both from the same labels: name the "
        "corpora in both models, `head: {kind: classifier, classes: [...]}`"
    )


class OneRow:
    """Stores with one row an example, as what a batcher calls."""

    def __init__(self, parts: Any):
        self._parts, self.stores = parts, parts.stores

    def __call__(self, example_set: ExampleSet, examples: np.ndarray, width: int) -> dict[str, Any]:
        """As `PartStores`, of width 1."""
        return self._parts(example_set, examples, 1)
