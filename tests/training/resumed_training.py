"""A training that kills itself, or is stopped, at a step; run as a script.

    python resumed_training.py FOLDER STEP HOW

HOW is `kill` (kill -9 when batch STEP is asked for, the first time), `SIGTERM`, `SIGINT`,
`validation` (SIGTERM in the validation at STEP), or `never`.
"""

import os
import signal
import sys
from pathlib import Path

from training_fakes import Batcher, distiller

from tfkd.training import Adam, Interrupted, TrainSettings, Triangular, train

STEPS, SET_ASIDE = 60, 3


def set_aside(folder):
    """The files of the last validated weights, by name."""
    files = sorted((folder / "kept").glob("step-*.safetensors"))[-SET_ASIDE:]
    return {file.name: file.read_bytes() for file in files}


class Stopping(Batcher):
    """Stops the process once, when batch `at` is asked for."""

    def __init__(self, marker, at, how, **options):
        super().__init__(**options)
        self.marker, self.at, self.how = marker, at, how

    def stop(self):
        if not self.marker.exists():
            self.marker.touch()
            os.kill(os.getpid(), signal.SIGKILL if self.how == "kill" else signal.Signals[self.how])

    def batch(self, number):
        if number == self.at and self.how in ("kill", "SIGTERM", "SIGINT"):
            self.stop()
        return super().batch(number)


def run(folder, at=0, how="never", **options):
    """The training; `options` replace what it is given."""
    batcher = options.pop("batcher", None) or Stopping(folder / "stopped", at, how)
    calls = []

    def validate(model):
        calls.append(int(model.embedding.embeddings.value.numpy().sum() * 1e6))
        if how == "validation" and len(calls) == at // 15:
            batcher.how = "SIGTERM"
            batcher.stop()
        return {"score": float(calls[-1] % 1009)}

    return train(
        options.pop("distiller", None) or distiller(dropout=0.3),
        batcher,
        TrainSettings(
            **{
                "steps": STEPS,
                "optimizer": Adam(clip_norm=1.0),
                "schedule": Triangular(steps=STEPS, rate=0.02),
                "folder": folder,
                "validate": validate,
                "validate_every": 15,
                "keep": {"average": 2},
                "set_aside": SET_ASIDE,
                "log_every": 7,
                "save_every_seconds": 0.02,
                "progress": False,
                "tensorboard": False,
                "say": print,
                **options,
            },
        ),
    )


if __name__ == "__main__":
    try:
        run(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
    except Interrupted as stopped:
        print(stopped)
        sys.exit(stopped.exit_code)
