"""All that can be said of specs before anything starts, their files included."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tfkd.pipeline.engine.wanted import Wanted, wanted
from tfkd.pipeline.inputs.data_folder import DataFolder
from tfkd.pipeline.plan.checked_files import CheckedFiles, NoFiles
from tfkd.pipeline.plan.plugin_classes import refuse_unheld
from tfkd.pipeline.scoring.failed_checks import in_checked_order, unchecked
from tfkd.spec import load_spec, validate_files
from tfkd.spec.errors import SpecError, SpecErrors, UserError
from tfkd.spec.source.reading import Reading, Sections
from tfkd.spec.stages.load import LoadOptions


def validate(
    paths: Sequence[str | Path],
    *,
    data_dir: Path | None,
    variant: str | None = None,
    overrides: Sequence[str] = (),
    plugins: Sequence[str] = (),
) -> tuple[list[SpecError], list[str]]:
    """Checks specs with all their variants, and the files that a run of each would read.

    What a run needs is checked, by what a run does at its start; of a spec with faults, all that it
    names. No TensorFlow is imported, and nothing is fetched.

    Args:
        paths: The YAML files.
        data_dir: The folder that the specs' data paths are relative to; None: files are left alone.
        variant: The one variant to check; None: the spec and all of them.
        overrides: `K=V` each: a dotted path and a YAML value.
        plugins: Modules that register classes of the user's own.

    Returns:
        All faults in the order of their lines, and what else is worth saying.
    """
    found = _Once(validate_files(paths, plugins, variant, overrides))
    notes: list[str] = []
    files = NoFiles() if data_dir is None else CheckedFiles()
    for path in dict.fromkeys(map(str, paths)):
        try:
            reading = Reading(path, overrides)
        except SpecErrors:
            continue
        for name in reading.variants() if variant is None else (variant,):
            try:
                spec = load_spec(
                    path, variant=name, overrides=overrides, plugins=plugins, elsewhere=True,
                    reading=reading,
                )  # fmt: skip
            except SpecErrors:
                _check_declared(reading, name, files, data_dir)
                continue
            notes += spec.renamed
            if variant is not None:
                notes += [f"passed over: {said}" for said in spec.passed_over]
            try:
                # What is made once a seed reads the same files.
                one = spec.with_seed(spec.seeds[0]) if spec.seeds else spec
                asked = wanted(one, data_dir or Path("."), files)
                found.add(_unchecked(asked, reading))
                refuse_unheld(in_checked_order(asked))
            except SpecErrors as error:  # of another spec
                found.add(error.errors)
            except UserError as error:
                message = str(error).removeprefix(f"{path}: ")
                found.add([SpecError(path, 0, "", message, variant=name or "")])
                _check_declared(reading, name, files, data_dir)
    if isinstance(files, CheckedFiles):
        found.add(files.errors)
        notes += map(str, _Once(files.notes).sorted())
    return found.sorted(), list(dict.fromkeys(notes))


def _unchecked(asked: Wanted, reading: Reading) -> list[SpecError]:
    """Stages of this spec that would stop for a check that nobody makes, each with its line."""
    found = []
    for node, error in unchecked(in_checked_order(asked), asked):
        if node.spec.path == asked.spec.path:
            tree = reading.checked(node.spec.variant).tree.nearest(error.path.split("."))
            found.append(replace(error, file=tree.file, line=tree.line))
    return found


class _Once:
    """Faults, each once: a variant has its spec's, too."""

    def __init__(self, errors: Iterable[SpecError]):
        self._errors: dict[tuple, SpecError] = {}
        self.add(errors)

    def add(self, errors: Iterable[SpecError]) -> None:
        for error in errors:
            place = (error.file, error.line, error.path, error.message)
            self._errors.setdefault(place, error)

    def sorted(self) -> list[SpecError]:
        return sorted(self._errors.values(), key=lambda one: (one.file, one.line, one.path))


def _check_declared(
    reading: Reading, variant: str | None, files: DataFolder, data_dir: Path | None
) -> None:
    """Checks all files that a spec names, where nobody can tell which of them it needs."""
    if data_dir is None:
        return
    try:
        sections = reading.sections(variant)
    except SpecErrors:
        return
    spec: Any = _declared(reading, variant, sections)
    for name in spec.data:
        files.corpus(spec, name, {}, data_dir)
    for name, options in spec.tokenizers.items():
        if not options.learn_from:
            files.vocabulary(spec, name, data_dir)
    for name, stage in spec.stages.items():
        model = spec.models.get(stage.into) if isinstance(stage, LoadOptions) else None
        if model is not None and model.published:
            files.checkpoint(spec, name, data_dir)


def _declared(reading: Reading, variant: str | None, sections: Sections) -> SimpleNamespace:
    """What checks of files read of a `Spec`, of a spec with faults."""
    parts = sections.parts
    return SimpleNamespace(
        path=reading.path,
        variant=variant,
        overrides=reading.overrides,
        pages=sections.top["pages"],
        data=parts.data,
        tokenizers=parts.tokenizers,
        models=parts.models,
        stages=parts.stages,
    )
