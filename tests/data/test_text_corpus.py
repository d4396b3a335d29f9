"""Corpora and their ids on the disk: what was written comes back, row by row."""

import json
import shutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfkd.data.encoded import EncodedField, EncodedShards, encode_corpus
from tfkd.data.ragged import Ragged
from tfkd.data.text.corpora import open_corpus
from tfkd.data.text.text_corpus import TextCorpus, write_text_corpus
from tfkd.spec.options.corpora import ParallelOptions, TextOptions


class Characters:
    """A tokenizer for tests: ids are code points, up to `size`."""

    unknown_id = 1

    def __init__(self, size=65536):
        self.size = size

    def fingerprint(self):
        return "characters"

    def encode(self, lines):
        return Ragged.from_rows([[min(ord(c), self.size - 1) for c in line] for line in lines])


@pytest.fixture
def corpus(tmp_path):
    rows = [(f"Satz\u2028{n} ä" + "x" * (n % 5), f"no. {n}") for n in range(10_000)]
    for side, name in enumerate(("a.de", "a.en")):
        (tmp_path / name).write_text("".join(row[side] + "\n" for row in rows), newline="\n")
    return rows, open_corpus(ParallelOptions(parallel=["a.de", "a.en"]), tmp_path)


def test_text_comes_back(corpus, tmp_path):
    rows, opened = corpus
    folder = tmp_path / "out"
    folder.mkdir()
    report = write_text_corpus(opened, folder)
    assert report["rows"] == len(rows)
    assert report == json.loads((folder / "corpus.json").read_text())
    text = TextCorpus.open(folder)
    assert len(text) == len(rows)
    assert text.fields == ("source", "target")
    for side, field in enumerate(text.fields):
        assert list(text.lines(field)) == [row[side] for row in rows]
        assert list(text.lines(field, 4090, 4100)) == [row[side] for row in rows[4090:4100]]
        assert list(text.lines(field, 9_990, 20_000)) == [row[side] for row in rows[9_990:]]
        assert text.line(field, 17) == rows[17][side]
        assert text.line(field, -1) == rows[-1][side]
    with pytest.raises(IndexError):
        text.line("source", 10_000)
    assert sorted(path.name for path in folder.iterdir()) == [
        "corpus.json", "source.offsets.npy", "source.txt", "target.offsets.npy", "target.txt",
    ]  # fmt: skip


def test_a_changed_file_is_refused(corpus, tmp_path):
    _, opened = corpus
    write_text_corpus(opened, tmp_path)
    with open(tmp_path / "source.txt", "ab") as file:
        file.write(b"more\n")
    with pytest.raises(ValueError, match=r"source\.txt"):
        TextCorpus.open(tmp_path)


def test_a_failing_corpus_leaves_nothing(tmp_path):
    class Failing:
        fields = ("text",)

        def __iter__(self):
            yield ("one",)
            raise OSError("the disk is gone")

    with pytest.raises(OSError, match="gone"):
        write_text_corpus(Failing(), tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("size", "bytes_each"), [(65536, 2), (65537, 4)])
def test_ids_come_back(corpus, tmp_path, size, bytes_each):
    rows, opened = corpus
    write_text_corpus(opened, tmp_path)
    tokenizer = Characters(size)
    meta = encode_corpus(TextCorpus.open(tmp_path), "source", tokenizer, tmp_path)
    tokens = sum(len(row[0]) for row in rows)
    assert (tmp_path / "ids.bin").stat().st_size == bytes_each * tokens
    assert meta["tokens"] == tokens
    field = EncodedField.open(tmp_path)
    assert len(field) == len(rows)
    assert field.lengths.dtype == np.int32
    np.testing.assert_array_equal(field.lengths, [len(row[0]) for row in rows])
    wanted = np.array([9_999, 0, 8_191, 8_192, 0])
    taken = field.take(wanted)
    assert taken.values.dtype == np.int32
    for place, row in enumerate(wanted):
        assert "".join(map(chr, taken.row(place))) == rows[row][0]
    assert len(field.take(np.array([], int))) == 0


@pytest.mark.parametrize(("rows", "size"), [(3, 10**6), (10**6, 1), (2, 7), (5, 40)])
def test_long_lines_are_read_and_encoded_in_small_runs(tmp_path, monkeypatch, rows, size):
    """Documents of a pre-training corpus may be whole books: their sizes limit what is in memory,
    and nothing else hangs on it."""
    lines = ["ab", "c" * 50, "d", "é" * 9, "f", "g" * 30, *"hijklm"]
    (tmp_path / "a.txt").write_text("\n".join(lines), "utf-8")
    write_text_corpus(open_corpus(TextOptions(text="a.txt"), tmp_path), tmp_path)
    text = TextCorpus.open(tmp_path)
    runs = list(text.blocks("text", rows=rows, size=size))
    assert [place for run in runs for place in range(*run)] == list(range(len(lines)))
    for start, stop in runs:
        of_run = [len(line.encode()) + 1 for line in lines[start:stop]]
        assert len(of_run) == 1 or (len(of_run) <= rows and sum(of_run) <= size)
        if stop < len(lines):  # as much as fits
            more = sum(of_run) + len(lines[stop].encode()) + 1
            assert len(of_run) == rows or more > size
    monkeypatch.setattr("tfkd.data.text.text_corpus._ROWS", rows)
    monkeypatch.setattr("tfkd.data.text.text_corpus._BYTES", size)
    assert list(text.lines("text")) == lines
    assert list(text.lines("text", 1, -2)) == lines[1:-2]
    seen = []

    class Counting(Characters):
        def encode(self, chunk):
            seen.append(sum(map(len, chunk[:-1])))
            return super().encode(chunk)

    monkeypatch.setattr("tfkd.data.encoded.CHUNK", rows)
    monkeypatch.setattr("tfkd.data.encoded.CHUNK_CHARACTERS", size)
    meta = encode_corpus(text, "text", Counting(), tmp_path)
    assert meta["tokens"] == sum(map(len, lines))
    assert max(seen) < size
    field = EncodedField.open(tmp_path)
    taken = field.take(np.arange(len(lines)))
    assert ["".join(map(chr, taken.row(row))) for row in range(len(lines))] == lines


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 65535), max_size=5), min_size=1, max_size=20),
    st.data(),
)
def test_take_equals_indexing(tmp_path_factory, rows, data):
    folder = tmp_path_factory.mktemp("field")

    class Rows:
        def __len__(self):
            return len(rows)

        def lines(self, field, start, stop):
            return map(str, range(start, min(stop, len(rows))))

    class Lookup(Characters):
        def encode(self, lines):
            return Ragged.from_rows([rows[int(line)] for line in lines])

    encode_corpus(Rows(), "text", Lookup(), folder)
    wanted = data.draw(st.lists(st.integers(0, len(rows) - 1), max_size=30))
    taken = EncodedField.open(folder).take(np.array(wanted, np.int64))
    assert [taken.row(place).tolist() for place in range(len(taken))] == [rows[w] for w in wanted]


def test_shards_of_ids_may_be_made_by_anybody_in_any_order(tmp_path, monkeypatch):
    (tmp_path / "a.txt").write_text("\n".join(["ab", "c" * 50, "é" * 9, "f", *"hijklm"]), "utf-8")
    write_text_corpus(open_corpus(TextOptions(text="a.txt"), tmp_path), tmp_path)
    text, work = TextCorpus.open(tmp_path), tmp_path / "work"
    monkeypatch.setattr("tfkd.data.encoded.SHARD", 20)

    def shards():
        return EncodedShards(text, "text", Characters(), work, "ids-0")

    for number in reversed(range(len(shards()))):
        assert not shards().kept(number)
        shards().make(number)
        assert shards().kept(number)
    assert len(list(work.iterdir())) == len(shards()) > 2

    class NotAsked(Characters):
        def encode(self, chunk):
            raise AssertionError("all of it is there")

    metas = []
    for name, tokenizer, of in (("one", Characters(), None), ("other", NotAsked(), work)):
        (tmp_path / name).mkdir()
        metas.append(encode_corpus(text, "text", tokenizer, tmp_path / name, work=of, of="ids-0"))
    assert metas[0] == metas[1]
    for name in ("ids.bin", "offsets.npy", "meta.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "other" / name).read_bytes()


def test_a_stopped_encoding_goes_on_behind_its_last_shard(tmp_path, monkeypatch):
    lines = ["ab", "c" * 50, "é" * 9, "f", "g" * 30, *"hijklm"]
    (tmp_path / "a.txt").write_text("\n".join(lines), "utf-8")
    write_text_corpus(open_corpus(TextOptions(text="a.txt"), tmp_path), tmp_path)
    text = TextCorpus.open(tmp_path)
    monkeypatch.setattr("tfkd.data.encoded.CHUNK", 2)
    monkeypatch.setattr("tfkd.data.encoded.SHARD", 20)
    whole, stopped, work = tmp_path / "whole", tmp_path / "stopped", tmp_path / "work"
    for folder in (whole, stopped, work):
        folder.mkdir()
    told = []
    meta = encode_corpus(
        text, "text", Characters(), whole, progress=lambda *done: told.append(done)
    )
    assert told == sorted(told)
    assert told[-1] == (len(lines), len(lines))

    class Stopping(Characters):
        encoded = 0

        def encode(self, chunk):
            if self.encoded + len(chunk) > 5:
                raise KeyboardInterrupt
            self.encoded += len(chunk)
            return super().encode(chunk)

    monkeypatch.setattr("tfkd.data.encoded.cores", lambda: 1)
    with pytest.raises(KeyboardInterrupt):
        encode_corpus(text, "text", Stopping(), stopped, work=work)
    assert list(stopped.iterdir()) == []
    kept = sorted(work.iterdir())
    assert len(kept) > 2
    kept[1].write_bytes(kept[1].read_bytes()[:-4] + b"\1\0\0\0")  # damaged: made anew
    kept[2].write_bytes(b"")
    seen = []

    class Counting(Characters):
        def encode(self, chunk):
            seen.extend(chunk)
            return super().encode(chunk)

    assert encode_corpus(text, "text", Counting(), stopped, work=work) == meta
    starts = [start for start, _ in text.blocks("text", rows=len(lines), size=20)]
    assert seen == lines[starts[1] : starts[3]] + lines[starts[len(kept)] :]
    for name in ("ids.bin", "offsets.npy", "meta.json"):
        assert (stopped / name).read_bytes() == (whole / name).read_bytes()
    # What another text's encoding kept is as good as damaged, and so is a shard under another name.
    seen.clear()
    shutil.copy(kept[0], kept[1])
    encode_corpus(text, "text", Counting(), stopped, work=work)
    assert seen == lines[starts[1] : starts[2]]
    seen.clear()
    encode_corpus(text, "text", Counting(), stopped, work=work, of="ids-0")
    assert seen == lines


def test_ids_of_another_size_are_refused(corpus, tmp_path):
    _, opened = corpus
    write_text_corpus(opened, tmp_path)
    encode_corpus(TextCorpus.open(tmp_path), "target", Characters(), tmp_path)
    with open(tmp_path / "ids.bin", "ab") as file:
        file.write(b"\0\0")
    with pytest.raises(ValueError, match="do not fit together"):
        EncodedField.open(tmp_path)
