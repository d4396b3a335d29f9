"""What a spec asks for in the end: evaluations, checks and exports, as nodes."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tfkd.pipeline.engine.builder import GraphBuilder
from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.engine.kinds import stage_of
from tfkd.pipeline.engine.roles import Role
from tfkd.pipeline.inputs.data_folder import DataFolder
from tfkd.pipeline.scoring.products import CONTINUED, MASKED
from tfkd.spec import Spec
from tfkd.spec.checks.export_checks import decode_of_export, first_evaluation
from tfkd.spec.errors import UserError
from tfkd.spec.metrics import TEACHER_CHECK
from tfkd.spec.options import MaskPredictOptions


@dataclass(frozen=True)
class Evaluation:
    """One model on one test set.

    Attributes:
        options: The spec's evaluate entry.
        on: The corpus.
        system: The evaluation stage of the model.
        baseline: The evaluation stage that it is compared with; None without `against`.
        noise: The model's noise stage; None without `noise`.
        baseline_noise: The baseline's.
    """

    options: Any
    on: str
    system: Node
    baseline: Node | None
    noise: Node | None = None
    baseline_noise: Node | None = None


@dataclass(frozen=True)
class TeacherCheck:
    """One teacher check: a scoring stage's metrics beside a model's without teacher; or those of a
    teacher that students ask in their steps, beside its own without context.

    Attributes:
        options: The spec's evaluate entry.
        on: The corpus.
        teacher: The scoring stage on that corpus, or the evaluation of the teacher itself.
        baseline: The evaluation stage of the model without a teacher; None without `against`.
        seen: Whether students learn from what the teacher says of these rows; of a teacher that is
            asked in their steps: whether it has learnt from them.
    """

    options: Any
    on: str
    teacher: Node
    baseline: Node | None
    seen: bool

    @property
    def nodes(self) -> list[Node]:
        """What it is judged by."""
        return [self.teacher] if self.baseline is None else [self.teacher, self.baseline]

    @property
    def judges(self) -> bool:
        """Whether it can find its teacher not clearly better: something stands beside that."""
        return self.baseline is not None or MASKED in self.teacher.identity.get("products", ())


@dataclass(frozen=True)
class Export:
    """One export.

    Attributes:
        options: The spec's export entry.
        node: The export stage.
    """

    options: Any
    node: Node


@dataclass
class Wanted:
    """All that a run ends in.

    Attributes:
        spec: The resolved spec.
        builder: The builder that made the nodes.
        evaluations: Models with test sets.
        teacher_checks: Teacher checks.
        exports: Stages in formats.
        parts: Of several seeds: what each asks for.
    """

    spec: Spec
    builder: GraphBuilder
    evaluations: list[Evaluation] = field(default_factory=list)
    teacher_checks: list[TeacherCheck] = field(default_factory=list)
    exports: list[Export] = field(default_factory=list)
    parts: list["Wanted"] = field(default_factory=list)

    def nodes(self) -> Iterator[Node]:
        """The last nodes, in the order in which they should be made: checks as early as can be."""
        # Checks on rows that no student learns from first: they may end the run before the others.
        for check in sorted(self.teacher_checks, key=lambda check: check.seen):
            yield from check.nodes
        for evaluation in self.evaluations:
            if evaluation.baseline is not None:
                yield evaluation.baseline
            yield evaluation.system
        for evaluation in self.evaluations:
            yield from filter(None, (evaluation.noise, evaluation.baseline_noise))
        yield from (export.node for export in self.exports)

    def ends(self) -> list[Node]:
        """The last nodes of a whole run.

        Raises:
            UserError: There is none.
        """
        found = list(self.nodes())
        if not found:
            raise UserError(
                f"{self.spec.path}: neither evaluate nor export names a stage, so nothing would "
                "run; name what the run ends in, or one stage with --until"
            )
        return found

    def until(self, stage: str) -> list[Node]:
        """The one stage to stop after, of each seed."""
        if self.parts:
            return [node for part in self.parts for node in part.until(stage)]
        try:
            spec, name = self.builder.resolve(self.spec, stage)
        except ValueError as error:  # no reference at all
            raise UserError(f"--until: {error}") from error
        if name not in spec.stages:
            raise UserError(
                f"--until {stage}: no such stage; {Path(spec.path).name} has "
                f"{', '.join(spec.stages)}"
            )
        return [self.builder.stage(self.spec, stage)]


def _default(builder: GraphBuilder, spec: Spec, reference: str) -> Any:
    """How a stage's model is decoded where nothing says it."""
    node = builder.stage(spec, reference)
    return node.task.default_decode(node.model)


def _same_or_default(builder: GraphBuilder, spec: Spec, reference: str, decode: Any) -> Any:
    """The decoding given, unless a model's decoder cannot be decoded so."""
    own = _default(builder, spec, reference)
    if None in (own, decode):
        return own
    filling = MaskPredictOptions().kind
    return own if filling in (own.kind, decode.kind) and own.kind != decode.kind else decode


def _tuned(builder: GraphBuilder, spec: Spec, entry: Any, reference: str) -> Node | None:
    """Where an evaluation's `choose` chooses a model's decoding; None without one.

    Raises:
        UserError: A model of another spec is not decoded by the kind of search that is tuned.
    """
    if entry.choose is None:
        return None
    node = stage_of("tune").node(builder, spec, reference, entry)
    if _same_or_default(builder, spec, reference, entry.decode) is not entry.decode:
        raise UserError(
            f"evaluate: {node.label} is not decoded by {entry.decode.kind}, whose settings choose "
            "tries; give it an evaluation of its own"
        )
    return node


def wanted(spec: Spec, data_dir: Path, files: DataFolder | None = None) -> Wanted:
    """Builds the graph of a spec.

    Args:
        spec: The resolved spec.
        data_dir: The folder that data paths are relative to.
        files: Finds what specs name in it; default: and hashes it.
    """
    builder = GraphBuilder(data_dir, spec, files)
    found = Wanted(spec, builder)
    exports = _exports(builder, spec)
    for entry in spec.evaluate:
        for corpus in entry.on:
            if TEACHER_CHECK in entry.metrics:
                task = builder.stage(spec, entry.of).task
                found.teacher_checks.append(task.check_of(builder, spec, entry, corpus))
                continue
            export = entry.export and exports[entry.of, entry.export].node
            decode = entry.decode or _default(builder, spec, entry.of)
            decode = export.options["decode"] if export else decode
            metrics = tuple(entry.metrics)
            if entry.decode is not None and builder.stage(spec, entry.of).task.continues:
                metrics += (CONTINUED,)
            ours = (
                export.inputs.get(Role.TUNED) if export else _tuned(builder, spec, entry, entry.of)
            )
            system = builder.evaluation(
                spec, entry.of, corpus, metrics, decode, context=entry.context, tuned=ours,
                export=export,
            )  # fmt: skip
            baseline, against, theirs = None, None, None
            if entry.against:
                against = entry.against_decode or _same_or_default(
                    builder, spec, entry.against, decode
                )
                # An export has the setting that an evaluation of its stage chose: the baseline of
                # an export takes its own best of the same ones.
                asked = decode_of_export(spec.evaluate, entry.of) if export else entry
                if asked is not None and entry.against_decode is None:
                    theirs = _tuned(builder, spec, asked, entry.against)
                baseline = builder.evaluation(
                    spec, entry.against, corpus, metrics, against, context=entry.context,
                    tuned=theirs,
                )  # fmt: skip
                baseline = None if baseline.key == system.key else baseline
            noises, noise = [None, None], stage_of("noise").node
            if entry.noise is not None and entry.noise.measured(metrics):
                noises[0] = noise(builder, spec, entry.of, corpus, entry, decode, ours)
                if baseline is not None:
                    noises[1] = noise(builder, spec, entry.against, corpus, entry, against, theirs)
            found.evaluations.append(Evaluation(entry, corpus, system, baseline, *noises))
    found.exports += exports.values()
    return found


def _lines(builder: GraphBuilder, spec: Spec, reference: str) -> tuple[Node, str] | None:
    """The corpus of a model's first evaluation, and its field that the model reads."""
    entry = first_evaluation(spec.evaluate, reference)
    if entry is None:
        return None
    fields = builder.fields(spec, entry.on[0])
    return builder.corpus(spec, entry.on[0]), "source" if "source" in fields else "text"


def _exports(builder: GraphBuilder, spec: Spec) -> dict[tuple[str, str], Export]:
    """The exports of a spec, by stage and name."""
    found = {}
    for entry in spec.export:
        said = decode_of_export(spec.evaluate, entry.of)
        decode = _default(builder, spec, entry.of) if said is None else said.decode
        tuned = None if said is None else _tuned(builder, spec, said, entry.of)
        node = stage_of("export").node(
            builder, spec, entry, decode, tuned, _lines(builder, spec, entry.of)
        )
        found[entry.of, entry.name] = Export(entry, node)
    return found
