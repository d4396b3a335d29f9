"""Rows of broken data: told of from one in a hundred on, refused from one in five."""

import json

import pytest

from tfkd.data.text.corpora import open_corpus
from tfkd.spec.errors import UserError
from tfkd.spec.options.corpora import (
    JsonLinesOptions,
    LinesOptions,
    ParallelOptions,
    TextOptions,
    TsvOptions,
)


def read(folder, options):
    """A corpus after a whole pass."""
    corpus = open_corpus(options, folder)
    corpus.rows = list(corpus)
    return corpus


def latin(folder, bad, rows):
    """A file of which so many rows have a letter that is no UTF-8."""
    lines = [("größer" if row < bad else "kleiner").encode("latin-1") for row in range(rows)]
    (folder / "a.txt").write_bytes(b"\n".join(lines) + b"\n")
    return folder


@pytest.mark.parametrize(
    ("bad", "rows", "allowed"),
    [(250, 400, {}), (81, 400, {}), (400, 400, {}), (2, 400, {"max_bad_rows": 0}),
     (250, 400, {"max_bad_rows": 0.6})],
)  # fmt: skip
def test_more_bad_rows_than_are_allowed_are_refused(tmp_path, bad, rows, allowed):
    with pytest.raises(UserError) as caught:
        read(latin(tmp_path, bad, rows), TextOptions(text="a.txt", **allowed))
    said = str(caught.value)
    assert f"a.txt: {bad} of {rows} rows ({100 * bad / rows:.1f} %) are broken: " in said
    assert f"{bad} not UTF-8 (a.txt:1, a.txt:2" in said
    assert "iconv" in said
    # What is advised is enough.
    share = float(said.partition("max_bad_rows: ")[2].rstrip("`"))
    if bad < rows:
        allowing = TextOptions(text="a.txt", max_bad_rows=share)
        assert len(read(tmp_path, allowing).rows) == rows - bad


@pytest.mark.parametrize(("bad", "warned"), [(0, 0), (3, 0), (4, 1), (80, 1)])
def test_one_in_a_hundred_is_told_of(tmp_path, bad, warned):
    corpus = read(latin(tmp_path, bad, 400), TextOptions(text="a.txt"))
    assert len(corpus.rows) == 400 - bad
    assert len(corpus.warnings) == warned
    for warning in corpus.warnings:
        assert f"{bad} of 400 rows ({bad / 4:.1f} %) are broken: {bad} not UTF-8" in warning


def test_a_few_rows_that_are_named_one_by_one_are_a_warning(tmp_path):
    corpus = read(latin(tmp_path, 3, 4), TextOptions(text="a.txt"))
    assert "3 of 4 rows" in corpus.warnings[0]


def test_what_the_user_leaves_out_and_blank_lines_are_not_bad(tmp_path):
    (tmp_path / "a.txt").write_text("\n" * 300 + "line\n" * 100 + "x" * 50 + "\n", "utf-8")
    (tmp_path / "b.tsv").write_text("\n\t\n" * 100 + "line\t1\n" * 20, "utf-8")
    (tmp_path / "c.jsonl").write_text('{"t": "line"}\n\n' * 100, "utf-8")
    for options in (
        TextOptions(text="a.txt", max_characters=40, part={"every": 2}),
        TsvOptions(tsv="b.tsv", columns={"text": 0, "label": 1}),
        JsonLinesOptions(jsonl="c.jsonl", fields={"text": "t"}),
    ):
        assert read(tmp_path, options).warnings == []


BROKEN = {
    "columns": (TsvOptions(tsv="a", columns={"source": 0, "target": 1}), "one\n", "two\tthree\n"),
    "keys": (JsonLinesOptions(jsonl="a", fields={"text": "t"}), '{"s": "x"}\n', '{"t": "x"}\n'),
    "json": (JsonLinesOptions(jsonl="a", fields={"text": "t"}), "{\n", '{"t": "x"}\n'),
    "sides": (TsvOptions(tsv="a", columns={"source": 0, "target": 1}), "one\t\n", "two\tthree\n"),
    "length": (TextOptions(text="a"), "x" * 6000 + "\n", "x\n"),
    "marks": (TextOptions(text="a", marked_by="_"), "no mark\n", "a _mark_\n"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_each_way_in_which_data_is_broken_counts(tmp_path, what):
    options, bad, good = BROKEN[what]
    (tmp_path / "a").write_text(good * 100 + bad * 50, "utf-8")
    with pytest.raises(UserError, match=r"50 of 150 rows \(33\.3 %\) are broken"):
        read(tmp_path, options)
    (tmp_path / "a").write_text(good * 100 + bad * 20, "utf-8")
    assert "20 of 120 rows" in read(tmp_path, options).warnings[0]


def test_one_empty_side_is_bad_and_two_are_a_blank_line(tmp_path):
    (tmp_path / "a.de").write_text("ein\n" * 100 + "\n" * 50, "utf-8")
    (tmp_path / "a.en").write_text("one\n" * 150, "utf-8")
    (tmp_path / "b.en").write_text("one\n" * 100 + "\n" * 50, "utf-8")
    with pytest.raises(UserError, match=r"50 of 150 rows .* 50 empty"):
        read(tmp_path, ParallelOptions(parallel=["a.de", "a.en"]))
    assert read(tmp_path, ParallelOptions(parallel=["a.de", "b.en"])).warnings == []


# ------------------------------------------------------------------------------------ headers


ROWS = "good film\t1\nbad film\t0\n"


@pytest.mark.parametrize("header", ["sentence\tlabel", "text\tLabel", '"text"\t"label"'])
def test_a_header_that_is_not_declared_is_no_row(tmp_path, header):
    (tmp_path / "a.tsv").write_text(f"{header}\n{ROWS}", "utf-8")
    options = {"tsv": "a.tsv", "columns": {"text": 0, "label": 1}}
    with pytest.raises(UserError, match=r"a\.tsv:1: .*columns' names.*`header: true`"):
        read(tmp_path, TsvOptions(**options))
    assert len(read(tmp_path, TsvOptions(**options, header=True)).rows) == 2
    assert len(read(tmp_path, TsvOptions(**options, header=False)).rows) == 3


def test_a_header_in_each_of_several_files_is_seen(tmp_path):
    for name in "ab":
        (tmp_path / f"{name}.tsv").write_text("source\ttarget\nein\tone\n", "utf-8")
    with pytest.raises(UserError, match=r"a\.tsv:1: .*header"):
        read(tmp_path, TsvOptions(tsv="*.tsv", columns={"target": 1, "source": 0}))


def test_a_class_of_first_lines_alone_is_told_of(tmp_path):
    columns = {"text": 1, "label": 0}
    for name in "ab":
        rows = "Quality\tString\n" + "1\tgood\n0\tbad\n" * 20
        (tmp_path / f"{name}.tsv").write_text(rows, "utf-8")
    (warning,) = read(tmp_path, TsvOptions(tsv="*.tsv", columns=columns)).warnings
    assert "'Quality'" in warning
    assert "header" in warning
    assert read(tmp_path, TsvOptions(tsv="*.tsv", columns=columns, header=False)).warnings == []
    # A class that happens to be rare, and one that begins the file and comes again.
    (tmp_path / "c.tsv").write_text("1\tx\n0\tx\n" * 20 + "2\tx\n", "utf-8")
    (tmp_path / "d.tsv").write_text("2\tx\n" + "1\tx\n0\tx\n" * 20 + "2\tx\n", "utf-8")
    for name in "cd":
        options = TsvOptions(tsv=f"{name}.tsv", columns=columns)
        assert read(tmp_path, options).warnings == []


@pytest.mark.parametrize(
    ("first", "rows", "warned"),
    [("de\ten", ["ein Satz\ta sentence"], True),
     ("Hallo\tHello", ["ein Satz\ta sentence", "zwei\ttwo"], False),
     ("guten Tag\tHello", ["ein Satz\ta sentence"], False),
     ("Geh.\tGo.", ["ein Satz\ta sentence"], False),
     ("de\ten", ["ein\ta"], False)],
)  # fmt: skip
def test_a_first_line_of_single_words_is_told_of_early(tmp_path, first, rows, warned):
    (tmp_path / "a.tsv").write_text("\n".join([first, *rows * 30]) + "\n", "utf-8")
    options = TsvOptions(tsv="a.tsv", columns={"source": 0, "target": 1})
    early, corpus = open_corpus(options, tmp_path).first_warnings(), read(tmp_path, options)
    assert early == corpus.warnings
    assert len(early) == warned
    if warned:
        assert "a.tsv:1: the first line, 'de', 'en', has single words" in early[0]
        assert "`header: true`" in early[0]


def test_a_class_that_other_rows_have_is_no_header(tmp_path):
    rows = "Great\tgood\n" + "a long film\tgood\na short film\tbad\n" * 20
    (tmp_path / "a.tsv").write_text(rows, "utf-8")
    assert read(tmp_path, TsvOptions(tsv="a.tsv", columns={"text": 0, "label": 1})).warnings == []


def test_a_header_above_labels_in_a_file_of_their_own(tmp_path):
    (tmp_path / "a.sent").write_text("sentence\ngood\nbad\n", "utf-8")
    (tmp_path / "a.lb").write_text("label\n1\n0\n", "utf-8")
    with pytest.raises(UserError, match=r"a\.lb:1: .*take it out of each of the files"):
        read(tmp_path, LinesOptions(lines={"text": "a.sent", "label": "a.lb"}))


# ------------------------------------------------------------------------------------- labels


def labels(folder, *values, **more):
    lines = [f'{{"t": "x", "l": {value}}}' for value in values]
    (folder / "a.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    fields = {"text": "t", "label": "l"}
    return [row[1] for row in read(folder, JsonLinesOptions(jsonl="a.jsonl", fields=fields)).rows]


def test_equal_numbers_are_one_label_and_booleans_are_labels(tmp_path):
    ones = ["1", "1.0", "1e0", "10e-1", "0.1E1", '"1"']
    assert labels(tmp_path, *ones) == ["1"] * len(ones)
    written = ["0", "-0.0", "10", "1e2", "-2.50", "0.05", "5e-2", "1.5e3", "123456789012345678901"]
    assert labels(tmp_path, *written) == [
        "0", "0", "10", "100", "-2.5", "0.05", "0.05", "1500", "123456789012345678901",
    ]  # fmt: skip
    assert labels(tmp_path, "true", "false", '"true"') == ["true", "false", "true"]
    assert labels(tmp_path, "1e999999999", "1e9999999999999999999", "1") == [
        "1e999999999", "1e9999999999999999999", "1",
    ]  # fmt: skip
    assert labels(tmp_path, "1", "null", "NaN", "[1]") == ["1"]


def test_numbers_within_texts_stay_as_they_are_written(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"t": 1.50}\n{"t": true}\n{"t": "x"}\n', "utf-8")
    corpus = read(tmp_path, JsonLinesOptions(jsonl="a.jsonl", fields={"text": "t"}))
    assert corpus.rows == [("1.50",), ("x",)]


def test_a_key_that_is_given_twice_is_bad_where_it_is_read(tmp_path):
    lines = [
        '{"t": "one", "t": "two", "l": 1}',
        '{"t": "one", "other": 1, "other": 2, "l": 1}',
        '{"t": "one", "l": 1, "deep": {"l": 1, "l": 2}}',
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    corpus = read(tmp_path, JsonLinesOptions(jsonl="a.jsonl", fields={"text": "t", "label": "l"}))
    assert corpus.rows == [("one", "1")] * 2
    assert corpus.report()["dropped"] == {"`t` given twice": {"count": 1, "lines": ["a.jsonl:1"]}}
    deep = {"text": "t", "label": "deep/l"}
    with pytest.raises(UserError, match="1 `deep/l` given twice"):
        read(tmp_path, JsonLinesOptions(jsonl="a.jsonl", fields=deep))
    json.loads(lines[0])  # which any other reader takes without a word
