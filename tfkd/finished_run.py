"""A run that has ended, as Python sees it: its scores, its models, its report."""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfkd.pipeline.engine.run_folder import RESULTS, read_results
from tfkd.report.score_rows import score_html, score_rows
from tfkd.report.wording import clean, metric_difference, metric_name, metric_value
from tfkd.spec.errors import UserError

if TYPE_CHECKING:
    import keras

    from tfkd.data.tokenizers import Tokenizer


@dataclass(frozen=True, repr=False, eq=False)
class Run:
    """A run: what `tfkd.run` returns, and `tfkd.open_run` reads again from its folder.

    Attributes:
        folder: The run folder, `RUNS/NAME[@VARIANT]`.
        results: The content of results.json; None of a run that was to stop at a stage (`until`).
        plugins: The modules that registered classes of its spec.

    Example:
        >>> run = tfkd.run("specs/quickstart.yaml", smoke=True)
        >>> pandas.DataFrame(run.scores())
        >>> student = run.stage("train_student").model()
    """

    folder: Path
    results: Mapping[str, Any] | None
    plugins: tuple[str, ...] = ()

    @property
    def report(self) -> Path:
        """The HTML page."""
        return self.folder / "report.html"

    def scores(self) -> list[dict[str, Any]]:
        """All scores, a row for each model, test set, metric and seed; no pandas is needed, and
        `pandas.DataFrame(run.scores())` is the table. The keys are those of
        `tfkd.report.score_rows.score_rows`.

        Raises:
            UserError: The run has not come to its end: it was to stop at a stage.
        """
        return score_rows(self._found())

    def to_dict(self) -> dict[str, Any]:
        """A copy of the content of results.json; see `tfkd.evaluation.results.form.Results`.

        Raises:
            UserError: The run has not come to its end.
        """
        return copy.deepcopy(dict(self._found()))

    def evaluate(
        self,
        on: "str | PathLike | Sequence[str | PathLike | Sequence[str | PathLike]]",
        *,
        metrics: str | Sequence[str] = (),
        of: str | Sequence[str] = (),
        columns: Mapping[str, str | int] | None = None,
        say: Callable[[str], None] | None = None,
    ) -> list[dict[str, Any]]:
        """Scores the run's models on files that its spec does not name, as `tfkd evaluate RUN --on`
        does; nothing is trained, and the run's own results stay as they are.

        Args:
            on: A file; the files of one corpus, like both sides of a parallel one; or such a list
                for each of several corpora.
            metrics: What is measured; (): what each model's evaluation in the spec measures.
            of: Stages; (): all those whose models the spec evaluates.
            columns: Columns of a table by field, where they are not those of the run's own.
            say: Called with a line for each stage that is made; None: nothing is said.

        Returns:
            Rows as those of `scores`.

        Raises:
            UserError: A file does not suit its model, or the run's data or spec are others now.
            Interrupted: Stopped by a signal; the same call continues.

        Example:
            >>> run.evaluate(["new.de", "new.en"], metrics=["bleu"])
        """
        from tfkd.pipeline.engine.run_again import make_again
        from tfkd.pipeline.inputs.other_files import OtherFiles

        whole = isinstance(on, str | PathLike)
        corpora = [[on]] if whole else [on] if _names_files(on) else on
        files = [[fspath(file) for file in ([c] if _names_files([c]) else c)] for c in corpora]
        asked = OtherFiles(
            files,
            dict(columns or {}),
            [metrics] if isinstance(metrics, str) else [*metrics],
            [of] if isinstance(of, str) else [*of],
        )
        return score_rows(make_again(self.folder, self.plugins, say=say, on=asked))

    def stage(self, name: str) -> "RunStage":
        """A stage of the run by its name in the spec, `STAGE`, or `STAGE#VARIANT` of another
        variant; with several seeds `STAGE+SEED`.

        Raises:
            UserError: The run has no such stage.
        """
        if name in (labels := self._labels()):
            return RunStage(self, name)
        variant = self.folder.name.partition("@")[2]
        if variant and f"{name}#{variant}" in labels:
            return RunStage(self, f"{name}#{variant}")
        raise UserError(
            f"{self.folder} has no stage {name!r}; expected one of {', '.join(labels) or 'none'}"
        )

    @property
    def variants(self) -> dict[str, "Run"]:
        """The runs of the spec's variants beside it that have ended, by the variant's name."""
        plain = self.folder.name.partition("@")[0]
        found = sorted(self.folder.parent.glob(f"{plain}@*/{RESULTS}"))
        return {
            path.parent.name.partition("@")[2]: open_run(path.parent, plugins=self.plugins)
            for path in found
        }

    def _labels(self) -> list[str]:
        links = (path for path in self.folder.glob("*") if (path / "manifest.json").exists())
        return sorted(path.name for path in links)

    def _found(self) -> Mapping[str, Any]:
        if self.results is None:
            raise UserError(
                f"{self.folder}: this run was to stop at a stage, so it has no {RESULTS} of its "
                "own; run the spec without `until`"
            )
        return self.results

    def __repr__(self) -> str:
        if self.results is None:
            return f"<Run {str(self.folder)!r}, stopped at a stage>"
        parts = [f"Run {str(self.folder)!r}"]
        rows = clean(self.scores())
        if rows:
            first = next((row for row in rows if row["difference"] is not None), rows[0])
            metric, score = first["metric"], first["score"]
            said = f"{first['model']} on {first['test_set']}: {metric_name(metric)} "
            said += metric_value(metric, score)
            if first["difference"] is not None:
                theirs, apart = first["baseline_score"], first["difference"]
                shown = metric_difference(metric, score, theirs, apart)
                said += f", {shown} against {first['baseline']}"
            parts += [said, f"{len(rows)} scores"]
        parts += [f"{len(self.results['warnings'])} warnings"] * bool(self.results["warnings"])
        return f"<{'; '.join(parts)}>".replace("\u00a0", " ")

    def _repr_html_(self) -> str | None:
        """The scores as a table, in notebooks."""
        return None if self.results is None else score_html(self.results, self.folder)


def _names_files(given: Sequence[Any]) -> bool:
    return all(isinstance(one, str | PathLike) for one in given)


@dataclass(frozen=True, repr=False)
class RunStage:
    """A finished stage of a run.

    Attributes:
        run: The run.
        label: Its name there, `STAGE[#VARIANT][+SEED]`.
    """

    run: Run
    label: str

    @property
    def folder(self) -> Path:
        """The stage's folder, which other runs may share; not to be changed."""
        return (self.run.folder / self.label).resolve()

    def summary(self) -> dict[str, Any]:
        """What its manifest tells of it: steps and loss of a training, rows of a corpus."""
        from tfkd.finished_stages import stage_key
        from tfkd.pipeline.engine.stage_folder import StageFolder

        kind, _, fingerprint = stage_key(self.run.folder, self.label).rpartition("-")
        return StageFolder(self.folder.parent, kind, fingerprint).manifest()["summary"]

    def history(self) -> list[dict[str, Any]]:
        """The lines of a training's history, in order; see `tfkd.training.train`.

        Raises:
            UserError: It is no training, or several: those in folds have one each.
        """
        from tfkd.training.state.history import read_history

        path = self.folder / "history.jsonl"
        if not path.exists():
            raise UserError(
                f"{self.run.folder / self.label} has no history: it is no training of its own"
            )
        return read_history(path)

    def model(self, precision: str = "float32") -> "keras.Model":
        """The Keras model that the stage left, with its trained weights.

        Args:
            precision: "float32", "bfloat16" or "float16": what it computes in.

        Raises:
            UserError: The stage leaves no model, or its files are damaged.
        """
        from tfkd.pipeline.inputs.models import trained_model

        return trained_model(*self._one(), precision=precision)

    def tokenizers(self) -> dict[str, "Tokenizer"]:
        """The model's tokenizers by what they are for: "source" and "target", or "text" (and "head"
        of a head with a vocabulary of its own).

        Raises:
            UserError: The stage leaves no model, or its files are damaged.
        """
        from tfkd.pipeline.inputs.made import side_tokenizers

        return side_tokenizers(*self._node())

    def save_published(
        self, folder: str | PathLike, labels: Mapping[str, str] | None = None
    ) -> None:
        """Writes the model as a published folder, with its tokenizer and the names of its classes:
        a `load` stage reads it as a teacher, `tfkd inspect` says what it is, and other libraries
        load it. Of the package's families `bert`, `gpt2` and `llama` are written so,
        and a `transformer` as a Marian.

        Args:
            folder: Made where it is not there.
            labels: Classes that have another name there, by their names here.

        Raises:
            UserError: The stage leaves no model that such a folder can say.
        """
        from tfkd.pipeline.inputs.made import side_tokenizers
        from tfkd.pipeline.inputs.models import heads_of, trained_model
        from tfkd.pipeline.inputs.text_stages import classes_of
        from tfkd.spec import registry

        node, context = self._one()
        if node.model.published is None:
            raise UserError(f"{self.label}: a model of kind {node.model.kind} has no such layout")
        names = classes_of(node, context).names if "classifier" in heads_of(node) else None
        if unknown := [name for name in labels or {} if name not in (names or [])]:
            raise UserError(f"{self.label}: it has no class {', '.join(unknown)} ({names})")
        if names is not None:
            names = [(labels or {}).get(name, name) for name in names]
        reader = registry.load_target(node.model.published)
        try:
            reader.write(
                trained_model(node, context), Path(folder), side_tokenizers(node, context), names
            )
        except ValueError as error:
            raise UserError(f"{self.label}: {error}") from error

    def _node(self) -> tuple[Any, Any]:
        from tfkd.finished_stages import finished_stage

        node, context = finished_stage(self.run.folder, self.label, self.run.plugins)
        if "model" not in node.gives:
            raise UserError(f"{self.run.folder / self.label} is a {node.kind} stage: no model")
        return node, context

    def _one(self) -> tuple[Any, Any]:
        """The same, of one model."""
        from tfkd.pipeline.inputs.parts import folds_of
        from tfkd.spec.names import SEVERAL

        node, context = self._node()
        if folds := folds_of(node):
            one = f"{self.label}[fold 1 of {len(folds)}]"
            raise UserError(
                f"{self.run.folder / self.label} {SEVERAL}; expected one of them: stage({one!r})"
            )
        return node, context

    def __repr__(self) -> str:
        return f"<stage {self.label} of {str(self.run.folder)!r}>"


def open_run(folder: str | PathLike, *, plugins: tuple[str, ...] = ()) -> Run:
    """Reads a run that has ended from its folder.

    Args:
        folder: The run folder, like `runs/NAME`.
        plugins: Modules that register classes of the user's own. Scores need none; models of a run
            that had some need them all: they are code, and imported where the user names them.

    Raises:
        UserError: The folder is no run folder, or its run has no results yet.
    """
    folder = Path(folder)
    named = (plugins,) if isinstance(plugins, str) else tuple(plugins)
    return Run(folder, read_results(folder), named)
