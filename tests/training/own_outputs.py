"""Students that write a share of their batches themselves, and teachers that speak of those; run as
a script, a training that kills itself at a step and goes on.

    python own_outputs.py FOLDER STEP
"""

import os
import signal
import sys
from pathlib import Path

import distilled_twice
from real_models import VOCABULARY, PairBatcher, student
from resumed_training import run

from tfkd.data.layouts import Specials
from tfkd.decoding import Sampling
from tfkd.models import Transformer
from tfkd.objectives import CrossEntropy, OnlineTeacher, SoftTargets
from tfkd.training import Distiller, OnPolicy

SPECIALS = Specials(0, 1, 2, 3, 4, (0, 1, 2, 3, 4), VOCABULARY)


def own(share=0.5, **options):
    """Half of the batches, by draws."""
    options = {"search": Sampling(seed=7), "specials": SPECIALS, **options}
    return OnPolicy(share=share, **options)


def terms(**options):
    """One with a teacher in the step, one stored, and one of the text's words in another view."""
    return [
        CrossEntropy(name="words", weight=0.3, label_smoothing=0.1),
        SoftTargets(name="soft", teacher="big", weight=0.7, **options),
        SoftTargets(name="stored", teacher="targets", weight=0.2),
        CrossEntropy(name="other", view="other", weight=0.3, divide_by="rows"),
    ]


def teacher():
    sizes = {"encoder_layers": 1, "decoder_layers": 1, "width": 12, "heads": 2}
    return OnlineTeacher(Transformer(VOCABULARY, dropout=0.5, seed=7, **sizes),
                         start_id=2, end_id=3)  # fmt: skip


def pairs(share=0.5, dropout=0.0, combiner=None, **options):
    """A translator and its batches."""
    distiller = Distiller(
        student(dropout=dropout), terms(**options), combiner, {"big": teacher()},
        on_policy=None if share is None else own(share),
    )  # fmt: skip
    return distiller, PairBatcher(uneven=True)


def texts(share=0.5):
    """A language model and its batches, of blocks and of lines."""
    distiller, batcher = distilled_twice.next_words()
    specials = distilled_twice.ONE["t"]
    distiller.on_policy = None if share is None else own(share, specials=specials, prompt=0.4)
    return distiller, batcher


class Killed(PairBatcher):
    """Kills the process once, when batch `at` is asked for."""

    def __init__(self, marker, at, how):
        super().__init__(uneven=True)
        self.marker, self.at, self.how = marker, at, how

    def batch(self, number):
        if self.how == "kill" and number == self.at and not self.marker.exists():
            self.marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().batch(number)


def train(folder, at=0, how="never"):
    """A training of 30 steps; `how` as in `resumed_training`."""
    distiller, _ = pairs(dropout=0.3)
    batcher = Killed(folder / "stopped", at, how)
    return run(folder, distiller=distiller, batcher=batcher, steps=30, validate=None,
               validate_every=None, keep="last")  # fmt: skip


if __name__ == "__main__":
    train(Path(sys.argv[1]), int(sys.argv[2]), "kill")
