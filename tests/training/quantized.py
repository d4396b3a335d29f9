"""Students whose products are rounded to 8 bits; run as a script, a training that kills itself at a
step and goes on.

    python quantized.py FOLDER STEP
"""

import sys
from pathlib import Path

import own_outputs
from real_models import PairBatcher
from resumed_training import run

from tfkd.layers import fake_quantize
from tfkd.training import GatedGradients


def pairs(share=None, dropout=0.0):
    """A translator with a teacher in the step and a gate, and its batches; `share` of which it
    writes itself."""
    distiller, _ = own_outputs.pairs(share, dropout=dropout, combiner=GatedGradients())
    distiller.terms[-1].group = distiller.terms[0].group = "auxiliary"
    fake_quantize(distiller.student)
    return distiller, PairBatcher(uneven=True)


def train(folder, at=0, how="never"):
    """A training of 30 steps; `how` as in `resumed_training`."""
    distiller, _ = pairs(share=0.5, dropout=0.3)
    batcher = own_outputs.Killed(folder / "stopped", at, how)
    return run(folder, distiller=distiller, batcher=batcher, steps=30, validate=None,
               validate_every=None, keep="last")  # fmt: skip


if __name__ == "__main__":
    train(Path(sys.argv[1]), int(sys.argv[2]), "kill")
