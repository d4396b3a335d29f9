"""What the failure drills share: copies of the finished line, and what must come out again."""

import json
import math
import re
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from small_line import manifest, stage_folders, timeless, weights

from tfkd.pipeline.engine.stage_folder import StageFolder

_WITH_TIMES = {"history.jsonl", "weights.safetensors"}
_OF_RUN = {"README.md", "checksums.json"}
# What a run prints of a stage that it has made.
MADE = re.compile(r"^\[\d+/\d+\] (.+?): (?:\d+ min )?[\d.]+ s\b", re.MULTILINE)


def finished_copy(line: SimpleNamespace, folder: Path) -> Path:
    """A copy of the finished line's runs, for a drill to damage."""
    runs = folder / "runs"
    shutil.copytree(line.runs, runs, symlinks=True)
    return runs


def stage_of(runs: Path, kind: str) -> Path:
    """A stage's folder: of `KIND LABEL` that one, of a kind alone one that drills are good at."""
    kind, _, label = kind.partition(" ")
    label = label or {"train": "teach", "evaluate": "learn on test"}.get(kind, "")
    results = json.loads((runs / "small" / "results.json").read_text("utf-8"))
    for stage in results["stages"].values():
        if stage["kind"] == kind and label in ("", stage["label"]):
            return runs / "stages" / f"{kind}-{stage['fingerprint']}"
    raise LookupError(f"{kind} {label}: {', '.join(map(str, stage_folders(runs, kind)))}")


def stable_files(folder: Path) -> dict[str, str | bytes]:
    """What must come out again: SHA-256 by file, but of files with times in them, and weights.

    A SavedModel's graph may differ in names; exporting holds it against the model.
    """
    found = {
        name: entry["sha256"]
        for name, entry in manifest(folder)["files"].items()
        if name not in _WITH_TIMES and not name.startswith(("tensorboard/", "1/"))
    }
    if (folder / "weights.safetensors").exists():
        found |= weights(folder)
    return found | rows_of(folder)


def rows_of(folder: Path) -> dict[str, str | bytes]:
    """An evaluation's sums by row, without the last bits (see `same_results`)."""
    if not (folder / "rows.npz").exists():
        return {}
    with np.load(folder / "rows.npz") as arrays:
        found = {name: np.round(arrays[name], 4).tobytes() for name in arrays.files}
    return {"rows.npz": b"".join(found[name] for name in sorted(found))}


def same_results(line: SimpleNamespace, runs: Path) -> bool:
    """Whether a run's results.json is the undisturbed line's, but for times.

    The last bits of an evaluation's sums hang on the number of threads of an operation, which is
    another one where a process has used TensorFlow before its run.
    """
    results = json.loads((runs / "small" / "results.json").read_text("utf-8"))
    return _close(timeless(results), timeless(line.results))


def _close(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-9)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_close(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_close, one, other))
    return one == other


def is_whole(line: SimpleNamespace, runs: Path) -> bool:
    """Whether all that a finished run shows is there, and what is published is what was made."""
    names = {path.relative_to(line.run) for path in line.run.rglob("*")}
    assert names == {path.relative_to(runs / "small") for path in (runs / "small").rglob("*")}
    for name in names:
        if name.parts[0] == "evaluation" and (line.run / name).is_file():
            assert (line.run / name).read_bytes() == (runs / "small" / name).read_bytes()
    made, shown = stage_of(runs, "export") / "1", runs / "small" / "export" / "learn" / "1"
    for path in made.rglob("*"):
        if path.is_file():
            name = path.relative_to(made)
            # The run's card has the run's warnings, which the stage does not know of.
            own = line.run / "export" / "learn" / "1" if name.name in _OF_RUN else made
            assert (own / name).read_bytes() == (shown / name).read_bytes()
    for folder in (runs / "stages").glob("*-*/"):
        kind, _, fingerprint = folder.name.partition("-")
        StageFolder(runs / "stages", kind, fingerprint).verify()
    return True


def made_once(outputs: list[str]) -> list[str]:
    """The stages that were made, of which none was made by two runs."""
    made = [title for out in outputs for title in MADE.findall(out)]
    assert sorted(made) == sorted(set(made))
    return made
