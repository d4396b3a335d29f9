"""Parquet files and saved data sets, as pyarrow writes them, against the same values as JSON."""

import json
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rings import examples

from tfkd.data.text.corpora import open_corpus, source_hashes
from tfkd.data.text.expected_rows import expected_rows
from tfkd.spec.errors import UserError
from tfkd.spec.options.corpora import JsonLinesOptions, ParquetOptions, SavedDatasetOptions

arrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=9)
VALUES = st.fixed_dictionaries({"s": TEXT, "n": st.fixed_dictionaries({"de": TEXT}),
                                "label": st.integers(-5, 5) | st.booleans(),
                                "p": st.lists(st.integers(0, 9), min_size=2, max_size=2),
                                })  # fmt: skip
FIELDS = {"text": "s", "text_b": "n/de", "label": "label", "logits": "p"}
MORE = {"classes": ["a", "b"]}


def save(folder, tables, split=None):
    """As save_to_disk lays a data set out."""
    inside = folder / split if split else folder
    inside.mkdir(parents=True)
    names = [f"data-{number:05}-of-{len(tables):05}.arrow" for number in range(len(tables))]
    for name, table in zip(names, tables, strict=True):
        with arrow.ipc.new_stream(str(inside / name), table.schema) as stream:
            stream.write_table(table, max_chunksize=3)
    state = {"_data_files": [{"filename": name} for name in names], "_split": split}
    (inside / "state.json").write_text(json.dumps(state))
    if split:
        (folder / "dataset_dict.json").write_text(json.dumps({"splits": [split]}))


@settings(max_examples=examples(short=6, long=20), deadline=None)
@given(st.lists(VALUES, min_size=1, max_size=9), st.integers(1, 5))
def test_rows_are_those_of_the_same_values_as_json(tmp_path_factory, rows, group):
    rows = [row for row in rows if type(row["label"]) is type(rows[0]["label"])]
    folder, table = tmp_path_factory.mktemp("arrow"), arrow.Table.from_pylist(rows)
    lines = "".join(f"{json.dumps(row)}\n" for row in rows)
    (folder / "a.jsonl").write_text(lines)
    parquet.write_table(table, folder / "a.parquet", row_group_size=group, use_dictionary=["s"])
    save(folder / "whole", [table, table.slice(0, 1)])
    save(folder / "split", [table], "train")
    want = [*open_corpus(JsonLinesOptions(jsonl="a.jsonl", fields=FIELDS, **MORE), folder)]
    for options, more in (
        (ParquetOptions(parquet="*.parquet", fields=FIELDS, **MORE), []),
        (SavedDatasetOptions(saved_dataset="whole", fields=FIELDS, **MORE), want[:1]),
        (SavedDatasetOptions(saved_dataset="split", split="train", fields=FIELDS, **MORE), []),
    ):
        assert [*open_corpus(options, folder)] == [*want, *more]
        assert expected_rows(options, folder) == len(rows) + len(more)


def test_rows_stream_and_other_columns_stay_on_the_disk(tmp_path):
    rows = 5000
    table = arrow.table({"s": [f"some words, number {n}" for n in range(rows)],
                         "other": ["x" * 3000] * rows})  # fmt: skip
    parquet.write_table(table, tmp_path / "a.parquet", row_group_size=1000)
    save(tmp_path / "saved", [table])
    for options in (
        ParquetOptions(parquet="a.parquet", fields={"text": "s"}),
        SavedDatasetOptions(saved_dataset="saved", fields={"text": "s"}),
    ):
        corpus, before = open_corpus(options, tmp_path), arrow.total_allocated_bytes()
        tracemalloc.start()
        found = [arrow.total_allocated_bytes() for _ in corpus]
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert len(found) == rows
        assert max(found) - before < 2e6  # 15 MB of the other column
        assert peak < 3e6


@pytest.mark.parametrize(
    ("columns", "said"),
    [(["s", "b"], r"a\.parquet: it has no column 'text', but 's', 'b'"),
     (["texts", "b"], "did you mean 'texts'"),
     (["text", "text"], "it has two columns 'text'")],
)  # fmt: skip
def test_columns_that_are_missing_or_there_twice(tmp_path, columns, said):
    table = arrow.Table.from_arrays([arrow.array(["x"]), arrow.array(["y"])], names=columns)
    parquet.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(UserError, match=said):
        open_corpus(
            ParquetOptions(parquet="a.parquet", fields={"text": "text"}), tmp_path
        ).first_row()


def test_values_that_are_no_text_are_bad_rows(tmp_path):
    table = arrow.table({"s": ["one", None, "three"] * 20, "t": [["a"], ["b"], ["c"]] * 20})
    parquet.write_table(table, tmp_path / "a.parquet")
    options = ParquetOptions(parquet="a.parquet", fields={"text": "s"}, max_bad_rows=0.5)
    corpus = open_corpus(options, tmp_path)
    assert len([*corpus]) == 40
    assert corpus.report()["dropped"]["no `s`"]["lines"][0] == "a.parquet:2"
    with pytest.raises(UserError, match="60 `t` is not text"):
        [*open_corpus(ParquetOptions(parquet="a.parquet", fields={"text": "t"}), tmp_path)]


def test_text_that_is_not_utf8_is_one_bad_row(tmp_path):
    latin = arrow.array([b"ein", "größer".encode("latin-1"), b"drei"]).view(arrow.string())
    parquet.write_table(arrow.table({"s": latin}), tmp_path / "a.parquet")
    corpus = open_corpus(ParquetOptions(parquet="a.parquet", fields={"text": "s"}), tmp_path)
    assert [*corpus] == [("ein",), ("drei",)]
    assert corpus.report()["dropped"]["not UTF-8"]["lines"] == ["a.parquet:2"]


def test_a_column_that_another_one_does_not_have(tmp_path):
    table = arrow.table({"a": [{"de": "x", "en": {"us": "y"}}], "b": ["z"]})
    parquet.write_table(table, tmp_path / "a.parquet")
    for key, said in (("a/fr", "no 'fr' within 'a'; it has 'de', 'en'"),
                      ("a/en/uk", "no 'uk' within 'a/en'; it has 'us'"),
                      ("b/c", "no 'c' within 'b'. Expected")):  # fmt: skip
        options = ParquetOptions(parquet="a.parquet", fields={"text": key})
        with pytest.raises(UserError, match=f"a.parquet: there is {said}"):
            open_corpus(options, tmp_path).first_row()
    options = ParquetOptions(parquet="a.parquet", fields={"text": "a/en/us"})
    assert [*open_corpus(options, tmp_path)] == [("y",)]


def test_a_stream_that_is_cut_off_anywhere_is_refused(tmp_path):
    save(tmp_path / "saved", [arrow.table({"s": [str(n) for n in range(9)]})])
    path = tmp_path / "saved" / "data-00000-of-00001.arrow"
    whole = path.read_bytes()
    options = SavedDatasetOptions(saved_dataset="saved", fields={"text": "s"})
    assert len([*open_corpus(options, tmp_path)]) == 9
    for size in range(0, len(whole), 8):  # among them the ends of the three batches
        path.write_bytes(whole[:size])
        with pytest.raises(UserError, match=r"cut off|cannot be read as Arrow"):
            [*open_corpus(options, tmp_path)]


def test_files_that_are_damaged_or_of_another_form(tmp_path):
    table = arrow.table({"s": [f"line {n}" for n in range(5000)]})
    parquet.write_table(table, tmp_path / "a.parquet", row_group_size=100)
    save(tmp_path / "saved", [table])
    path = tmp_path / "saved" / "data-00000-of-00001.arrow"
    path.write_bytes(path.read_bytes()[:-5000])
    with pytest.raises(UserError, match=r"arrow:0: the file is cut off; fetch it or write it"):
        [*open_corpus(SavedDatasetOptions(saved_dataset="saved", fields={"text": "s"}), tmp_path)]
    whole = (tmp_path / "a.parquet").read_bytes()
    for content in (whole[:-9], b"one\ntwo\n", b""):
        (tmp_path / "a.parquet").write_bytes(content)
        with pytest.raises(UserError, match=r"a\.parquet:0: it cannot be read as Parquet"):
            [*open_corpus(ParquetOptions(parquet="a.parquet", fields={"text": "s"}), tmp_path)]


def test_folders_that_are_no_saved_data_set(tmp_path):
    save(tmp_path / "split", [arrow.table({"s": ["x"]})], "train")
    (tmp_path / "empty").mkdir()
    (tmp_path / "away").mkdir()
    state = {"_data_files": [{"filename": "../split/train/data-00000-of-00001.arrow"}]}
    (tmp_path / "away" / "state.json").write_text(json.dumps(state))
    # Rows that were chosen, as datasets 1 saved them: all rows of it must not be read for them.
    files = [{"filename": "dataset.arrow"}]
    for name, state in (
        ("none", {"_data_files": []}),
        ("rows", {"_data_files": files, "_indices_data_files": [{"filename": "indices.arrow"}]}),
        ("taken", {"_data_files": [{**files[0], "skip": 1, "take": 1}]}),
    ):
        save(tmp_path / name, [])
        (tmp_path / name / "state.json").write_text(json.dumps(state))
    for folder, split, said in (
        ("nowhere", None, "nowhere is not there"),
        ("empty", None, "has no state.json; expected a folder that save_to_disk"),
        ("split", None, "no split is named; expected `split:` with one of train"),
        ("split", "test", "there is no split `test`"),
        ("split/train", "train", "has no splits; expected it without"),
        ("away", None, "which leads out of its folder"),
        ("none", None, "none has no rows"),
        ("rows", None, "has only some of the rows of its files.*flatten_indices"),
        ("taken", None, "has only some of the rows of its files"),
    ):
        options = SavedDatasetOptions(saved_dataset=folder, split=split, fields={"text": "s"})
        with pytest.raises(UserError, match=said):
            open_corpus(options, tmp_path)


def test_hashes_are_of_the_split_alone(tmp_path):
    save(tmp_path / "split", [arrow.table({"s": ["x"]})], "train")
    options = SavedDatasetOptions(saved_dataset="split", split="train", fields={"text": "s"})
    assert [*source_hashes(options, tmp_path)] == ["split/train/data-00000-of-00001.arrow"]
