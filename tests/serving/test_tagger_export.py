"""A tagger's SavedModel: its tags are those of the model in the view that it was trained in."""

import numpy as np
import pytest

from tfkd.data.examples import ExampleSet, Part
from tfkd.data.views.tags import TagView
from tfkd.data.words import WORDS, WordPieces, words_of
from tfkd.spec.errors import UserError

pytestmark = pytest.mark.tensorflow
TAGS, LIMIT = ["DET", "NOUN", "VERB", "X"], 20
CARD = {"name": "tiny", "summary": "Tags.", "scores": [], "data": {"train": "none"}, "paper": None}


@pytest.fixture(scope="module")
def model(tokenizer):
    from tfkd.models import Bert

    heads = {"classifier": {"classes": len(TAGS)}}
    model = Bert(tokenizer.size, layers=1, width=16, heads=2, max_length=LIMIT, seed=1,
                 output_heads=heads, dtype="mixed_bfloat16")  # fmt: skip
    rng = np.random.default_rng(1)
    for weight in model.weights:
        noise = 0.5 * rng.normal(size=weight.shape)
        weight.assign(np.asarray(weight.value).astype(np.float32) + noise)
    return model


@pytest.fixture(scope="module")
def expected(model, tokenizer, sentences):
    """Of each line the tags and the mean of their probabilities: ids laid out in NumPy, a row at a
    time, and all logits of the float32 model."""
    from tfkd.serving.graphs.full_precision import in_float32

    model, view = in_float32(model), TagView("t", tokenizer, classes=4, max_length=LIMIT)
    fields = {("text", "t"): WordPieces(tokenizer).encode(sentences),
              (WORDS, "t"): WordPieces(tokenizer, counted=True).encode(sentences)}  # fmt: skip
    examples, found = ExampleSet([Part("texts", fields, len(sentences))]), []
    for row in range(len(sentences)):
        record = view(examples, np.array([row]), 0, 0)
        states = model({name: record[name] for name in ("ids", "types", "valid")})
        logits = np.asarray(model.heads["classifier"].logits(states["hidden"]), np.float64)
        logits = logits[record["selected"]]
        sure = np.exp(logits.max(-1)) / np.exp(logits).sum(-1)
        tags = " ".join(TAGS[best] for best in logits.argmax(-1))
        found.append((tags, sure.mean() if len(sure) else 0.0))
    return found


@pytest.mark.long
def test_every_word_has_the_tag_that_the_model_gives_it(
    tmp_path, model, tokenizer, sentences, expected
):
    from tfkd.serving import load_saved_model
    from tfkd.serving.tagger_export import export_tagger

    lines = [line for line in sentences if line]
    right = [tags for line, (tags, _) in zip(sentences, expected, strict=True) if line]
    found = export_tagger(
        model, tokenizer, TAGS, tmp_path, CARD, lines=lines, expected=right, limit=LIMIT
    )
    assert found["check"]["rows"] == len(lines)
    assert "- NOUN" in (tmp_path / "1" / "README.md").read_text("utf-8")
    saved = load_saved_model(tmp_path)
    said = saved.translate(sentences)
    assert saved.classes == TAGS
    assert [one.text for one in said] == [tags for tags, _ in expected]
    np.testing.assert_allclose([one.score for one in said], [p for _, p in expected], atol=1e-4)
    for line, one in zip(sentences, said, strict=True):
        count = len(words_of(line))
        assert len(one.text.split()) == count or (count > 100 and len(one.text.split()) < LIMIT)
    assert len({tag for one in said for tag in one.text.split()}) > 1
    with pytest.raises(UserError, match="a tagger has no option seed"):
        load_saved_model(tmp_path, {"seed": 1})


@pytest.mark.long
def test_other_tags_than_the_models_are_refused(tmp_path, model, tokenizer, sentences, expected):
    from tfkd.serving.export import ExportRefusedError
    from tfkd.serving.tagger_export import export_tagger

    with pytest.raises(ExportRefusedError, match="1 answers differ"):
        export_tagger(model, tokenizer, TAGS, tmp_path, CARD, lines=[sentences[0]] * 5,
                      expected=[expected[0][0]] * 4 + ["DET"], limit=LIMIT)  # fmt: skip
    assert not (tmp_path / "1").exists()
