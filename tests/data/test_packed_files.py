"""Compressed corpora, against what the compressors themselves write and read."""

import builtins
import bz2
import gzip
import lzma

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfkd.data.text.corpora import open_corpus
from tfkd.data.text.source_files import count_lines
from tfkd.spec.errors import UserError
from tfkd.spec.options.corpora import ParallelOptions, TextOptions


def packers():
    found = {"gz": gzip.compress, "xz": lzma.compress}
    try:
        from backports import zstd
    except ImportError:  # an extra
        return found
    return {**found, "zst": zstd.compress}


PACKERS = packers()
LINES = st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1),
                 min_size=1, max_size=20)  # fmt: skip


def read(folder, name):
    return [text for (text,) in open_corpus(TextOptions(text=name), folder)]


@pytest.mark.parametrize("ending", PACKERS)
@settings(max_examples=20, deadline=None)
@given(LINES, LINES)
def test_streams_that_a_compressor_wrote_are_read(tmp_path_factory, ending, first, second):
    folder, pack = tmp_path_factory.mktemp("packed"), PACKERS[ending]
    blocks = ["".join(f"{line}\n" for line in lines).encode() for lines in (first, second)]
    # Parts that were packed alone may stand in one file, whatever it is called.
    (folder / f"a.{ending}").write_bytes(b"".join(map(pack, blocks)))
    (folder / "b.txt").write_bytes(pack(blocks[0]))
    assert read(folder, f"a.{ending}") == [*first, *second]
    assert read(folder, "b.txt") == first
    assert count_lines(folder / f"a.{ending}") == len(first) + len(second)


@pytest.mark.parametrize("ending", PACKERS)
def test_what_is_cut_off_is_told_with_its_row(tmp_path, ending):
    whole = PACKERS[ending]("".join(f"line {n * 7919 % 10_007}\n" for n in range(60_000)).encode())
    (tmp_path / "cut").write_bytes(whole[:-5])
    with pytest.raises(UserError, match=r"cut:\d{4,}: the compressed file is damaged.*fetch it"):
        read(tmp_path, "cut")
    with pytest.raises(UserError, match=r"cut: the compressed file is damaged"):
        open_corpus(ParallelOptions(parallel=["cut", "cut"]), tmp_path)
    (tmp_path / "bad").write_bytes(whole[: len(whole) // 2] + b"\0" * 64 + whole[-200:])
    with pytest.raises(UserError, match=r"bad:\d+: the compressed file is damaged"):
        read(tmp_path, "bad")


@pytest.mark.parametrize("ending", PACKERS)
def test_nothing_that_follows_a_stream_is_left_out_in_silence(tmp_path, ending):
    first, second = PACKERS[ending](b"one\n"), PACKERS[ending](b"two\n")
    path = tmp_path / "a"
    for rest in (b"garbage!", second[:3] + b"\xa5" + second[4:], second[:-9], second[:8]):
        path.write_bytes(first + rest)
        with pytest.raises(UserError, match=r"a:[12]: the compressed file is damaged"):
            read(tmp_path, "a")
    # Zeros may pad a stream of gzip and xz; zstd has frames that are skipped instead.
    frame = b"\x50\x2a\x4d\x18\x04\0\0\0abcd"
    padding = frame if ending == "zst" else bytes(8)
    path.write_bytes((frame if ending == "zst" else b"") + first + padding + second + padding)
    assert read(tmp_path, "a") == ["one", "two"]


def test_files_of_other_forms_and_empty_ones_are_told_of(tmp_path):
    for name, content, said in (
        ("a.txt", bz2.compress(b"one\n"), "is packed by bzip2, which is not read; unpack it"),
        ("b.zip", b"PK\x03\x04\x14\0", "is packed by zip"),
        ("c.XZ", b"", r"c\.XZ is empty, as no packed file is"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UserError, match=said):
            read(tmp_path, name)
    if "zst" in PACKERS:
        from backports import zstd

        with zstd.open(
            tmp_path / "long", "wb", options={zstd.CompressionParameter.window_log: 30}
        ) as file:
            file.write(b"one\n")
            file.flush()  # before the size is known, which would make the window smaller
            file.write(b"two\n")
        assert read(tmp_path, "long") == ["one", "two"]


def test_what_unpacks_zstd_may_be_missing(tmp_path, monkeypatch):
    (tmp_path / "a.zst").write_bytes(b"\x28\xb5\x2f\xfd and more")
    before = builtins.__import__

    def without(name, *rest):
        if name in ("compression", "backports"):
            raise ImportError(f"No module named '{name}'")
        return before(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UserError, match=r"a\.zst is packed by zstd.*pip install 'tfkd\[zstd\]'"):
        read(tmp_path, "a.zst")
