"""A small AB-Net whose adapters learn to fill in targets, on drawn pairs in the package's views."""

import numpy as np

from tfkd.data.batches.batcher import build_batcher
from tfkd.data.examples import ExampleSet, Part
from tfkd.data.layouts import Specials
from tfkd.data.ragged import Ragged
from tfkd.data.views import build_view
from tfkd.layers import BottleneckAdapter, CrossAttentionAdapter
from tfkd.models import AbNet, freeze
from tfkd.objectives import Length, MaskedLM
from tfkd.training import Distiller

SPECIALS = {
    "s": Specials(0, 1, 2, 3, 4, (0, 1, 2, 3, 4), 23),
    "t": Specials(0, 1, 2, 3, 4, (0, 1, 2, 3, 4), 29),
}
VIEW = {
    "source": {"kind": "one_span"},
    "target": {"kind": "uniform_count", "replace": [80, 10, 10]},
}
VIEWS = {"by_side", *(side["kind"] for side in VIEW.values())}


def batcher(pairs=38, sentences=7):
    """Batches of 7 rows, no multiple of any number of replicas, some of them empty."""
    draw = np.random.default_rng(5)
    fields = {
        (side, name): Ragged.from_rows(
            [draw.integers(5, SPECIALS[name].size, draw.integers(1, 7)) for _ in range(pairs)]
        )
        for side, name in (("source", "s"), ("target", "t"))
    }
    sides = {"source": "s", "target": "t"}
    return build_batcher(
        ExampleSet([Part("train", fields, pairs)]),
        {"fill": build_view("by_side", sides, SPECIALS, name="fill", **VIEW)},
        size=sentences,
        unit="sentences",
        seed=3,
        pad_to=8,
        fixed_widths=True,
    )


def student():
    """Two BERTs of two layers; adapters after each, but the decoder's first."""
    bert = {"layers": 2, "width": 8, "heads": 2, "max_length": 16, "dropout": 0.0}
    bert["initializer_range"] = 0.3
    adapters = {
        "encoder": {f"layer_{n}": {"after_block": BottleneckAdapter(6, seed=n)} for n in (1, 2)},
        "decoder": {
            "layer_2": {
                "after_block": CrossAttentionAdapter(2, feed_forward=6, dropout=0.0, seed=9)
            }
        },
    }
    model = AbNet(
        {"vocabulary_size": 23, **bert}, {"vocabulary_size": 29, **bert}, lengths=12,
        adapters=adapters, seed=3,
    )  # fmt: skip
    freeze(model, ["adapters", "lengths"])
    return model


def terms():
    """Words and lengths, with normalizers of their own."""
    return [
        MaskedLM(name="words", view="fill", divide_by="target_tokens", label_smoothing=0.1),
        Length(view="fill", weight=0.3),
    ]


def distiller():
    """The student with its terms."""
    return Distiller(student(), terms())
