"""What a task is: all that differs by what a model is for, translation, classification, ...

A task has two halves, as a stage has. Its options (`tfkd.spec.tasks.task.TaskOptions`) are what a
spec knows of it: the head that a model may have for it, and what must be there. Its `Task` is what
the pipeline knows: what a model reads beside texts, in which view it is measured, how it is
measured, taught from a store and exported, and what results.json shows of it. A spec names no task;
a stage's follows from its model and the views of its terms (`node.task`). The registry has both
halves, `register("task", NAME, options=..., target="module:Class")`, where NAME is the kind of the
head. A module with a `Task` imports TensorFlow in its functions alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from tfkd.spec.tasks.task import TaskOptions

if TYPE_CHECKING:
    import numpy as np

    from tfkd.data.examples import ExampleSet
    from tfkd.data.ragged import Ragged
    from tfkd.data.views import View
    from tfkd.pipeline.engine.builder import GraphBuilder
    from tfkd.pipeline.engine.context import Context
    from tfkd.pipeline.engine.graph import Node
    from tfkd.pipeline.engine.output_shards import Shards
    from tfkd.pipeline.engine.stage_folder import StageFolder
    from tfkd.pipeline.engine.wanted import Evaluation, TeacherCheck
    from tfkd.pipeline.plan.planned import Planned
    from tfkd.pipeline.scoring.counting import Counting
    from tfkd.serving.formats.format import Subject
    from tfkd.spec import Spec

Made = Mapping[str, Callable[[], Any]]


class Measured(NamedTuple):
    """What a stage measures a model on.

    Attributes:
        node: The stage: an evaluation, noise or a training.
        examples: The rows.
        view: What they are read in.
        context: The run's surroundings.
    """

    node: Node
    examples: ExampleSet
    view: Any
    context: Context


class InFolder(NamedTuple):
    """Where `Task.export` writes: a folder of versions."""

    path: Path


class Task:
    """One task, without state: a node has what is particular to one.

    Attributes:
        Options: What a spec knows of it.
        decodes: Whether its models are decoded when they are exported.
        unit: What it predicts, as people count it.
        continues: Whether an evaluation that says how to decode shows how they go on with texts.
    """

    Options: ClassVar[type[TaskOptions]]
    decodes: ClassVar[bool] = True
    continues: ClassVar[bool] = False
    unit: ClassVar[str] = "positions"

    # The graph.

    def inputs(self, graph: GraphBuilder, spec: Spec, options: Any) -> dict[str, Node]:
        """What a training stage's model rests on beside its tokenizers, by role."""
        return {}

    def ids(self, graph: GraphBuilder, spec: Spec, corpus: str, learnt: Any) -> dict[str, Node]:
        """The ids that a model reads of a corpus beside its texts, or in place of them, by field.
        `learnt` are the model's options, and what `inputs` gave."""
        return {}

    def products(self, metrics: Sequence[str]) -> tuple[str, ...]:
        """What an evaluation stage makes for these metrics."""
        raise NotImplementedError

    def identity(self, graph: Any, spec: Spec, inputs: dict, options: Any, tuned: Any) -> dict:
        """What an evaluation's result depends on beside its inputs, to which it may add: of its
        options, and of the stage that chose the decoding, if one did.

        Raises:
            UserError: The corpus lacks what the model is measured against.
        """
        raise NotImplementedError

    def score_identity(self, options: Any) -> dict[str, Any]:
        """What stored targets depend on, of a scoring stage's options."""
        raise NotImplementedError

    def default_decode(self, model: Any) -> Any:
        """How a model is decoded where a spec does not say it; None: it is not."""
        return None

    def whole_targets(self, trained: Node) -> bool:
        """Whether a model's loss is that of whole targets, each word given those before it."""
        return False

    def check_of(self, graph: GraphBuilder, spec: Spec, entry: Any, corpus: str) -> TeacherCheck:
        """The check of a teacher that an evaluation asks for."""
        raise NotImplementedError

    def sizes(self, node: Node, planned: Planned) -> dict[str, Any]:
        """What a training stage's model predicts, as its weights are counted by it."""
        return {}

    def labels_of_row(self, model: Any, view: Any) -> int | None:
        """How many positions of a row are predicted in a view that a task has of its own, as the
        memory of a step is counted; None in any other view, and where most are."""
        return None

    # What is read and measured.

    def measured_view(self, trained: Node) -> str | None:
        """The view to measure a trained model in; None: the plain one."""
        raise NotImplementedError

    def own_view(self, trained: Node, options: Any, specials: Any, name: str, context: Context):
        """A view that the task alone can make, as of labels; None of any other. `options` are its
        own, None of the plain one; `specials` is the model's tokenizer, `name` its key in a batch.
        """
        return None

    def view(self, trained: Node, context: Context) -> View:
        """`measured_view`, made."""
        from tfkd.pipeline.inputs.made import views_of

        trained = trained.trained
        return next(iter(views_of(trained, {self.measured_view(trained)}, context).values()))

    def made(self, on: Measured, products: set[str], **asked: Any) -> Callable[[Any], Made]:
        """From a model to what metrics are counted from, by product, each made when it is called:
        with the model as its weights are then. Graphs are traced once.

        Args:
            on: What it is measured on.
            products: Those that are asked for.
            asked: `decode`, how outputs are made (None: quickly); `positive`, the class that f1 is
                about, and `where` that stands, for the message.

        Raises:
            UserError: There is no such class.
        """
        raise NotImplementedError

    def evaluate(self, on: Measured, model: Any, folder: StageFolder) -> dict[str, Any]:
        """Writes what the metrics are computed from; returns the summary."""
        raise NotImplementedError

    def shards(self, on: Measured, model: Callable[[], Any], folder: StageFolder) -> Shards | None:
        """What `evaluate` makes in shards, which several processes may share; see `Stage.shards`.
        `model` loads the model, and is called once."""
        return None

    def rows(self, node: Node, kind: str, counting: Counting, positive: str | None) -> tuple:
        """What `evaluate` has written of a product, with references and sources; see
        `Metric.statistics`."""
        raise NotImplementedError

    def check_baseline(self, evaluation: Evaluation, context: Context) -> None:
        """Raises a UserError where the baseline cannot be compared with the system."""

    def show(self, entry: dict, evaluation: Evaluation, counting: Counting, place: Path) -> None:
        """Fills an entry of results.json's `evaluations`, which has the metrics, and writes its
        texts into the run folder, as `PLACE.NAME.txt`."""

    def trivial(self, evaluation: Evaluation, counting: Counting, settings: dict) -> list[dict]:
        """Systems that have not learnt the task, by the evaluation's metrics."""
        return []

    def faults(self, node: Node, context: Context) -> dict[str, str]:
        """What an evaluation's outputs show of a model that has not learnt its task."""
        return {}

    # What others learn from it, and what is served.

    def head(self, model: Any, view: Any) -> str | None:
        """The head that a term reads; None: the only one there is."""
        return None

    def refuse_teacher(self, node: Node, reference: str, teacher: Node, context: Context) -> None:
        """Raises UserError where a teacher's answers are of other things than its student's."""

    def scored(
        self, node: Node, model: Callable[[], Any], folder: StageFolder, context: Context
    ) -> Any:
        """What a teacher says of each corpus of a scoring stage, as `Shards`; their `summary()`
        makes those that are not there, and stores them in `store-I/`. `model` loads the teacher."""
        raise NotImplementedError

    def vocabulary(self, node: Node, context: Context) -> Any:
        """What its model predicts, a tokenizer or classes: `fingerprint()`, `size`, and `names` of
        classes or `vocabulary` of pieces."""
        from tfkd.pipeline.inputs.made import side_tokenizers
        from tfkd.pipeline.stages.terms import predicted_tokenizer

        return predicted_tokenizer(side_tokenizers(node, context))

    def due(
        self, node: Node, examples: ExampleSet, rows: np.ndarray, context: Context, of: str
    ) -> Ragged:
        """What a store has rows for, of some examples of a corpus: with `of` "labels" the ids that
        are predicted of each, -1 where nobody knows them; with "ids" those that are read there. Of
        tasks whose targets can be stored."""
        raise NotImplementedError

    def stores(self, node: Node, term: str, scored: Node, context: Context) -> Any:
        """What finds a batch's stored targets, `(example_set, examples, width) -> arrays`, of a
        student's stage and its term, as a scoring stage has left them.

        Raises:
            UserError: They are of other things than the student predicts.
        """
        raise NotImplementedError

    def subject(self, node: Node, model: Any, context: Context, card: dict) -> Subject:
        """An export stage's model as formats take it; to `card` it may add. A task that has no more
        than `export` has SavedModels alone."""
        from tfkd.serving.formats.format import Subject

        return Subject(model, {}, None, (), card, self.as_saved_model(node, model, context, card))

    def as_saved_model(self, node: Node, model: Any, context: Context, card: dict) -> Callable:
        """`export`, as it is left to do: called with the folder of versions."""
        return lambda folder: self.export(node, model, InFolder(folder), context, card)

    def evaluate_export(
        self, node: Node, engine: Any, folder: StageFolder, context: Context
    ) -> dict[str, Any]:
        """Writes what the metrics are computed from, as the engine of an export answers; returns
        the summary, whose `rows` is their number."""
        raise NotImplementedError

    def export(self, node: Node, model: Any, folder: Any, context: Context, card: dict) -> dict:
        """Writes `1/` into `folder.path`, a SavedModel that was held against the model of an export
        stage.

        Returns:
            `bytes`, `parameters`, `more_ops`, and `check`, whose first entry is how many of what it
            was checked on. To `card` it may add.
        """
        raise NotImplementedError
