"""`tfkd evaluate RUN --on FILE`: a spec that scores its models on files which it does not name."""

import contextlib
import glob
import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tfkd.data.text.conll_reader import conll_columns
from tfkd.data.text.guessed_columns import guessed_columns, table_kind
from tfkd.data.text.packed_files import unpacked_name
from tfkd.data.text.source_files import find_files
from tfkd.data.text.sources import Lines
from tfkd.spec import Spec
from tfkd.spec.beside import counted, evaluated
from tfkd.spec.errors import UserError
from tfkd.spec.metrics import OUTPUTS, TEACHER_CHECK, WORDS, names_of
from tfkd.spec.options.base import WORD
from tfkd.spec.options.soft_labels import NUMBERS
from tfkd.spec.source.tree import node_of

# Of the corpus that a model was measured on, what holds for a file like it: how rows are read, not
# which of them.
_READING = ("on_bad", "max_bad_rows", "max_characters", "marked_by", "lower_case", "detokenize")
_OPTIONS = ON, COLUMNS, METRICS, OF = "--on", "--columns", "--metrics", "--of"


@dataclass(frozen=True)
class OtherFiles:
    """What is scored on which files.

    Attributes:
        files: Of each corpus its files, relative to the working folder: a table, two sides, ...
        columns: Columns, or keys of JSON lines, by field, where the run's own are others.
        metrics: What is measured; (): what each model's evaluation in the spec measures.
        of: Stages; (): all those whose models the spec evaluates.
    """

    files: Sequence[Sequence[str]]
    columns: Mapping[str, str | int] = field(default_factory=dict)
    metrics: Sequence[str] = ()
    of: Sequence[str] = ()

    def scored_by(self, spec: Spec) -> Spec:
        """The spec, which ends in these models' evaluations on these files.

        Raises:
            UserError: A stage has no model, a file has not the fields that it reads, a metric is
                none of its own; all that is wrong at once, as of a spec.
        """
        said = [_without_rows(files) for files in self.files]
        readable = [files for files, ill in zip(self.files, said, strict=True) if not ill]
        faults = [one for ill in said for one in ill]
        faults += _named_twice(METRICS, self.metrics) + _named_twice(OF, self.of)
        if TEACHER_CHECK in self.metrics:
            faults.append(
                f"{METRICS} {TEACHER_CHECK}: a check is of what a run's students learn from; "
                "expected metrics"
            )
        try:
            scored = self._scored_by(spec, readable)
        except UserError as error:
            if not faults:
                raise
            faults.append(str(error))
        if faults:
            raise UserError("\n".join(faults))
        return scored

    def _scored_by(self, spec: Spec, corpora: Sequence[Sequence[str]]) -> Spec:
        """The same on such of the files as can be read; where none can, all else is checked."""
        data: dict[str, Any] = {}
        entries = []
        for entry in self._entries(spec):
            own = _read_by(spec, entry)
            entry["on"] = []
            for files in corpora:
                corpus = self._corpus(files, spec.data[own])
                name = next((name for name, one in data.items() if one == corpus), None)
                if name is None:
                    name = _free(files[0], data.keys() | spec.data.keys() | spec.stages.keys())
                    data[name] = corpus
                if name not in entry["on"]:
                    entry["on"].append(name)
            entry["on"] = entry["on"] or [own]
            entries.append(entry)
        tree = node_of({"data": data, "evaluate": entries}, ON)
        for entry in tree.value["evaluate"].value:
            for key, given, option in (("metrics", self.metrics, METRICS), ("of", self.of, OF)):
                if given:
                    entry.value[key] = node_of(entry.value[key].plain(), option)
        return evaluated(spec, tree, _OPTIONS)

    def _entries(self, spec: Spec) -> list[dict[str, Any]]:
        """The evaluations in plain values: those of the spec, each once whatever it is `on`."""
        found: dict[str, dict[str, Any]] = {}
        own = [
            one for one in spec.resolved()["evaluate"]
            if TEACHER_CHECK not in one["metrics"]
        ]  # fmt: skip
        named = {one["of"] for one in own}
        for of in self.of:
            if of not in named:
                if not self.metrics:
                    raise UserError(
                        f"{OF} {of}: the spec does not evaluate it, so {METRICS} has to say what "
                        f"is measured; it evaluates {', '.join(named) or 'nothing'}"
                    )
                own.append({"of": of, "on": [], "metrics": []})
        for entry in own:
            if self.of and entry["of"] not in self.of:
                continue
            entry = {key: value for key, value in entry.items() if key != "noise"}
            if measured := [one for one in self.metrics if one != TEACHER_CHECK]:
                if "export" in entry:
                    measured = counted(spec, entry["of"], entry["export"], measured)
                entry["metrics"] = measured
            if not entry["metrics"]:
                continue  # an export's answers are not counted so
            _without_others(entry)
            key = repr(sorted((k, repr(v)) for k, v in entry.items() if k not in ("on", "metrics")))
            seen = found.setdefault(key, {**entry, "on": [], "metrics": []})
            for name in ("on", "metrics"):
                seen[name] += [one for one in entry[name] if one not in seen[name]]
        if not found:
            raise UserError(
                f"{spec.name} evaluates no model; say which, and by what: {OF} STAGE {METRICS} NAME"
            )
        return list(found.values())

    def _corpus(self, files: Sequence[str], read: Any) -> dict[str, Any]:
        """A corpus in plain values, read as another is.

        Args:
            files: Its files.
            read: The options of the other.
        """
        paths = [os.path.abspath(one) for one in files]
        kept = {name: getattr(read, name) for name in _READING if name in read.model_fields_set}
        without = NUMBERS | ({"mark"} if read.marked_by else set())  # models are asked for classes
        fields = [name for name in read.field_names if name not in without]
        if others := [name for name in self.columns if name not in fields]:
            raise UserError(
                f"{COLUMNS} {others[0]}={self.columns[others[0]]}: of such a corpus "
                f"{', '.join(fields)} are read; expected columns of these"
            )
        return {**self._source(paths, fields, read), **kept}

    def _source(self, paths: list[str], fields: list[str], read: Any) -> dict[str, Any]:
        names = " ".join(map(os.path.basename, paths))
        kinds = {_kind(path) for path in paths}
        kind = kinds.pop() if len(kinds) == 1 else None
        if kind is None and read.kind in ("tsv", "csv", "jsonl") and len(paths) == 1:
            kind = read.kind
        if read.kind == "conll" and ((kind is None and len(paths) == 1) or _is_conll(paths)):
            return {"conll": paths, "columns": {**read.columns, **self.columns}}
        if kind in ("tsv", "csv"):
            return self._table(kind, paths, fields, read)
        if kind == "jsonl":
            own = read.fields if read.kind == kind else {}
            own = {name: own.get(name, name) for name in fields}
            return {kind: paths, "fields": {**own, **self.columns}}
        if self.columns:
            raise UserError(
                f"{COLUMNS}: {' '.join(paths)} has none; expected a table or JSON lines"
            )
        if len(fields) == 1:
            return {"text": paths} if fields == ["text"] else {"lines": {fields[0]: paths}}
        if len(paths) != len(fields):
            raise UserError(
                f"{ON} {names}: expected a table, or a file for each of {', '.join(fields)}, in "
                "this order"
            )
        if fields == ["source", "target"]:
            return {"parallel": paths}
        return {"lines": dict(zip(fields, paths, strict=True))}

    def _table(self, kind: str, paths: list[str], fields: list[str], read: Any) -> dict[str, Any]:
        if read.kind == kind:
            own = {name: read.columns[name] for name in fields}
            found = {kind: paths, "columns": {**own, **self.columns}}
            if kind == "csv":
                found["delimiter"] = read.delimiter
            by_name = any(isinstance(one, str) for one in found["columns"].values())
            return found if by_name or not read.header else {**found, "header": True}
        columns, delimiter, header = guessed_columns(paths[0], fields, Path(), self.columns)
        found = {kind: paths, "columns": {**self.columns, **columns}}
        if delimiter is not None:
            found["delimiter"] = delimiter
        return found if header else {**found, "header": False}


def _kind(path: str) -> str | None:
    return "jsonl" if unpacked_name(path).endswith((".jsonl", ".ndjson")) else table_kind(path)


def _is_conll(paths: list[str]) -> bool:
    """Whether files all have CoNLL's form, whatever their names say."""
    with contextlib.suppress(UserError):  # one that cannot be read: told where it is
        return None not in [conll_columns(one, Path()) for one in find_files(paths, Path())]
    return False


def _without_others(entry: dict[str, Any]) -> None:
    """Takes out what belongs to metrics that an evaluation does not measure."""
    metrics = entry["metrics"]
    if not names_of(OUTPUTS, among=metrics):
        entry.pop("choose", None)
    if not names_of(WORDS, among=metrics):
        entry.pop("context", None)
    own = entry.get("metric_options") or {}
    entry["metric_options"] = {name: one for name, one in own.items() if name in metrics}


def _without_rows(files: Sequence[str]) -> list[str]:
    """What is said of files that are not there, cannot be read or hold nothing."""
    found = []
    for one in files:
        try:
            if not os.path.lexists(one) and not glob.glob(one, recursive=True):
                found.append(f"{ON} {one}: there is no such file")
            elif not any(map(bytes.strip, Lines(find_files(one, Path()), Path()))):
                found.append(f"{ON} {one}: there is no row in it")
        except UserError as error:
            found.append(f"{ON} {one}: {error}")
    return found


def _named_twice(option: str, names: Sequence[str]) -> list[str]:
    twice = [name for name, number in Counter(names).items() if number > 1]
    return [f"{option}: {name} is named twice" for name in twice]


def _read_by(spec: Spec, entry: Mapping[str, Any]) -> str:
    """A corpus that an evaluation's model is measured on, or else was trained on."""
    stage = spec.stages.get(entry["of"])
    names = list(entry["on"])
    if (validate := getattr(stage, "validate_", None)) is not None:
        names.append(validate.on)
    names += [part.of for part in getattr(stage, "data", ())]
    names += [name for one in spec.evaluate for name in one.on]
    found = [name for name in names if name in spec.data]
    if not found:
        raise UserError(f"{ON}: {spec.name} has no corpus that says how {entry['of']} reads one")
    return found[0]


def _free(file: str, taken: Any) -> str:
    """What a file's corpus is called: as the file, without its ending; with a number where another
    part of the spec has the name."""
    stem = re.sub(r"[^\w-]", "_", os.path.basename(file).split(".")[0], flags=re.ASCII)[:90]
    stem = stem if WORD.match(stem) else "corpus"
    numbered = (f"{stem}_{number}" for number in range(2, len(taken) + 3))
    return next(one for one in (stem, *numbered) if one not in taken)
