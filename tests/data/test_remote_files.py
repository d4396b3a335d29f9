"""Files that URLs name: read once, copied whole or not at all, and known by their content."""

import errno
import gzip
import os
import threading

import pytest

from tfkd.data.text import fetching, object_stores
from tfkd.data.text.corpora import open_corpus, source_hashes
from tfkd.data.text.object_stores import described, differences, is_refused, reason, system_of
from tfkd.data.text.remote_files import copies_in
from tfkd.data.text.urls import is_glob
from tfkd.spec.errors import UserError
from tfkd.spec.options.corpora import ParallelOptions, SavedDatasetOptions, TextOptions

fsspec = pytest.importorskip("fsspec")


@pytest.fixture
def store():
    system = fsspec.filesystem("memory")
    system.pipe({"/b/one.de": b"ein\n", "/b/two.de": gzip.compress(b"zwei\n"),
                 "/b/one.en": b"one\n", "/b/two.en": b"two\n"})  # fmt: skip
    yield system
    system.rm("/b", recursive=True)


PAIRS = ParallelOptions(parallel=["memory://b/*.de", ["memory://b/one.en", "memory://b/two.en"]])
ONE = TextOptions(text="memory://b/one.de")


def copied(runs):
    return sorted(
        path for path in runs.rglob("*") if path.is_file() and path.suffix not in (".json", ".lock")
    )


def test_rows_are_those_of_the_files_and_each_is_fetched_once(tmp_path, store, monkeypatch):
    said, opened = [], []
    before = type(store).open

    def counted(*given, **more):
        opened.append(given[1])
        return before(*given, **more)

    monkeypatch.setattr(type(store), "open", counted)
    for _ in range(2):
        with copies_in(tmp_path / "runs", say=said.append):
            corpus = open_corpus(PAIRS, tmp_path)
            assert list(corpus) == [("ein", "one"), ("zwei", "two")]
            assert next(iter(corpus.report()["files"])) == "memory:///b/one.de"
    assert len(opened) == len(said) == 4
    assert "fetching memory:///b/one.de (0.0 MiB)" in said
    # Elsewhere, without asking the store: as a worker of the same folder of runs reads them.
    monkeypatch.setattr(object_stores, "system_of", None)
    with copies_in(tmp_path / "runs", ask=False):
        assert list(open_corpus(PAIRS, tmp_path)) == [("ein", "one"), ("zwei", "two")]


def test_hashes_are_those_of_the_content_wherever_it_lay(tmp_path, store):
    (tmp_path / "here.de").write_bytes(b"ein\n")
    here = source_hashes(TextOptions(text="here.de"), tmp_path)
    with copies_in(tmp_path / "runs"):
        far = source_hashes(ONE, tmp_path)
    assert [*far.values()] == [*here.values()]
    store.pipe("/b/one.de", b"anders\n")
    with copies_in(tmp_path / "runs"):
        assert source_hashes(ONE, tmp_path) != far
        assert list(open_corpus(ONE, tmp_path)) == [("anders",)]


def test_a_copy_is_whole_or_not_there(tmp_path, store, monkeypatch):
    runs = tmp_path / "runs"
    before = fetching._copied

    def full(source, target):
        target.write(source.read(2))
        raise OSError(errno.ENOSPC, "No space left on device", target.name)

    for broken, error in (
        (lambda source, target: (before(source, target)[0], 2), UserError),
        (full, OSError),
    ):
        monkeypatch.setattr(fetching, "_copied", broken)
        with copies_in(runs), pytest.raises(error) as caught:
            open_corpus(ONE, tmp_path)
        assert not isinstance(caught.value, UserError) or "2 of 4 bytes came" in str(caught.value)
        assert copied(runs) == []
    monkeypatch.setattr(fetching, "_copied", before)
    with copies_in(runs):
        assert list(open_corpus(ONE, tmp_path)) == [("ein",)]
    assert len(copied(runs)) == 1


def test_another_query_is_another_file_and_a_file_named_twice_is_one(tmp_path, store):
    store.pipe({"/b/get?id=1": b"eins\n", "/b/get?id=2": b"zwei\n", "/b/[x].fr": b"un\n"})
    queries = TextOptions(text=["memory://b/get?id=1", "memory://b/get?id=2"])
    with copies_in(tmp_path / "runs"):
        hashes = source_hashes(queries, tmp_path)
        assert len(hashes) == 2
        assert not any("id=" in name for name in hashes)
        twice = TextOptions(text=["memory://b/one.*", "memory://b/one.de", "memory://b/*.fr"])
        assert [text for (text,) in open_corpus(twice, tmp_path)] == ["ein", "one", "ein", "un"]
        assert len(source_hashes(twice, tmp_path)) == 3
    store.pipe("/b/get?id=1", b"EINS\n")
    with copies_in(tmp_path / "runs"):
        assert source_hashes(queries, tmp_path) != hashes
    assert not is_glob("http://[::1]:80/a")


def test_what_a_killed_run_or_a_full_disk_left_is_no_copy(tmp_path, store):
    with copies_in(tmp_path):
        open_corpus(ONE, tmp_path)
    (copy,) = copied(tmp_path)
    for spoil in (lambda: copy.write_bytes(b"e"), copy.unlink):
        spoil()
        part = copy.parents[1] / ".part-killed"
        part.mkdir()
        (part / "one.de").write_bytes(b"ei")
        with copies_in(tmp_path):
            assert list(open_corpus(ONE, tmp_path)) == [("ein",)]
        assert not part.exists()
        assert copied(tmp_path) == [copy]


def test_two_runs_copy_one_after_the_other(tmp_path, store, monkeypatch):
    said, opened, before = [], [], type(store).open
    entered, waited = threading.Event(), threading.Event()

    def slow(*given, **more):
        opened.append(given[1])
        entered.set()
        assert waited.wait(20)
        return before(*given, **more)

    def say(line):
        said.append(line)
        if line.startswith("waiting"):
            waited.set()

    def run():
        with copies_in(tmp_path, say=say):
            open_corpus(ONE, tmp_path)

    monkeypatch.setattr(type(store), "open", slow)
    runs = [threading.Thread(target=run) for _ in range(2)]
    runs[0].start()
    assert entered.wait(20)
    runs[1].start()
    for one in runs:
        one.join(20)
    assert len(opened) == 1
    assert "waiting for another run, which fetches memory:///b/one.de" in said


def test_content_that_changes(tmp_path, store, monkeypatch):
    same = {"size": "4", "ETag": "x", "Last-Modified": "1"}
    assert not differences(same, {**same, "Last-Modified": "2"})
    assert differences({"size": "4", "Last-Modified": "1"}, {"size": "4", "Last-Modified": "2"})
    assert differences(same, {**same, "ETag": "y"})
    assert differences({"size": "4"}, {"size": "5"})
    # Of a server that tells neither a date nor a hash, nobody knows what it has.
    monkeypatch.setattr(type(store), "info", lambda *_, **__: {"size": 4})
    for content in (b"ein\n", b"uno\n"):
        store.pipe("/b/one.de", content)
        with copies_in(tmp_path / "runs"):
            assert list(open_corpus(ONE, tmp_path)) == [(content.decode().strip(),)]
    told = iter([{"size": 4, "ETag": "x"}, {"size": 4, "ETag": "y"}])
    monkeypatch.setattr(type(store), "info", lambda *_, **__: next(told))
    with copies_in(tmp_path / "other"), pytest.raises(UserError, match="ETag x, then y"):
        open_corpus(ONE, tmp_path)
    assert copied(tmp_path / "other") == []


class StatusError(Exception):
    status = 500


def test_what_stores_say_of_files_that_cannot_be_had(tmp_path):
    def of(cause):
        error = FileNotFoundError("https://host/a?sig=secret")
        error.__cause__ = cause
        return error

    gone = StatusError("500, url='https://me:word@host/b?X-Amz-Signature=secret'")
    assert reason(of(gone)) == "500, url='https://host/b'"
    assert not is_refused(of(gone))  # a copy is as good as any
    assert not is_refused(of(ConnectionError()))
    assert is_refused(of(None))
    gone.status = 404
    assert is_refused(of(gone))
    with pytest.raises(TimeoutError, match="no answer within"):
        object_stores._within(0.01, lambda: threading.Event().wait(5))
    os.mkfifo(tmp_path / "pipe")
    with copies_in(tmp_path), pytest.raises(UserError, match="is a pipe, a device or the like"):
        open_corpus(TextOptions(text=f"file://{tmp_path}/pipe"), tmp_path)


def test_a_store_that_is_out_of_reach_is_told_of_and_its_copy_used(tmp_path, store, monkeypatch):
    def gone(*_, **__):
        raise ConnectionError("no route to host")

    with copies_in(tmp_path / "runs"):
        open_corpus(PAIRS, tmp_path)
    monkeypatch.setattr(type(store), "info", gone)
    monkeypatch.setattr(type(store), "glob", gone)
    said = []
    with copies_in(tmp_path / "runs", say=said.append):
        assert list(open_corpus(PAIRS, tmp_path)) == [("ein", "one"), ("zwei", "two")]
    assert said[0] == (
        "warning: memory://b/*.de cannot be asked for (no route to host): what was fetched before "
        "is used"
    )
    with copies_in(tmp_path / "other"), pytest.raises(UserError, match=r"no route.*reached from"):
        open_corpus(PAIRS, tmp_path)


@pytest.mark.parametrize(
    ("url", "said"),
    [("memory://b/none.de", "memory://b/none.de: there is no such file"),
     ("memory://b/*.fr", r"memory://b/\*\.fr matches no file"),
     ("memory://b", "memory:///?b is a folder; name the files in it, like memory:///?b/"),
     ("gopher://b/a?key=secret", "gopher://b/a: expected a URL that begins with one of s3://"),
     ("memory://b::zip://a", "expected a URL that begins"),
     ("https://me:word@host/a", r"https://\.\.\.@host/a: it has a password in it"),
     ("https://me:pass@word@host/a?x=secret", r"https://\.\.\.@host/a: it has a password in it"),
     ("s3://id:secret@bucket/a", r"s3://\.\.\.@bucket/a: it has a password in it"),
     ("https://host/a?n=1&X-Amz-Signature=secret", "https://host/a: its query has `X-Amz-Sig"),
     ("https://host/a?access_token=secret", "its query has `access_token`.*fetch the file first"),
     ("file://one.txt", "file://one.txt: expected file:/// and a path from the root on"),
     ("s3://b/a?key=secret", r"s3://b/a needs packages.*pip install 'tfkd\[stores\]' s3fs")],
)  # fmt: skip
def test_what_cannot_be_read(tmp_path, store, monkeypatch, url, said):
    if url.startswith("s3"):

        def missing(kind):
            raise ImportError("Install s3fs to access S3")

        monkeypatch.setattr(fsspec, "filesystem", missing)
    with copies_in(tmp_path), pytest.raises(UserError, match=said) as caught:
        open_corpus(TextOptions(text=url), tmp_path)
    assert "secret" not in str(caught.value)
    assert "word@" not in str(caught.value)
    with pytest.raises(UserError, match=said):
        described(url)


def test_where_no_copies_are_made(tmp_path, store):
    with pytest.raises(UserError, match=r"memory://b/one\.de is a URL.*fetch it first"):
        open_corpus(ONE, tmp_path)
    with copies_in(tmp_path, ask=False), pytest.raises(UserError, match="not been fetched into"):
        open_corpus(ONE, tmp_path)
    options = SavedDatasetOptions(saved_dataset="memory://b", fields={"text": "t"})
    with copies_in(tmp_path), pytest.raises(UserError, match="a URL, which names one file"):
        open_corpus(options, tmp_path)
    assert described("memory://b/*.en") == "memory://b/*.en: a run fetches it (2 files, 0.0 MiB)"
    assert system_of("memory://b").exists("/b/one.de")
