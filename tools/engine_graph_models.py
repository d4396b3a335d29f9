"""Models at random that LiteRT and ONNX hold, in each format: those that fill in words, and those
that tell classes apart."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
OURS = "tfkd"
FORMATS = ("litert", "onnx")
ENGINES = (OURS, *(f"{name} {kind}" for name in FORMATS for kind in ("float32", "int8")))
ITERATIONS, CANDIDATES = 10, 4
FILLING = {
    "kind": "mask_predict", "iterations": ITERATIONS, "length_candidates": CANDIDATES,
    "stop_when_stable": False, "max_length": {"factor": 1.0, "plus": 0},
}  # fmt: skip
# What weights at random predict of lengths says nothing: these are read, of a limit's distance.
AROUND = (1, 0, 2, -1)
CLASSES = ("0", "1")


def write_filling(
    sizes: dict[str, Any], tokenizer: Any, limit: int, folder: Path, ours_alone: bool
) -> Any:
    """A Transformer for Mask-Predict; returns it."""
    import tensorflow as tf

    from tfkd.decoding import LengthLimit, MaskPredict
    from tfkd.models import Transformer
    from tfkd.serving.export import write_version
    from tfkd.serving.formats.format import Subject
    from tfkd.serving.graphs.served_model import ServedModel

    class GivenLengths(MaskPredict):
        """The lengths around the source's."""

        def lengths(self, logits: Any, max_lengths: Any) -> Any:
            around = tf.constant(AROUND[:CANDIDATES])
            return tf.maximum(max_lengths[:, None] + around, 2), CANDIDATES

    model = Transformer(
        sizes["vocabulary"], encoder_layers=sizes["layers"], decoder_layers=sizes["layers"],
        width=sizes["width"], heads=sizes["heads"], feed_forward=sizes["inner"], max_length=limit,
        decoder_attention="full", lengths=limit, seed=1,
    )  # fmt: skip
    scattered(model.head)
    search = GivenLengths(
        iterations=ITERATIONS, length_candidates=CANDIDATES, stop_when_stable=False,
        max_length=LengthLimit(factor=1.0, plus=0),
    )  # fmt: skip
    served = ServedModel(model, tokenizer, tokenizer, search)
    write_version(served, folder / OURS, lambda part, final: ("", {}))
    both = {"source": tokenizer, "target": tokenizer}
    if not ours_alone:
        _write(Subject(model, both, FILLING, (), {"name": "fills in"}, None), folder)
    return model


def write_classifier(
    sizes: dict[str, Any], tokenizer: Any, limit: int, folder: Path, ours_alone: bool
) -> Any:
    """A BERT with a head over two classes; returns it."""
    from tfkd.models import Bert
    from tfkd.serving.export import write_version
    from tfkd.serving.formats.format import Labels, Subject
    from tfkd.serving.graphs.served_classifier import ServedClassifier

    model = Bert(
        sizes["vocabulary"], layers=sizes["layers"], width=sizes["width"], heads=sizes["heads"],
        feed_forward=sizes["inner"], max_length=limit, seed=1,
        output_heads={"classifier": {"classes": len(CLASSES)}},
    )  # fmt: skip
    scattered(model.heads["classifier"], 5.0)
    served = ServedClassifier(model, tokenizer, CLASSES, ["text"], limit)
    write_version(served, folder / OURS, lambda part, final: ("", {}))
    labels = Labels(CLASSES, "classifier", [{"text": ""}], {}, "cls", limit)
    both = {"text": tokenizer}
    if not ours_alone:
        _write(Subject(model, both, None, (), {"name": "tells"}, None, labels), folder)
    return model


def scattered(head: Any, scale: float = 1.0) -> None:
    """Makes the answers of weights at random differ, and none a special of a vocabulary."""
    import numpy as np

    bias = np.random.default_rng(1).normal(size=head.own_bias.shape).astype(np.float32)
    if len(bias) > len(SPECIALS):
        bias[: len(SPECIALS)] = -50.0
        head.own_bias.assign(bias)
    else:
        head.own_matrix.assign(scale * np.asarray(head.own_matrix.value))


def _write(subject: Any, folder: Path) -> None:
    for name in FORMATS:
        for quantize in ("float32", "int8"):
            made, place = _format(name), folder / f"{name} {quantize}"
            place.mkdir(parents=True)
            options = made.Options(of="learn", format=name, quantize=quantize)
            about = {**made.files(subject, options, place), "format": name}
            (place / "export.json").write_text(json.dumps(about))


def opened(folder: Path, engine: str) -> Any:
    """The engine of a folder that was written here, of one of the formats."""
    from tfkd.serving.formats.fill_engine import FillEngine

    about = json.loads((folder / engine / "export.json").read_text())
    found = _format(engine.split()[0]).open(folder / engine, about)
    if isinstance(found, FillEngine):
        found._lengths = _given_lengths
    return found


def _given_lengths(_: Any, limit: int) -> Sequence[int]:
    return list(dict.fromkeys(max(limit + one, 2) for one in AROUND[:CANDIDATES]))


def _format(name: str) -> Any:
    from tfkd.serving.formats.litert import LiteRT
    from tfkd.serving.formats.onnx import Onnx

    return {"litert": LiteRT, "onnx": Onnx}[name]()
