"""Size and latency of exported models, side by side on the same lines."""

import json
import os
import statistics
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tfkd.commands.compared import search_words
from tfkd.commands.generate import saved_model_of
from tfkd.data.files import writable, write_atomically
from tfkd.outside.printable import one_line
from tfkd.outside.regular_files import open_once, readable
from tfkd.pipeline.engine.run_exports import export_folder
from tfkd.pipeline.engine.run_folder import RESULTS, read_results
from tfkd.serving import load_saved_model
from tfkd.serving.graphs.ids_model import served_bytes
from tfkd.spec.errors import UserError

# Lines of a call: one at a time, and what a server batches.
_ALONE, _TOGETHER = 1, 64
_MOST_LINES = 50


class Exported(NamedTuple):
    """A SavedModel's name and place, whether its spec calls the model a teacher, and how its run
    says that it decodes; None: nothing says it, or it is a classifier."""

    name: str
    folder: Path
    teacher: bool
    decode: Mapping[str, Any] | None = None


def bench(
    models: Sequence[Path],
    *,
    source: Path | None = None,
    rounds: int = 5,
    options: Mapping[str, int] | None = None,
    output: Path | None = None,
    trust: bool = False,
) -> str:
    """Measures exported models: bytes on disk, parameters, milliseconds a line, lines a second, and
    how many times as fast each is as the first teacher among them, or else as the first model.

    All are loaded in one process and called in turn, round by round, so that whatever else the
    machine does strikes each of them. The first call of each, which traces nothing but warms up, is
    left out. A line's latency is that of a call with this line alone, text in and text out; a
    model's is the median over lines of the medians over rounds, between their quartiles.

    Args:
        models: Run folders, of which all exports are measured, teachers first; or SavedModels.
        source: A UTF-8 file of lines to read, the fields of a classifier's apart by tabs; None: the
            sources (or prompts) of the runs' examples.
        rounds: Times that each line is read.
        options: What SavedModels let their callers choose; those that lack it go without.
        output: A JSON file to write, with all figures.
        trust: Whether SavedModels that tfkd has not exported are run, too.

    Returns:
        A table; below it, where models decode in several ways, which decodes how: as many times as
        fast is then of the searches, too.

    Raises:
        UserError: A model is not exported or not to be trusted, none has the options, or there are
            no lines.
    """
    lines = lines_of(models, source)
    exported = [one for path in models for one in _exports(path)]
    loaded = [load_saved_model(one.folder, trust=trust) for one in exported]
    _choose(loaded, options or {})
    times: list[list[list[float]]] = [[[] for _ in lines] for _ in loaded]
    together: list[list[float]] = [[] for _ in loaded]
    many = (lines * (-(-_TOGETHER // len(lines))))[:_TOGETHER]
    for translator in loaded:
        translator.translate(lines[:1])
        translator.translate(many)
    for _ in range(rounds):
        for number, line in enumerate(lines):
            for model, translator in enumerate(loaded):
                times[model][number].append(_seconds(translator, [line]))
        for model, translator in enumerate(loaded):
            together[model].append(_seconds(translator, many))
    found = [
        {
            "model": one.name,
            "teacher": one.teacher,
            "decode": _decode(one, translator, options or {}),
            **_size(translator.folder),
            **_latency(times[number]),
            "lines_a_second": len(many) / statistics.median(together[number]),
        }
        for number, (one, translator) in enumerate(zip(exported, loaded, strict=True))
    ]
    than = next((one for one in found if one["teacher"]), found[0])
    for one in found:
        one["times_as_fast"] = than["milliseconds"] / one["milliseconds"]
    if output is not None:
        content = {
            "lines": len(lines),
            "rounds": rounds,
            "options": dict(options or {}),
            "as_fast_as": than["model"],
        }
        with writable(output):
            write_atomically(output, json.dumps({**content, "models": found}, indent=1) + "\n")
    return _table(found, len(lines), than["model"])


def _exports(path: Path) -> list[Exported]:
    """The SavedModels of a run folder, teachers first, or the one that the path is."""
    results = read_results(path) if os.path.exists(path / RESULTS) else {}
    exports = [one for one in results.get("exports") or [] if "format" not in one]
    if not exports:
        return [Exported(str(path), saved_model_of(path), False)]
    stages = (results.get("spec") or {}).get("stages") or {}
    found = []
    for one in exports:
        # A variant's stage trains the same model; of another spec's stage nothing is known here.
        stage = stages.get(one["stage"].partition("#")[0]) or {}
        teacher = str(stage.get("train")).partition(".")[0] == "teacher"
        name = f"{path} {one['stage']}" if len(exports) > 1 else str(path)
        found.append(Exported(name, export_folder(path, one), teacher, one.get("decode")))
    return sorted(found, key=lambda one: not one.teacher)


def _choose(loaded: Sequence[Any], options: Mapping[str, int]) -> None:
    able = [translator for translator in loaded if set(options) <= set(translator.choices)]
    if not able:
        raise UserError(
            f"none of these SavedModels has the options {', '.join(options)}; those that "
            "mask_predict decodes have iterations and length_candidates, language models that "
            "sample a seed"
        )
    for translator in able if options else ():
        translator.choose(options)


def _decode(one: Exported, translator: Any, options: Mapping[str, int]) -> dict[str, Any] | None:
    """How a model decodes here; None: nothing says it."""
    if one.decode is None:
        return None
    chosen = options if set(options) <= set(translator.choices) else {}
    return {**one.decode, **chosen}


def lines_of(models: Sequence[Path], source: Path | None) -> list[str]:
    """The lines of a file, or the sources of the examples of runs, each once.

    Raises:
        UserError: There are none.
    """
    if source is not None:
        with readable(source), open_once(source) as file:
            lines = file.read().decode("utf-8", "replace").split("\n")
    else:
        lines = [
            example["source"]
            for path in models
            if os.path.exists(path / RESULTS)
            for entry in read_results(path).get("evaluations", ())
            for example in entry.get("examples") or ()
        ]
    lines = list(dict.fromkeys(line for line in lines if line.strip()))[:_MOST_LINES]
    if not lines:
        raise UserError(
            "there are no lines to read; give a file of them by --input, or a run folder whose "
            "evaluation has outputs"
        )
    return lines


def _seconds(translator: Any, lines: Sequence[str]) -> float:
    begun = time.perf_counter()
    translator.translate(lines)
    return time.perf_counter() - begun


def _size(folder: Path) -> dict[str, Any]:
    import tensorflow as tf

    reader = tf.train.load_checkpoint(str(folder / "variables" / "variables"))
    shapes = reader.get_variable_to_shape_map()
    weights = 0
    for name, shape in shapes.items():
        if reader.get_variable_to_dtype_map()[name].is_floating:
            count = 1
            for size in shape:
                count *= size
            weights += count
    return {"bytes": served_bytes(folder), "parameters": weights}


def _latency(times: Sequence[Sequence[float]]) -> dict[str, float]:
    medians = sorted(1000 * statistics.median(one) for one in times)
    # Inclusive: of few lines the other kind reaches beyond the fastest and the slowest.
    quartiles = [medians[0]] * 3
    if len(medians) > 1:
        quartiles = statistics.quantiles(medians, n=4, method="inclusive")
    return {
        "milliseconds": statistics.median(medians),
        "milliseconds_low": quartiles[0],
        "milliseconds_high": quartiles[2],
    }


def _table(found: Sequence[Mapping[str, Any]], lines: int, than: str) -> str:
    head = ["model", "MiB", "parameters", "ms a line", "quartiles", "lines/s of 64", "as fast"]
    rows = [head] + [
        [
            one_line(one["model"]),
            f"{one['bytes'] / 2**20:.1f}",
            f"{one['parameters']:,}",
            f"{one['milliseconds']:.1f}",
            f"{one['milliseconds_low']:.1f} to {one['milliseconds_high']:.1f}",
            f"{one['lines_a_second']:.1f}",
            f"{one['times_as_fast']:.2f}",
        ]
        for one in found
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    text = [
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    text.append(f"{lines} lines, one at a time, text in and text out; medians; as fast as {than}.")
    return "\n".join(text + _searches(found))


def _searches(found: Sequence[Mapping[str, Any]]) -> list[str]:
    """How each model decodes, where they differ in it."""
    named = {one["model"]: search_words(one["decode"]) for one in found if one["decode"]}
    if len({*named.values()}) < 2:
        return []
    return [
        "They decode in several ways, which their times are of, too:",
        *(one_line(f"  {model}: {search}") for model, search in named.items()),
    ]
