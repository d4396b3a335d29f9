"""Columns of csv and tsv files, by place and by a header's names, against the csv module's own."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfkd.data.text.corpora import open_corpus
from tfkd.spec.errors import UserError
from tfkd.spec.options.corpora import CsvOptions, TsvOptions


def rows(folder, options):
    return list(open_corpus(options, folder))


CELLS = st.text(st.sampled_from('ab", ;é'), min_size=1, max_size=8).map(lambda one: f"x{one}x")


@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=5), st.sampled_from([",", ";", "|"]))
def test_what_csv_writes_is_read(tmp_path_factory, pairs, delimiter):
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows([("label", "sentence"), *pairs])
    folder = tmp_path_factory.mktemp("csv")
    (folder / "a.csv").write_text(text.getvalue(), "utf-8")
    columns = {"text": "sentence", "label": "label"}
    found = rows(folder, CsvOptions(csv="a.csv", columns=columns, delimiter=delimiter))
    assert found == [(second, first) for first, second in pairs]


def test_a_line_break_in_quotes_is_a_space_and_places_name_the_first_line(tmp_path):
    (tmp_path / "a.csv").write_bytes(
        b'text,label\n"two\r\nlines",a\n"no ""label""",\nb\xff,b\nx,c\n'
    )
    corpus = open_corpus(CsvOptions(csv="a.csv", columns={"text": "text", "label": 1}), tmp_path)
    assert list(corpus) == [("two lines", "a"), ("x", "c")]
    dropped = corpus.report()["dropped"]
    assert dropped["empty"]["lines"] == ["a.csv:4"]
    assert dropped["not UTF-8"]["lines"] == ["a.csv:5"]


@pytest.mark.parametrize("ending", ["csv", "tsv"])
def test_an_empty_text_is_a_bad_row(tmp_path, ending):
    comma = "," if ending == "csv" else "\t"
    lines = ["text,label", *["good,1"] * 50, ",1", " ,0", ""]
    (tmp_path / "a").write_text("\n".join(lines).replace(",", comma), "utf-8")
    options = {"csv": CsvOptions, "tsv": TsvOptions}[ending]
    columns = {"text": "text", "label": "label"}
    corpus = open_corpus(options(**{ending: "a"}, columns=columns), tmp_path)
    assert len(list(corpus)) == 50
    said = "a: 2 of 52 rows (3.8 %) are broken: 2 empty (a:52, a:53); left out"
    assert corpus.warnings == [said]


def test_each_file_has_its_own_header(tmp_path):
    (tmp_path / "a.tsv").write_text("id\tsentence\n1\tone\n")
    (tmp_path / "b.tsv").write_text("\ufeffsentence\tid\ntwo\t2\n", "utf-8")
    assert rows(tmp_path, TsvOptions(tsv="*.tsv", columns={"text": "sentence"})) == [
        ("one",),
        ("two",),
    ]


@pytest.mark.parametrize(
    ("header", "said"),
    [("sentences\tlabel", "no column 'sentence'.*did you mean sentences"),
     ("a\tb", "no column 'sentence', but 'a', 'b'"),
     ("sentence\tsentence", "two columns 'sentence'")],
)  # fmt: skip
def test_a_name_that_the_header_lacks(tmp_path, header, said):
    (tmp_path / "a.tsv").write_text(f"{header}\nx\ty\n")
    with pytest.raises(UserError, match=rf"a\.tsv:1: .*{said}"):
        rows(tmp_path, TsvOptions(tsv="a.tsv", columns={"text": "sentence"}))


@pytest.mark.parametrize("lost", ['"never closed\nb,1\n', '"closed later\nb,1\n"c" d,2\n'])
def test_a_quote_that_takes_several_rows_for_one_is_an_error(tmp_path, lost):
    (tmp_path / "a.csv").write_text(f"a,0\n{lost}")
    with pytest.raises(UserError, match=r"a\.csv:2: a quote that is opened here"):
        rows(tmp_path, CsvOptions(csv="a.csv", columns={"text": 0}))


def test_a_line_quoted_wrongly_is_one_bad_row(tmp_path):
    (tmp_path / "a.csv").write_text('good,0\n"a" b,1\nbad,1\n')
    corpus = open_corpus(CsvOptions(csv="a.csv", columns={"text": 0}), tmp_path)
    assert list(corpus) == [("good",), ("bad",)]
    assert corpus.report()["dropped"]["quoted wrongly"]["lines"] == ["a.csv:2"]


def test_a_row_of_more_cells_than_the_first_is_bad(tmp_path):
    lines = ["text,label", *["good,1"] * 300, "I like it, much,1", '"so, quoted",0']
    (tmp_path / "a.csv").write_text("\n".join(lines))
    columns = {"text": "text", "label": "label"}
    corpus = open_corpus(CsvOptions(csv="a.csv", columns=columns), tmp_path)
    assert list(corpus)[-2:] == [("good", "1"), ("so, quoted", "0")]
    assert corpus.report()["dropped"]["more than 2 columns"]["lines"] == ["a.csv:302"]


def test_a_long_field_is_read_and_the_limit_set_back(tmp_path, monkeypatch):
    (tmp_path / "a.csv").write_text(f"{'a ' * 100_000}b,0\nnext,1\n")
    options = CsvOptions(csv="a.csv", columns={"text": 0}, max_characters=300_000)
    before = csv.field_size_limit()
    assert [len(text) for (text,) in rows(tmp_path, options)] == [200_001, 4]
    assert csv.field_size_limit() == before
    monkeypatch.setattr("tfkd.data.text.table_reader._FIELD", 1000)
    corpus = open_corpus(options, tmp_path)
    assert list(corpus) == [("next",)]
    assert corpus.report()["dropped"]["longer than 1,000 characters"]["lines"] == ["a.csv:1"]


def test_names_without_a_header_are_refused():
    with pytest.raises(ValueError, match="header: false, and columns by the header's names"):
        TsvOptions(tsv="a", columns={"text": "sentence"}, header=False)
