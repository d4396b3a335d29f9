"""Small models with labels, as formats of graphs take them."""

import numpy as np

from tfkd.data.examples import ExampleSet, Part
from tfkd.data.ragged import Ragged
from tfkd.data.text.marked_text import joined
from tfkd.data.views import ClassifyView
from tfkd.data.views.base import SequenceView
from tfkd.data.views.tags import TagView
from tfkd.data.words import WORDS, WordPieces
from tfkd.serving.formats.format import Labels, Subject

LIMIT = 12
# Rows of each way to read a line.
ROWS = {
    "cls": [{"text": "ba dage, ki"}, {"text": "ki bu"}, {"text": "ma " * 20}, {"text": "日 ß x"}],
    "text_b": [
        {"text": "ba dage", "text_b": "ki bu ba"}, {"text": "ma " * 9, "text_b": "ki " * 9},
        {"text": "bo", "text_b": "mu " * 20},
    ],
    "mark": [
        {"text": "ba dage ki", "mark": 3}, {"text": "ki bu", "mark": 0},
        {"text": "ma bu " * 10, "mark": 30}, {"text": "ma bu " * 10, "mark": 57},
    ],
    "words": [{"text": "badage ki, bu"}, {"text": "\u200b ma"}, {"text": "ba " * 20}],
}  # fmt: skip


def bert(size, classes=3, seed=3, **options):
    """A BERT with a head over classes, of sharp random weights."""
    from tfkd.models import Bert

    head = {"classifier": {"classes": classes}}
    given = {"layers": 1, "width": 16, "heads": 2, "max_length": 20, **options}
    model = Bert(size, output_heads=head, seed=seed, **given)
    rng = np.random.default_rng(1)
    for weight in model.weights:
        noise = 0.3 * rng.normal(size=weight.shape)
        weight.assign(np.asarray(weight.value).astype(np.float32) + noise)
    head = model.heads["classifier"]
    head.own_matrix.assign(4 * head.own_matrix.numpy())
    return model


def subject(model, tokenizer, kind, classes=("a", "b", "c"), rows=None):
    """It as an export stage hands it over, with the record of rows."""
    rows = ROWS[kind] if rows is None else rows
    places = "cls" if kind == "text_b" else kind
    labels = Labels(
        list(classes),
        "classifier",
        rows,
        record(tokenizer, kind, rows, len(classes)),
        places,
        LIMIT,
    )
    lines = [row["text"] for row in rows]
    return Subject(model, {"text": tokenizer}, None, lines, {"name": "tiny"}, None, labels)


def record(tokenizer, kind, rows, classes=3):
    """Rows in the view that a model is evaluated in."""
    texts = [row["text"] for row in rows]
    fields = {"text": tokenizer.encode(texts)}
    if kind == "text_b":
        fields["text_b"] = tokenizer.encode([row["text_b"] for row in rows])
    if kind == "mark":
        before = tokenizer.encode([row["text"][: row["mark"]] for row in rows])
        rest = tokenizer.encode([row["text"][row["mark"] :] for row in rows])
        fields = {"text": joined(before, rest), "mark": Ragged.from_rows(before.lengths[:, None])}
    shared = {"classes": classes, "max_length": LIMIT}
    if kind == "words":
        fields = {"text": WordPieces(tokenizer), WORDS: WordPieces(tokenizer, True)}
        fields = {name: cut.encode(texts) for name, cut in fields.items()}
        view = TagView("t", tokenizer, **shared)
    else:
        view = ClassifyView("t", tokenizer, read="mark" if kind == "mark" else "cls", **shared)
    part = Part("rows", {(name, "t"): ids for name, ids in fields.items()}, len(rows))
    return view(ExampleSet([part]), np.arange(len(rows)), 0, 0)


def encoder(model, tokenizer):
    """A BERT that predicts hidden words, with the record of rows of which each second is one."""
    texts = ["ba dage, ki", "ki bu", "ma " * 20]
    part = Part("rows", {("text", "t"): tokenizer.encode(texts)}, len(texts))
    found = SequenceView("t", tokenizer, max_length=LIMIT)(
        ExampleSet([part]), np.arange(len(texts)), 0, 0
    )
    found["selected"] &= np.arange(found["ids"].shape[1]) % 2 == 1
    found["ids"] = np.where(found["selected"], tokenizer.mask_id, found["ids"])
    rows = [{"text": text} for text in texts]
    labels = Labels(tokenizer.vocabulary, "masked_lm", rows, found, None, LIMIT)
    return Subject(model, {"text": tokenizer}, None, texts, {"name": "tiny"}, None, labels)
