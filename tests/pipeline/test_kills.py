"""kill -9 at any moment of any kind of stage; the same command goes on to the same results.

The short ring kills a training in `training/test_resume`, a scoring in `targets/test_scoring`, and
what needs no TensorFlow in `test_toy_line`.
"""

import json
import random
import shutil
import time

import pytest
from drills import rows_of, same_results
from small_line import arguments, manifest, stage_folders, start, weights

from tfkd import cli
from tfkd.serving import load_saved_model

pytestmark = pytest.mark.long

# What to wait for before the random delay: work that a continued stage can build upon. And what
# to run: only as far as the stage.
KINDS = {
    "corpus": ("", ("--until", "teach")),
    "tokenizer": ("", ("--until", "teach")),
    "ids": ("", ("--until", "teach")),
    "train": ("work/checkpoints/*.json", ("--until", "teach")),
    "score": ("store-0/.*", ("--until", "targets")),
    "translate": ("work/outputs-*.json", ("--until", "synthetic")),
    "evaluate": ("work/outputs-*.json", ()),
    "export": (".1.part", ()),
}
# The first folder of a kind in the alphabet is as good as any; training is that of the teacher.
_SENTENCES = ["der mann sieht den hund.", "", "die frau schläft."]
_OTHERWISE = {"history.jsonl", "weights.safetensors"}


def _folder(runs, kind):
    folders = stage_folders(runs, kind)
    if kind == "train":
        folders = [path for path in folders if manifest(path)["summary"]["steps"] == 60]
    if kind == "corpus":
        folders = [path for path in folders if manifest(path)["summary"]["report"]["kept"] > 100]
        folders = [p for p in folders if "train.de" in json.dumps(manifest(p)["summary"])]
    if kind == "ids":
        tokenizer = {path.name for path in stage_folders(runs, "corpus")
                     if "train.de" in json.dumps(manifest(path)["summary"])}  # fmt: skip
        folders = [path for path in folders if manifest(path)["inputs"]["text"] in tokenizer]
    if kind == "evaluate":
        folders = [path for path in folders if (path / "hypotheses.txt").exists()]
    return folders[0]


def _stable(folder):
    """What must come out again: SHA-256 by file, but of files with times in them, and weights.

    A SavedModel's graph may differ in names; what it answers is compared at the end.
    """
    found = {
        name: entry["sha256"]
        for name, entry in manifest(folder)["files"].items()
        if name not in _OTHERWISE
        and not name.startswith("tensorboard/")
        and not name.endswith((".pb", "variables.index", "checksums.json"))
        and "variables.data" not in name
    }
    if (folder / "weights.safetensors").exists():
        found |= weights(folder)
    return found | rows_of(folder)


def _kill(line, runs, folder, kind, delay):
    """Starts the run, waits for the stage and kills it; whether it was under way."""
    begun, until = KINDS[kind]
    process = start(*arguments(line.spec, runs, *until))
    end = time.monotonic() + 300
    while process.poll() is None and time.monotonic() < end:
        if (folder / "manifest.json").exists():
            break
        if list(folder.glob(begun)) if begun else folder.exists():
            time.sleep(delay)
            break
        time.sleep(0.001)
    process.kill()
    process.communicate()
    return not (folder / "manifest.json").exists()


def _continued(line, runs, kind, kills, chance):
    folder = _folder(runs, kind)
    wanted, seconds = _stable(folder), manifest(folder)["seconds"]
    shutil.rmtree(folder)
    (runs / "small" / "results.json").unlink()
    # The stage's own work begins after TensorFlow's import, and half of it may be done by then.
    longest = min(seconds / 2, 2.0) if kind not in ("corpus", "tokenizer", "ids") else seconds
    under_way = 0
    for _ in range(kills):
        under_way += _kill(line, runs, folder, kind, chance.uniform(0, longest))
        if (folder / "manifest.json").exists():
            longest /= 2
            shutil.rmtree(folder)
    assert cli.main(arguments(line.spec, runs)) == cli.DONE
    assert _stable(folder) == wanted
    assert same_results(line, runs)
    if kind == "export":
        # A SavedModel's bytes may differ from one writing to the next, its answers not.
        saved = [
            load_saved_model(place / "small" / "export" / "learn") for place in (runs, line.runs)
        ]
        first, second = (model.translate(_SENTENCES) for model in saved)
        assert first == second
    return under_way


@pytest.mark.parametrize("kind", KINDS)
def test_a_killed_stage_continues_to_the_same_result(line, tmp_path, kind):
    runs = tmp_path / "runs"
    shutil.copytree(line.runs, runs, symlinks=True)
    _continued(line, runs, kind, 1, random.Random(time.time_ns()))


@pytest.mark.parametrize("kind", KINDS)
def test_twenty_kills_of_a_stage(line, tmp_path, kind):
    runs = tmp_path / "runs"
    shutil.copytree(line.runs, runs, symlinks=True)
    assert _continued(line, runs, kind, 20, random.Random(time.time_ns())) > 5
