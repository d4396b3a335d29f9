"""LightPAFF's three families on drawn rows in the package's own views, each with an online teacher:
next words of packed and plain text, segments of text, and classes that some rows lack."""

import numpy as np

from tfkd.data.batches.batcher import build_batcher
from tfkd.data.classes import LABELS
from tfkd.data.examples import ExampleSet, Part
from tfkd.data.layouts import Specials
from tfkd.data.packed import Packed
from tfkd.data.ragged import Ragged
from tfkd.data.views import build_view
from tfkd.models import Bert, Gpt2, Transformer
from tfkd.objectives import CausalLM, CrossEntropy, OnlineTeacher, SoftTargets
from tfkd.training import Distiller

VOCABULARY, CLASSES = 23, 3
SPECIALS = {"t": Specials(0, 1, 2, 3, 4, (0, 1, 2, 3, 4), VOCABULARY)}
# As GPT-2's: one token starts, ends and fills up.
ONE = {"t": Specials(0, 0, 0, 0, 0, (0,), VOCABULARY)}
VIEWS = {"causal_lm", "mass", "classify"}


def _rows(draw, count, longest=7):
    return Ragged.from_rows(
        [draw.integers(5, VOCABULARY, draw.integers(1, longest)) for _ in range(count)]
    )


def _batcher(parts, view, **options):
    """Batches of 7 rows, no multiple of any number of replicas, some of them empty."""
    return build_batcher(
        ExampleSet(parts), {"plain": view}, size=7, unit="sentences", seed=3, pad_to=12,
        fixed_widths=True, **options,
    )  # fmt: skip


def _distiller(student, terms, teacher):
    return Distiller(student, terms, None, {"big": OnlineTeacher(teacher, start_id=2, end_id=3)})


def _both(words):
    """(1 - l) and l, as a balance gives them."""
    return [words, SoftTargets(name="soft", teacher="big", weight=0.7)]


def next_words():
    draw = np.random.default_rng(5)
    blocks, lines = Packed(_rows(draw, 40), 8, 0, 1), _rows(draw, 20)
    parts = [
        Part("blocks", {("text", "t"): blocks}, len(blocks), packed=True),
        Part("lines", {("text", "t"): lines}, len(lines), weight=1.5),
    ]
    sizes = {"heads": 2, "max_length": 12, "initializer_range": 0.3}
    student = Gpt2(VOCABULARY, layers=1, width=8, dropout=0.0, seed=3, **sizes)
    teacher = Gpt2(VOCABULARY, layers=2, width=12, dropout=0.5, seed=7, **sizes)
    view = build_view("causal_lm", {"text": "t"}, ONE, name="plain", max_length=10)
    return _distiller(student, _both(CausalLM(weight=0.3)), teacher), _batcher(parts, view)


def segments():
    draw = np.random.default_rng(5)
    parts = [Part("text", {("text", "t"): _rows(draw, 45)}, 45)]
    student = Transformer(
        VOCABULARY, encoder_layers=2, decoder_layers=1, width=8, heads=2, dropout=0.0, seed=3
    )
    teacher = Transformer(
        VOCABULARY, encoder_layers=2, decoder_layers=2, width=12, heads=2, dropout=0.5, seed=7
    )
    view = build_view("mass", {"source": "t", "target": "t"}, SPECIALS, name="plain")
    return _distiller(student, _both(CrossEntropy(weight=0.3)), teacher), _batcher(parts, view)


def classes():
    """Of every third row the class is known; a store has most rows."""
    draw = np.random.default_rng(5)
    parts = [
        Part("gold", {("text", "t"): _rows(draw, 15), LABELS: _labels(draw, 15)}, 15),
        Part("extra", {("text", "t"): _rows(draw, 30)}, 30),
    ]
    sizes = {"heads": 2, "max_length": 12, "initializer_range": 0.3}
    heads = {"output_heads": {"classifier": {"classes": CLASSES, "dropout": 0.0}}}
    student = Bert(VOCABULARY, layers=1, width=8, dropout=0.0, seed=3, **sizes, **heads)
    teacher = Bert(VOCABULARY, layers=2, width=12, dropout=0.5, seed=7, **sizes, **heads)
    options = {"classes": CLASSES, "max_length": 12}
    view = build_view("classify", {"text": "t"}, SPECIALS, name="plain", **options)
    terms = [
        *_both(CrossEntropy(weight=0.3, divide_by="rows", head="classifier")),
        SoftTargets(name="stored", teacher="labels", weight=0.5, head="classifier"),
    ]
    distiller = _distiller(student, terms, teacher)
    return distiller, _batcher(parts, view, stores={"labels": _stored})


def _labels(draw, rows):
    """One id a row; one beyond the classes is none."""
    return Ragged(draw.integers(0, CLASSES + 1, rows).astype(np.int32), np.arange(rows + 1))


def _stored(example_set, examples, width):
    """All classes of a row, as `RowStores` gives them; four of five rows have some."""
    drawn = [np.random.default_rng([9, max(row, 0)]).dirichlet(np.ones(CLASSES))
             for row in examples]  # fmt: skip
    return {
        "ids": np.tile(np.arange(CLASSES, dtype=np.int32), (len(examples), 1, 1)),
        "log_probabilities": np.log(np.array(drawn))[:, None].astype(np.float16),
        "present": ((examples >= 0) & (examples % 5 > 0))[:, None],
    }
