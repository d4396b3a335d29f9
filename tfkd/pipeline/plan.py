"""What a run would do, and its size, before anything starts."""

import os
from pathlib import Path
from typing import Any

from tfkd.pipeline.context import Context
from tfkd.pipeline.failed_checks import in_checked_order
from tfkd.pipeline.graph import Node
from tfkd.pipeline.memory import step_memory
from tfkd.pipeline.outdated import outdated
from tfkd.pipeline.seeds import wanted_of_all_seeds
from tfkd.pipeline.stage_folder import StageFolder
from tfkd.pipeline.step_sizes import longest_row, step_sizes
from tfkd.pipeline.trials import trials_of
from tfkd.spec import Spec
from tfkd.spec.printable import one_line

_FLOAT = 4
# The classes of labels that nobody has read yet.
_CLASSES = 2
# What a training takes beside a plain one.
_EXTRA = {"gates": "gradients kept apart for gating take", "teachers": "live teachers take"}
_WIDENED = "bfloat16 gains no time on this processor: it makes the products of copies in float32."


def plan(spec: Spec, *, data_dir: Path, runs_dir: Path, smoke: bool = False) -> str:
    """Lists the stages in their order, with what is known of each before it runs.

    Args:
        spec: The resolved spec.
        data_dir: The folder that data paths are relative to; the files are hashed, not read in.
        runs_dir: Where results lie: what is there already is marked `done`, or `outdated` where
            a stage before it was made anew since and came out otherwise.
        smoke: Plan the tiny run.

    Returns:
        A table as text: stage, state, parameters (all and trained), steps, tokens, memory, disk.

    Raises:
        UserError: A data file is missing.
    """
    if smoke:
        from tfkd.pipeline.smoke import smoke_spec

        spec = smoke_spec(spec)
    context = Context(data_dir=Path(data_dir), runs_dir=Path(runs_dir))
    nodes = in_checked_order(wanted_of_all_seeds(spec, context.data_dir))
    sizes = _vocabularies(nodes, context)
    old = outdated(nodes, context.stages)
    notes: list[str] = []
    rows = [
        ["stage", "state", "parameters", "trained", "steps", "tokens", "memory", "on disk"],
        *(_row(node, context, sizes, notes) for node in nodes),
    ]
    for row, node in zip(rows[1:], nodes, strict=True):
        if node.key in old:
            row[1] = "outdated"
    done = sum(row[1] == "done" for row in rows[1:])
    rows = [[one_line(cell) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(
            cell.ljust(width) if column < 2 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    lines.append(
        f"{len(nodes)} stages, {done} done already. Sizes of vocabularies are those asked for, "
        "or the file's, until they are made. memory is a step's peak on one device: "
        "TensorFlow itself, weights, moments, gradients and activations; of the longest "
        "rows that fit (<=) until the ids are made."
    )
    lines += notes
    return "\n".join(lines)


def _vocabularies(nodes: list[Node], context: Context) -> dict[str, int]:
    """Sizes of tokenizers by their stage's key: as made, else as asked for or as in the file."""
    sizes = {}
    for node in nodes:
        if node.kind == "classes":
            folder = StageFolder(context.stages, node.kind, node.fingerprint)
            sizes[node.key] = folder.manifest()["summary"]["size"] if folder.done else _CLASSES
        if node.kind == "tokenizer":
            folder = StageFolder(context.stages, node.kind, node.fingerprint)
            sizes[node.key] = (
                folder.manifest()["summary"]["size"]
                if folder.done
                else _expected_size(node.options, context.data_dir)
            )
    return sizes


def _expected_size(options: Any, data_dir: Path) -> int:
    """The size of a vocabulary that is not made yet: its file's, else the one asked for."""
    from tfkd.data.tokenizers.building import build_tokenizer, read_vocabulary

    if options.kind == "byte_bpe" and not options.learn_from:
        return build_tokenizer(options, [], data_dir).size
    origin = options.vocabulary or getattr(options, "preset", None)
    if origin is not None and options.kind == "sentencepiece":
        if os.path.isfile(data_dir / origin):
            return build_tokenizer(options, [], data_dir).size
    elif origin is not None:
        path = data_dir / origin
        path = path / "vocab.txt" if os.path.isdir(path) else path
        if os.path.isfile(path):
            return len(read_vocabulary(path))
    return options.size


def _row(node: Node, context: Context, sizes: dict[str, int], notes: list[str]) -> list[str]:
    folder = StageFolder(context.stages, node.kind, node.fingerprint)
    state = "done" if folder.done else "under way" if folder.path.exists() else ""
    cells = ["", "", "", "", "", ""]
    if trials_of(node):
        cells[2] = f"best of {len(trials_of(node))}"
    elif node.kind == "train":
        cells = _training(node, sizes, context, notes)
    if folder.done:
        manifest = folder.manifest()
        summary = manifest["summary"]
        cells[5] = _bytes(manifest["bytes"])
        if "tokens" in summary:
            cells[3] = f"{summary['tokens']:,}"
        if node.kind == "train":
            cells[0] = f"{summary['parameters']:,}"
            cells[1] = f"{summary['trained_parameters']:,}"
    elif node.kind == "score" and "classes" not in node.inputs["model"].inputs:
        cells[5] = _store_size(node, context)
    elif node.kind == "translate":
        cells[3] = _rows_to_read(node, context, notes)
    return [f"{node.kind} {node.label}", state, *cells]


def _training(node: Node, sizes: dict[str, int], context: Context, notes: list[str]) -> list[str]:
    options = node.options
    model = node.spec.models[options.train]
    vocabularies = {
        role.partition(".")[2]: sizes[child.key]
        for role, child in node.inputs.items()
        if role.startswith("tokenizer.")
    }
    if (classes := node.inputs.get("classes")) is not None:
        vocabularies["classes"] = sizes[classes.key]
        vocabularies["words"] = "masked_lm" in model.heads_needed(options, node.spec.views)
        if not StageFolder(context.stages, classes.kind, classes.fingerprint).done:
            notes.append(f"{node.label}: two classes are counted until {classes.label} is read.")
    parameters = model.parameters(vocabularies)
    if parameters is None:  # a plugin's that does not count them
        return ["", "", f"{options.steps:,}", "", "", ""]
    batch = options.batch
    unit = "" if batch.unit != "sentences" else " sentences"
    tokens = f"{options.steps * batch.size:,}{unit}"
    counted = model.trained_parameters(vocabularies, options.trainable)
    trained = ", ".join(options.trainable) if counted is None else f"{counted:,}"
    predicted = vocabularies.get("classes") if not vocabularies.get("words") else None
    predicted = predicted or vocabularies.get(
        "head", vocabularies.get("target", vocabularies.get("text"))
    )
    longest, known = longest_row(node, context)
    source = vocabularies.get("source", vocabularies.get("text"))
    step = step_sizes(node, parameters, longest, source, predicted)
    taken = step_memory(model, parameters, predicted, step, counted)
    memory = "" if taken is None else f"{'' if known else '<= '}{_bytes(taken.peak)}"
    for name, what in _EXTRA.items():
        if getattr(taken, name, 0):
            notes.append(f"{node.label}: {what} {_bytes(getattr(taken, name))} of its memory.")
    if getattr(taken, "copies", 0) and _WIDENED not in notes:
        notes.append(_WIDENED)
    # What stays as another stage left it is not written once more.
    kept = counted if counted is not None and options.from_ else parameters
    disk = _bytes(kept * _FLOAT)
    return [f"{parameters:,}", trained, f"{options.steps:,}", tokens, memory, disk]


def _rows_to_read(node: Node, context: Context, notes: list[str]) -> str:
    """The rows that a translate stage reads; its tokens are known once it has written them."""
    rows = 0
    for child in node.inputs.values():
        if "corpus" in child.gives:
            folder = StageFolder(context.stages, child.kind, child.fingerprint)
            if not folder.done:
                notes.append(f"{node.label}: rows and tokens are known once {child.label} is made.")
                return ""
            rows += folder.manifest()["summary"]["report"]["kept"]
    return f"{rows:,} rows"


def _store_size(node: Node, context: Context) -> str:
    """32 bytes a target token at K = 8; known once the ids are made."""
    tokens = 0
    for role, child in node.inputs.items():
        if ".ids.target." in role:
            folder = StageFolder(context.stages, child.kind, child.fingerprint)
            if not folder.done:
                return ""
            summary = folder.manifest()["summary"]
            tokens += summary["tokens"] + summary["rows"]
    return _bytes(tokens * 4 * node.options.top_k)


def _bytes(number: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if number < 1024 or unit == "GiB":
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1024
    return ""
