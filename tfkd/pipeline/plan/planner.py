"""What a run would do, and its size, before anything starts."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tfkd.data.text.remote_files import copies_in
from tfkd.outside.printable import one_line
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.engine.outdated import outdated
from tfkd.pipeline.engine.seeds import wanted_of_all_seeds
from tfkd.pipeline.inputs.data_folder import PlannedFolder
from tfkd.pipeline.inputs.parts import folds_of
from tfkd.pipeline.plan.hours import Hours, Paces
from tfkd.pipeline.plan.planned import CELLS, Planned, size_in_words
from tfkd.pipeline.plan.plugin_classes import refuse_unheld
from tfkd.pipeline.scoring.failed_checks import in_checked_order
from tfkd.pipeline.stages.asked_longer import told_of_longer
from tfkd.pipeline.stages.choose import trials_of
from tfkd.spec import Spec
from tfkd.training.progress import duration

_HEAD = ("stage", "state", "parameters", "trained", "steps", "tokens", "memory", "on disk", "time")


def plan(
    spec: Spec,
    *,
    data_dir: Path,
    runs_dir: Path,
    smoke: bool = False,
    variants: Sequence[str] = (),
    measured: Mapping[str, float] | None = None,
    just_measured: bool = False,
    workers: int | None = None,
    of: str = "",
) -> str:
    """Lists the stages in their order, with what is known of each before it runs.

    Args:
        spec: The resolved spec.
        data_dir: The folder that data paths are relative to; the files are hashed, not read in.
        runs_dir: Where results lie: what is there already is marked `done`, or `outdated` where
            a stage before it was made anew since and came out otherwise.
        smoke: Plan the tiny run.
        variants: Its variants that are planned beside it; stages that several of them have are
            marked `shared`.
        measured: What units of work take on this machine, see `tfkd.commands.measure`.
        just_measured: Whether all that can be was measured right now: it is no advice then.
        workers: Of a cluster, which make the shards of stages that have some; None: this process.
        of: What is said of whose workers they are.

    Returns:
        A table as text: stage, state, parameters (all and trained), steps, tokens, memory, disk,
        time; and sums of these.

    Raises:
        UserError: A data file is missing, a stage cannot go on for more steps, or a format cannot
            hold what another spec exports by it.
    """
    specs = [spec, *(spec.with_variant(name) for name in variants)]
    if smoke:
        from tfkd.pipeline.plan.smoke import smoke_spec

        specs = [smoke_spec(one) for one in specs]
    context = Context(data_dir=Path(data_dir), runs_dir=Path(runs_dir))
    told: list[str] = []
    with copies_in(context.runs_dir, say=told.append):
        lines = _lines(specs, context, measured, just_measured, workers, of)
    return "\n".join([*lines, *told])


def _lines(
    specs: Sequence[Spec],
    context: Context,
    measured: Mapping[str, float] | None,
    just_measured: bool,
    workers: int | None,
    of: str,
) -> list[str]:
    """See `plan`; of a spec and its variants."""
    asked = [
        in_checked_order(wanted_of_all_seeds(one, context.data_dir, PlannedFolder()))
        for one in specs
    ]
    nodes = list({node.key: node for nodes in asked for node in nodes}.values())
    refuse_unheld(nodes)
    users = Counter(node.key for nodes in asked for node in nodes)
    planned, paces = Planned(context), Paces(context.stages, measured)
    hours = Hours(context, paces, workers or 1)
    old = outdated(nodes, context)
    for line in told_of_longer(nodes, context):
        planned.note(line)
    if workers is not None:
        planned.note(
            f"Scoring and decoding take their times on {workers} workers{of} like this process."
        )
    rows = [_row(node, planned) for node in nodes]
    states, left = [], []
    for node in nodes:
        state = "outdated" if node.key in old else _state(node, planned)
        states.append(", ".join(filter(None, [state, "shared" * (users[node.key] > 1)])))
        left.append(hours.left(node, anew=state == "outdated"))
    unpaced = [node for node, time in zip(nodes, left, strict=True)
               if time is None and not hours.paced(node)]  # fmt: skip
    measurable = bool(unpaced) and not just_measured
    done = sum(state.startswith("done") for state in states)
    several = len(specs) > 1
    shared = f", {sum(number > 1 for number in users.values())} shared by variants" * several
    return [
        *_aligned([_HEAD, *map(_cells, nodes, states, rows, left)]),
        f"{len(nodes)} stages, {done} done already{shared}. Sizes of vocabularies are those asked "
        "for, or the file's, until they are made. memory is a step's peak on one device: "
        "TensorFlow itself, weights, moments, gradients and activations; of the longest "
        "rows that fit (<=) until the ids are made.",
        *_sums(states, rows, left, measurable),
        *planned.notes,
    ]


def _cells(node: Node, state: str, row: Mapping[str, Any], seconds: float | None) -> list[str]:
    disk = row.get("disk")
    shown = {
        **row,
        "disk": "" if disk is None else size_in_words(disk),
        "time": "?" if seconds is None else duration(seconds) if seconds else "",
    }
    cells = (shown.get(name, "") for name in CELLS)
    return [one_line(cell) for cell in (f"{node.kind} {node.label}", state, *cells)]


def _sums(
    states: Sequence[str],
    rows: Sequence[Mapping[str, Any]],
    left: Sequence[float | None],
    measurable: bool,
) -> list[str]:
    """What all that is not done takes together, as far as it is known; `measurable`: a measurement
    may tell more."""
    ahead = [row for row, state in zip(rows, states, strict=True) if not state.startswith("done")]
    disk, ends = (size_in_words(sum(row.get(key) or 0 for row in ahead)) for key in ("disk", "end"))
    peak = size_in_words(max((row.get("peak") or 0 for row in ahead), default=0))
    unknown, known = left.count(None), sum(filter(None, left))
    if not ahead:
        return []
    time = f"about {duration(known)} of training, scoring and decoding, " if known else ""
    kept = ""
    if any(row.get("end") for row in ahead):
        kept = f" and {ends} in stages/ends, for longer trainings,"
    lines = [f"Ahead: {time}{disk} of models and stores{kept} on disk, {peak} of memory at most."]
    if unknown:
        why = (
            "no run here has had one like it, or its rows are not counted yet. `tfkd plan SPEC "
            "--measure` makes a few steps of each."
            if measurable
            else "it is known when the stages before them are made, or one like them."
        )
        lines.append(f"{unknown} of its stages have no time (?): {why}")
    return lines


def _aligned(table: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in table) for column in range(len(_HEAD))]
    return [
        "  ".join(
            cell.ljust(width) if column < 2 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in table
    ]


def _state(node: Node, planned: Planned) -> str:
    folder = planned.folder(node)
    return "done" if folder.done else "under way" if folder.path.exists() else ""


def _row(node: Node, planned: Planned) -> dict[str, Any]:
    """A row's cells by name, with `disk`, `end` and `peak` in bytes."""
    trials = len(trials_of(node))
    row = {"steps": f"best of {trials}"} if trials else dict(node.stage.plan(node, planned))
    if folds := len(folds_of(node)):
        row = {"steps": f"{folds} folds"}
    folder = planned.folder(node)
    if folder.done:
        manifest = folder.manifest()
        summary = manifest["summary"]
        row["disk"] = manifest["bytes"]
        if "tokens" in summary:
            row["tokens"] = f"{summary['tokens']:,}"
        if "model" in node.gives:
            row["parameters"] = f"{summary['parameters']:,}"
            row["trained"] = f"{summary.get('trained_parameters', 0):,}"
    return row
