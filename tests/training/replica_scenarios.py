"""The same training on several sets of devices; run as a script, since devices are set up once.

    python replica_scenarios.py OUTPUT.npz SCENARIO...

Scenarios of two and of three replicas need processes of their own: TensorFlow gives both groups of
devices the same key.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
import real_models
import tensorflow as tf
from training_fakes import Batcher, Gate, Term, weights_of
from training_fakes import distiller as fake_distiller

from tfkd.training import Adam, Triangular, build_strategy, read_history, train

STEPS = 12


def final_weights(
    replicas, micro_batches, *, dropout=0.0, combiner=None, real=False, policy="float32", **more
):
    """Trains and returns weights, slots and the history's last line."""
    strategy = build_strategy(replicas)
    with strategy.scope(), tempfile.TemporaryDirectory() as folder:
        # The second term owns a weight, and an embedding row is touched several times in a step.
        terms = [
            Term("words", weight=0.5),
            Term("masked", view="masked", rows=True, group="auxiliary", own=True),
        ]
        model = fake_distiller(dropout, terms=terms, combiner=combiner() if combiner else None)
        batcher = Batcher()
        if real:
            model, batcher = real_models.distiller(policy), real_models.PairBatcher()
        optimizer = Adam(clip_norm=0.7, weight_decay=0.1)
        if real:
            # A bias of attention keys has a gradient of 0 but for rounding, which Adam would blow
            # up to whole steps unless epsilon is above it.
            optimizer.epsilon = 1e-4
        train(
            model,
            batcher,
            steps=STEPS,
            optimizer=optimizer,
            schedule=Triangular(steps=STEPS, rate=0.03),
            folder=folder,
            strategy=strategy,
            micro_batches=micro_batches,
            log_every=5,
            tensorboard=False,
            progress=False,
            say=lambda line: None,
            **more,
        )
        line = read_history(Path(folder) / "history.jsonl")[-1]
    found = weights_of(model)
    found |= {path: slot.numpy() for path, slot in optimizer.slots.items()}
    shown = {**line["terms"], **line["metrics"], "loss": line["loss"]}
    return found | {name: np.float64(value) for name, value in shown.items()}


SCENARIOS = {
    "one": {"replicas": 1, "micro_batches": 1},
    "accumulated": {"replicas": 1, "micro_batches": 3},
    "two": {"replicas": 2, "micro_batches": 1},
    "two_accumulated": {"replicas": 2, "micro_batches": 2},
    "three": {"replicas": 3, "micro_batches": 1},
    "gated": {"replicas": 1, "micro_batches": 1, "combiner": Gate},
    "gated_two": {"replicas": 2, "micro_batches": 2, "combiner": Gate},
    "real": {"replicas": 1, "micro_batches": 1, "real": True},
    "real_two": {"replicas": 2, "micro_batches": 2, "real": True},
    "called": {"replicas": 1, "micro_batches": 1, "steps_per_execution": 4},
    "called_two": {"replicas": 2, "micro_batches": 1, "steps_per_execution": 4},
    "real_called": {"replicas": 1, "micro_batches": 2, "real": True, "steps_per_execution": 4},
    "real_xla": {"replicas": 1, "micro_batches": 1, "real": True, "jit_compile": True},
    "half": {"replicas": 1, "micro_batches": 1, "real": True, "policy": "mixed_float16"},
    "half_two": {"replicas": 2, "micro_batches": 1, "real": True, "policy": "mixed_float16"},
    "dropout_accumulated": {"replicas": 1, "micro_batches": 2, "dropout": 0.4},
    "dropout_two": {"replicas": 2, "micro_batches": 1, "dropout": 0.4},
}

if __name__ == "__main__":
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 3)
    arrays = {}
    for name in sys.argv[2:]:
        for path, value in final_weights(**SCENARIOS[name]).items():
            arrays[f"{name}:{path}"] = value
    np.savez(sys.argv[1], **arrays)
