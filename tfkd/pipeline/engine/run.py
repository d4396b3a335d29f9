"""Runs every stage that a spec's evaluations and exports need, each once."""

import contextlib
import errno
import gc
import os
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from tfkd.data.checksummed import write_checksummed
from tfkd.data.files import write_atomically
from tfkd.data.text.remote_files import copies_in
from tfkd.outside.printable import logged, one_line
from tfkd.outside.printable import say as print_line
from tfkd.pipeline.cluster.asked import AskedCluster
from tfkd.pipeline.cluster.cluster import elsewhere
from tfkd.pipeline.cluster.slurm import but_slurm
from tfkd.pipeline.engine.context import Context, stopwatch
from tfkd.pipeline.engine.graph import Node
from tfkd.pipeline.engine.machine import maker
from tfkd.pipeline.engine.noise import with_noise
from tfkd.pipeline.engine.other_results import place_on
from tfkd.pipeline.engine.outdated import contents_of, outdated
from tfkd.pipeline.engine.permissions import permitted
from tfkd.pipeline.engine.plain_json import plain_json
from tfkd.pipeline.engine.run_folder import (
    ORIGIN,
    RESULTS,
    link,
    refuse_folders,
    run_name,
)
from tfkd.pipeline.engine.seeds import wanted_of_all_seeds
from tfkd.pipeline.engine.stage_folder import StageFolder, locked
from tfkd.pipeline.engine.wanted import Wanted
from tfkd.pipeline.inputs.other_files import OtherFiles
from tfkd.pipeline.plan.plugin_classes import import_named, refuse_exports
from tfkd.pipeline.scoring.failed_checks import in_checked_order, refuse_failed, refuse_unchecked
from tfkd.pipeline.scoring.teacher_check import news
from tfkd.pipeline.stages.asked_longer import told_of_longer
from tfkd.spec import Spec, dump_yaml
from tfkd.spec.errors import UserError
from tfkd.spec.options import NoiseOptions
from tfkd.training.deadline import Deadline, stopping
from tfkd.training.hosts import NEXT, TRAIN, VARIABLE

# What is said of a stage that is not made anew.
DONE = "done already"
# Errors that say that a folder is no place to write to.
_NO_PLACE = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST, errno.ENOENT}


def run(
    spec: Spec,
    *,
    data_dir: Path = Path("."),
    runs_dir: Path = Path("runs"),
    until: str | None = None,
    smoke: bool = False,
    deadline: Deadline | None = None,
    command: str = "",
    say: Callable[[str], None] | None = None,
    make: Collection[str] | None = None,
    noise: NoiseOptions | None = None,
    on: OtherFiles | None = None,
    cluster: AskedCluster | None = None,
    beside: Sequence[str] = (),
) -> dict[str, Any] | None:
    """Runs a spec: what is done already is used, what was interrupted is continued.

    Args:
        spec: The resolved spec.
        data_dir: The folder that the spec's data paths are relative to.
        runs_dir: Where results go: `runs_dir/NAME[@VARIANT]/` and the shared `runs_dir/stages/`.
        until: A stage of the spec to stop after.
        smoke: Every stage at tiny sizes on generated text.
        deadline: Save and stop when it is reached.
        command: The command line, for the report.
        say: Called with each line for the user.
        make: Kinds of stages that may be made, None for all; any other must be done already.
        noise: Measured in each evaluation, instead of what the spec says; None: what that says.
        on: Files that models are scored on, instead of the corpora that the spec names: the results
            go into a folder of their own in the run folder, see `other_results.place_on`.
        cluster: Where shards are made, and what several hosts train; None: here.
        beside: Variants of the spec that are run after it. On a cluster their stages are made with
            the spec's own as far as their trainings can go beside these; their runs find them done.

    Returns:
        The content of results.json, or None with `until` and on hosts that are not the first.

    Raises:
        UserError: The input is wrong; nothing was lost.
        Interrupted: Stopped by a signal or the time limit; the same call continues.
    """
    deadline = deadline or Deadline()
    with stopping(deadline):
        others = [spec.with_variant(variant) for variant in (beside if cluster else ())]
        if smoke:
            from tfkd.pipeline.plan.smoke import smoke_spec

            spec, others = smoke_spec(spec), [*map(smoke_spec, others)]
        if on is not None:
            spec = on.scored_by(spec)
        if noise is not None:
            spec = with_noise(spec, noise)
        context = Context(
            data_dir=Path(data_dir),
            runs_dir=Path(runs_dir),
            deadline=deadline,
            say=logged(say or print_line, "tfkd.run"),
        )
        ours = not gc.get_freeze_count()  # else the caller has set objects aside
        try:
            with copies_in(context.runs_dir, say=context.say), but_slurm(cluster) as rays:
                if rays is None:
                    others = []  # one after the other, each with its own results first
                hosts = _joined(spec, context, alone=make is not None or rays is not None)
                made_there = elsewhere(rays, [spec, *others], context, until)
                with hosts, permitted(context.runs_dir), made_there:
                    return _run(spec, context, until, smoke, command, make, on is not None, others)
        finally:
            if ours:
                gc.unfreeze()  # what fresh_start set aside


def _joined(spec: Spec, context: Context, alone: bool) -> contextlib.AbstractContextManager:
    if alone or (VARIABLE not in os.environ and spec.runtime.hosts == "auto"):
        return contextlib.nullcontext()
    from tfkd.pipeline.engine.workers import joined

    return joined(spec, context)


def _run(
    spec: Spec,
    context: Context,
    until: str | None,
    smoke: bool,
    command: str,
    make: Collection[str] | None,
    elsewhere: bool = False,
    others: Sequence[Spec] = (),
) -> dict[str, Any] | None:
    started, begun = time.time(), time.monotonic()
    plan = wanted_of_all_seeds(spec, context.data_dir)
    if elsewhere:
        plan.exports.clear()  # they are measured, and stand in the run's folder
    plans = [plan, *(wanted_of_all_seeds(other, context.data_dir) for other in others)]
    own, *theirs = [_checked_order(one, until, context) for one in plans]
    nodes = [*{node.key: node for part in (own, *theirs) for node in part}.values()]
    checks = [check for one in plans for check in one.teacher_checks]
    if make is not None:
        _refuse_missing(nodes, context, make)
    for line in told_of_longer(nodes, context) if make is None else ():
        context.say(line)
    import_named({id(node.spec): node.spec for node in nodes}.values())
    refuse_exports(nodes)
    folder = context.runs_dir / run_name({"name": spec.name, "variant": spec.variant})
    shown = [] if elsewhere else [node for node in own if node.stage.shown]
    refuse_folders(folder / node.label for node in shown)
    if elsewhere:
        folder = place_on(folder, plan)
        folder.mkdir(parents=True, exist_ok=True)
    elif context.hosts.chief:
        _prepare(folder, spec, context, smoke)
    if context.hosts.number > 1:
        from tfkd.pipeline.engine.workers import check_same, chiefs_word, work

        check_same(spec, nodes, context, {"variant": spec.variant, "until": until, "smoke": smoke})
    if not context.hosts.chief:
        for node in nodes:
            context.deadline.check()
            work(node, context)
        # Here until the chief has all that it wants: it takes a host that ends for one that died.
        chiefs_word(context)
        return None
    cached, done = set(), set()
    numbers = {node.key: f"[{number}/{len(nodes)}]" for number, node in enumerate(nodes, 1)}

    def make(node: Node) -> None:
        context.deadline.check()
        refuse_failed(node, checks, done, context)
        if execute(node, context, numbers[node.key]):
            cached.add(node.key)
        finished(node)

    def finished(node: Node) -> None:
        done.add(node.key)
        for line in news(plan.teacher_checks, done, cached, node.key, context):
            context.say(line)
        context.hosts.agree(NEXT)
        if node in shown:
            link(context.stages / node.key, folder / node.label)

    if context.cluster is None:
        for node in nodes:
            make(node)
    else:
        keys = {node.key for node in own}
        context.cluster.make_all(nodes, context, make, finished, numbers, keys)
    if until:
        context.hosts.agree(NEXT)
        context.say(f"{until} is done: {folder / own[-1].label}")
        return None
    from tfkd.pipeline.engine.results import assemble

    # Two runs of one spec at once would put the same files in place.
    with locked(folder / ".lock", context.say, context.deadline.check):
        results = assemble(
            plan, context, folder, cached=cached, command=command, started=started, begun=begun,
            smoke=smoke,
        )  # fmt: skip
        results = plain_json(results)
        write_checksummed(folder / RESULTS, results)
    if elsewhere:
        context.say(f"results on these files: {folder / RESULTS}")
    context.hosts.agree(NEXT)
    return results


def _checked_order(plan: Wanted, until: str | None, context: Context) -> list[Node]:
    nodes = in_checked_order(plan, until)
    refuse_unchecked(nodes, plan, context)
    return nodes


def _refuse_missing(nodes: list[Node], context: Context, make: Collection[str]) -> None:
    old = outdated(nodes, context)
    missing = [
        f"{node.kind} {node.label}"
        for node in nodes
        if node.kind not in make and (node.key in old or not context.folder(node).done)
    ]
    if missing:
        raise UserError(
            f"not made yet: {', '.join(missing)}. Run `tfkd run SPEC` to its end first; if it has "
            "ended, the spec, the data, the version of tfkd or a stage before has changed since"
        )


def _prepare(folder: Path, spec: Spec, context: Context, smoke: bool) -> None:
    resolved = dump_yaml(spec.resolved())
    try:
        folder.mkdir(parents=True, exist_ok=True)
        context.stages.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / "spec.yaml", resolved)
    except OSError as error:
        if error.errno not in _NO_PLACE:
            raise  # a full disk, for one: the same command continues when there is room
        raise UserError(
            f"{folder} cannot be written ({error.strerror}): name another folder with --runs-dir"
        ) from error
    origin = {
        "name": folder.name,
        "spec": str(Path(spec.path).resolve()),
        "variant": spec.variant,
        "overrides": list(spec.overrides),
        "plugins": list(spec.plugins),
        "data_dir": str(context.data_dir.resolve()),
        "smoke": smoke,
    }
    write_checksummed(folder / ORIGIN, origin)


def execute(node: Node, context: Context, number: str) -> bool:
    """Makes one node's result; returns whether it was there already."""
    folder = context.folder(node)
    title = one_line(f"{number} {node.kind} {node.label}")
    contents = contents_of(node, context)
    if not folder.done or folder.outdated(contents):
        if context.cluster is not None and context.cluster.trains(node):
            context.cluster.train(node, number, context)
            return False
        with folder.locked(context.say, context.deadline.check):
            if changed := folder.outdated(contents):
                inputs = dict.fromkeys(node.inputs[role] for role in changed)
                names = ", ".join(f"{child.kind} {child.label}" for child in inputs)
                context.say(f"{title}: anew, it was made of another {names}")
                folder.clear()
            # Another run may have made it while this one waited.
            if not folder.done:
                _make(node, folder, context, title, contents)
                return False
    folder.verify()
    folder.remove_scratch()
    context.say(f"{title}: {DONE}")
    return True


def _make(
    node: Node, folder: StageFolder, context: Context, title: str, contents: Mapping[str, str]
) -> None:
    if node.spec.runtime.may_share_cores:
        from tfkd.training.cores import share_cores

        share_cores()
    folder.sweep()
    folder.begin(contents)
    context.say(title)
    if node.stage.on_all_hosts:
        context.hosts.agree(TRAIN)
    made_on = maker()
    with stopwatch(folder.scratch / "seconds") as elapsed:
        made = {} if context.cluster is None else context.cluster.make(node, folder, context)
        summary = {**node.stage.run(node, folder, context), **made}
        seconds = elapsed()
    folder.finish(
        inputs=node.input_fingerprints(),
        identity=node.identity,
        summary=summary,
        seconds=seconds,
        contents=contents,
        made_on=made_on,
    )
    brief = f"; {summary['brief']}" if summary.get("brief") else ""
    context.say(f"{title}: {_duration(seconds)}{brief}")


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"


__all__ = ["Wanted", "execute", "run", "run_name"]
