"""`tfkd plan --measure`: what a step and a row take on this machine, by making a few of each.

A spec's own graph is made in a folder that is removed again, with models, batches, terms and
tokenizers of their real sizes, but of few rows and few steps.
"""

import hashlib
import os
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from tfkd.data.checksummed import read_checksummed, write_checksummed
from tfkd.data.text.remote_files import copies_in
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node, in_order
from tfkd.pipeline.engine.machine import machine
from tfkd.pipeline.engine.roles import Role
from tfkd.pipeline.engine.run import execute
from tfkd.pipeline.engine.wanted import wanted
from tfkd.pipeline.plan.hours import Paces, work_of
from tfkd.spec import Spec, load_spec
from tfkd.spec.errors import UserError
from tfkd.spec.metrics import TEACHER_CHECK

STEPS, _LINES = 6, 2
# Of each corpus, for models to read; and for a tokenizer to be learnt from.
_ROWS, _LEARNT_ROWS = 1000, 20_000
_WHOLE = "-whole"
_ROWS_OF = ("sample", "part", "drop_overlap")


def measured_paces() -> dict[str, float]:
    """What was measured on this machine before: seconds of a unit of work, see `hours.work_of`."""
    return dict(_cached().get(_this_machine(), {}))


def measure(
    spec: Spec, *, data_dir: Path, runs_dir: Path, say: Callable[[str], None] = print
) -> dict[str, float]:
    """Measures the stages whose pace no earlier run and no earlier measurement tells.

    Args:
        spec: The resolved spec.
        data_dir: The folder that its data paths are relative to.
        runs_dir: The folder of runs, which stays as it is.
        say: Called with each line for the user.

    Returns:
        All that is known of this machine, which is kept in a file of the user's cache, too.

    Raises:
        UserError: A data file is missing or wrong.
    """
    with copies_in(runs_dir, say=say):
        return _measured(few_steps(spec), data_dir, runs_dir, say)


def _measured(
    few: Spec, data_dir: Path, runs_dir: Path, say: Callable[[str], None]
) -> dict[str, float]:
    """See `measure`; of few rows and steps."""
    known = measured_paces()
    paces = Paces(runs_dir / "stages", known)
    nodes = in_order(wanted(few, data_dir).ends())
    asked = [node for node in nodes if node.stage.unit and paces.of(node) is None]
    with tempfile.TemporaryDirectory(prefix="tfkd-measure-") as folder:
        context = _Timed(data_dir=data_dir, runs_dir=Path(folder), say=say)
        context.stages.mkdir()
        order = in_order(asked)
        for number, node in enumerate(order, 1):
            context.told.clear()
            try:
                execute(node, context, f"measure [{number}/{len(order)}]")
            except UserError as error:
                say(f"measure: {error}")
                break
            pace = _marginal(context.told)
            pace = pace * _as_trained(node, context) if pace else Paces(context.stages).of(node)
            if node in asked and pace:
                known[work_of(node)] = pace
                _keep(known, say)
    return known


def few_steps(spec: Spec) -> Spec:
    """The spec with its models, batches and terms, and few rows and steps of each."""
    return load_spec(
        spec.path,
        variant=spec.variant,
        overrides=spec.overrides,
        plugins=spec.plugins,
        change=_cut,
        elsewhere=True,
    )


def _cut(plain: dict[str, Any]) -> dict[str, Any]:
    whole = _counted(plain)
    for name, corpus in list((plain.get("data") or {}).items()):
        if name in whole:
            plain["data"][f"{name}{_WHOLE}"] = corpus
            continue
        rest = {key: value for key, value in corpus.items() if key not in _ROWS_OF}
        rows = rest.pop("max_rows", None) or _LEARNT_ROWS
        for place, most in ((name, _ROWS), (f"{name}{_WHOLE}", _LEARNT_ROWS)):
            plain["data"][place] = _of_rows(rest, min(rows, most))
    for tokenizer in (plain.get("tokenizers") or {}).values():
        if tokenizer.get("learn_from"):
            tokenizer["learn_from"] = _whole(tokenizer["learn_from"], plain)
        if tokenizer.get("keep"):
            tokenizer["keep"] = {"seen_in": _whole(tokenizer["keep"]["seen_in"], plain)}
    for stage in (plain.get("stages") or {}).values():
        stage.pop("on_failed_check", None)
        if "train" in stage:
            for key in ("epochs", "validate", "choose", "seeds"):
                stage.pop(key, None)
            # Steps are measured on all of its corpora, whenever they are read.
            for part in stage["data"] if isinstance(stage.get("data"), list) else ():
                for key in ("from", "until") if isinstance(part, dict) else ():
                    part.pop(key, None)
            stage |= {"steps": STEPS, "log_every": _LINES, "save_every": 1e6}
        if isinstance(stage.get("average"), dict):  # of validations, of which there are none here
            stage["average"] = [stage["average"]["of"]] * 2
    plain.pop("seeds", None)
    kept = []
    for entry in plain.get("evaluate") or []:
        metrics = entry["metrics"]
        if entry.get("export"):  # nothing is exported here
            continue
        if TEACHER_CHECK not in ([metrics] if isinstance(metrics, str) else metrics):
            entry |= {"bootstrap": 10, "randomization": 100}
            entry.pop("choose", None)
            entry.pop("noise", None)
            kept.append(entry)
    return {**plain, "evaluate": kept, "export": []}


def _counted(plain: Mapping[str, Any]) -> set[str]:
    """Corpora whose words are counted for an evaluation: of a part of one nobody can tell them."""
    on = [entry["on"] for entry in plain.get("evaluate") or []]
    names = {name for one in on for name in ([one] if isinstance(one, str) else one)}
    return {name for name in names if plain["data"].get(name, {}).get("detokenize")}


def _of_rows(corpus: Mapping[str, Any], rows: int) -> dict[str, Any]:
    if "generated" in corpus:
        return {**corpus, "rows": min(corpus["rows"], rows)}
    return {**corpus, "max_rows": rows}


def _whole(names: str | Sequence[str], plain: Mapping[str, Any]) -> list[str]:
    """The corpora, or CORPUS.FIELD, that have the rows for a vocabulary: of a filter's what it
    reads; what other stages write has no more rows than there are."""
    found, stages = [], plain.get("stages") or {}
    for corpus, dot, name in (
        one.partition(".") for one in ([names] if isinstance(names, str) else names)
    ):
        read = corpus
        while isinstance(stages.get(read, {}).get("filter"), str):
            read = stages[read]["filter"]
        whole = f"{read}{_WHOLE}" if read in plain["data"] else corpus
        found.append(f"{whole}{dot}{name}")
    return found


@dataclass
class _Timed(Context):
    """Surroundings that note when rows were done.

    Attributes:
        told: Seconds and rows done, each time.
    """

    told: list[tuple[float, int]] = field(default_factory=list)

    def told_progress(self, label: str) -> Callable[[int, int], None]:
        def note(done: int, total: int) -> None:
            self.deadline.check()
            self.told.append((time.monotonic(), done))

        return note


def _marginal(told: Sequence[tuple[float, int]]) -> float | None:
    """Seconds a row between the first time and the last: what comes before is start and graph."""
    seconds = rows = 0.0
    for (before, had), (now, done) in pairwise(told):
        if done > had:
            seconds, rows = seconds + now - before, rows + done - had
    return seconds / rows if rows and seconds else None


def _as_trained(node: Node, context: Context) -> float:
    """The share of decoding's steps that a trained model makes: one of a few steps does not know
    when to end, and a trained one's outputs are about as long as references, or sources."""
    from tfkd.pipeline.inputs.made import side_tokenizers
    from tfkd.pipeline.inputs.text_stages import open_text
    from tfkd.pipeline.scoring.counting import file_lines

    model = node.inputs.get(Role.MODEL)
    if model is None or model.model.fills_in:  # which chooses its lengths beforehand
        return 1.0
    outputs = context.folder(node).path / "hypotheses.txt"
    if node.kind == "translate" and "source" in node.options.field_names:
        text, like = open_text(node, context), "source"
        written = list(text.lines("target"))
    elif node.kind == "evaluate" and outputs.exists():
        text, like = open_text(node.inputs[Role.TEXT], context), "target"
        written = file_lines(outputs)
    else:
        return 1.0
    tokenizers = side_tokenizers(model, context)
    if like not in tokenizers:
        return 1.0
    expected = tokenizers[like].encode(list(text.lines(like))).lengths.mean()
    return min(1.0, (expected + 1) / (tokenizers["target"].encode(written).lengths.mean() + 1))


def _cache() -> Path:
    folder = os.environ.get("XDG_CACHE_HOME")
    try:
        place = Path(folder) if folder else Path.home() / ".cache"
    except RuntimeError:  # a user without a home, as in a container
        place = Path(tempfile.gettempdir(), "tfkd-cache")
    return place / "tfkd" / "paces.json"


def _cached() -> dict[str, Any]:
    try:
        return read_checksummed(_cache())
    except (OSError, ValueError):
        return {}


def _keep(known: Mapping[str, float], say: Callable[[str], None]) -> None:
    path = _cache()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_checksummed(path, {**_cached(), _this_machine(): dict(known)})
    except OSError as error:  # this plan has its hours all the same
        say(f"measure: {path} is not kept for later plans ({error.strerror})")


def _this_machine() -> str:
    """What a pace hangs on beside the work."""
    found = machine()
    devices = len([*Path("/dev").glob("nvidia[0-9]*")])
    versions = {name: found["versions"].get(name) for name in ("tfkd", "tensorflow")}
    said = repr((found["system"], found["processor"], found["cores"], devices, versions))
    return hashlib.sha256(said.encode()).hexdigest()[:16]
