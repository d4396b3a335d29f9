"""A whole line, tiny: corpora of generated sentences in files, teacher, store, two students."""

import functools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from safetensors.numpy import load_file

from tfkd.data.grammars.generated import german_english

ROWS = {"train": 300, "valid": 24, "test": 300}

SPEC = """\
tfkd: 1
name: small
data:
  train: {parallel: [train.de, train.en], lower_case: true}
  valid: {parallel: [valid.de, valid.en], lower_case: true}
  test: {parallel: [test.de, test.en], lower_case: true}
tokenizers:
  joint: {kind: wordpiece, size: 150, learn_from: [train]}
teacher: {kind: bert, layers: 1, width: 16, heads: 2, max_length: 160, tokenizer: joint}
student:
  kind: transformer
  encoder_layers: 1
  decoder_layers: 1
  width: 16
  heads: 2
  max_length: 64
  tokenizer: joint
views:
  cmlm: {kind: conditional_mlm, p: 0.3, max_length: 160}
stages:
  teach:
    train: teacher
    data: train
    objective: {masked_lm: {view: cmlm}}
    steps: 60
    batch: {size: 768, unit: joint_tokens}
    schedule: {kind: linear, rate: 1e-2}
    save_every: 0.05
    log_every: 20
  targets: {score: teach, data: train, passes: 2, top_k: 4, max_length: 160, batch_tokens: 2048}
  learn:
    train: student
    data: train
    objective:
      cross_entropy: {weight: 0.5, label_smoothing: 0.1}
      soft_targets: {weight: 0.5, temperature: 2, teacher: targets}
    steps: 6
    batch: {size: 512, unit: max_tokens, max_length: 64}
    schedule: {kind: linear, rate: 1e-2}
    log_every: 2
    validate: {on: valid, every: 3, metrics: [loss], keep: {best: loss}}
  synthetic: {translate: "learn#baseline", data: train, decode: {kind: greedy}}
variants:
  baseline: {stages.learn.objective: {cross_entropy: {label_smoothing: 0.1}}}
evaluate:
  - {of: targets, on: [train], metrics: [teacher_check], against: "learn#baseline"}
  - of: learn
    on: [test]
    decode: {kind: greedy}
    metrics: [bleu, chrf, rouge_l, loss, perplexity]
    against: "learn#baseline"
    bootstrap: 20
  - {of: "learn#baseline", on: [synthetic], metrics: [loss], bootstrap: 20}
export: [learn]
"""


@functools.cache
def texts() -> dict[str, str]:
    """The line's corpora by the names of their files."""
    found = {}
    for seed, (name, rows) in enumerate(ROWS.items()):
        pairs = [pair for pair in german_english(4 * rows, seed + 1) if len(pair[0]) < 60][:rows]
        for side, ending in enumerate(("de", "en")):
            found[f"{name}.{ending}"] = "".join(f"{pair[side]}\n" for pair in pairs)
    return found


def write_line(folder: Path) -> Path:
    """Writes data and spec into a folder; returns the spec's path."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts().items():
        (folder / name).write_text(text, "utf-8")
    path = folder / "small.yaml"
    path.write_text(SPEC, "utf-8")
    return path


def arguments(spec: Path, runs: Path, *more: str) -> list[str]:
    """The command line of a run."""
    return ["run", str(spec), "--data-dir", str(spec.parent), "--runs-dir", str(runs), *more]


def start(*words: str, **settings: Any) -> subprocess.Popen:
    """Starts `tfkd` in a fresh process."""
    environment = {k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"}
    return subprocess.Popen(
        [sys.executable, "-m", "tfkd.cli", *words],
        text=True,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **settings,
    )


def stage_folders(runs: Path, kind: str) -> list[Path]:
    """The folders of all stages of a kind."""
    return sorted(path for path in (runs / "stages").glob(f"{kind}-*") if path.is_dir())


def manifest(folder: Path) -> dict[str, Any]:
    """A stage's manifest."""
    return json.loads((folder / "manifest.json").read_text("utf-8"))


def weights(folder: Path) -> dict[str, bytes]:
    """A trained stage's weights; the file's header may list its metadata in any order."""
    path = folder / "weights.safetensors"
    return {name: array.tobytes() for name, array in load_file(path).items()}


_TIMES = {"started", "finished", "seconds", "command", "cached", "tokens_per_second"}
_TIMES |= {"waiting_share", "seconds_of_steps", "latency"}


def without_times(value: Any) -> Any:
    """results.json's content without what differs between two runs of one line."""
    if isinstance(value, dict):
        return {key: without_times(item) for key, item in value.items() if key not in _TIMES}
    if isinstance(value, list):
        return [without_times(item) for item in value]
    return value


def timeless(results: dict[str, Any]) -> dict[str, Any]:
    """The same, without bytes of files that hold times, and without the machine."""
    found = without_times(results)
    del found["machine"], found["sha256"]
    for stage in found["stages"].values():
        if stage["kind"] in ("train", "export"):
            del stage["bytes"]
    for export in found["exports"]:
        del export["bytes"], export["sha256"]
    return found
