"""Trains a few steps in a process of its own and prints measured and predicted bytes.

python step_memory.py '{"model": {...}, "precision": ..., "tokens": ..., "longest": ..., ...}'
"""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import tensorflow as tf

from tfkd.models import build_model, freeze
from tfkd.models.freezing import frozen_parts
from tfkd.objectives import OnlineTeacher, build_terms
from tfkd.spec.options import (
    AbNetOptions,
    BertOptions,
    BottleneckOptions,
    CrossAttentionAdapterOptions,
    RnnOptions,
    TransformerOptions,
)
from tfkd.spec.options.models.t5 import T5Options
from tfkd.training import Distiller, GatedGradients, build_optimizer
from tfkd.training.cores import widens_bfloat16
from tfkd.training.step_function import StepFunction
from tfkd.training.step_memory import EncoderView, Step, TeacherSize, step_memory

SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
MASKED = 0.15
POLICIES = {"float32": (4, "float32"), "bfloat16": (2, "mixed_bfloat16")}


def status(key):
    """Bytes of one line of the process's status."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(key))


FILL = {
    "words": {"kind": "masked_lm", "view": "fill", "divide_by": "target_tokens"},
    "length": {"view": "fill", "weight": 0.1, "divide_by": "target_tokens"},
}


def options_of(model):
    """The options of a case's model; those of an AB-Net with its BERTs and adapters."""
    if model["kind"] != "abnet":
        kinds = {"bert": BertOptions, "rnn": RnnOptions, "transformer": TransformerOptions,
                 "t5": T5Options}  # fmt: skip
        kind = kinds[model["kind"]]
        return kind.model_validate(model | {"tokenizer": "one"})
    bert = BertOptions.model_validate(model["berts"] | {"tokenizer": "one"})
    named = {"kind": "abnet", "encoder": "bert", "decoder": "bert", "lengths": 128}
    adapters = {
        "encoder": BottleneckOptions.model_validate(model["encoder"]),
        "decoder": CrossAttentionAdapterOptions.model_validate(model["decoder"]),
    }
    return AbNetOptions.model_validate(named).linked({"bert": bert}, adapters)


def terms_of(kind):
    if kind == "abnet":
        return build_terms(FILL)
    return build_terms({"masked_lm" if kind == "bert" else "cross_entropy": {}})


def record(kind, rows, length, size, share):
    draw = np.random.default_rng(1)

    def ids():
        return draw.integers(5, size, (rows, length)).astype(np.int32)

    everywhere = np.ones((rows, length), bool)
    if kind != "bert":
        selected = everywhere if kind != "abnet" else draw.random((rows, length)) < share
        target = {"ids": ids(), "valid": everywhere, "labels": ids(), "selected": selected}
        return {"source": {"ids": ids(), "valid": everywhere}, "target": target}
    places = np.tile(np.arange(length, dtype=np.int32), (rows, 1))
    selected = draw.random((rows, length)) < share
    return {"ids": ids(), "types": 0 * places, "positions": places, "valid": everywhere,
            "labels": ids(), "selected": selected}  # fmt: skip


def with_teacher(model, taught, words, size, case, item, policy):
    """The mask task, gated, with an online teacher; and what the prediction is told of it."""
    options = BertOptions.model_validate(taught | {"tokenizer": "one"})
    teacher = build_model(options, {"one": words}, policy=policy)
    terms = build_terms(
        {
            "cross_entropy": {},
            "mask": {"kind": "soft_targets", "view": "masked", "teacher": "bert"},
        },
        modules={"mask": "encoder"},
        auxiliary=["mask"],
    )
    online = OnlineTeacher(teacher, start_id=2, end_id=3)
    distiller = Distiller(model, terms, GatedGradients(), {"bert": online})
    student = TransformerOptions.model_validate(case["model"] | {"tokenizer": "one"})
    return distiller, {
        "encoder_views": (EncoderView(MASKED, size),),
        "teachers": (TeacherSize(options, teacher.count_params(), MASKED, size, item),),
        "gated": student.encoder_parameters(size),
    }


def with_larger(model, taught, words, size, item, policy, written):
    """A larger encoder-decoder's whole distribution, at the target's words or at segments'."""
    options = TransformerOptions.model_validate(taught | {"tokenizer": "one"})
    teacher = build_model(options, {"one": words}, policy=policy)
    terms = build_terms({"cross_entropy": {}, "soft": {"kind": "soft_targets", "teacher": "big"}})
    online = OnlineTeacher(teacher, start_id=2, end_id=3)
    known = TeacherSize(options, teacher.count_params(), written, size, item)
    extra = {"teachers": (known,), "written": (written,)}
    return Distiller(model, terms, None, {"big": online}), extra


def segments(pair, written):
    """The record of a view of one text: the target is a part of the source."""
    length = int(pair["source"]["ids"].shape[1] * written)
    target = {name: array[:, :length] for name, array in pair["target"].items()}
    positions = np.tile(np.arange(length, dtype=np.int32), (len(target["ids"]), 1))
    seen = np.ones_like(pair["source"]["valid"])
    seen[:, :length] = False
    return {"source": {**pair["source"], "memory_valid": seen},
            "target": {**target, "positions": positions}}  # fmt: skip


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
    kind, trainable = case["model"]["kind"], case.get("trainable", "all")
    options = options_of(case["model"])
    frozen = frozen_parts(("encoder", "decoder"), trainable)
    model = build_model(options, {"one": words}, policy=policy, frozen=frozen)
    counted = freeze(model, trainable)
    taught, extra, written = case.get("taught"), {}, case.get("written", 1.0)
    if taught and taught["kind"] == "transformer":
        distiller, extra = with_larger(model, taught, words, size, item, policy, written)
    elif taught:
        distiller, extra = with_teacher(model, taught, words, size, case, item, policy)
    else:
        distiller = Distiller(model, terms_of(kind))
    optimizer = build_optimizer({"kind": "adam"})
    optimizer.build(distiller.parameters)
    step = StepFunction(
        distiller, optimizer, strategy=tf.distribute.get_strategy(),
        micro_batches=micro, streams=streams, fuse=fused,
    )  # fmt: skip
    rows = micro * case["tokens"] // case["longest"]
    view = distiller.terms[0].view or "plain"
    batch = {"examples": np.arange(rows), view: record(kind, rows, case["longest"], size, share)}
    if written < 1:
        batch[view], share = segments(batch[view], written), written
    if taught and taught["kind"] == "bert":
        stream = record("bert", rows, case["longest"], size, MASKED)
        names = ("ids", "valid", "labels", "selected")
        batch["masked"] = {"source": {name: stream[name] for name in names}}
    batch = tf.nest.map_structure(tf.convert_to_tensor, batch)
    for number in range(2):
        step(batch, number + 1, 1e-3).numpy()
    Path("/proc/self/clear_refs").write_text("5")  # the high-water mark starts anew
    for number in range(2, 5):
        step(batch, number + 1, 1e-3).numpy()
    extra["widened"] = item == 2 and widens_bfloat16()
    sizes = Step(case["tokens"], case["longest"], (share,), item, fused, streams, micro, **extra)
    trained = None if trainable == "all" else counted.trained
    predicted = step_memory(options, model.count_params(), size, sizes, trained)
    print(json.dumps({"measured": status("VmHWM"), "predicted": predicted.peak}))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
