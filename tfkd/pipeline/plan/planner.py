"""What a run would do, and its size, before anything starts."""

from pathlib import Path

from tfkd.outside.printable import one_line
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.engine.outdated import outdated
from tfkd.pipeline.engine.seeds import wanted_of_all_seeds
from tfkd.pipeline.plan.planned import CELLS, Planned, size_in_words
from tfkd.pipeline.scoring.failed_checks import in_checked_order
from tfkd.pipeline.stages.choose import trials_of
from tfkd.spec import Spec


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
        from tfkd.pipeline.plan.smoke import smoke_spec

        spec = smoke_spec(spec)
    context = Context(data_dir=Path(data_dir), runs_dir=Path(runs_dir))
    nodes = in_checked_order(wanted_of_all_seeds(spec, context.data_dir))
    planned = Planned(context)
    old = outdated(nodes, context)
    rows = [
        ["stage", "state", "parameters", "trained", "steps", "tokens", "memory", "on disk"],
        *(_row(node, planned) for node in nodes),
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
    lines += planned.notes
    return "\n".join(lines)


def _row(node: Node, planned: Planned) -> list[str]:
    folder = planned.folder(node)
    state = "done" if folder.done else "under way" if folder.path.exists() else ""
    trials = len(trials_of(node))
    row = {"steps": f"best of {trials}"} if trials else node.stage.plan(node, planned)
    if folder.done:
        manifest = folder.manifest()
        summary = manifest["summary"]
        row["disk"] = size_in_words(manifest["bytes"])
        if "tokens" in summary:
            row["tokens"] = f"{summary['tokens']:,}"
        if "model" in node.gives:
            row["parameters"] = f"{summary['parameters']:,}"
            row["trained"] = f"{summary.get('trained_parameters', 0):,}"
    cells = (row.get(name, "") for name in CELLS)
    return [f"{node.kind} {node.label}", state, *cells]
