"""The same training in several ways; run as a script, since devices are set up once.

    python replica_scenarios.py OUTPUT.npz MODEL-WAY...

Two and three replicas need processes of their own: TensorFlow gives both groups of devices the
same key.
"""

import sys
import tempfile
from pathlib import Path

import distilled_twice
import filled_in
import mask_task
import numpy as np
import opposed
import own_outputs
import quantized
import real_models
import sequence_models
import tensorflow as tf
from training_fakes import Batcher, Gate, Term, weights_of
from training_fakes import distiller as fake_distiller

from tfkd.training import (
    Adafactor,
    Adam,
    TrainSettings,
    Triangular,
    build_strategy,
    read_history,
    train,
)

STEPS = 50

WAYS = {
    "one_device": {},
    "accumulated": {"micro_batches": 3},
    "two_micro_batches": {"micro_batches": 2},
    "two_replicas": {"replicas": 2},
    "two_replicas_accumulated": {"replicas": 2, "micro_batches": 2},
    "three_replicas": {"replicas": 3},
    "side_by_side": {"streams": 2},
    "fused": {"fuse": True},
    "all_on_one_cpu": {"micro_batches": 2, "streams": 3, "fuse": True, "steps_per_execution": 2},
    "two_replicas_fused": {"replicas": 2, "fuse": True},
    "several_steps_a_call": {"steps_per_execution": 3},
    "two_replicas_several_steps_a_call": {"replicas": 2, "steps_per_execution": 3},
    "xla": {"jit_compile": True},
    "xla_accumulated": {"jit_compile": True, "micro_batches": 2},
    "two_replicas_xla": {"replicas": 2, "jit_compile": True},
    "two_replicas_xla_accumulated": {"replicas": 2, "micro_batches": 2, "jit_compile": True},
    "two_replicas_xla_several_steps_a_call": {
        "replicas": 2, "steps_per_execution": 3, "jit_compile": True
    },
}  # fmt: skip


def fake_terms():
    """The second owns a weight, and an embedding row is touched several times in a step."""
    return [
        Term("words", weight=0.5),
        Term("masked", view="masked", rows=True, group="auxiliary", own=True),
    ]


def fake(dropout=0.0, combiner=None):
    return fake_distiller(dropout, terms=fake_terms(), combiner=combiner)


# What is trained, built in the strategy's scope, and what on; of few shapes, as XLA compiles each.
MODELS = {
    "fake": lambda: (fake(), Batcher(widths=(5, 6))),
    "gated": lambda: (fake(combiner=Gate()), Batcher(widths=(5, 6))),
    "factored": lambda: (fake(), Batcher(widths=(5, 6))),
    "dropout": lambda: (fake(dropout=0.4), Batcher(widths=(5, 6))),
    "pairs": lambda: (
        real_models.distiller(terms=real_models.more_terms),
        real_models.PairBatcher(uneven=True),
    ),
    "sequences": lambda: (sequence_models.distiller(), sequence_models.batcher()),
    "taught": lambda: (mask_task.distiller(), mask_task.PairAndMaskBatcher(uneven=True)),
    "filled": lambda: (filled_in.distiller(), filled_in.batcher()),
    "next_words": distilled_twice.next_words,
    "segments": distilled_twice.segments,
    "classes": distilled_twice.classes,
    "own_pairs": own_outputs.pairs,
    "own_texts": own_outputs.texts,
    "quantized": quantized.pairs,
    "opposed": lambda: (opposed.distiller(), opposed.Rows()),
}


def final_weights(model, *, replicas=1, **options):
    """Trains and returns weights, slots and the history's last line."""
    strategy = build_strategy(replicas)
    with strategy.scope(), tempfile.TemporaryDirectory() as folder:
        distiller, batcher = MODELS[model]()
        # A bias of attention keys has a gradient of 0 but for rounding, which Adam would blow up to
        # whole steps unless epsilon is above it.
        optimizer = Adam(clip_norm=0.7, weight_decay=0.1, epsilon=1e-4)
        if model == "factored":
            optimizer = Adafactor(clip_norm=0.7, weight_decay=0.1)
        train(
            distiller,
            batcher,
            TrainSettings(
                steps=STEPS,
                optimizer=optimizer,
                schedule=Triangular(steps=STEPS, rate=0.03),
                folder=folder,
                strategy=strategy,
                log_every=25,
                tensorboard=False,
                progress=False,
                say=lambda line: None,
                **options,
            ),
        )
        line = read_history(Path(folder) / "history.jsonl")[-1]
    found = weights_of(distiller)
    found |= {path: slot.numpy() for path, slot in optimizer.slots.items()}
    shown = {**line["terms"], **line["metrics"], "loss": line["loss"]}
    shown |= line.get("combiner", {})
    return found | {name: np.float64(value) for name, value in shown.items()}


if __name__ == "__main__":
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 3)
    arrays = {}
    for name in sys.argv[2:]:
        model, _, way = name.partition("-")
        for path, value in final_weights(model, **WAYS[way]).items():
            arrays[f"{name}:{path}"] = value
    np.savez(sys.argv[1], **arrays)
