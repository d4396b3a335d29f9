"""The training's history: one JSON line an entry, and the same curves for TensorBoard."""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf

from tfkd.data.files import flush_folder, written_by_tensorflow
from tfkd.data.strict_json import parse_json
from tfkd.outside.regular_files import named

_SCALARS = tf.compat.v1.SummaryMetadata(
    plugin_data=tf.compat.v1.SummaryMetadata.PluginData(plugin_name="scalars")
)


class History:
    """Appends to `history.jsonl` and to TensorBoard's event files.

    Args:
        path: The file of lines. What stands in it after `offset` is cut off: it was written after
            the checkpoint that the training goes on from.
        events: TensorBoard's folder; None: none.
        offset: Bytes to keep.
    """

    def __init__(self, path: Path, events: Path | None = None, offset: int = 0):
        self.path = path
        self._file = open(path, "ab")  # noqa: SIM115 - closed by `close`
        with named(path):
            self._file.truncate(offset)
            self._file.seek(offset)
        self._place = events
        self._events = None if events is None else tf.summary.create_file_writer(str(events))

    def append(self, line: dict[str, Any]) -> None:
        """Adds a line with its "step"; numbers in it become TensorBoard's scalars."""
        with named(self.path):
            self._file.write(json.dumps(line).encode() + b"\n")
            self._file.flush()
        if self._events is not None:
            with written_by_tensorflow(self._place), self._events.as_default():
                _scalars(line, "", line["step"])

    def settled(self) -> tuple[int, str]:
        """Brings all lines to the disk; returns the file's size and SHA-256, for a checkpoint."""
        with named(self.path):
            self._file.flush()
            os.fsync(self._file.fileno())
        flush_folder(self.path.parent)
        if self._events is not None:
            with written_by_tensorflow(self._place):
                self._events.flush()
        size = self._file.tell()
        return size, digest_of_start(self.path, size)

    def close(self) -> None:
        """Closes the files."""
        with named(self.path):
            self._file.close()
        if self._events is not None:
            with written_by_tensorflow(self._place):
                self._events.close()


def digest_of_start(path: Path, size: int) -> str:
    """SHA-256 of the first `size` bytes of a file, or of all if there are fewer or none."""
    try:
        with open(path, "rb") as file:
            return hashlib.sha256(file.read(size)).hexdigest()
    except OSError:
        return ""


def read_history(path: Path) -> list[dict[str, Any]]:
    """All lines of a history."""
    lines = Path(path).read_bytes().splitlines()
    return [parse_json(line, finite=False) for line in lines]


def waiting_share(lines: Iterable[Mapping[str, Any]]) -> float | None:
    """The share of a training's time that its steps waited for batches, 0 to 1.

    sum(w_i s_i) / sum(s_i) over the training lines i of a history: w_i is the line's
    `waiting_share`, s_i the seconds of its steps, tokens since the line before divided by
    `tokens_per_second`. Validations and checkpoints are not part of it. None without such lines.
    """
    waited = seconds = 0.0
    before = 0
    for line in lines:
        if line.get("tokens_per_second"):
            made = (line["tokens"] - before) / line["tokens_per_second"]
            before = line["tokens"]
            waited, seconds = waited + made * line["waiting_share"], seconds + made
    return waited / seconds if seconds else None


def _scalars(values: dict[str, Any], prefix: str, step: int) -> None:
    for name, value in values.items():
        if isinstance(value, dict):
            _scalars(value, f"{prefix}{name}/", step)
        elif isinstance(value, int | float) and name != "step":
            # `tf.summary.scalar` needs the tensorboard package only to fill in this name.
            tf.summary.write(
                prefix + name, tf.constant(value, tf.float32), step=step, metadata=_SCALARS
            )
