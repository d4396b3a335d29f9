"""Prints the resident memory in MiB after each tenth of 10,000 tiny steps."""

import sys
import tempfile
from pathlib import Path

from training_fakes import Batcher, distiller

from tfkd.training import Adam, Constant, TrainSettings, train

STEPS, TENTH = 10_000, 1_000


def resident():
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("no VmRSS")


class Watched(Batcher):
    """Tells of memory as its batches are asked for."""

    def batch(self, number):
        if number % TENTH == TENTH - 1:
            print(f"memory {resident():.1f}", flush=True)
        return super().batch(number)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        train(
            distiller(),
            Watched(),
            TrainSettings(
                steps=STEPS,
                optimizer=Adam(clip_norm=1.0),
                schedule=Constant(steps=STEPS, rate=1e-3),
                folder=folder,
                steps_per_execution=int(sys.argv[1]),
                save_every_seconds=2.0,
                progress=False,
                say=lambda line: None,
            ),
        )
