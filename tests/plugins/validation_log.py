"""A callback of one's own: what each validation measured, in a file of JSON lines.

Joined by `--plugin validation_log`; then, beside `validate:` of a training stage,
`callbacks: {validation_log: {path: log.jsonl}}`.
"""

import json
from pathlib import Path
from typing import Literal

from pydantic import Field

from tfkd.spec.options.base import FilePath, Options
from tfkd.spec.registry import register as add


class ValidationLogOptions(Options):
    """A line of JSON a validation, in a file."""

    kind: Literal["validation_log"] = Field("validation_log", description="Its kind.")
    path: FilePath = Field(description="The file.", examples=["log.jsonl"])


class ValidationLog:
    """Writes `{"step": ..., METRIC: ...}`, each step once: a training that was stopped may come by
    a step again.

    Args:
        path: The file.
    """

    def __init__(self, path: str):
        self._path = Path(path)

    def on_validation(self, point) -> None:
        """Called by the training."""
        lines = self._path.read_text("utf-8").splitlines() if self._path.exists() else []
        kept = [line for line in lines if json.loads(line)["step"] < point.step]
        kept.append(json.dumps({"step": point.step, **point.metrics}))
        self._path.write_text("\n".join(kept) + "\n", "utf-8")


def register() -> None:
    """Called when the plugin joins."""
    summary = "A line of JSON a validation, in a file"
    target = "validation_log:ValidationLog"
    add("callback", "validation_log", options=ValidationLogOptions, target=target, summary=summary)
