"""Soft labels in a corpus's own fields: read alike from each form, and refused by their place."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfkd.data.grammars.generated_classes import labelled
from tfkd.data.text.class_numbers import log_probabilities_in
from tfkd.data.text.corpora import open_corpus
from tfkd.spec.errors import UserError
from tfkd.spec.options.corpora import (
    CsvOptions,
    GeneratedOptions,
    JsonLinesOptions,
    LinesOptions,
    TsvOptions,
)

CLASSES = ["bad", "fair", "good"]
ROWS = [("a dull film", "0.7 0.2 0.1"), ("a fine one", "0 0.25 0.75"), ("well", "0.3 0.4 0.3")]


def corpora(folder):
    """The same rows in all forms."""
    cells = [(text, *numbers.split()) for text, numbers in ROWS]
    (folder / "a.tsv").write_text("".join("\t".join(row) + "\n" for row in cells), "utf-8")
    (folder / "b.tsv").write_text("".join(f"{a}\t{b}\n" for a, b in ROWS), "utf-8")
    rows = "".join(",".join(row) + "\n" for row in cells)
    (folder / "c.csv").write_text(f"text,p0,p1,p2\n{rows}", "utf-8")
    whole = [{"t": row[0], "p": [float(one) for one in row[1:]]} for row in cells]
    (folder / "d.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in whole), "utf-8")
    each = [{"t": row["t"], "p": dict(zip(CLASSES, row["p"], strict=True))} for row in whole]
    (folder / "e.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in each), "utf-8")
    (folder / "f.text").write_text("".join(f"{a}\n" for a, _ in ROWS), "utf-8")
    (folder / "f.p").write_text("".join(f"[{b.replace(' ', ', ')}]\n" for _, b in ROWS), "utf-8")
    given = {"classes": CLASSES}
    yield TsvOptions(tsv="a.tsv", columns={"text": 0, "probabilities": [1, 2, 3]}, **given)
    yield TsvOptions(tsv="b.tsv", columns={"text": 0, "probabilities": 1}, **given)
    names = {"text": "text", "probabilities": ["p0", "p1", "p2"]}
    yield CsvOptions(csv="c.csv", columns=names, **given)
    yield JsonLinesOptions(jsonl="d.jsonl", fields={"text": "t", "probabilities": "p"}, **given)
    keys = [f"p/{one}" for one in CLASSES]
    yield JsonLinesOptions(jsonl="e.jsonl", fields={"text": "t", "probabilities": keys}, **given)
    yield LinesOptions(lines={"text": "f.text", "probabilities": "f.p"}, **given)


def test_each_form_gives_the_same_distributions(tmp_path):
    expected = [np.array(numbers.split(), float) for _, numbers in ROWS]
    for options in corpora(tmp_path):
        found = list(open_corpus(options, tmp_path))
        assert [row[0] for row in found] == [text for text, _ in ROWS]
        said = [np.exp(log_probabilities_in("probabilities", row[1])) for row in found]
        np.testing.assert_allclose(said, expected, atol=1e-12, err_msg=str(options))


def test_no_field_of_numbers_is_lower_cased_or_an_overlap(tmp_path):
    (tmp_path / "a.tsv").write_text("One\t1E0 0\nTwo\t0 1E0\n")
    (tmp_path / "b.tsv").write_text("Three\t1E0 0\n")
    own = {"columns": {"text": 0, "probabilities": 1}, "classes": ["a", "b"]}
    other = open_corpus(TsvOptions(tsv="b.tsv", **own), tmp_path)
    options = TsvOptions(tsv="a.tsv", lower_case=True, drop_overlap=["other"], **own)
    rows = list(open_corpus(options, tmp_path, others={"other": other}))
    assert rows == [("one", "1E0 0"), ("two", "0 1E0")]


@pytest.mark.parametrize(
    ("field", "numbers", "told"),
    [
        ("probabilities", "0.7 0.2", "2 numbers (0.7 0.2); expected 3, one for each of `classes`"),
        ("probabilities", "0.7 0.2 0.2", "add up to 1.1; expected 1, give or take 0.01"),
        ("probabilities", "1.2 -0.1 -0.1", "of which -0.1 is below 0; expected probabilities"),
        ("probabilities", "nan 0.5 0.5", "nan 0.5 0.5; expected finite numbers"),
        ("probabilities", "a b c", "'a b c' are no numbers; expected 3"),
        ("probabilities", " ", "empty; expected 3 numbers"),
        ("logits", "1 2 inf", "1 2 inf; expected finite numbers"),
    ],
)
def test_wrong_numbers_are_refused_at_their_line(tmp_path, field, numbers, told):
    lines = [f"text {row}\t0.2 0.3 0.5\n" for row in range(40)]
    (tmp_path / "a.tsv").write_text("".join([*lines[:17], f"here\t{numbers}\n", *lines[17:]]))
    options = TsvOptions(tsv="a.tsv", columns={"text": 0, field: 1}, classes=CLASSES)
    with pytest.raises(UserError) as error:
        list(open_corpus(options, tmp_path))
    assert str(error.value).startswith(f"a.tsv:18: {field}: ")
    assert told in str(error.value)


def test_the_numbers_of_many_classes_are_as_long_as_they_are(tmp_path):
    names = [f"class {number}" for number in range(300)]
    shares = np.random.default_rng(1).dirichlet(np.ones(300), 2)
    lines = [" ".join(f"{one:.18e}" for one in row) for row in shares]
    assert min(map(len, lines)) > 5000
    rows = zip(("a dull film", "well"), lines, strict=True)
    (tmp_path / "a.tsv").write_text("".join(f"{a}\t{b}\n" for a, b in rows), "utf-8")
    columns = {"text": 0, "probabilities": 1}
    for limit, left in (({}, lines), ({"max_characters": 5}, lines[1:])):
        options = TsvOptions(tsv="a.tsv", columns=columns, classes=names, **limit)
        assert [row[1] for row in open_corpus(options, tmp_path)] == left


@given(st.lists(st.floats(-700, 700), min_size=2, max_size=9))
def test_logits_are_a_softmax(numbers):
    found = log_probabilities_in("logits", " ".join(map(repr, numbers)))
    shifted = np.exp(np.array(numbers, np.longdouble) - max(numbers))
    np.testing.assert_allclose(np.exp(found), (shifted / shifted.sum()).astype(float), atol=1e-12)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"classes": []}, "the field probabilities, and no classes; expected the names"),
        ({"classes": ["a", "a", "b"]}, "the field probabilities, and classes: [a, a, b]"),
        ({"columns": {"text": 0, "probabilities": [1, 2]}}, "2 columns of probabilities, and 3"),
        (
            {"columns": {"text": 0, "probabilities": [1, 2, 1]}},
            "the column 1 of probabilities twice; expected one of its own for each class",
        ),
        ({"columns": {"text": [0, 1], "probabilities": 2}}, "several columns of text; expected"),
        ({"columns": {"text": 0}}, "classes, of a corpus without numbers for them"),
        ({"columns": {"text": 0, "logits": 1, "probabilities": 2}}, "expected one of them"),
    ],
)
def test_classes_and_columns_fit(change, told):
    own = {"tsv": "a.tsv", "columns": {"text": 0, "probabilities": 1}, "classes": CLASSES}
    with pytest.raises(ValueError, match="validation error") as error:
        TsvOptions(**own | change)
    assert told in str(error.value)


@pytest.mark.parametrize("beside", [[], ["text_b"], ["mark"]])
def test_generated_rows_have_a_distribution_that_follows_their_label(beside):
    fields = ["text", *beside, "label", "probabilities"]
    options = GeneratedOptions(generated="classes", rows=60, fields=fields)
    for *_, label, numbers in labelled(60, 1, fields):
        found = np.array(numbers.split(), float)
        assert len(found) == len(options.class_names)
        assert found.sum() == pytest.approx(1)
        assert options.class_names[found.argmax()] == label
        assert found.max() >= 0.7
