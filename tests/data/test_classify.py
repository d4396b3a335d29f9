"""Classes of labels, the view that reads them, and marks."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfkd.data.classes import LABELS, Classes, label_ids
from tfkd.data.examples import ExampleSet, Part
from tfkd.data.grammars.generated_classes import labelled
from tfkd.data.layouts import Specials
from tfkd.data.ragged import Ragged
from tfkd.data.text.corpora import open_corpus
from tfkd.data.views import ClassifyView
from tfkd.spec.errors import UserError
from tfkd.spec.options.corpora import GeneratedOptions, LinesOptions, TextOptions, TsvOptions

CLS, SEP, PAD = 2, 3, 0
SPECIALS = Specials(PAD, 1, CLS, SEP, 4, (0, 1, 2, 3, 4), 1000)


def example_set(texts, seconds=None, labels=None, marks=None):
    fields = {("text", "t"): Ragged.from_rows(texts)}
    if seconds is not None:
        fields["text_b", "t"] = Ragged.from_rows(seconds)
    if labels is not None:
        fields[LABELS] = Ragged.from_rows([[label] for label in labels])
    if marks is not None:
        fields["mark", "t"] = Ragged.from_rows([[mark] for mark in marks])
    return ExampleSet([Part("corpus", fields, len(texts))])


def test_classes_are_sorted_and_stable(tmp_path):
    classes = Classes.learn(["b", "a", "b", "ä"], "data.x")
    assert classes.names == ["a", "b", "ä"]
    assert classes.encode(["ä", "zzz", "a"]).values.tolist() == [2, 3, 0]
    assert (classes.place("b"), classes.place("c")) == (1, None)
    classes.save(tmp_path)
    assert Classes.load(tmp_path).fingerprint() == classes.fingerprint()
    changed = (tmp_path / "classes.json").read_text("utf-8").replace('"b"', '"c"')
    (tmp_path / "classes.json").write_text(changed, "utf-8")
    with pytest.raises(ValueError, match="other bytes"):
        Classes.load(tmp_path)
    with pytest.raises(UserError, match=r"data\.x: all rows have the label 'a'"):
        Classes.learn(["a", "a"], "data.x")


def test_a_record_is_read_at_one_position_with_the_class_there():
    found = example_set([[10, 11], [12]], labels=[1, 2])
    view = ClassifyView("t", SPECIALS, classes=2)
    record = view(found, np.array([0, -1, 1]), 0, 0)
    assert record["ids"].tolist() == [[CLS, 10, 11, SEP], [PAD] * 4, [CLS, 12, SEP, PAD]]
    assert record["selected"].tolist() == [[True, False, False, False], [False] * 4,
                                           [True, False, False, False]]  # fmt: skip
    # Label 2 is no class; the filler has none.
    assert record["gold"].any(1).tolist() == [True, False, False]
    assert record["labels"][0, 0] == 1
    assert record["labels"].max() < 2
    assert label_ids(found, np.array([1, -1, 0])).tolist() == [2, -1, 1]


def test_pairs_have_types_and_rows_without_labels_are_read():
    view = ClassifyView("t", SPECIALS, classes=2)
    record = view(example_set([[10]], seconds=[[20, 21]]), np.array([0]), 0, 0)
    assert record["ids"].tolist() == [[CLS, 10, SEP, 20, 21, SEP]]
    assert record["types"].tolist() == [[0, 0, 0, 1, 1, 1]]
    assert record["selected"].sum() == 1
    assert not record["gold"].any()


@settings(max_examples=80, deadline=None)
@given(
    length=st.integers(1, 30), mark=st.integers(0, 29), limit=st.integers(3, 20),
    second=st.integers(-1, 12),
)  # fmt: skip
def test_a_mark_stays_however_the_text_is_cut(length, mark, limit, second):
    mark = min(mark, length - 1)
    if second >= 0:
        limit += 3
    pieces = list(range(100, 100 + length))
    seconds = None if second < 0 else [list(range(500, 500 + second))]
    view = ClassifyView("t", SPECIALS, classes=2, read="mark", max_length=limit)
    found = example_set([pieces], seconds, labels=[0], marks=[mark])
    record = view(found, np.array([0]), 0, 0)
    plain = ClassifyView("t", SPECIALS, classes=2, max_length=limit)(found, np.array([0]), 0, 0)
    assert record["ids"].shape == plain["ids"].shape
    ids, at = record["ids"][0], np.flatnonzero(record["selected"][0])
    left = [number for number in ids if 100 <= number < 500]
    assert left == list(range(left[0], left[0] + len(left))) if left else True
    if left:
        assert ids[at].tolist() == [100 + mark]
    if mark < len(left) and left[0] == 100:
        assert ids.tolist() == plain["ids"][0].tolist()  # cut as any other text


def options(kind, **given):
    return kind.model_validate(given)


def rows_of(made, folder):
    corpus = open_corpus(made, folder)
    return corpus.fields, list(corpus), corpus


def test_files_of_fields_are_read_side_by_side_and_marks_are_read_off(tmp_path: Path):
    (tmp_path / "x.sent").write_text("ab▁c▁d\nno mark\n▁x▁\n▁a▁b▁\n", "utf-8")
    with gzip.open(tmp_path / "x.lb.gz", "wt", encoding="utf-8") as file:
        file.write("le5\nn\nliao3\nn\n")
    made = options(
        LinesOptions, lines={"text": "x.sent", "label": "x.lb.gz"}, marked_by="▁"
    )  # fmt: skip
    assert made.field_names == ("text", "label", "mark")
    fields, rows, corpus = rows_of(made, tmp_path)
    assert fields == made.field_names
    assert rows == [("abcd", "le5", "2"), ("x", "liao3", "0")]
    ((reason, dropped),) = corpus.report()["dropped"].items()
    assert dropped["count"] == 2
    assert "▁" in reason
    (tmp_path / "x.sent").write_text("a\n", "utf-8")
    with pytest.raises(UserError, match="unequal numbers of lines"):
        open_corpus(made, tmp_path)


def test_a_mark_stays_at_its_character_in_lower_case(tmp_path: Path):
    """A capital I with a dot is two characters in lower case."""
    (tmp_path / "a.sent").write_text("\u0130\u0130 D_o_G\nNo _N_e\n", "utf-8")
    made = options(LinesOptions, lines={"text": "a.sent"}, marked_by="_", lower_case=True)
    rows = [(text, int(mark)) for text, mark in open_corpus(made, tmp_path)]
    assert [text[mark] for text, mark in rows] == ["o", "n"]
    assert [text for text, _ in rows] == ["\u0130\u0130 DoG".lower(), "no ne"]


def test_marks_outside_of_their_text_are_bad_rows(tmp_path: Path):
    (tmp_path / "x.tsv").write_text("abc\t2\nabc\t3\nabc\t-1\nabc\tx\n", "utf-8")
    made = options(TsvOptions, tsv="x.tsv", columns={"text": 0, "mark": 1})
    _, rows, corpus = rows_of(made, tmp_path)
    assert rows == [("abc", "2")]
    assert corpus.report()["dropped"]["mark outside of the text"]["count"] == 3


def test_a_mark_stays_at_its_character(tmp_path: Path):
    """Spaces before the text, which are taken off, are counted as they stand in the file; the
    lower-case of one character may be two."""
    texts = ["  abc", "\u3000 abc", "\u0130abc", "abc"]
    marks = [texts[row].index("b") for row in range(4)]
    lines = [f"{text}\t{mark}\n" for text, mark in zip(texts, marks, strict=True)]
    bad = ["  abc\t1\n", "  abc\t5\n", f"abc\t{'9' * 4999}\n"]
    (tmp_path / "x.tsv").write_text("".join([*lines, *bad]), "utf-8")
    for lower_case in (False, True):
        made = options(
            TsvOptions, tsv="x.tsv", columns={"text": 0, "mark": 1}, lower_case=lower_case
        )
        _, rows, corpus = rows_of(made, tmp_path)
        assert [text[int(mark)] for text, mark in rows] == ["b"] * 4
        assert corpus.report()["dropped"]["mark outside of the text"]["count"] == 3
    made = options(TextOptions, text="y.txt", marked_by="|", lower_case=True)
    (tmp_path / "y.txt").write_text(" \u0130|b|c\n", "utf-8")
    _, [(text, mark)], _ = rows_of(made, tmp_path)
    assert text[int(mark)] == "b"


def test_generated_rows_have_labels_that_follow_from_them():
    texts = list(labelled(60, 5, ("text", "label")))
    assert texts == list(labelled(80, 5, ("text", "label")))[:60]
    endings = {(text.split()[-1], label) for text, label in texts}
    assert len({ending for ending, _ in endings}) == len(endings)
    assert {label for _, label in texts} == {"positive", "negative"}
    marked = list(labelled(60, 5, ("label", "text", "mark")))
    words = {(text[int(mark) :].split(" ")[0].rstrip("."), label) for label, text, mark in marked}
    assert {word for word, _ in words} == {"lead", "tear", "wind"}
    assert len(words) == 6
    pairs = list(labelled(60, 5, ("text", "text_b", "label")))
    assert {label for _, _, label in pairs} == {"same", "other"}


def test_generated_corpora_say_their_fields():
    made = options(GeneratedOptions, generated="classes", rows=5)
    assert made.field_names == ("text", "label")
    for wrong in ({"generated": "classes", "only": "text"},
                  {"generated": "german_english", "fields": ["text"]}):  # fmt: skip
        with pytest.raises(ValueError, match="expected"):
            options(GeneratedOptions, rows=5, **wrong)
