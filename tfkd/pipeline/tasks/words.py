"""What the tasks of models that predict words have in common."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tfkd.data.files import write_atomically
from tfkd.data.ragged import Ragged
from tfkd.evaluation import RowSums, WordSums
from tfkd.evaluation.metrics import OUTPUTS, TEACHER_FORCED, WORDS
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.engine.identity import between_newlines, decode_identity, plain, read_in_windows
from tfkd.pipeline.engine.kinds import stage_of
from tfkd.pipeline.engine.output_shards import Shards
from tfkd.pipeline.engine.roles import Role
from tfkd.pipeline.engine.stage_folder import StageFolder
from tfkd.pipeline.engine.wanted import Evaluation, TeacherCheck
from tfkd.pipeline.inputs.parts import folds_of
from tfkd.pipeline.scoring.counting import Counting
from tfkd.pipeline.scoring.products import CONTINUED, MASKED, ROWS_FILE, WORDS_FILE, product
from tfkd.pipeline.tasks.task import Made, Measured, Task
from tfkd.pipeline.tasks.teacher_forced import TeacherForced, row_shards, rows_measured
from tfkd.spec import Spec
from tfkd.spec.errors import UserError
from tfkd.spec.metrics import TEACHER_CHECK

# K of an evaluation's coverage, unless the teacher that it is compared with stored another.
TOP_K = 8
# Of a scoring stage: its teachers, and what changes how it runs, not what comes out.
_NO_RESULT = {"score", "beside", "weights", "data", "batch_tokens", "on_failed_check"}


class Words(Task):
    """Models that predict words, of which one each position has."""

    def products(self, metrics: Sequence[str]) -> tuple[str, ...]:
        return tuple(sorted({*map(product, metrics)}))

    def identity(self, graph: Any, spec: Spec, inputs: dict, options: Any, tuned: Any) -> dict:
        trained, made = inputs[Role.MODEL], {*options["products"]}
        model, stage = trained.model, trained.trained.options
        found = {"products": options["products"], **between_newlines(model, stage)}
        if {OUTPUTS, CONTINUED} & made:
            found |= decoded(inputs, options["decode"], tuned)
        if {TEACHER_FORCED, MASKED} & made and options["top_k"] != TOP_K:
            found["top_k"] = options["top_k"]
        if WORDS in made:
            found |= read_in_windows(model, stage)
            found |= {} if options["context"] is None else {"context": options["context"]}
        return found

    def score_identity(self, options: Any) -> dict[str, Any]:
        found = plain(options, without=_NO_RESULT)
        if options.read != "masked":
            found.pop("passes", None)
        return found

    def check_of(self, graph: Any, spec: Spec, entry: Any, corpus: str) -> TeacherCheck:
        """What a teacher has scored, beside a model without a teacher; of one that students ask in
        their steps the same, or beside itself without context."""
        of, stage = graph.resolve(spec, entry.of)
        check, against = (TEACHER_CHECK,), entry.against
        if of.stages[stage].kind == "score":
            teacher, node = stage_of("score").on(graph, spec, entry.of, corpus), None
            # Of folds each row is asked of the model that has not seen it.
            folds = folds_of(teacher.inputs[Role.MODEL])
            top_k, seen = (teacher.options.top_k,), None if folds else of.stages[stage]
        else:
            node = graph.stage(spec, entry.of).trained
            asked = check if against else (MASKED,)
            teacher = graph.evaluation(spec, entry.of, corpus, asked, None)
            top_k, seen = (), node.options if "trained" in node.gives else None
        baseline = graph.evaluation(spec, against, corpus, check, None, *top_k) if against else None
        seen = seen is not None and corpus in [part.of for part in seen.data]
        return TeacherCheck(entry, corpus, teacher, baseline, seen)

    def measured_view(self, trained: Node) -> str | None:
        """The first term's that predicts words."""
        terms = list(trained.options.objective.values())
        return next((term.view for term in terms if term.kind != "length"), terms[0].view)

    def made(self, on: Measured, products: set[str], **asked: Any) -> Callable[[Any], Made]:
        kinds = {TEACHER_FORCED} & products
        return lambda model: {
            kind: TeacherForced(model, on.examples, on.view).sums for kind in kinds
        }

    def evaluate(self, on: Measured, model: Any, folder: StageFolder) -> dict[str, Any]:
        """Writes `rows.npz`, sums by row."""
        from tfkd.objectives.prediction_sums import teacher_forced_metrics

        summary: dict[str, Any] = {}
        products, top_k = on.node.options["products"], on.node.options["top_k"]
        if TEACHER_FORCED in products:
            sums = rows_measured(on, model, folder, top_k)
            kept = {"nll": sums["nll"], "correct": sums["correct"], "tokens": sums["positions"]}
            write_atomically(folder.path / ROWS_FILE, lambda file: np.savez(file, **kept))
            summary[TEACHER_FORCED] = teacher_forced_metrics(sums)
            on.context.deadline.check()
        if MASKED in products:
            from tfkd.pipeline.tasks.context_check import beside_itself

            blind, names = self.without_context(on.view)
            summary |= beside_itself(model, on.examples, on.view, top_k, blind) | names
        return summary

    def shards(self, on: Measured, model: Any, folder: StageFolder) -> Shards | None:
        """Its sums by row, of many rows."""
        options = on.node.options
        if TEACHER_FORCED not in options["products"]:
            return None
        return row_shards(on, model, folder, options["top_k"])

    def without_context(self, view: Any) -> tuple[Any, dict[str, str]]:
        """A view in which the same words are predicted without context (None: the last token alone
        is seen), and what the predicted words and a teacher that sees no more are called."""
        raise NotImplementedError

    def rows(self, node: Node, kind: str, counting: Counting, positive: str | None) -> tuple:
        if kind == OUTPUTS:
            return counting.outputs(node), counting.texts(node, "target"), counting.texts(node)
        if kind == TEACHER_FORCED:
            return RowSums(**counting.arrays(node, ROWS_FILE)), None, None
        return WordSums(**counting.arrays(node, WORDS_FILE)), None, None

    def trivial(self, evaluation: Evaluation, counting: Counting, settings: dict) -> list[dict]:
        from tfkd.pipeline.tasks.trivial_words import systems

        return systems(evaluation, counting, settings)

    def due(self, node: Node, examples: Any, rows: np.ndarray, context: Context, of: str) -> Ragged:
        """Those of the positions that the plain view selects, in their order."""
        from tfkd.pipeline.inputs.made import views_of

        (view,) = views_of(node, {None}, context).values()
        record = view(examples, rows, 0, 0)
        side = record.get("target", record)
        selected = np.asarray(side["selected"])
        ends = np.concatenate([[0], np.cumsum(selected.sum(1))]).astype(np.int64)
        return Ragged(np.asarray(side[of], np.int32)[selected], ends)

    def stores(self, node: Node, term: str, scored: Node, context: Context) -> Any:
        from tfkd.pipeline.inputs.made import side_tokenizers
        from tfkd.pipeline.stages.stored_targets import of_corpora
        from tfkd.pipeline.stages.terms import predicted_tokenizer
        from tfkd.targets import PartStores

        model = node.model
        if model.single_sequence:
            reference = node.options.objective[term].teacher
            raise UserError(
                f"stages.{node.label}.objective.{term}.teacher: {reference} stored a row for each "
                f"word of an encoder-decoder's target, and {node.options.train} ({model.kind}) "
                "reads both sides as one stream, where the rows would stand at other words. "
                "Expected an encoder-decoder as the student"
            )
        vocabulary = predicted_tokenizer(side_tokenizers(node, context)).fingerprint()
        return PartStores(of_corpora(node, scored, vocabulary, context))


def decoded(inputs: dict[str, Node], decode: Any, tuned: Node | None) -> dict[str, Any]:
    """What an identity says of a decoding: nothing of one that is chosen, which is among the inputs
    then, with all that was tried."""
    if tuned is None:
        return decode_identity(decode)
    inputs[Role.TUNED] = tuned
    return {}
