"""Runs every stage that a spec's evaluations and exports need, each once."""

import importlib
import json
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tfkd.data.files import write_atomically
from tfkd.pipeline.context import Context, Deadline, Interrupted, stopwatch
from tfkd.pipeline.graph import Node, in_order
from tfkd.pipeline.run_folder import ORIGIN, RESULTS
from tfkd.pipeline.stage_folder import StageFolder, link
from tfkd.pipeline.wanted import Wanted, wanted
from tfkd.spec import Spec
from tfkd.spec.errors import UserError

_KINDS = {
    "corpus": "tfkd.pipeline.text_stages:run_corpus",
    "tokenizer": "tfkd.pipeline.text_stages:run_tokenizer",
    "ids": "tfkd.pipeline.text_stages:run_ids",
    "train": "tfkd.pipeline.train_stage:run_train",
    "score": "tfkd.pipeline.score_stage:run_score",
    "evaluate": "tfkd.pipeline.evaluate_stage:run_evaluate",
    "export": "tfkd.pipeline.export_stage:run_export",
}
_SHOWN = {"train", "score"}


def run(
    spec: Spec,
    *,
    data_dir: Path = Path("."),
    runs_dir: Path = Path("runs"),
    until: str | None = None,
    smoke: bool = False,
    deadline: Deadline | None = None,
    terminal: bool = False,
    command: str = "",
    say: Callable[[str], None] | None = None,
) -> dict[str, Any] | None:
    """Runs a spec: what is done already is used, what was interrupted is continued.

    Args:
        spec: The resolved spec.
        data_dir: The folder that the spec's data paths are relative to.
        runs_dir: Where results go: `runs_dir/NAME[@VARIANT]/` and the shared `runs_dir/stages/`.
        until: A stage of the spec to stop after.
        smoke: Every stage at tiny sizes on generated text.
        deadline: Save and stop when it is reached.
        terminal: Whether progress lines may rewrite themselves.
        command: The command line, for the report.
        say: Called with each line for the user.

    Returns:
        The content of results.json, or None with `until`.

    Raises:
        UserError: The input is wrong; nothing was lost.
        Interrupted: Stopped by a signal or the time limit; the same call continues.
    """
    if smoke:
        from tfkd.pipeline.smoke import smoke_spec

        spec = smoke_spec(spec)
    context = Context(
        data_dir=Path(data_dir),
        runs_dir=Path(runs_dir),
        deadline=deadline or Deadline(),
        say=say or (lambda line: print(line, flush=True)),
        terminal=terminal,
    )
    started = time.time()
    plan = wanted(spec, context.data_dir)
    nodes = in_order(plan.until(until) if until else plan.nodes())
    folder = context.runs_dir / run_name({"name": spec.name, "variant": spec.variant})
    _prepare(folder, spec, context, smoke)
    cached = set()
    with _signals():
        for number, node in enumerate(nodes, 1):
            context.deadline.check()
            if _execute(node, context, f"[{number}/{len(nodes)}]"):
                cached.add(node.key)
            if node.kind in _SHOWN:
                link(context.stages / node.key, folder / node.label)
        if until:
            return None
        from tfkd.pipeline.results import assemble

        results = assemble(plan, context, folder, cached=cached, command=command, started=started)
        write_atomically(folder / RESULTS, json.dumps(results, indent=1, ensure_ascii=False))
    return results


def run_name(results: Mapping[str, Any]) -> str:
    """The run folder's name, `NAME[@VARIANT]`, from results (or their `name` and `variant`)."""
    return f"{results['name']}@{results['variant']}" if results["variant"] else results["name"]


def _prepare(folder: Path, spec: Spec, context: Context, smoke: bool) -> None:
    import yaml

    try:
        folder.mkdir(parents=True, exist_ok=True)
        context.stages.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"{folder} cannot be made ({error.strerror}): name another folder with --runs-dir"
        ) from error
    write_atomically(
        folder / "spec.yaml", yaml.safe_dump(spec.resolved(), sort_keys=False, allow_unicode=True)
    )
    origin = {
        "spec": str(Path(spec.path).resolve()),
        "variant": spec.variant,
        "overrides": list(spec.overrides),
        "plugins": list(spec.plugins),
        "data_dir": str(context.data_dir.resolve()),
        "smoke": smoke,
    }
    write_atomically(folder / ORIGIN, json.dumps(origin, indent=1))


def _execute(node: Node, context: Context, number: str) -> bool:
    """Makes one node's result; returns whether it was there already."""
    folder = StageFolder(context.stages, node.kind, node.fingerprint)
    if folder.done:
        folder.verify()
        context.say(f"{number} {node.kind} {node.label}: done already")
        return True
    with folder.locked(context.say):
        if folder.done:
            return True
        context.say(f"{number} {node.kind} {node.label}")
        module, _, function = _KINDS[node.kind].partition(":")
        work = getattr(importlib.import_module(module), function)
        with stopwatch(folder.scratch / "seconds") as elapsed:
            summary = work(node, folder, context)
            seconds = elapsed()
        folder.finish(
            inputs=node.input_fingerprints(),
            identity=node.identity,
            summary=summary,
            seconds=seconds,
        )
        context.say(f"{number} {node.kind} {node.label}: {_duration(seconds)}{_brief(summary)}")
    return False


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"


def _brief(summary: dict[str, Any]) -> str:
    text = summary.get("brief")
    return f"; {text}" if text else ""


@contextmanager
def _signals() -> Iterator[None]:
    """SIGTERM ends the run as Ctrl-C does: saved, exit code 3."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: object) -> None:
        raise Interrupted(f"stopped by {signal.Signals(number).name}")

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        sys.stdout.flush()


__all__ = ["Wanted", "run", "run_name"]
