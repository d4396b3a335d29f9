"""How long stages take: what is left of each, by what one like it took before on this machine."""

import contextlib
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfkd.data.checksummed import read_checksummed
from tfkd.data.strict_json import parse_json
from tfkd.data.text.expected_rows import expected_rows
from tfkd.pipeline.engine.context import Context
from tfkd.pipeline.engine.graph import Node, canonical
from tfkd.pipeline.engine.roles import Role
from tfkd.pipeline.engine.stage import Stage
from tfkd.pipeline.engine.stage_folder import MANIFEST
from tfkd.pipeline.plan.step_sizes import steps_in_words
from tfkd.pipeline.stages.longer import shorter

HISTORY = "history.jsonl"
# What says how far a stage goes, and from where, and not what a step of it takes, or a row.
_BESIDE = {
    "train": ("steps", "epochs", "schedule", "schedule_revision", "seed", "validate", "between",
              "data", "from", "from_", "left_out"),
    "translate": ("filled",),
    "filter": ("filled",),
}  # fmt: skip


class Hours:
    """What is left to do of stages, in seconds.

    A training's is steps times what a step took; that of a stage that scores or decodes, rows times
    what a row took: with the same work before, see `Paces`.

    Args:
        context: The run's surroundings.
        paces: What a unit of work takes on this machine.
        workers: How many processes like this one make the shards of stages that have some.
    """

    def __init__(self, context: Context, paces: "Paces", workers: int = 1):
        self._context, self._paces, self._workers = context, paces, workers

    def left(self, node: Node, anew: bool = False) -> float | None:
        """Seconds that a stage will take; 0 of one that is done, and where nobody counts them;
        None: not known.

        Args:
            node: The stage.
            anew: It is made from its start, whatever is there.
        """
        folder = self._context.folder(node)
        if node.stage.unit is None or (folder.done and not anew):
            return 0.0
        amount, pace = self._amount(node), self._paces.of(node)
        if node.stage.unit == "steps" and amount and not anew:
            # One under way knows best.
            lines = _lines(folder.work / HISTORY)
            amount -= min(amount, lines[-1]["step"] if lines else self._begun(node, amount))
            pace = _seconds_a_step(lines) or pace
        if not amount:
            return None if amount is None else 0.0
        shared = self._workers if type(node.stage).shards is not Stage.shards else 1
        return None if pace is None else amount * pace / shared

    def paced(self, node: Node) -> bool:
        """Whether it is known what a unit of a stage takes; a time also needs how many it has."""
        return self._paces.of(node) is not None

    def _begun(self, node: Node, steps: int) -> int:
        """The steps of a shorter training from whose end this one goes on."""
        length, place = shorter(node, steps, self._context)
        return 0 if place is None else length

    def _amount(self, node: Node) -> int | None:
        """Steps or rows, about; None while they are not counted."""
        if node.stage.unit == "steps":
            options = node.options  # with these keys they are made in trainings of their own
            made = any(getattr(options, key, None) is not None for key in ("choose", "folds"))
            return 0 if made else steps_in_words(node, self._context)[1]
        rows = [self._rows(child) for child in corpora_of(node.inputs)]
        return None if None in rows else sum(rows)

    def _rows(self, corpus: Node) -> int | None:
        folder = self._context.folder(corpus)
        if folder.done:
            return _kept(folder.manifest())
        if corpus.kind == "corpus":
            return expected_rows(corpus.options, self._context.data_dir)
        # What a model writes has as many rows as it reads, or hardly fewer.
        return self._amount(corpus) if corpus.stage.unit == "rows" else None


class Paces:
    """Seconds that a unit of work took in a folder of runs: of each kind of work, the last time.

    Args:
        stages: The folder of stages.
        measured: More of them, of work that no run has done.
    """

    def __init__(self, stages: Path, measured: Mapping[str, float] | None = None):
        self._manifests: dict[str, Mapping[str, Any] | None] = {}
        self._stages = stages
        self._found: dict[str, tuple[str, float]] = {}
        for path in sorted(stages.glob(f"*/{MANIFEST}")):
            self._note(path.parent.name)
        self._measured = measured or {}

    def of(self, node: Node) -> float | None:
        """What a unit of a stage like this one took; None: there was none."""
        work = work_of(node)
        return self._found[work][1] if work in self._found else self._measured.get(work)

    def _note(self, key: str) -> None:
        manifest = self._manifest(key)
        if manifest is None:
            return
        rows = (self._manifest(one) for one in corpora_of(manifest["inputs"]))
        number = sum(_kept(one) or 0 for one in rows if one is not None)
        seconds = _seconds_each(self._stages / key, manifest, number)
        if not seconds:
            return
        inputs = {
            role: (child["kind"], child["identity"])
            for role, name in manifest["inputs"].items()
            if (child := self._manifest(name)) is not None
        }
        work = _work(manifest["kind"], manifest["identity"], inputs)
        finished = str(manifest.get("finished", ""))
        if self._found.get(work, ("", 0))[0] <= finished:
            self._found[work] = finished, seconds

    def _manifest(self, key: str) -> Mapping[str, Any] | None:
        """What is said of a stage, as far as it can be read: a plan stops for no damaged one."""
        if key not in self._manifests:
            try:
                found = read_checksummed(
                    self._stages / key / MANIFEST, required=False, finite=False
                )
                found["kind"], found["identity"], found["inputs"], found["summary"]
            except (OSError, ValueError, KeyError, TypeError):
                found = None
            self._manifests[key] = found
        return self._manifests[key]


def corpora_of(inputs: Mapping[str, Any]) -> list[Any]:
    """Of a stage's inputs by role, the corpora whose rows it goes through."""
    if Role.TEXT in inputs:  # whose ids it reads, too
        return [inputs[Role.TEXT]]
    return [
        one
        for role, one in inputs.items()
        if role.startswith(Role.DATA) and role.endswith(f".{Role.CORPUS}")
    ]


def work_of(node: Node) -> str:
    """What a unit of a stage's work is; see `_work`."""
    inputs = {role: (child.kind, child.identity) for role, child in node.inputs.items()}
    return _work(node.kind, node.identity, inputs)


def _work(kind: str, identity: Mapping[str, Any], inputs: Mapping[str, Any]) -> str:
    """What a unit of a stage's work is: what it takes hangs on this.

    Of a training the model, the terms, the batch; of others all of their options. Of their inputs
    the models that are asked, and the tokenizers, whose sizes are those of the vocabularies.
    """
    own = {key: one for key, one in identity.items() if key not in _BESIDE.get(kind, ())}
    beside = {
        role: said.get("model", said) if of in ("train", "load") else said
        for role, (of, said) in inputs.items()
        if role.partition(".")[0] in (Role.TOKENIZER, Role.TEACHER, Role.MODEL)
    }
    text = canonical([kind, own, beside])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _seconds_each(folder: Path, manifest: Mapping[str, Any], rows: int) -> float | None:
    """What a unit of a stage's work took: a step of a training, else a row; None without any."""
    if (steps := manifest["summary"].get("steps")) is not None:
        told = _seconds_a_step(_lines(folder / HISTORY))
        seconds = manifest["summary"].get("seconds_of_steps")
        return told if told is not None or not steps or seconds is None else seconds / steps
    seconds = manifest.get("seconds")
    if workers := manifest["summary"].get("workers"):  # by machine; they worked side by side
        seconds = sum(one["seconds"] for one in workers.values())
    return seconds / rows if rows and seconds is not None else None


def _kept(manifest: Mapping[str, Any]) -> int | None:
    """The rows of a finished corpus; None of one that a stage has made which does not tell them."""
    return manifest["summary"].get("report", {}).get("kept")


def _lines(path: Path) -> list[Mapping[str, Any]]:
    """The lines of a history that tell of steps."""
    found = []
    for line in path.read_bytes().splitlines() if path.exists() else ():
        with contextlib.suppress(ValueError):  # one that is being written
            found.append(parse_json(line, finite=False))
    return [line for line in found if isinstance(line, dict) and "seconds" in line]


def _seconds_a_step(lines: list[Mapping[str, Any]]) -> float | None:
    """Between the first line and the last: what comes before the first is mostly compilation.
    Validations and checkpoints count, as they will again."""
    if len(lines) < 2 or lines[-1]["step"] <= lines[0]["step"]:
        return None
    first, last = lines[0], lines[-1]
    return (last["seconds"] - first["seconds"]) / (last["step"] - first["step"])
