"""Trains a few steps in a process of its own and prints measured and predicted bytes.

python step_memory.py '{"model": {...}, "precision": ..., "tokens": ..., "longest": ..., ...}'
"""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import tensorflow as tf

from tfkd.models import build_model
from tfkd.objectives import build_terms
from tfkd.pipeline.memory import Step, step_memory
from tfkd.spec.options import BertOptions, TransformerOptions
from tfkd.training import Distiller, build_optimizer
from tfkd.training.step_function import StepFunction

SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
POLICIES = {"float32": (4, "float32"), "bfloat16": (2, "mixed_bfloat16")}


def status(key):
    """Bytes of one line of the process's status."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(key))


def record(bert, rows, length, size, share):
    draw = np.random.default_rng(1)

    def ids():
        return draw.integers(5, size, (rows, length)).astype(np.int32)

    everywhere = np.ones((rows, length), bool)
    if not bert:
        target = {"ids": ids(), "valid": everywhere, "labels": ids(), "selected": everywhere}
        return {"source": {"ids": ids(), "valid": everywhere}, "target": target}
    places = np.tile(np.arange(length, dtype=np.int32), (rows, 1))
    selected = draw.random((rows, length)) < share
    return {"ids": ids(), "types": 0 * places, "positions": places, "valid": everywhere,
            "labels": ids(), "selected": selected}  # fmt: skip


def main(case):
    streams, fused, micro = case.get("streams", 1), case.get("fused", False), case.get("micro", 1)
    if streams > 1:
        tf.config.threading.set_intra_op_parallelism_threads(1)
    size, share = case.get("vocabulary", 8000), case.get("predicted", 1.0)
    words = SimpleNamespace(
        size=size,
        vocabulary=SPECIALS + [f"w{number}" for number in range(size - len(SPECIALS))],
        special_ids=(0, 1, 2, 3, 4),
        unknown_id=1,
    )
    item, policy = POLICIES[case["precision"]]
    bert = case["model"]["kind"] == "bert"
    options = (BertOptions if bert else TransformerOptions).model_validate(
        case["model"] | {"tokenizer": "one"}
    )
    model = build_model(options, {"one": words}, policy=policy)
    distiller = Distiller(model, build_terms({"masked_lm" if bert else "cross_entropy": {}}))
    optimizer = build_optimizer({"kind": "adam"})
    optimizer.build(distiller.parameters)
    step = StepFunction(
        distiller, distiller.parameters, optimizer, strategy=tf.distribute.get_strategy(),
        micro_batches=micro, streams=streams, fuse=fused,
    )  # fmt: skip
    rows = micro * case["tokens"] // case["longest"]
    view = distiller.terms[0].view or "plain"
    batch = {"examples": np.arange(rows), view: record(bert, rows, case["longest"], size, share)}
    batch = tf.nest.map_structure(tf.convert_to_tensor, batch)
    for number in range(2):
        step(batch, number + 1, 1e-3).numpy()
    Path("/proc/self/clear_refs").write_text("5")  # the high-water mark starts anew
    for number in range(2, 5):
        step(batch, number + 1, 1e-3).numpy()
    sizes = Step(case["tokens"], case["longest"], (share,), item, fused, streams, micro)
    predicted = step_memory(options, model.count_params(), size, sizes)
    print(json.dumps({"measured": status("VmHWM"), "predicted": predicted.peak}))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
